"""What the tags say before an upload has ended: only where it takes longer than half a minute, and once each."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.core import observations as seen
from shared.core.entry import Entry, Phase, Report, Underway, claimed
from shared.core.underway import PATIENCE, noted, told, why
from tests.support.entries import LIMITS, NOW, an_entry

LIVE = [phase for phase in Phase if not phase.is_terminal and phase is not Phase.WAITING]
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def waiting(wait: timedelta, **changes: Any) -> Entry:
    phase = changes.pop("phase", Phase.OPENING)
    return an_entry(phase, **{"detail": "HTTP 429", "not_before": NOW + wait, "claim": None} | changes)


def told_at(entry: Entry) -> datetime | None:
    return noted(entry, NOW).tell_at


@pytest.mark.parametrize("phase", LIVE)
def test_a_long_wait_is_interrupted_after_half_a_minute(phase: Phase) -> None:
    assert told_at(waiting(HOUR, phase=phase)) == NOW + PATIENCE


def test_a_short_wait_is_not_worth_a_word() -> None:
    after = noted(waiting(PATIENCE), NOW)
    assert (after.tell_at, after.waits_since) == (None, NOW)


def test_short_waits_in_a_row_add_up_to_a_long_one() -> None:
    assert told_at(waiting(8 * SECOND, waits_since=NOW - 25 * SECOND)) == NOW + 5 * SECOND
    assert told_at(waiting(8 * SECOND, waits_since=NOW - MINUTE)) == NOW


def test_a_step_that_goes_on_at_once_ends_the_row_of_waits() -> None:
    assert noted(an_entry(Phase.OPENING, waits_since=NOW - MINUTE), NOW).waits_since is None


@pytest.mark.parametrize(
    ("wait", "detail", "expected"),
    [(HOUR, "HTTP 429", None), (HOUR, "HTTP 503", NOW), (29 * SECOND, "HTTP 503", None), (PATIENCE, "HTTP 503", NOW)],
    ids=["said", "another reason", "another reason for a short wait", "another reason for half a minute"],
)
def test_what_was_said_is_not_said_again(wait: timedelta, detail: str, expected: datetime | None) -> None:
    said = Report(underway=Underway.DELAYED, detail="HTTP 429")
    assert told_at(waiting(wait, detail=detail, report=said, waits_since=NOW - HOUR)) == expected


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.ATTACHED, Phase.REJECTED, Phase.FAILED])
def test_what_has_ended_or_waits_for_a_person_says_so_itself(phase: Phase) -> None:
    after = noted(waiting(HOUR, phase=phase, waits_since=NOW, tell_at=NOW), NOW)
    assert (after.waits_since, after.tell_at) == (None, None)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, NOW),
        ({"created_at": NOW - PATIENCE}, NOW),
        ({"created_at": NOW - 29 * SECOND}, None),
        ({"created_at": NOW - HOUR, "queued_for": HOUR - 29 * SECOND}, None),
        ({"offset": 200}, None),
        ({"phase": Phase.LOCATING}, None),
        ({"report": Report(underway=Underway.UPLOADING)}, None),
        ({"report": Report(underway=Underway.DELAYED, detail="HTTP 429")}, NOW),
    ],
    ids=["long", "just long enough", "not yet", "queued", "one request to go", "asks", "said", "was delayed"],
)
def test_a_long_upload_says_that_it_is_one(changes: dict[str, Any], expected: datetime | None) -> None:
    assert told_at(an_entry(**{"phase": Phase.SENDING} | changes)) == expected


# -- the step that says it --


def claim(entry: Entry, *, at: datetime = NOW, taken_over: bool = False) -> Entry:
    return claimed(entry, owner="w", until=at + LIMITS.claim, now=at, taken_over=taken_over)


def test_a_claim_to_say_so_opens_nothing_and_ends_no_wait() -> None:
    entry = claim(waiting(HOUR, tell_at=NOW))
    assert (entry.is_telling, entry.underway, entry.sessions_opened) == (True, Underway.DELAYED, 0)
    assert entry.not_before == NOW + HOUR


def test_where_the_wait_is_over_it_goes_on_instead() -> None:
    entry = claim(waiting(MINUTE, tell_at=NOW + PATIENCE), at=NOW + MINUTE)
    assert (entry.is_telling, entry.sessions_opened) == (False, 1)


@pytest.mark.parametrize(
    "changes", [{"phase": Phase.SENDING}, {"phase": Phase.OPENING, "size": 0, "first_opened_at": NOW}]
)
def test_a_worker_that_died_saying_so_leaves_nothing_in_doubt(changes: dict[str, Any]) -> None:
    """It sent nothing that could be applied late."""
    dead = claim(waiting(MINUTE, tell_at=NOW, **changes))
    again = claim(dead, at=NOW + LIMITS.claim, taken_over=True)
    assert (again.phase, again.in_doubt) == (dead.phase, False)
    assert not again.is_telling


@pytest.mark.parametrize(
    ("observation", "report"),
    [
        (seen.Reported(), Report(underway=Underway.DELAYED, detail="HTTP 429")),
        (seen.TagsRefused(), Report(underway=Underway.DELAYED, detail="HTTP 429")),
        (seen.Unavailable("503"), Report()),
    ],
    ids=["written", "refused for good", "perhaps at the next occasion"],
)
def test_it_is_tried_once_and_the_wait_goes_on(
    observation: seen.Reported | seen.TagsRefused | seen.Unavailable, report: Report
) -> None:
    after = told(claim(waiting(HOUR, tell_at=NOW)), observation)
    assert (after.tell_at, after.not_before, after.report) == (None, NOW + HOUR, report)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (an_entry(Phase.OPENING, detail="HTTP 429", times_parked=1), "HTTP 429"),
        (an_entry(Phase.OPENING, times_parked=1), "its message failed too often"),
        (an_entry(Phase.CONFIRMING), "an earlier request may still be applied"),
        (an_entry(Phase.OPENING), ""),
    ],
    ids=["its own words", "parked", "in doubt", "nothing known"],
)
def test_the_reason_is_its_own_or_what_the_entry_shows(entry: Entry, words: str) -> None:
    assert why(entry) == words
