"""`ports.Places`: the table adapter on Azurite, and the fake, keep the same promises."""

import uuid

import pytest
from azure.data.tables import TableServiceClient

from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.places import TablePlaces
from shared.core.catching_up import Place
from shared.errors import Conflict
from shared.ports import Places
from shared.settings import Connection
from tests.contract.lost_replies import LostReplies
from tests.support.fakes.memory_places import MemoryPlaces

MIDDLE = Place("2!96!MDAw--", "2026/ü #%?+ '\".pdf")


def _new_id() -> str:
    return uuid.uuid4().hex


def _table(storage: Connection) -> str:
    name = f"t{uuid.uuid4().hex}"
    TableServiceClient.from_connection_string(storage.connection_string).create_table(name)
    return name


@pytest.fixture(params=["memory", pytest.param("table", marks=pytest.mark.azurite)])
def places(request: pytest.FixtureRequest) -> Places:
    if request.param == "memory":
        return MemoryPlaces()
    storage: Connection = request.getfixturevalue("storage")
    return TablePlaces(azure_clients.table_client(storage, _table(storage)), _new_id)


def test_a_listing_begins_where_no_place_was_kept(places: Places) -> None:
    assert places.load("container").place == Place()


def test_a_place_is_kept_for_its_own_listing(places: Places) -> None:
    places.store("container", places.load("container"), MIDDLE)
    assert places.load("container").place == MIDDLE
    assert places.load("rejected").place == Place()
    places.store("container", places.load("container"), Place())
    assert places.load("container").place == Place()


@pytest.mark.parametrize("exists", [False, True])
def test_of_two_who_read_the_same_place_only_the_first_writes(places: Places, exists: bool) -> None:
    if exists:
        places.store("container", places.load("container"), Place("1"))
    first, second = places.load("container"), places.load("container")
    places.store("container", first, MIDDLE)
    with pytest.raises(Conflict):
        places.store("container", second, Place("3"))
    assert places.load("container").place == MIDDLE


@pytest.mark.azurite
@pytest.mark.parametrize(("exists", "method"), [(False, "POST"), (True, "PUT")])
def test_a_write_of_our_own_whose_reply_was_lost_is_no_conflict(storage: Connection, exists: bool, method: str) -> None:
    name = _table(storage)
    if exists:
        before = TablePlaces(azure_clients.table_client(storage, name), _new_id)
        before.store("container", before.load("container"), Place("1"))
    with TableServiceClient.from_connection_string(
        storage.connection_string, transport=LostReplies(method, 1), retry_total=1, retry_backoff_factor=0
    ) as service:
        places = TablePlaces(service.get_table_client(name), _new_id)
        places.store("container", places.load("container"), MIDDLE)
        assert places.load("container").place == MIDDLE
