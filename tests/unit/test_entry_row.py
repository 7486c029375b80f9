from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.adapters.storage.entry_row import COLUMNS, from_row, to_row
from shared.core.attachment import BlobKind, BlobVersion, Reference
from shared.core.content import Piece
from shared.core.entry import (
    Claim,
    Entry,
    LandedAs,
    Phase,
    QueueWait,
    Reason,
    Replaced,
    Report,
    Session,
    SignInWait,
    Underway,
)
from shared.core.ranges import ByteRange
from tests.support.entries import NOW, an_entry

FULL = Entry(
    upload_id="0123456789abcdef" * 2,
    blob=BlobVersion("account", "attachments", "plän.pdf", "0x8DC1"),
    size=26_214_400,
    account="sam@example.com",
    wanted_list=Reference("L"),
    wanted_task=Reference(name="Plan"),
    attachment_name="plän.pdf",
    created_at=NOW,
    modified_at=NOW,
    phase=Phase.WAITING,
    step=9,
    reason=Reason.SIGN_IN,
    detail="nobody is signed in",
    not_before=NOW + timedelta(microseconds=1),
    waits_since=NOW,
    tell_at=NOW,
    sign_in_wait=SignInWait(Phase.SENDING, NOW),
    waited=timedelta(days=1, microseconds=7),
    queue_wait=QueueWait(Phase.RESOLVING, NOW, for_slot=True),
    queued_for=timedelta(hours=5),
    claim=Claim("me", NOW + timedelta(seconds=120), tells=True),
    write_id="w",
    kind=BlobKind.APPEND,
    list_id="L",
    task_id="T",
    older=("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"),
    lease="mailbox",
    slot="slot",
    session=Session(
        url="https://graph.microsoft.com/v1.0/s",
        expires_at=datetime(2026, 3, 2, tzinfo=timezone(timedelta(hours=2))),
        offset=100,
        furthest=200,
        searched=True,
        refused_status=400,
    ),
    sessions_opened=2,
    first_opened_at=NOW,
    rewrites=6,
    may_be_of="fedcba9876543210" * 2,
    replaces=Replaced("B", "plän.pdf", NOW),
    missing_since=NOW,
    by_post=True,
    content=(Piece(ByteRange(0, 100), "ab" * 32), Piece(ByteRange(50, 200), "cd" * 32)),
    slice_bytes=3_932_160,
    in_doubt=True,
    searches_in_doubt=2,
    landed=LandedAs.OWNED,
    steps_without_progress=3,
    deferrals=4,
    times_parked=5,
    deaths=6,
    read_back=True,
    garbled=1,
    garbled_id="C",
    attachment_id="A",
    attached_at=NOW,
    report=Report(Phase.WAITING, 1, Underway.DELAYED, "HTTP 429"),
    closing_tries=2,
    delete_source=True,
    source_deleted=True,
    source_gone_since=NOW,
    account_key="0a" * 16,
)


def test_every_field_survives_the_row() -> None:
    assert FULL.session is not None
    for whole in (FULL, FULL.session, FULL.report):
        left = [each.name for each in fields(whole) if getattr(whole, each.name) == each.default]
        assert left == [], "a field that this test does not tell from its default"
    assert from_row(to_row(FULL)) == FULL


@pytest.mark.parametrize("phase", list(Phase))
def test_an_entry_of_every_phase_survives_the_row(phase: Phase) -> None:
    assert from_row(to_row(an_entry(phase, claim=None))) == an_entry(phase, claim=None)


def test_a_row_is_flat_and_plain() -> None:
    row = to_row(FULL)
    assert all(type(value) in {str, int, bool, float} for value in row.values())
    assert (row["blob_name"], row["wanted_task_name"], row["claim_owner"]) == ("plän.pdf", "Plan", "me")
    assert (row["phase"], row["created_at"], row["waited"]) == ("waiting", NOW.isoformat(), 86400.000007)


def test_what_is_none_is_left_out() -> None:
    row = to_row(an_entry(claim=None))
    assert not [name for name in row if name.startswith(("claim", "session_", "sign_in_wait", "not_before"))]
    assert "report_phase" not in row


def test_what_has_its_default_is_left_out() -> None:
    needed = {each.name for each in fields(Entry) if each.default is MISSING} - {"blob", "wanted_list", "wanted_task"}
    nested = {"blob_storage_account", "blob_container", "blob_name", "blob_etag"}
    nested |= {"wanted_list_id", "wanted_list_name", "wanted_task_id", "wanted_task_name"}
    plain = {name: getattr(FULL, name) for name in needed | {"blob", "wanted_list", "wanted_task"}}
    assert to_row(Entry(**plain)).keys() == needed | nested
    opened = to_row(Entry(**plain, session=Session("https://graph.microsoft.com/v1.0/s")))
    assert [name for name in opened if name.startswith("session")] == ["session_url"]


def test_a_member_of_a_newer_version_is_ignored() -> None:
    assert from_row(to_row(FULL) | {"colour": "red", "priority": 3}) == FULL


def test_a_member_that_an_older_version_lacks_has_its_default() -> None:
    row = to_row(FULL)
    del (
        row["in_doubt"],
        row["session_searched"],
        row["report_failed_tries"],
        row["report_underway"],
        row["report_detail"],
    )
    assert FULL.session is not None
    unsearched = replace(FULL.session, searched=False)
    assert from_row(row) == replace(FULL, in_doubt=False, session=unsearched, report=Report(Phase.WAITING))


@pytest.mark.parametrize(
    ("outer", "missing"),
    [("claim", "until"), ("claim", "owner"), ("session", "url"), ("sign_in_wait", "resume"), ("sign_in_wait", "since")],
)
def test_half_a_nested_value_is_none(outer: str, missing: str) -> None:
    row = to_row(FULL)
    del row[f"{outer}_{missing}"]
    assert getattr(from_row(row), outer) is None


def test_every_column_of_a_row_is_a_known_one() -> None:
    assert to_row(FULL).keys() == COLUMNS


def test_times_come_back_with_their_zone() -> None:
    created = from_row(to_row(FULL)).created_at
    assert created.tzinfo is not None
    assert created == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phase", "dreaming"),
        ("phase", 3),
        ("reason", "because"),
        ("report_phase", ""),
        ("landed", "softly"),
        ("created_at", "yesterday"),
        ("created_at", 12),
        ("claim_until", ""),
        ("waited", "long"),
        ("waited", float("nan")),
        ("waited", float("inf")),
        ("waited", None),
    ],
    ids=str,
)
def test_a_row_that_cannot_be_an_entry_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match="holds no entry"):
        from_row(to_row(FULL) | {name: value})


@pytest.mark.parametrize("name", ["upload_id", "blob_etag", "size", "phase", "created_at", "wanted_list_id"])
def test_a_row_without_what_was_asked_is_refused(name: str) -> None:
    row = to_row(FULL)
    del row[name]
    with pytest.raises(ValueError, match="holds no entry"):
        from_row(row)
