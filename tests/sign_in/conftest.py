import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stand_ins.entra.people import RESIDENTS, Resident
from local.stand_ins.entra.stand_in import Plan, StandIn
from shared.adapters.storage import clients as azure_clients
from shared.settings import Connection
from tests.sign_in.office import GRAPH, ROOT, Office

# Another account with Sam's sign-in name.
TWIN = Resident("SAM@example.com", "5a000000-0000-4000-8000-0000000000ff")
# An account whose name becomes Sam's by Unicode's case folding, and by nothing else.
LONG_S = Resident("\u017fam@example.com", "5a000000-0000-4000-8000-0000000000fe")


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    plan = Plan(redirect_uri=f"{ROOT}/connected", graph=GRAPH, people=(*RESIDENTS, TWIN, LONG_S))
    with StandIn(plan, tmp_path_factory.mktemp("entra")) as running:
        yield running


@pytest.fixture
def entra(provider: StandIn) -> StandIn:
    """As it is at first."""
    provider.turn(
        rotate=False,
        access_token_seconds=3600,
        refresh_token_seconds=86400,
        token_delay_seconds=0,
        token_status=0,
        token_error="",
        auth_time=True,
        common_refuses_personal=True,
    )
    return provider


@pytest.fixture
def office(entra: StandIn, storage: Connection) -> Iterator[Office]:
    """The app's side of sign-in, on a container and a table of its own."""
    own = uuid.uuid4().hex[:12]
    with (
        azure_clients.container_client(storage, f"accounts-{own}") as container,
        azure_clients.table_client(storage, f"keys{own}") as table,
    ):
        container.create_container()
        table.create_table()
        office = Office(entra, container, table)
        yield office
        office.close()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "accounts.key"
