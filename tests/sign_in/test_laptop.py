"""`up --graph-root ... --sign-in`: a person signs in with a code, and the stack comes up with their account."""

from pathlib import Path

import pytest

from local.stand_ins.entra.people import DEVICE_CLIENT_ID, SAM, TENANT
from local.stand_ins.entra.stand_in import StandIn
from tests.local.processes import wait_until
from tests.local.terminal import Terminal
from tests.sign_in.office import GRAPH
from tests.sign_in.test_client_credential import enter_code

pytestmark = pytest.mark.stack


def test_a_laptop_comes_up_with_the_account_of_who_signed_in(
    entra: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TODO_ATTACH_ENTRA_AUTHORITY", entra.origin)
    monkeypatch.setenv("TODO_ATTACH_ENTRA_CA_FILE", str(entra.certificate.authority))
    terminal = Terminal(tmp_path)
    registration = ("--client-id", DEVICE_CLIENT_ID, "--tenant", TENANT)
    with terminal.up("--graph-root", f"{GRAPH}/v1.0", "--sign-in", *registration) as up:
        wait_until(lambda: "enter the code" in up.stderr(), "the code")
        (line,) = [each for each in up.stderr().splitlines() if "enter the code" in each]
        enter_code(entra, line.split()[1], line.split()[-1])
        wait_until(lambda: f"{SAM.name} is signed in" in up.stderr(), "the sign-in")
        assert up.ready()["graph"] == f"{GRAPH}/v1.0"
        running = terminal.run("status")
        assert running.returncode == 0, running.stderr


def test_another_graph_needs_a_registration_to_sign_in_with(tmp_path: Path) -> None:
    refused = Terminal(tmp_path).run("up", "--graph-root", "https://graph.microsoft.com/v1.0", "--sign-in")
    assert refused.returncode == 2
    assert "--client-id" in refused.stderr
