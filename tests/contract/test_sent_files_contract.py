"""`ports.SentFiles`: the table adapter on Azurite, and the fake, keep the same promises."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from azure.data.tables import TableServiceClient

from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.sent_files import TableSentFiles
from shared.core.sent_file import SentFile
from shared.errors import StorageUnavailable
from shared.ports import SentFiles
from shared.settings import Connection
from tests.contract.lost_replies import LostReplies
from tests.support.fakes.manual_clock import ManualClock
from tests.support.fakes.memory_sent_files import MemorySentFiles

AT = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
GOOD_FOR = timedelta(minutes=15)
KIM, SAM = "3f6cbb2a-0000-4000-8000-000000000001", "3f6cbb2a-0000-4000-8000-000000000002"


def sent(number: int, *, account: str = KIM, at: datetime = AT) -> SentFile:
    return SentFile(
        token=f"{number:032x}",
        account=account,
        list_id="AQMk=",
        list_name="Büro",
        task_id="AAMk==",
        task_title='Steuer "2025" 🧾',
        name="Beleg ü.pdf",
        size=26_214_400,
        signed_at=at,
        good_until=at + GOOD_FOR,
    )


def _table(storage: Connection) -> str:
    name = f"t{uuid.uuid4().hex}"
    TableServiceClient.from_connection_string(storage.connection_string).create_table(name)
    return name


@pytest.fixture(params=["memory", pytest.param("table", marks=pytest.mark.azurite)])
def sent_files(request: pytest.FixtureRequest) -> SentFiles:
    if request.param == "memory":
        return MemorySentFiles(ManualClock(), page_size=2)
    storage: Connection = request.getfixturevalue("storage")
    return TableSentFiles(azure_clients.table_client(storage, _table(storage)), page_size=2)


def test_every_field_of_a_sent_file_survives(sent_files: SentFiles) -> None:
    assert sent_files.keep(sent(1), at_most=20)
    assert sent_files.find(sent(1).token) == sent(1)


def test_a_token_that_was_never_signed_for_finds_nothing(sent_files: SentFiles) -> None:
    sent_files.keep(sent(1), at_most=20)
    assert sent_files.find(sent(2).token) is None
    assert sent_files.find("") is None


def test_as_many_signatures_are_live_as_may_be_and_each_account_has_its_own(sent_files: SentFiles) -> None:
    assert [sent_files.keep(sent(number), at_most=2) for number in range(3)] == [True, True, False]
    assert sent_files.find(sent(2).token) is None
    assert sent_files.keep(sent(3, account=SAM), at_most=2)


def test_a_signature_that_is_used_makes_room_and_its_file_stays(sent_files: SentFiles) -> None:
    sent_files.keep(sent(1), at_most=1)
    sent_files.used(sent(1))
    sent_files.used(sent(1))
    assert sent_files.find(sent(1).token) == sent(1)
    assert sent_files.keep(sent(2), at_most=1)
    sent_files.used(sent(1))
    assert not sent_files.keep(sent(3), at_most=1)


@pytest.mark.parametrize(("after", "fits"), [(GOOD_FOR - timedelta(microseconds=1), False), (GOOD_FOR, True)])
def test_a_signature_that_is_over_makes_room(sent_files: SentFiles, after: timedelta, fits: bool) -> None:
    sent_files.keep(sent(1), at_most=1)
    assert sent_files.keep(sent(2, at=AT + after), at_most=1) is fits


def test_what_is_removed_is_gone_with_its_signature(sent_files: SentFiles) -> None:
    sent_files.keep(sent(1), at_most=1)
    sent_files.remove(sent(1))
    sent_files.remove(sent(1))
    assert sent_files.find(sent(1).token) is None
    assert sent_files.keep(sent(2), at_most=1)


def test_sent_files_are_listed_page_by_page_in_the_order_of_their_tokens(sent_files: SentFiles) -> None:
    # Of several first digits, so of several partitions.
    files = [replace(sent(number), token=f"{number:x}{number:031x}") for number in (0, 1, 9, 10, 15)]
    for each in reversed(files):
        sent_files.keep(each, at_most=20)
    found, page = [], ""
    while True:
        listed = sent_files.listed(page)
        assert len(listed.items) <= 2
        found += [each.sent for each in listed.items]
        page = listed.next
        if not page:
            break
        assert page == listed.items[-1].sent.token
    assert found == files


def test_nothing_sent_is_an_empty_page(sent_files: SentFiles) -> None:
    listed = sent_files.listed("")
    assert (listed.items, listed.next) == ((), "")


@pytest.mark.azurite
def test_of_many_who_sign_at_once_exactly_as_many_as_may_be_get_a_signature(storage: Connection) -> None:
    name = _table(storage)

    def keep(number: int) -> bool:
        return TableSentFiles(azure_clients.table_client(storage, name)).keep(sent(number), at_most=3)

    with ThreadPoolExecutor(6) as pool:
        kept = list(pool.map(keep, range(6)))
    assert kept.count(True) == 3
    found = TableSentFiles(azure_clients.table_client(storage, name)).listed("").items
    assert [each.sent.token for each in found] == [sent(number).token for number, was in enumerate(kept) if was]


@pytest.mark.azurite
def test_a_signature_that_is_used_for_the_last_time_leaves_no_row_of_the_account(storage: Connection) -> None:
    table = azure_clients.table_client(storage, _table(storage))
    sent_files = TableSentFiles(table)
    sent_files.keep(sent(1), at_most=20)
    sent_files.remove(sent(1))
    assert list(table.list_entities()) == []


@pytest.mark.azurite
@pytest.mark.parametrize(
    ("method", "act"),
    [
        pytest.param("POST", lambda files: files.keep(sent(2, account=SAM), at_most=1), id="the first signature"),
        pytest.param("PUT", lambda files: files.keep(sent(2), at_most=2), id="another signature"),
        pytest.param("DELETE", lambda files: files.used(sent(1)) or True, id="the last one is used"),
    ],
)
def test_a_write_of_our_own_whose_reply_was_lost_is_no_conflict(
    storage: Connection, method: str, act: Callable[[SentFiles], bool]
) -> None:
    name = _table(storage)
    TableSentFiles(azure_clients.table_client(storage, name)).keep(sent(1), at_most=1)
    lost = LostReplies(method, 1)
    with TableServiceClient.from_connection_string(
        storage.connection_string, transport=lost, retry_total=1, retry_backoff_factor=0
    ) as service:
        sent_files = TableSentFiles(service.get_table_client(name))
        assert act(sent_files)
        assert lost.losses == 0
        live = [row["RowKey"] for row in service.get_table_client(name).list_entities() if row["RowKey"] == "live"]
        assert len(live) == {"POST": 2, "PUT": 1, "DELETE": 0}[method]


@pytest.mark.azurite
def test_a_row_that_holds_no_sent_file_is_left_out_of_the_listing_and_no_missing_one(storage: Connection) -> None:
    table = azure_clients.table_client(storage, _table(storage))
    table.create_entity({"PartitionKey": "sent-0", "RowKey": sent(1).token, "size": "many"})
    sent_files = TableSentFiles(table)
    sent_files.keep(sent(2), at_most=20)
    assert [each.sent for each in sent_files.listed("").items] == [sent(2)]
    with pytest.raises(StorageUnavailable):
        sent_files.find(sent(1).token)
