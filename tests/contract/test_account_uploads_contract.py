"""`ports.AccountUploads`: the table adapter on Azurite, and the fake, keep the same promises."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from azure.data.tables import TableServiceClient

from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.account_uploads import TableAccountUploads
from shared.core.upload_place import upload_place
from shared.errors import PageRefused
from shared.ports import AccountUploads
from shared.settings import Connection
from tests.support.fakes.memory_account_uploads import MemoryAccountUploads

AT = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
KEY, OTHER = "a" * 32, "b" * 32


def upload(number: int) -> str:
    return f"{number:032x}"


def at(number: int) -> datetime:
    return AT + timedelta(seconds=number)


@pytest.fixture(params=["memory", pytest.param("table", marks=pytest.mark.azurite)])
def uploads(request: pytest.FixtureRequest) -> AccountUploads:
    if request.param == "memory":
        return MemoryAccountUploads()
    storage: Connection = request.getfixturevalue("storage")
    name = f"t{uuid.uuid4().hex}"
    TableServiceClient.from_connection_string(storage.connection_string).create_table(name)
    return TableAccountUploads(azure_clients.table_client(storage, name))


def every(uploads: AccountUploads, *, since: datetime = AT, at_most: int = 50) -> list[str]:
    found: list[str] = []
    page = ""
    while True:
        part = uploads.newest(KEY, since=since, page=page, at_most=at_most)
        assert len(part.items) <= at_most
        found += part.items
        page = part.next
        if not page:
            return found


def test_uploads_come_newest_first_in_whatever_order_they_were_added(uploads: AccountUploads) -> None:
    for number in (2, 4, 1, 3):
        uploads.add(KEY, upload(number), at(number))
    assert every(uploads) == [upload(4), upload(3), upload(2), upload(1)]


def test_uploads_of_one_moment_are_all_there(uploads: AccountUploads) -> None:
    for number in range(3):
        uploads.add(KEY, upload(number), AT)
    assert sorted(every(uploads, at_most=1)) == [upload(0), upload(1), upload(2)]


@pytest.mark.parametrize("at_most", [1, 2, 3, 5, 6])
def test_pages_together_have_each_upload_once(uploads: AccountUploads, at_most: int) -> None:
    for number in range(5):
        uploads.add(KEY, upload(number), at(number))
    assert every(uploads, at_most=at_most) == [upload(number) for number in (4, 3, 2, 1, 0)]


def test_a_later_upload_moves_none_from_one_page_to_the_next(uploads: AccountUploads) -> None:
    for number in range(4):
        uploads.add(KEY, upload(number), at(number))
    first = uploads.newest(KEY, since=AT, page="", at_most=2)
    uploads.add(KEY, upload(9), at(9))
    assert uploads.newest(KEY, since=AT, page=first.next, at_most=2).items == (upload(1), upload(0))


def test_only_those_since_then_are_listed_that_moment_included(uploads: AccountUploads) -> None:
    for number in range(4):
        uploads.add(KEY, upload(number), at(number))
    assert every(uploads, since=at(2)) == [upload(3), upload(2)]
    assert every(uploads, since=at(2) + timedelta(microseconds=1)) == [upload(3)]
    assert every(uploads, since=at(9)) == []


def test_each_account_has_its_own(uploads: AccountUploads) -> None:
    uploads.add(KEY, upload(1), AT)
    uploads.add(OTHER, upload(2), AT)
    assert every(uploads) == [upload(1)]
    page = uploads.newest(OTHER, since=AT, page="")
    assert (page.items, page.next) == ((upload(2),), "")


def test_adding_and_removing_twice_is_as_once(uploads: AccountUploads) -> None:
    uploads.add(KEY, upload(1), AT)
    uploads.add(KEY, upload(1), AT)
    assert every(uploads) == [upload(1)]
    uploads.remove(KEY, upload(1), AT)
    uploads.remove(KEY, upload(1), AT)
    assert every(uploads) == []


@pytest.mark.parametrize(
    "page",
    [
        "1",
        "' or PartitionKey gt '",
        upload_place(upload(1), AT) + "'",
        upload_place(upload(1), AT) + "\n",
        upload_place(upload(1), AT).replace("0", "\u0660"),
    ],
)
def test_what_is_no_page_is_refused(uploads: AccountUploads, page: str) -> None:
    uploads.add(OTHER, upload(1), AT)
    with pytest.raises(PageRefused):
        uploads.newest(KEY, since=AT, page=page)
