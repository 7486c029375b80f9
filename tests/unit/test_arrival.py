from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from shared.core.arrival import LOOKS, arrival
from shared.core.attachment import BlobDescription, BlobKind, CopyState, Reference
from shared.core.blob_path import DEFAULT_PATTERNS, PathPattern
from shared.core.entry import Reason
from shared.core.observations import Arrived, NotYet, Refused
from shared.core.sent_file import SentFile, blob_name
from tests.support.entries import BLOB, LIMITS, NOW
from tests.unit.test_sent_file import SENT

BY_PATH = replace(BLOB, name="Work/Plan/a.pdf")
WHOLE = BlobDescription(replace(BLOB, name="report.pdf"), 100, {"task": "Plan"}, NOW, modified_at=NOW)
TO_PLAN = Arrived(Reference(), Reference(name="Plan"), "sam@example.com", "report.pdf")


def judged(
    blob: BlobDescription,
    after: float = 0,
    paths: tuple[PathPattern, ...] = DEFAULT_PATTERNS,
    path_accounts: Mapping[str, str] = MappingProxyType({}),
    sent: SentFile | None = None,
    **changes: Any,
) -> Arrived | NotYet | Refused:
    """What is said of *blob*, changed so, when it is described so many seconds *after* its last change."""
    described = replace(blob, date=NOW + timedelta(seconds=after), **changes)
    return arrival(
        described,
        seen_at=NOW,
        sent=sent,
        account="sam@example.com",
        path_accounts=path_accounts,
        paths=paths,
        limits=LIMITS,
    )


def until(found: Arrived | NotYet | Refused) -> datetime:
    assert isinstance(found, NotYet)
    return found.until


def test_a_whole_blob_that_names_its_task_has_arrived_at_once() -> None:
    assert judged(WHOLE) == TO_PLAN


@pytest.mark.parametrize(("after", "look"), [(0, 5), (4, 5), (5, 60), (59, 60), (60, 600), (599, 600)])
def test_without_a_target_it_is_looked_at_after_seconds_a_minute_and_ten_minutes(after: float, look: float) -> None:
    assert until(judged(WHOLE, after, metadata={})) == NOW + timedelta(seconds=look)


def test_after_the_last_look_it_is_rejected_and_both_ways_are_told() -> None:
    assert judged(WHOLE, LOOKS[-1].total_seconds(), metadata={}) == Refused(
        Reason.METADATA,
        "names no task: set metadata task=TITLE list=NAME; or write it again as LIST/TASK/FILE or USER/LIST/TASK/FILE",
    )


def test_where_paths_say_nothing_only_the_metadata_is_told() -> None:
    found = judged(WHOLE, 600, (), metadata={})
    assert found == Refused(Reason.METADATA, "names no task: set metadata task=TITLE list=NAME")


def test_the_path_counts_after_the_first_seconds_and_not_before() -> None:
    in_folders = replace(WHOLE, version=BY_PATH, metadata={})
    assert until(judged(in_folders, 4)) == NOW + LOOKS[0]
    assert judged(in_folders, 5) == Arrived(Reference(name="Work"), Reference(name="Plan"), "sam@example.com", "a.pdf")
    assert isinstance(judged(in_folders, 5, ()), NotYet)


def test_a_blob_that_was_seen_late_is_not_waited_for() -> None:
    """Its event was lost, say: who would have set the metadata has had the time."""
    found = judged(WHOLE, metadata={}, modified_at=NOW - timedelta(hours=1))
    assert isinstance(found, Refused)


def test_an_append_blob_waits_until_it_was_quiet() -> None:
    growing = replace(WHOLE, kind=BlobKind.APPEND)
    assert judged(growing, 59) == NotYet(
        NOW + timedelta(seconds=60), "an append blob waits until nothing was added for 60 s"
    )
    assert judged(growing, 60) == TO_PLAN


def test_a_page_blob_is_refused_with_the_remedy() -> None:
    assert judged(WHOLE, kind=BlobKind.PAGE) == Refused(
        Reason.PAGE_BLOB, "a page blob is a disk, not a file: upload it as a block blob"
    )


@pytest.mark.parametrize(("after", "look"), [(0, 5), (60, 600), (600, 1200), (5000, 5600)])
def test_a_copy_that_is_not_finished_is_looked_at_again_for_as_long_as_it_takes(after: float, look: float) -> None:
    expected = NotYet(NOW + timedelta(seconds=look), "the copy into the blob is not finished")
    assert judged(WHOLE, after, copy=CopyState.PENDING) == expected


@pytest.mark.parametrize("state", [CopyState.FAILED, CopyState.ABORTED])
def test_a_copy_that_failed_is_refused_with_the_remedy(state: CopyState) -> None:
    found = judged(WHOLE, copy=state)
    assert isinstance(found, Refused)
    assert (found.reason, "copy it again" in found.detail) == (Reason.COPY_FAILED, True)


@pytest.mark.parametrize("state", [CopyState.NONE, CopyState.SUCCESS])
def test_a_finished_copy_is_a_file_like_any_other(state: CopyState) -> None:
    assert judged(WHOLE, copy=state) == TO_PLAN


SHARED = {"alice/": "alice@example.com", "team/bob/": "5a000000-0000-4000-8000-00000000000b"}


def below(name: str, **metadata: str) -> Arrived | NotYet | Refused:
    """What is said of a blob of this name in a container that people share, once its path counts."""
    return judged(WHOLE, 5, path_accounts=SHARED, version=replace(BLOB, name=name), metadata=metadata)


@pytest.mark.parametrize("user", ["", "alice@example.com", "Alice@Example.com"])
def test_what_lies_below_a_prefix_goes_to_its_account(user: str) -> None:
    expected = Arrived(Reference(), Reference(name="Plan"), "alice@example.com", "a.pdf")
    assert below("alice/a.pdf", task="Plan", user=user) == expected


def test_a_prefix_is_taken_off_before_the_path_is_read() -> None:
    plan = Reference(name="Plan")
    found = below("team/bob/Work/Plan/a.pdf")
    assert found == Arrived(Reference(name="Work"), plan, "5a000000-0000-4000-8000-00000000000b", "a.pdf")
    assert below("alice/Alice@example.com/Work/Plan/a.pdf") == Arrived(
        Reference(name="Work"), plan, "alice@example.com", "a.pdf"
    )
    assert isinstance(below("alice/Plan/a.pdf"), NotYet)


@pytest.mark.parametrize("user", ["bob@example.com", "5a000000-0000-4000-8000-00000000000b", "\u017fam@example.com"])
def test_below_a_prefix_no_metadata_names_another_account(user: str) -> None:
    found = below("alice/a.pdf", task="Plan", user=user)
    assert isinstance(found, Refused)
    assert found.reason is Reason.OTHER_ACCOUNT
    assert found.detail == (
        f'is for "{user}", and everything under alice/ goes to one account, which has another name: leave user out'
    )


def test_below_a_prefix_no_path_names_another_account() -> None:
    found = below("alice/bob@example.com/Work/Plan/a.pdf")
    assert isinstance(found, Refused)
    assert found.reason is Reason.OTHER_ACCOUNT


@pytest.mark.parametrize(
    "name", ["a.pdf", "Alice/a.pdf", "/alice/a.pdf", "x/alice/a.pdf", "alice", "alice%2Fa.pdf", "team/a.pdf", "ALICE/"]
)
def test_in_a_shared_container_what_lies_below_no_prefix_goes_to_nobody(name: str) -> None:
    """Not to the default account: whoever may write there may be anybody."""
    found = below(name, task="Plan", user="alice@example.com")
    assert found == Refused(Reason.OTHER_ACCOUNT, "lies under no prefix that belongs to an account: put it under yours")


def test_the_remedy_below_a_prefix_says_the_prefix_and_no_user() -> None:
    found = judged(WHOLE, 600, path_accounts=SHARED, version=replace(BLOB, name="alice/a.pdf"), metadata={})
    assert isinstance(found, Refused)
    assert found.detail.endswith("; or write it again as alice/LIST/TASK/FILE")


# -- what the page sent --

BY_PAGE = replace(WHOLE, version=replace(BLOB, name=blob_name(SENT.token)), metadata={}, size=SENT.size)
AS_SIGNED = Arrived(Reference("L", "Tasks"), Reference("T", "Plan"), SENT.account, "plan.pdf")


@pytest.mark.parametrize("metadata", [{}, {"task": "Other", "user": "kim@example.com"}, {"taks": "Other"}])
@pytest.mark.parametrize("path_accounts", [{}, {"kim/": "kim@example.com"}])
def test_what_was_signed_for_has_arrived_at_once_whatever_metadata_and_paths_say(
    metadata: Mapping[str, str], path_accounts: Mapping[str, str]
) -> None:
    assert judged(BY_PAGE, sent=SENT, metadata=metadata, path_accounts=path_accounts) == AS_SIGNED
    assert judged(BY_PAGE, sent=SENT, size=SENT.size - 1) == AS_SIGNED


def test_without_a_signature_it_is_refused_whatever_it_is() -> None:
    for changes in ({}, {"metadata": {"task": "Plan"}}, {"kind": BlobKind.PAGE}, {"copy": CopyState.PENDING}):
        found = judged(BY_PAGE, **changes)
        assert isinstance(found, Refused)
        assert found.reason is Reason.NEVER_SIGNED


@pytest.mark.parametrize("changes", [{}, {"kind": BlobKind.PAGE}, {"kind": BlobKind.APPEND}])
def test_a_byte_more_than_was_declared_is_refused_before_anything_else(changes: dict[str, Any]) -> None:
    found = judged(BY_PAGE, sent=SENT, size=SENT.size + 1, **changes)
    assert found == Refused(
        Reason.LARGER_THAN_DECLARED, "the file has 251 bytes, and 250 were declared for it: send it again"
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": BlobKind.PAGE}, Reason.PAGE_BLOB),
        ({"copy": CopyState.FAILED}, Reason.COPY_FAILED),
        ({"size": LIMITS.max_file_bytes + 1}, Reason.TOO_LARGE),
    ],
)
def test_kinds_and_limits_are_those_of_all_files(changes: dict[str, Any], reason: Reason) -> None:
    found = judged(BY_PAGE, sent=replace(SENT, size=2 * LIMITS.max_file_bytes), **changes)
    assert isinstance(found, Refused)
    assert found.reason is reason


def test_a_copy_or_an_append_under_the_prefix_is_waited_for_like_any_other() -> None:
    assert until(judged(BY_PAGE, sent=SENT, copy=CopyState.PENDING)) == NOW + LOOKS[0]
    assert until(judged(BY_PAGE, sent=SENT, kind=BlobKind.APPEND)) == NOW + LIMITS.append_quiet
