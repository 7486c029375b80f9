from collections.abc import Iterator

import pytest

from local.stand_ins.entra.people import KIM, LEE, SAM
from tests.attacks.stage import Stage
from tests.local.processes import wait_until
from tests.local.terminal import Terminal


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One stack for all attacks. Sam has connected, and Kim, who is the thief; Lee has not yet."""
    with Terminal(tmp_path_factory.mktemp("stage")).up("--sign-in") as up:
        up.ready()
        facts = wait_until(
            lambda: next((each for each in up.events() if each.get("event") == "sign_in"), None),
            "the line about sign-in",
        )
        stage = Stage(up, facts)
        stage.make_task(LEE, "Receipts")
        for person in (SAM, KIM):
            assert "Your To Do is connected" in stage.connect(person).body
        yield stage
