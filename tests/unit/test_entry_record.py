from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.adapters.storage.entry_record import from_record, to_record
from shared.core.attachment import BlobVersion, Reference
from shared.core.entry import Claim, Entry, Phase, Reason
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
    phase=Phase.WAITING,
    step=9,
    reason=Reason.SIGN_IN,
    detail="nobody is signed in",
    not_before=NOW + timedelta(microseconds=1),
    resume=Phase.SENDING,
    waiting_since=NOW,
    waited=timedelta(days=1, microseconds=7),
    claim=Claim("me", NOW + timedelta(seconds=120)),
    write_id="w",
    list_id="L",
    task_id="T",
    session_url="https://graph.microsoft.com/v1.0/s",
    session_expires_at=datetime(2026, 3, 2, tzinfo=timezone(timedelta(hours=2))),
    sessions_opened=2,
    first_opened_at=NOW,
    offset=100,
    furthest=200,
    slice_bytes=3_932_160,
    looked=True,
    in_doubt=True,
    searched=2,
    landed=True,
    stalled=3,
    deferrals=4,
    refused=400,
    parked=5,
    attachment_id="A",
    reported=Phase.WAITING,
    report_tries=1,
    closing_tries=2,
    delete_source=True,
    source_deleted=True,
)


def test_every_field_survives_the_record() -> None:
    left = [each.name for each in fields(Entry) if getattr(FULL, each.name) == each.default]
    assert left == [], "a field that this test does not tell from its default"
    assert from_record(to_record(FULL)) == FULL


@pytest.mark.parametrize("phase", list(Phase))
def test_an_entry_of_every_phase_survives_the_record(phase: Phase) -> None:
    assert from_record(to_record(an_entry(phase, claim=None))) == an_entry(phase, claim=None)


def test_a_record_is_flat_and_plain() -> None:
    record = to_record(FULL)
    assert all(type(value) in {str, int, bool, float} for value in record.values())
    assert (record["blob_name"], record["wanted_task_name"], record["claim_owner"]) == ("plän.pdf", "Plan", "me")
    assert (record["phase"], record["created_at"], record["waited"]) == ("waiting", NOW.isoformat(), 86400.000007)


def test_what_is_none_is_left_out() -> None:
    record = to_record(an_entry(claim=None))
    assert not {"claim", "claim_owner", "claim_until", "not_before", "resume", "reported"} & record.keys()


def test_a_member_of_a_newer_version_is_ignored() -> None:
    assert from_record(to_record(FULL) | {"colour": "red", "priority": 3}) == FULL


def test_a_member_that_an_older_version_lacks_has_its_default() -> None:
    record = to_record(replace(FULL, landed=False))
    del record["landed"]
    assert from_record(record) == replace(FULL, landed=False)


def test_half_a_claim_is_none() -> None:
    record = to_record(FULL)
    del record["claim_until"]
    assert from_record(record).claim is None


def test_times_come_back_with_their_zone() -> None:
    created = from_record(to_record(FULL)).created_at
    assert created.tzinfo is not None
    assert created == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phase", "dreaming"),
        ("phase", 3),
        ("reason", "because"),
        ("reported", ""),
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
def test_a_record_that_cannot_be_an_entry_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match="holds no entry"):
        from_record(to_record(FULL) | {name: value})


@pytest.mark.parametrize("name", ["upload_id", "blob_etag", "size", "phase", "created_at", "wanted_list_id"])
def test_a_record_without_what_was_asked_is_refused(name: str) -> None:
    record = to_record(FULL)
    del record[name]
    with pytest.raises(ValueError, match="holds no entry"):
        from_record(record)
