"""`my_files.ports.PageSessions`: the table adapter on Azurite, and the fake, keep the same promises."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from azure.data.tables import TableServiceClient

from shared.adapters.page_session_rows import TablePageSessions
from shared.adapters.storage import clients as azure_clients
from shared.errors import StorageUnavailable
from shared.my_files.page_session import key_of
from shared.my_files.ports import PageSession, PageSessions
from shared.settings import Connection
from shared.sign_in.person import Person
from tests.support.fakes.memory_page_sessions import MemoryPageSessions

SAM = Person("5a000000-0000-4000-8000-000000000001", "7e000000-0000-4000-8000-000000000001", "såm@example.com")
KIM = Person("5a000000-0000-4000-8000-000000000002", "7e000000-0000-4000-8000-000000000001", "kim@example.com")
AT = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
ONE, OTHER, OF_KIM = key_of("A" * 43), key_of("B" * 43), key_of("C" * 43)


@pytest.fixture(params=["memory", pytest.param("table", marks=pytest.mark.azurite)])
def sessions(request: pytest.FixtureRequest) -> PageSessions:
    if request.param == "memory":
        return MemoryPageSessions()
    storage: Connection = request.getfixturevalue("storage")
    name = f"t{uuid.uuid4().hex}"
    TableServiceClient.from_connection_string(storage.connection_string).create_table(name)
    return TablePageSessions(azure_clients.table_client(storage, name))


def test_a_session_is_found_by_its_key_and_by_no_other(sessions: PageSessions) -> None:
    sessions.insert(ONE, PageSession(SAM, AT))
    assert sessions.find(ONE) == PageSession(SAM, AT)
    assert sessions.find(OTHER) is None


def test_a_session_that_was_ended_is_found_no_more_and_ends_no_other(sessions: PageSessions) -> None:
    for key in (ONE, OTHER):
        sessions.insert(key, PageSession(SAM, AT))
    sessions.delete(ONE)
    sessions.delete(ONE)
    assert sessions.find(ONE) is None
    assert sessions.find(OTHER) is not None


def test_all_sessions_of_a_person_end_at_once_and_nobody_else_s(sessions: PageSessions) -> None:
    for key, person in ((ONE, SAM), (OTHER, SAM), (OF_KIM, KIM)):
        sessions.insert(key, PageSession(person, AT))
    sessions.delete_of(SAM.object_id)
    sessions.delete_of(SAM.object_id)
    assert [sessions.find(key) is None for key in (ONE, OTHER, OF_KIM)] == [True, True, False]


def test_sessions_that_are_over_are_cleared_away(sessions: PageSessions) -> None:
    sessions.insert(ONE, PageSession(SAM, AT))
    sessions.insert(OTHER, PageSession(SAM, AT + timedelta(seconds=1)))
    assert sessions.clear(AT) == 1
    assert sessions.clear(AT) == 0
    assert sessions.find(OTHER) is not None


@pytest.mark.azurite
def test_a_table_that_is_missing_says_nothing_of_any_session(storage: Connection) -> None:
    sessions = TablePageSessions(azure_clients.table_client(storage, f"t{uuid.uuid4().hex}"))
    with pytest.raises(StorageUnavailable):
        sessions.find(ONE)


@pytest.mark.azurite
def test_what_lies_in_storage_of_a_session_opens_none(storage: Connection) -> None:
    """Only the hash of a cookie is there."""
    name = f"t{uuid.uuid4().hex}"
    TableServiceClient.from_connection_string(storage.connection_string).create_table(name)
    table = azure_clients.table_client(storage, name)
    TablePageSessions(table).insert(ONE, PageSession(SAM, AT))
    (row,) = table.list_entities()
    assert "A" * 43 not in str(row)
