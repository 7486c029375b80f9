"""How an upload ends: by a bound, or because its person has taken its file back."""

from datetime import timedelta
from typing import Any

import pytest

from shared.core.actions import End
from shared.core.endings import ended, withdrawn
from shared.core.entry import Phase, QueueWait, Reason
from tests.support.entries import NOW, an_entry

UNDER_WAY = [phase for phase in Phase if not phase.is_terminal and phase is not Phase.VERIFYING]
CAME_TO_NOTHING = [phase for phase in Phase if phase.is_terminal and phase is not Phase.ATTACHED]
HOUR = timedelta(hours=1)


def test_an_upload_that_has_ended_keeps_nothing_that_only_one_under_way_needs() -> None:
    queues = an_entry(
        Phase.QUEUED, deaths=9, waits_since=NOW, tell_at=NOW, queue_wait=QueueWait(Phase.RESOLVING, NOW), deferrals=3
    )
    after = ended(queues, End(Phase.FAILED, Reason.QUEUED_TOO_LONG, "queued for more than 14 days"))
    assert (after.phase, after.reason, after.detail) == (
        Phase.FAILED,
        Reason.QUEUED_TOO_LONG,
        "queued for more than 14 days",
    )
    assert (after.deaths, after.deferrals) == (0, 0)
    assert (after.waits_since, after.tell_at, after.queue_wait) == (None, None, None)


@pytest.mark.parametrize("phase", UNDER_WAY)
def test_an_upload_that_no_worker_acts_for_ends_at_once_and_its_messages_are_behind_it(phase: Phase) -> None:
    entry = an_entry(phase, claim=None, not_before=NOW + HOUR)
    after = withdrawn(entry, NOW)
    assert after is not None
    assert (after.phase, after.reason, after.not_before) == (Phase.WITHDRAWN, Reason.DELETED, None)
    assert after.step == entry.step + 1
    assert after.session == entry.session, "one that may be open is cancelled afterwards"
    assert after.is_reported, "a blob that is gone has no tags"


def test_a_wait_for_a_sign_in_is_counted_so_that_its_ticket_leaves_the_line() -> None:
    after = withdrawn(an_entry(Phase.WAITING, claim=None, waiting_since=NOW - HOUR, waited=HOUR), NOW)
    assert after is not None
    assert after.waited == 2 * HOUR


@pytest.mark.parametrize(("changes", "unsure"), [({}, False), ({"in_doubt": True}, True)])
def test_an_answer_that_is_missing_is_told(changes: dict[str, Any], *, unsure: bool) -> None:
    after = withdrawn(an_entry(Phase.SENDING, claim=None, **changes), NOW)
    assert after is not None
    assert after.detail.endswith("it may already be attached") is unsure


@pytest.mark.parametrize("phase", UNDER_WAY)
def test_what_a_worker_acts_for_or_did_until_it_died_is_left_to_whoever_acts_next(phase: Phase) -> None:
    assert withdrawn(an_entry(phase), NOW) is None
    assert withdrawn(an_entry(phase), NOW + HOUR) is None


@pytest.mark.parametrize("phase", [Phase.ATTACHED, Phase.VERIFYING])
def test_what_is_attached_is_not_taken_back(phase: Phase) -> None:
    assert withdrawn(an_entry(phase, claim=None), NOW) is None


@pytest.mark.parametrize("phase", CAME_TO_NOTHING)
def test_of_what_came_to_nothing_it_is_noted_that_the_blob_is_gone_and_since_when(phase: Phase) -> None:
    ended = an_entry(phase, claim=None)
    after = withdrawn(ended, NOW)
    assert after is not None
    assert (after.phase, after.step, after.source_gone_since) == (phase, ended.step, NOW)
    again = withdrawn(after, NOW + HOUR)
    assert again is not None
    assert again.source_gone_since == NOW
