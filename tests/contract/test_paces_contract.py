"""`ports.Paces`: the table adapter on Azurite, and the fake, keep the same promises."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from azure.data.tables import TableServiceClient

from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.paces import TablePaces
from shared.core.pacing import Lease, Need, Pace, Ticket, Use
from shared.errors import Conflict
from shared.ports import Paces
from shared.settings import Connection
from tests.contract.lost_replies import LostReplies
from tests.support.fakes.manual_clock import ManualClock
from tests.support.fakes.memory_paces import MemoryPaces

AT = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
FILE = Need(25_000_000, 13)
FULL = Pace((Lease("a" * 32, AT, FILE),), (Use(AT, FILE), Use(AT + timedelta(seconds=2), FILE)), AT)


def ticket(number: int) -> Ticket:
    return Ticket(AT + timedelta(microseconds=number), f"{number:032x}", 3, FILE)


def _new_id() -> str:
    return uuid.uuid4().hex


def _table(storage: Connection) -> str:
    name = f"t{uuid.uuid4().hex}"
    TableServiceClient.from_connection_string(storage.connection_string).create_table(name)
    return name


@pytest.fixture(params=["memory", pytest.param("table", marks=pytest.mark.azurite)])
def paces(request: pytest.FixtureRequest) -> Paces:
    if request.param == "memory":
        return MemoryPaces(ManualClock())
    storage: Connection = request.getfixturevalue("storage")
    return TablePaces(azure_clients.table_client(storage, _table(storage)), _new_id)


def test_a_mailbox_that_was_never_asked_has_an_empty_pace_and_no_queue(paces: Paces) -> None:
    paced = paces.load("m")
    assert (paced.pace, paced.tickets) == (Pace(), ())


def test_every_field_of_a_pace_survives(paces: Paces) -> None:
    paces.store("m", paces.load("m"), FULL)
    assert paces.load("m").pace == FULL
    assert paces.load("other").pace == Pace()


@pytest.mark.parametrize("exists", [False, True])
def test_of_two_who_read_the_same_pace_only_the_first_writes(paces: Paces, exists: bool) -> None:
    if exists:
        paces.store("m", paces.load("m"), Pace(not_before=AT))
    first, second = paces.load("m"), paces.load("m")
    paces.store("m", first, FULL)
    with pytest.raises(Conflict):
        paces.store("m", second, Pace())
    assert paces.load("m").pace == FULL


def test_tickets_come_in_the_order_of_their_times_whatever_the_order_of_arrival(paces: Paces) -> None:
    for number in (3, 1, 2):
        paces.enqueue("m", ticket(number))
    assert paces.load("m").tickets == (ticket(1), ticket(2), ticket(3))
    assert paces.load("other").tickets == ()


def test_a_long_queue_shows_its_head(paces: Paces) -> None:
    paces.store("m", paces.load("m"), FULL)
    for number in range(30):
        paces.enqueue("m", ticket(number))
    paced = paces.load("m")
    assert paced.pace == FULL
    assert paced.tickets == tuple(ticket(number) for number in range(9))
    assert paces.load("m", 20).tickets == tuple(ticket(number) for number in range(20))
    assert list(paces.tickets("m")) == [ticket(number) for number in range(30)]
    assert list(paces.tickets("other")) == []


def test_queueing_twice_takes_one_place_and_leaving_twice_leaves_none(paces: Paces) -> None:
    paces.enqueue("m", ticket(1))
    paces.enqueue("m", ticket(1))
    assert paces.load("m").tickets == (ticket(1),)
    paces.dequeue("m", ticket(1))
    paces.dequeue("m", ticket(1))
    assert paces.load("m").tickets == ()


@pytest.mark.azurite
@pytest.mark.parametrize(("exists", "method"), [(False, "POST"), (True, "PUT")])
def test_a_write_of_our_own_whose_reply_was_lost_is_no_conflict(storage: Connection, exists: bool, method: str) -> None:
    name = _table(storage)
    if exists:
        before = TablePaces(azure_clients.table_client(storage, name), _new_id)
        before.store("m", before.load("m"), Pace(not_before=AT))
    with TableServiceClient.from_connection_string(
        storage.connection_string, transport=LostReplies(method, 1), retry_total=1, retry_backoff_factor=0
    ) as service:
        paces = TablePaces(service.get_table_client(name), _new_id)
        paces.store("m", paces.load("m"), FULL)
        assert paces.load("m").pace == FULL
