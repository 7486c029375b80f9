"""`ports.Ledger`: the table adapter on Azurite, and the fake, keep the same promises."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables import TableServiceClient

from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.ledger import TableLedger
from shared.core.attachment import BlobVersion, Reference
from shared.core.entry import Claim, Entry, Phase, Reason, Report, Session, SignInWait
from shared.errors import Conflict, StorageUnavailable
from shared.ports import Ledger, Release, Stored
from shared.settings import Connection
from tests.contract.lost_replies import LostReplies
from tests.support.fakes.manual_clock import ManualClock
from tests.support.fakes.memory_ledger import MemoryLedger

AT = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)


def new_entry(**changes: Any) -> Entry:
    blob = BlobVersion("account", "attachments", f"{uuid.uuid4()}/ü #%.pdf", "0x8D")
    entry = Entry(
        upload_id=blob.upload_id(),
        blob=blob,
        size=10,
        account="sam@example.com",
        wanted_list=Reference(name="Tasks"),
        wanted_task=Reference(id="AAMk="),
        attachment_name="a.pdf",
        created_at=AT,
        phase=Phase.RESOLVING,
    )
    return replace(entry, **changes)


def _new_id() -> str:
    return uuid.uuid4().hex


def _table(storage: Connection) -> str:
    name = f"t{uuid.uuid4().hex}"
    TableServiceClient.from_connection_string(storage.connection_string).create_table(name)
    return name


@pytest.fixture(params=["memory", pytest.param("table", marks=pytest.mark.azurite)])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    if request.param == "memory":
        return MemoryLedger(ManualClock(), page_size=2)
    storage: Connection = request.getfixturevalue("storage")
    return TableLedger(azure_clients.table_client(storage, _table(storage)), _new_id, page_size=2)


def _inserted(ledger: Ledger, **changes: Any) -> Any:
    stored = ledger.insert(new_entry(**changes))
    assert stored is not None
    return stored


def test_an_unknown_upload_is_none(ledger: Ledger) -> None:
    assert ledger.get("0" * 32) is None


def test_every_field_survives_the_way_through_the_ledger(ledger: Ledger) -> None:
    full = new_entry(
        phase=Phase.WAITING,
        step=7,
        reason=Reason.SIGN_IN,
        detail="nobody is signed in: “sam”",
        not_before=AT,
        sign_in_wait=SignInWait(Phase.SENDING, AT),
        waited=timedelta(days=3, seconds=1.5),
        claim=Claim("owner", AT),
        list_id="L=",
        session=Session("https://graph.microsoft.com/v1.0/x", AT, searched=True),
        size=5_000_000_000,
        report=Report(Phase.WAITING),
    )
    ledger.insert(full)
    read = ledger.get(full.upload_id)
    assert read is not None
    assert replace(read.entry, write_id="") == full


def test_a_second_insert_is_refused_and_changes_nothing(ledger: Ledger) -> None:
    first = _inserted(ledger)
    assert ledger.insert(replace(first.entry, detail="second")) is None
    read = ledger.get(first.entry.upload_id)
    assert read is not None
    assert read.entry.detail == ""


def test_a_replace_of_what_was_read_succeeds_and_can_be_built_on(ledger: Ledger) -> None:
    stored = _inserted(ledger)
    once = ledger.replace(stored, replace(stored.entry, step=1))
    twice = ledger.replace(once, replace(once.entry, step=2))
    read = ledger.get(stored.entry.upload_id)
    assert read is not None
    assert (read.entry.step, read.version) == (2, twice.version)


def test_a_replace_of_what_others_changed_is_a_conflict_and_changes_nothing(ledger: Ledger) -> None:
    stored = _inserted(ledger)
    ledger.replace(stored, replace(stored.entry, detail="theirs"))
    with pytest.raises(Conflict):
        ledger.replace(stored, replace(stored.entry, detail="ours"))
    read = ledger.get(stored.entry.upload_id)
    assert read is not None
    assert read.entry.detail == "theirs"


def test_a_replace_of_an_entry_that_is_gone_is_a_conflict(ledger: Ledger) -> None:
    stored = _inserted(ledger)
    with pytest.raises(Conflict):
        ledger.replace(replace(stored, version='W/"nothing"'), replace(stored.entry, step=1))


def test_entries_are_listed_in_pages_in_the_order_of_their_ids_and_nothing_else_is(ledger: Ledger) -> None:
    ids = sorted([f"{digit}{digit}" + "0" * 30 for digit in "03af"] + ["3f" + "0" * 30])
    for upload_id in reversed(ids):
        ledger.mark_live(upload_id)
        _inserted(ledger, upload_id=upload_id)
        ledger.take_slot(upload_id, upload_id)
        ledger.uploads_of(upload_id, upload_id)
    ledger.beat(Release("0.1.0", "abc"))
    found: list[Stored] = []
    page = ledger.listed("", "")
    while True:
        assert len(page.items) <= 2
        found += page.items
        if not page.next:
            break
        page = ledger.listed(page.next, "")
    assert [stored.entry.upload_id for stored in found] == ids
    assert [stored for stored in found if stored != replace(_get(ledger, stored), date=stored.date)] == []
    share = ledger.listed("3f", "40")
    assert ([stored.entry.upload_id for stored in share.items], share.next) == (["3f" + "0" * 30], "")
    assert [stored.entry.upload_id for stored in ledger.listed(ids[0], ids[2]).items] == [ids[1]]


def _get(ledger: Ledger, stored: Stored) -> Stored:
    read = ledger.get(stored.entry.upload_id)
    assert read is not None
    return read


def test_an_entry_is_removed_as_it_was_read_or_not_at_all(ledger: Ledger) -> None:
    stored = _inserted(ledger)
    changed = ledger.replace(stored, replace(stored.entry, detail="theirs"))
    with pytest.raises(Conflict):
        ledger.remove(stored)
    assert ledger.get(stored.entry.upload_id) is not None
    ledger.remove(changed)
    assert ledger.get(stored.entry.upload_id) is None
    ledger.remove(changed)


def test_dates_are_the_services_and_never_run_backwards(ledger: Ledger) -> None:
    stored = _inserted(ledger)
    read = ledger.get(stored.entry.upload_id)
    assert read is not None
    assert read.date >= stored.date
    assert read.date.utcoffset() == timedelta()
    assert read.date.microsecond == 0


def test_live_rows_come_and_go_and_may_be_cleared_twice(ledger: Ledger) -> None:
    for upload_id in ("a" * 32, "b" * 32):
        ledger.mark_live(upload_id)
        ledger.mark_live(upload_id)
    ledger.clear_live("a" * 32)
    ledger.clear_live("a" * 32)
    marks = list(ledger.live())
    assert [mark.upload_id for mark in marks] == ["b" * 32]
    assert marks[0].date - marks[0].marked_at < timedelta(minutes=1)


def test_live_rows_are_read_in_the_order_of_their_ids_from_any_of_them_on(ledger: Ledger) -> None:
    ids = [digit * 32 for digit in "05af"] + ["5" + "0" * 31]
    for upload_id in ids:
        ledger.mark_live(upload_id)
    assert [mark.upload_id for mark in ledger.live()] == sorted(ids)
    assert [mark.upload_id for mark in ledger.live("5" + "0" * 31)] == sorted(ids)[2:]
    assert list(ledger.live("f" * 32)) == []


def test_a_heartbeat_says_how_far_the_sweep_came(ledger: Ledger) -> None:
    assert ledger.swept_up_to() == ""
    ledger.beat(Release("0.1.0", "abc"), "a" * 32)
    assert ledger.swept_up_to() == "a" * 32
    ledger.beat(Release("0.1.0", "abc"))
    assert ledger.swept_up_to() == ""


def test_a_heartbeat_is_no_entry_and_no_live_row_and_replaces_the_last_one(ledger: Ledger) -> None:
    ledger.beat(Release("0.1.0", "abc"))
    ledger.beat(Release("0.2.0", "def"))
    assert list(ledger.live()) == []
    assert ledger.get("heartbeat") is None


@pytest.mark.azurite
def test_the_heartbeat_lies_where_the_deployment_looks_for_it(storage: Connection) -> None:
    """scripts/deploy.sh reads this row, under these names."""
    table = azure_clients.table_client(storage, _table(storage))
    before = datetime.now(UTC)
    TableLedger(table, _new_id).beat(Release("0.2.0", "def"))
    row = table.get_entity("heartbeat", "sweep")
    assert (row["version"], row["package"]) == ("0.2.0", "def")
    assert before <= datetime.fromisoformat(row["at"]) <= datetime.now(UTC)


@pytest.mark.parametrize("first", ["one", "two"])
def test_an_attachment_belongs_to_who_claims_it_first(ledger: Ledger, first: str) -> None:
    attachment = f"AAMk{first}=" + "x" * 200
    assert ledger.own_attachment("sam@example.com", attachment, first) == first
    assert ledger.own_attachment("SAM@example.com", attachment, "other") == first
    assert ledger.own_attachment("sam@example.com", attachment, first) == first
    assert ledger.own_attachment("kim@example.com", attachment, "other") == "other"


def test_a_slot_has_one_holder_and_passes_only_from_that_one(ledger: Ledger) -> None:
    assert ledger.take_slot("s", "one") == "one"
    assert ledger.take_slot("s", "two") == "one"
    assert ledger.pass_slot("s", "three", "two") is False
    assert ledger.pass_slot("s", "one", "two") is True
    assert ledger.pass_slot("s", "one", "two") is True  # delivered again
    assert ledger.take_slot("s", "one") == "two"


def test_a_name_remembers_the_first_upload_that_comes_and_others_as_they_are_told(ledger: Ledger) -> None:
    first = ledger.uploads_of("a" * 32, "one")
    assert first.uploads == ("one",)
    assert ledger.uploads_of("a" * 32, "two") == first
    assert ledger.uploads_of("b" * 32, "two").uploads == ("two",)
    assert ledger.remember("a" * 32, first, ("two", "one")) is True
    assert ledger.uploads_of("a" * 32, "three").uploads == ("two", "one")


def test_of_two_uploads_that_come_at_once_a_name_remembers_one_and_the_other_must_look_again(ledger: Ledger) -> None:
    known = ledger.uploads_of("a" * 32, "one")
    assert ledger.remember("a" * 32, known, ("two", "one")) is True
    assert ledger.remember("a" * 32, known, ("three", "one")) is False
    known = ledger.uploads_of("a" * 32, "three")
    assert ledger.remember("a" * 32, known, ("three", "two", "one")) is True


def test_a_name_is_read_and_written_on_the_state_that_was_just_made(ledger: Ledger) -> None:
    """The row that an upload has just made is as good to write over as one that it has read."""
    made = ledger.uploads_of("a" * 32, "one")
    assert ledger.remember("a" * 32, ledger.uploads_of("a" * 32, "one"), ("two", "one")) is True
    assert ledger.remember("a" * 32, made, ("three",)) is False


def test_a_name_forgets_an_upload_and_is_gone_with_the_last_one(ledger: Ledger) -> None:
    name = "a" * 32
    known = ledger.uploads_of(name, "one")
    assert ledger.remember(name, known, ("two", "one")) is True
    known = ledger.uploads_of(name, "two")
    ledger.forget(name, "three")
    ledger.forget("b" * 32, "one")
    ledger.forget(name, "one")
    ledger.forget(name, "one")
    assert ledger.remember(name, known, ("three", "two", "one")) is False
    assert ledger.uploads_of(name, "three").uploads == ("two",)
    ledger.forget(name, "two")
    assert ledger.uploads_of(name, "three").uploads == ("three",)


def test_who_has_read_a_name_that_is_gone_since_must_look_again(ledger: Ledger) -> None:
    known = ledger.uploads_of("a" * 32, "one")
    ledger.forget("a" * 32, "one")
    assert ledger.remember("a" * 32, known, ("two", "one")) is False
    ledger.uploads_of("a" * 32, "one")
    assert ledger.remember("a" * 32, known, ("two", "one")) is False


# -- only the real one: the SDK's own retries --


@pytest.fixture
def lossy(storage: Connection) -> Callable[[str, int], TableLedger]:
    def make(method: str, losses: int) -> TableLedger:
        service = TableServiceClient.from_connection_string(
            storage.connection_string,
            transport=LostReplies(method, losses),
            retry_total=1,
            retry_backoff_factor=0,
        )
        return TableLedger(service.get_table_client(_table(storage)), _new_id)

    return make


@pytest.mark.azurite
def test_an_insert_whose_reply_was_lost_succeeded(lossy: Callable[[str, int], TableLedger]) -> None:
    """The SDK's own second try is answered with 409, and that 409 was about our own row."""
    stored = lossy("POST", 1).insert(new_entry())
    assert stored is not None


@pytest.mark.azurite
def test_a_replace_whose_reply_was_lost_succeeded(lossy: Callable[[str, int], TableLedger]) -> None:
    """The SDK's own second try is answered with 412, and that 412 was about our own row."""
    ledger = lossy("PUT", 1)
    stored = _inserted(ledger)
    assert ledger.replace(stored, replace(stored.entry, step=1)).entry.step == 1


@pytest.mark.azurite
def test_a_replace_that_no_reply_ever_confirmed_is_found_by_its_write_id(
    lossy: Callable[[str, int], TableLedger],
) -> None:
    ledger = lossy("PUT", 2)
    stored = _inserted(ledger)
    assert ledger.replace(stored, replace(stored.entry, step=1)).entry.step == 1


@pytest.mark.azurite
def test_a_name_remembers_uploads_whose_reply_was_lost(lossy: Callable[[str, int], TableLedger]) -> None:
    """The SDK's own second try is answered with 412, and that 412 was about our own row."""
    ledger = lossy("PUT", 1)
    assert ledger.remember("a" * 32, ledger.uploads_of("a" * 32, "one"), ("two", "one")) is True


@pytest.mark.azurite
def test_a_name_remembers_its_first_upload_also_where_nobody_heard_of_it(
    lossy: Callable[[str, int], TableLedger],
) -> None:
    ledger = lossy("POST", 1)
    with pytest.raises(StorageUnavailable):
        ledger.uploads_of("a" * 32, "one")
    assert ledger.uploads_of("a" * 32, "one").uploads == ("one",)


@pytest.mark.azurite
def test_a_lost_reply_does_not_hide_that_somebody_else_wrote(lossy: Callable[[str, int], TableLedger]) -> None:
    ledger = lossy("PUT", 0)
    stored = _inserted(ledger)
    ledger.replace(stored, replace(stored.entry, detail="theirs"))
    with pytest.raises(Conflict):
        ledger.replace(stored, replace(stored.entry, detail="ours"))


@pytest.mark.azurite
def test_a_row_that_holds_no_entry_is_left_out_of_the_listing(storage: Connection) -> None:
    table = azure_clients.table_client(storage, _table(storage))
    ledger = TableLedger(table, _new_id)
    table.create_entity({"PartitionKey": "0" * 32, "RowKey": "entry", "phase": "of a later version"})
    stored = _inserted(ledger)
    assert [each.entry for each in ledger.listed("", "").items] == [stored.entry]


@pytest.mark.azurite
def test_an_upload_that_comes_while_a_name_forgets_another_is_not_forgotten(
    storage: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = TableLedger(azure_clients.table_client(storage, _table(storage)), _new_id)
    known = ledger.uploads_of("a" * 32, "one")
    read = ledger._read

    def read_and_be_overtaken(*keys: str) -> Any:
        found = read(*keys)
        monkeypatch.undo()
        ledger.remember("a" * 32, known, ("two", "one"))
        return found

    monkeypatch.setattr(ledger, "_read", read_and_be_overtaken)
    with pytest.raises(Conflict):
        ledger.forget("a" * 32, "one")
    assert ledger.uploads_of("a" * 32, "three").uploads == ("two", "one")


@pytest.mark.azurite
def test_a_missing_table_is_storage_being_unavailable_and_not_an_unknown_upload(storage: Connection) -> None:
    ledger = TableLedger(azure_clients.table_client(storage, "neverMade"), _new_id)
    with pytest.raises(StorageUnavailable):
        ledger.get("0" * 32)
