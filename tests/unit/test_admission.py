from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.admission import Defaults, admit, arrived, judge
from shared.core.attachment import BlobDescription, BlobKind, Reference
from shared.core.entry import Entry, Phase, QueueWait, Reason
from shared.core.observations import Arrived
from shared.core.sent_file import SentFile, account_key, blob_name
from tests.support.entries import BLOB, LIMITS, NOW
from tests.unit.test_sent_file import SENT


def admitted(
    metadata: dict[str, str], size: int = 100, *, delete_source: bool = False, read_back: bool = False
) -> Entry:
    blob = BlobDescription(BLOB, size, metadata, NOW)
    return admit(blob, sent=None, defaults=Defaults("sam@example.com", delete_source, read_back), limits=LIMITS)


def test_an_accepted_file_starts_by_queueing_and_pins_its_version() -> None:
    entry = admitted({"task": "Plan"})
    assert (entry.phase, entry.step, entry.claim, entry.not_before) == (Phase.QUEUED, 0, None, None)
    assert entry.queue_wait == QueueWait(Phase.RESOLVING)
    assert (entry.upload_id, entry.blob, entry.size) == (BLOB.upload_id(), BLOB, 100)
    assert (entry.created_at, entry.slice_bytes) == (NOW, LIMITS.slice_bytes)


def test_an_entry_knows_how_its_blob_is_written_and_when_it_was() -> None:
    written = NOW - timedelta(hours=1)
    blob = BlobDescription(BLOB, 100, {"task": "Plan"}, NOW, kind=BlobKind.APPEND, modified_at=written)
    entry = admit(blob, sent=None, defaults=Defaults("sam@example.com", False), limits=LIMITS)
    assert (entry.phase, entry.kind, entry.modified_at) == (Phase.QUEUED, BlobKind.APPEND, written)


def test_a_deployment_says_which_paths_count_and_whose_they_are() -> None:
    blob = BlobDescription(replace(BLOB, name="kim/Work/Plan/a.pdf"), 100, {}, NOW)
    defaults = Defaults("sam@example.com", False, path_accounts={"kim/": "kim@example.com"})
    expected = Arrived(Reference(name="Work"), Reference(name="Plan"), "kim@example.com", "a.pdf")
    seen_at = NOW - timedelta(minutes=1)
    assert judge(blob, seen_at=seen_at, sent=None, defaults=defaults, limits=LIMITS) == expected


@pytest.mark.parametrize(
    ("metadata", "account"),
    [({"task": "Plan"}, "sam@example.com"), ({"task": "Plan", "user": "kim@example.com"}, "kim@example.com")],
    ids=["default", "named"],
)
def test_whose_to_do_is_the_named_account_or_the_default(metadata: dict[str, str], account: str) -> None:
    assert admitted(metadata).account == account


@pytest.mark.parametrize("delete_source", [False, True])
def test_deleting_the_source_is_settled_when_the_file_comes(delete_source: bool) -> None:
    assert admitted({"task": "Plan"}, delete_source=delete_source).delete_source is delete_source


@pytest.mark.parametrize("read_back", [False, True])
def test_reading_back_is_settled_when_the_file_comes(read_back: bool) -> None:
    assert admitted({"task": "Plan"}, read_back=read_back).read_back is read_back


def test_an_empty_blob_is_looked_at_again_after_a_while() -> None:
    entry = admitted({"task": "Plan"}, size=0)
    assert (entry.not_before, entry.tell_at) == (NOW + timedelta(minutes=10), NOW + timedelta(seconds=30))
    assert entry.detail == "the file is empty, and may still be written"


@pytest.mark.parametrize(
    ("metadata", "size", "reason"),
    [
        ({"task": "Plan", "taskid": "T"}, 100, Reason.METADATA),
        ({"task": "Plan"}, LIMITS.max_file_bytes + 1, Reason.TOO_LARGE),
        ({"task": "Plan"}, 2**42, Reason.TOO_LARGE),
    ],
    ids=["contradiction", "a byte too large", "huge"],
)
def test_what_can_never_work_is_rejected_at_once_and_says_why(
    metadata: dict[str, str], size: int, reason: Reason
) -> None:
    entry = admitted(metadata, size, delete_source=True)
    assert (entry.phase, entry.reason, entry.not_before) == (Phase.REJECTED, reason, None)
    assert entry.detail
    assert (entry.upload_id, entry.blob, entry.size, entry.created_at) == (BLOB.upload_id(), BLOB, size, NOW)
    assert (entry.account, entry.attachment_name, entry.delete_source) == ("", "", False)
    assert entry.wanted_list == entry.wanted_task == Reference()


@pytest.mark.parametrize("size", [0, 100])
def test_a_blob_that_is_not_complete_is_looked_at_again_and_keeps_what_is_settled(size: int) -> None:
    entry = admitted({}, size, delete_source=True)
    assert (entry.phase, entry.not_before) == (Phase.ARRIVING, NOW + timedelta(seconds=5))
    assert (entry.account, entry.attachment_name, entry.detail) == (
        "",
        "",
        "waits for the metadata that names its task",
    )
    assert (entry.size, entry.slice_bytes, entry.delete_source) == (size, LIMITS.slice_bytes, True)


def test_a_blob_that_has_arrived_wants_what_it_asks_for_resolved() -> None:
    request = Arrived(Reference("L"), Reference("T"), "kim@example.com", "plan.pdf")
    entry = arrived(admitted({}), request, LIMITS)
    assert (entry.phase, entry.account, entry.attachment_name) == (Phase.QUEUED, "kim@example.com", "plan.pdf")
    assert (entry.wanted_list, entry.wanted_task, entry.detail) == (Reference("L"), Reference("T"), "")
    assert entry.not_before is None
    assert arrived(admitted({}, 0), request, LIMITS).not_before == NOW + timedelta(minutes=10)


def test_a_file_of_exactly_the_limit_is_accepted() -> None:
    assert admitted({"task": "Plan"}, LIMITS.max_file_bytes).phase is Phase.QUEUED


def test_a_file_too_large_is_told_both_numbers() -> None:
    assert admitted({"task": "Plan"}, 1001).detail == "the file has 1001 bytes, at most 1000 can be attached"


# -- what the page sent --


def sent_through_page(size: int = SENT.size, *, sent: SentFile | None = SENT, delete_sent: bool = True) -> Entry:
    blob = BlobDescription(replace(BLOB, name=blob_name(SENT.token)), size, {"task": "Other"}, NOW)
    defaults = Defaults("sam@example.com", not delete_sent, delete_sent=delete_sent)
    return admit(blob, sent=sent, defaults=defaults, limits=LIMITS)


@pytest.mark.parametrize("delete_sent", [False, True])
def test_a_sent_file_is_entered_as_it_was_signed_for_under_its_own_setting(delete_sent: bool) -> None:
    entry = sent_through_page(delete_sent=delete_sent)
    assert (entry.phase, entry.account, entry.attachment_name) == (Phase.QUEUED, SENT.account, "plan.pdf")
    assert (entry.wanted_list, entry.wanted_task) == (Reference("L", "Tasks"), Reference("T", "Plan"))
    assert entry.account_key == account_key(SENT.account)
    assert entry.delete_source is delete_sent


def test_an_empty_sent_file_is_not_waited_for() -> None:
    entry = sent_through_page(0)
    assert (entry.not_before, entry.tell_at, entry.detail) == (None, None, "")


def test_a_larger_one_than_declared_is_to_be_deleted_before_anything_is_told() -> None:
    entry = sent_through_page(SENT.size + 1, delete_sent=False)
    assert (entry.phase, entry.reason) == (Phase.REJECTED, Reason.LARGER_THAN_DECLARED)
    assert (entry.is_reported, entry.may_delete_source, entry.is_done) == (True, True, False)
    assert (entry.account, entry.account_key) == (SENT.account, account_key(SENT.account))
    assert (entry.wanted_list, entry.wanted_task) == (Reference("L", "Tasks"), Reference("T", "Plan"))
    assert entry.attachment_name == "plan.pdf"


def test_one_that_was_never_signed_for_is_nobody_s_and_stays() -> None:
    entry = sent_through_page(sent=None)
    assert (entry.phase, entry.reason) == (Phase.REJECTED, Reason.NEVER_SIGNED)
    assert (entry.account, entry.account_key, entry.may_delete_source) == ("", "", False)
