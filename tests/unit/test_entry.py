from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.entry import Claim, Entry, LandedAs, Phase, QueueWait, Reason, claimed
from tests.support.entries import LIMITS, NOW, SESSION, an_entry

UNTIL = NOW + LIMITS.claim
TERMINAL = [Phase.ATTACHED, Phase.REJECTED, Phase.FAILED, Phase.SUPERSEDED, Phase.WITHDRAWN]


def claim(entry: Entry, *, taken_over: bool) -> Entry:
    return claimed(entry, owner="worker", until=UNTIL, now=NOW, taken_over=taken_over)


@pytest.mark.parametrize("phase", list(Phase))
def test_the_phases_that_end_an_upload_are_these_five(phase: Phase) -> None:
    assert phase.is_terminal is (phase in TERMINAL)


def test_a_claim_is_alive_until_its_end_and_not_at_it() -> None:
    held = Claim("worker", UNTIL)
    assert held.is_alive(UNTIL - timedelta(microseconds=1))
    assert not held.is_alive(UNTIL)


@pytest.mark.parametrize(
    ("entry", "is_done"),
    [
        (an_entry(Phase.FAILED, reported=Phase.FAILED), True),
        (an_entry(Phase.FAILED), False),
        (an_entry(Phase.FAILED, reported=Phase.WAITING), False),
        (an_entry(Phase.FAILED, reported=Phase.FAILED, session=SESSION), False),
        (an_entry(Phase.FAILED, reported=Phase.FAILED, delete_source=True), True),
        (an_entry(Phase.ATTACHED, reported=Phase.ATTACHED, attachment_id="A", delete_source=True), False),
        (
            an_entry(
                Phase.ATTACHED, reported=Phase.ATTACHED, attachment_id="A", delete_source=True, source_deleted=True
            ),
            True,
        ),
        (an_entry(Phase.ATTACHED, reported=Phase.ATTACHED, landed=LandedAs.UNNAMED, delete_source=True), True),
        (an_entry(Phase.WAITING, reported=Phase.WAITING), False),
        (an_entry(Phase.SENDING), False),
    ],
    ids=[
        "ended and told",
        "not told",
        "told something older",
        "session open",
        "nothing to delete unless attached",
        "source to be deleted",
        "source deleted",
        "attached without an id: the source stays",
        "waiting",
        "sending",
    ],
)
def test_an_entry_is_done_once_nothing_is_left_to_do(entry: Entry, is_done: bool) -> None:
    assert entry.is_done is is_done


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("taken_over", [False, True], ids=["free", "taken over"])
def test_a_claim_names_its_owner_and_its_end_and_is_no_step(phase: Phase, taken_over: bool) -> None:
    entry = claim(an_entry(phase), taken_over=taken_over)
    assert entry.claim == Claim("worker", UNTIL)
    assert entry.step == 7


@pytest.mark.parametrize("phase", [Phase.RESOLVING, Phase.SENDING, Phase.LOCATING, Phase.CONFIRMING, *TERMINAL])
def test_claiming_a_free_entry_changes_nothing_else(phase: Phase) -> None:
    before = an_entry(phase)
    assert replace(claim(before, taken_over=False), claim=before.claim) == before


def test_a_taken_over_slice_is_asked_about_before_anything_is_sent() -> None:
    before = an_entry(Phase.SENDING, offset=100, furthest=100)
    after = claim(before, taken_over=True)
    assert after.phase is Phase.LOCATING
    assert replace(after, phase=before.phase, claim=before.claim, deaths=0) == before


@pytest.mark.parametrize(
    ("offset", "doubted", "in_doubt"),
    [(100, False, False), (100, True, True), (200, False, True), (150, False, True), (149, False, False)],
    ids=["an earlier slice", "in doubt already", "the last slice", "ends exactly", "a byte is left"],
)
def test_a_taken_over_last_slice_may_still_be_applied(offset: int, doubted: bool, in_doubt: bool) -> None:
    before = an_entry(Phase.SENDING, offset=offset, furthest=offset, in_doubt=doubted)
    assert claim(before, taken_over=True).in_doubt is in_doubt


def test_a_taken_over_small_post_is_waited_for_and_then_looked_for() -> None:
    """The dead worker's request may still be applied: it is given longer than a request can last, unclaimed."""
    after = claim(an_entry(Phase.OPENING, size=0, first_opened_at=NOW, sessions_opened=1), taken_over=True)
    assert (after.phase, after.claim, after.not_before) == (Phase.CONFIRMING, None, UNTIL)
    assert (after.step, after.sessions_opened, after.in_doubt) == (7, 1, True)


def test_a_taken_over_empty_file_without_intent_was_never_sent() -> None:
    after = claim(an_entry(Phase.OPENING, size=0), taken_over=True)
    assert (after.phase, after.sessions_opened) == (Phase.OPENING, 0)


@pytest.mark.parametrize("phase", [Phase.RESOLVING, Phase.LOCATING, Phase.CONFIRMING, *TERMINAL])
def test_taking_over_what_sends_nothing_just_goes_on(phase: Phase) -> None:
    before = an_entry(phase)
    assert replace(claim(before, taken_over=True), claim=before.claim, deaths=0) == before


@pytest.mark.parametrize(
    ("changes", "opened"),
    [({}, 1), ({"size": 0}, 0), ({"size": 0, "first_opened_at": NOW}, 1)],
    ids=["session", "empty file, intent not yet recorded", "small POST"],
)
def test_an_opening_is_counted_before_the_request(changes: dict[str, Any], opened: int) -> None:
    assert claim(an_entry(Phase.OPENING, **changes), taken_over=False).sessions_opened == opened


@pytest.mark.parametrize("phase", list(Phase))
def test_each_death_in_a_row_is_counted(phase: Phase) -> None:
    entry = an_entry(phase)
    for _ in range(3):
        entry = claim(entry, taken_over=True)
    assert entry.deaths == 3
    assert claim(entry, taken_over=False).deaths == 3, "counted until a step is stored"


def test_a_worker_that_dies_at_every_opening_runs_into_the_bound() -> None:
    entry = an_entry(Phase.OPENING)
    for _ in range(5):
        entry = claim(entry, taken_over=True)
    assert entry.sessions_opened == 5


@pytest.mark.parametrize("resume", [Phase.RESOLVING, Phase.SENDING, Phase.LOCATING, Phase.CONFIRMING])
def test_a_told_waiting_entry_queues_to_go_on_where_it_stopped(resume: Phase) -> None:
    since = NOW - timedelta(hours=3)
    before = an_entry(
        Phase.WAITING,
        reason=Reason.SIGN_IN,
        reported=Phase.WAITING,
        resume=resume,
        waiting_since=since,
        waited=timedelta(hours=1),
    )
    after = claim(before, taken_over=False)
    assert (after.phase, after.reason, after.sign_in_wait) == (Phase.QUEUED, Reason.NONE, None)
    assert after.queue_wait == QueueWait(resume)
    assert after.waited == timedelta(hours=4)


def test_a_waiting_entry_that_still_has_a_lease_gives_it_back_first() -> None:
    before = an_entry(Phase.WAITING, reported=Phase.WAITING, lease="M")
    assert claim(before, taken_over=False).phase is Phase.WAITING


def test_time_in_a_line_is_not_age_and_time_before_it_is() -> None:
    hour = timedelta(hours=1)
    fresh = an_entry(Phase.QUEUED)
    assert (fresh.age(NOW), fresh.time_queued(NOW)) == (hour, timedelta())
    in_line = replace(fresh, queue_wait=QueueWait(Phase.RESOLVING, NOW - hour / 4), queued_for=hour / 2)
    assert (in_line.age(NOW), in_line.time_queued(NOW)) == (hour / 4, 3 * hour / 4)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"lease": "M"}, "M"),
        ({"lease": "M", "not_before": NOW}, ""),  # put off: a message is on its way
        ({"lease": "M", "claim": Claim("me", UNTIL)}, ""),
        ({}, ""),  # nobody looked whose turn it is
        ({"queue_wait": QueueWait(Phase.RESOLVING, NOW, for_slot=True), "slot": "S"}, "S"),
        ({"queue_wait": QueueWait(Phase.RESOLVING, NOW, for_slot=True), "slot": "S", "lease": "M"}, ""),
    ],
)
def test_a_ticket_stands_in_for_the_message_of_an_entry_in_line(changes: dict[str, Any], line: str) -> None:
    entry = replace(an_entry(Phase.QUEUED, claim=None), **changes)
    assert entry.is_in_line is bool(line)
    assert not line or entry.line == line


def test_a_waiting_entry_without_memory_starts_where_nothing_can_be_doubled() -> None:
    before = an_entry(Phase.WAITING, reported=Phase.WAITING, sign_in_wait=None)
    after = claim(before, taken_over=False)
    assert (after.phase, after.waited, after.queue_wait) == (Phase.QUEUED, timedelta(), QueueWait(Phase.RESOLVING))


def test_a_waiting_entry_stays_asleep_until_the_person_is_told() -> None:
    before = an_entry(Phase.WAITING)
    assert replace(claim(before, taken_over=False), claim=before.claim) == before


def test_age_leaves_out_every_wait_for_sign_in() -> None:
    created = NOW - timedelta(hours=30)
    entry = an_entry(Phase.SENDING, created_at=created, waited=timedelta(hours=10))
    assert entry.age(NOW) == timedelta(hours=20)
    waiting = an_entry(
        Phase.WAITING, created_at=created, waited=timedelta(hours=10), waiting_since=NOW - timedelta(hours=5)
    )
    assert waiting.age(NOW) == timedelta(hours=15)
