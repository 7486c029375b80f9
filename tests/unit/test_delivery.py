from datetime import timedelta

import pytest

from shared.core.delivery import (
    Announce,
    ComeBack,
    Drop,
    Proceed,
    Stranger,
    Verdict,
    delay_until,
    goes_on,
    judge,
    proposal,
    wants_no_turn,
)
from shared.core.entry import Claim, Entry, Phase, QueueWait
from shared.core.messages import ProposedRange, RangeMessage
from shared.core.ranges import ByteRange
from tests.support.entries import LIMITS, NOW, SESSION, an_entry

SOON = NOW + timedelta(seconds=40)
ALIVE = Claim("other", SOON)
DEAD = Claim("other", NOW)


def free(**changes: object) -> Entry:
    return an_entry(Phase.SENDING, **({"claim": None} | changes))


@pytest.mark.parametrize(
    ("entry", "step", "count", "verdict"),
    [
        (free(), 5, 1, Drop("duplicate")),
        (free(), 5, 4, Announce(timedelta())),
        (free(), 0, 4, Announce(timedelta())),
        (free(), 6, 1, Drop("duplicate")),
        (free(), 6, 2, Announce(timedelta())),
        (free(not_before=SOON), 6, 2, Announce(timedelta(seconds=40))),
        (free(claim=ALIVE), 6, 2, Announce(timedelta())),
        (free(), 7, 1, Proceed(taken_over=False)),
        (free(), 7, 4, Proceed(taken_over=False)),
        (free(not_before=SOON), 7, 1, ComeBack(timedelta(seconds=40), "too early")),
        (free(not_before=NOW), 7, 1, Proceed(taken_over=False)),
        (free(claim=ALIVE), 7, 1, ComeBack(timedelta(seconds=40), "claimed")),
        (free(claim=ALIVE), 7, 9, ComeBack(timedelta(seconds=40), "claimed")),
        (free(claim=DEAD), 7, 1, Proceed(taken_over=True)),
        (free(claim=DEAD, not_before=SOON), 7, 1, ComeBack(timedelta(seconds=40), "too early")),
        (free(), 8, 1, Stranger()),
        (free(), 800, 3, Stranger()),
    ],
    ids=[
        "two behind, first delivery",
        "two behind, delivered again: its worker went on without a message, and died",
        "many behind, delivered again",
        "one behind, first delivery",
        "one behind, delivered again: announce",
        "one behind, delivered again, before its time",
        "one behind, delivered again, while somebody acts",
        "current and free",
        "current, free, delivered again",
        "current, too early",
        "current, at its very time",
        "current, claimed",
        "current, claimed, delivered often",
        "current, the claim ran out",
        "current, the claim ran out, too early",
        "one ahead",
        "far ahead",
    ],
)
def test_which_message_may_act(entry: Entry, step: int, count: int, verdict: Verdict) -> None:
    assert judge(entry, step=step, delivery_count=count, now=NOW) == verdict


@pytest.mark.parametrize("step", [0, 6, 7], ids=["long behind", "one behind", "current"])
def test_every_message_for_what_is_done_ends_quietly(step: int) -> None:
    done = an_entry(Phase.ATTACHED, reported=Phase.ATTACHED, claim=ALIVE, not_before=SOON)
    assert judge(done, step=step, delivery_count=3, now=NOW) == Drop("done")


def test_a_message_ahead_of_what_is_done_is_still_a_stranger() -> None:
    done = an_entry(Phase.ATTACHED, reported=Phase.ATTACHED)
    assert judge(done, step=8, delivery_count=1, now=NOW) == Stranger()


def test_an_ended_entry_that_is_not_done_goes_on() -> None:
    assert judge(an_entry(Phase.FAILED, claim=None), step=7, delivery_count=1, now=NOW) == Proceed(taken_over=False)


@pytest.mark.parametrize(
    ("when", "delay"),
    [
        (None, 0.0),
        (NOW - timedelta(days=1), 0.0),
        (NOW, 0.0),
        (NOW + timedelta(milliseconds=1), 1.0),
        (NOW + timedelta(seconds=1), 1.0),
        (NOW + timedelta(seconds=90.5), 90.5),
    ],
    ids=["no time", "past", "now", "an instant", "a second", "later"],
)
def test_a_delay_is_nothing_or_at_least_a_second(when: object, delay: float) -> None:
    assert delay_until(when, NOW) == timedelta(seconds=delay)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "proposed"),
    [
        (free(offset=100), ProposedRange(ByteRange(100, 200), 250)),
        (free(offset=200, sessions_opened=2), None),
        (an_entry(Phase.RESOLVING), None),
        (an_entry(Phase.FAILED), None),
    ],
    ids=["sends", "searches first", "resolves", "reports"],
)
def test_a_message_proposes_the_current_step_and_the_bytes_that_it_sends(
    entry: Entry, proposed: ProposedRange | None
) -> None:
    message = proposal(entry, now=NOW, limits=LIMITS)
    assert message == RangeMessage(entry.upload_id, entry.step, range=proposed)


QUEUES_FOR_SLOT = QueueWait(Phase.RESOLVING, NOW, for_slot=True)
REPORTED = {"reported": Phase.FAILED, "session": SESSION}


@pytest.mark.parametrize(
    ("entry", "unwanted"),
    [
        (an_entry(Phase.ATTACHED), True),
        (an_entry(Phase.WITHDRAWN), True),
        (an_entry(Phase.WAITING), True),
        (an_entry(Phase.QUEUED, queue_wait=QUEUES_FOR_SLOT), True),
        (an_entry(Phase.QUEUED), False),
        (an_entry(Phase.SENDING), False),
    ],
    ids=["attached", "withdrawn", "waits for a person", "queues for the slot", "queues for the mailbox", "sends"],
)
def test_a_lease_is_unwanted_once_the_upload_has_ended_or_waits_for_something_else(
    entry: Entry, unwanted: bool
) -> None:
    assert wants_no_turn(entry) is unwanted


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (an_entry(Phase.RESOLVING), True),
        (an_entry(Phase.RESOLVING, not_before=SOON), False),
        (an_entry(Phase.SENDING), False),
        (an_entry(Phase.SENDING, lease="M"), False),
        (an_entry(Phase.WAITING, lease="M", not_before=SOON), True),
        (an_entry(Phase.WAITING), False),
        (an_entry(Phase.QUEUED, queue_wait=QUEUES_FOR_SLOT, lease="M"), True),
        (an_entry(Phase.QUEUED, queue_wait=QUEUES_FOR_SLOT, slot="S"), False),
        (an_entry(Phase.QUEUED, lease="M"), False),
        (an_entry(Phase.FAILED), True),
        (an_entry(Phase.FAILED, session=SESSION), True),
        (an_entry(Phase.FAILED, not_before=SOON), False),
        (an_entry(Phase.FAILED, **REPORTED), False),
        (an_entry(Phase.FAILED, **REPORTED, slot="S"), True),
        (an_entry(Phase.FAILED, **REPORTED, lease="M"), True),
        (an_entry(Phase.FAILED, reported=Phase.FAILED), False),
        (an_entry(Phase.ATTACHED, reported=Phase.ATTACHED, attachment_id="A", delete_source=True), True),
    ],
    ids=[
        "in a phase that is gone through",
        "in a phase that is gone through, but later",
        "in another phase",
        "in another phase, with a lease",
        "waits for a person, with a lease",
        "waits for a person, without one",
        "queues for the slot, with a lease",
        "queues for the slot, without one",
        "queues for the mailbox",
        "ended, not reported",
        "ended, not reported, with a session to cancel",
        "ended, not reported, the last try failed",
        "reported, with a session to cancel",
        "reported, with a session to cancel, and holds the slot",
        "reported, with a session to cancel, and holds a lease",
        "done",
        "reported, with a source to delete",
    ],
)
def test_a_worker_goes_on_by_itself_where_others_wait_for_it_and_where_it_asks_nothing_of_graph(
    entry: Entry, expected: bool
) -> None:
    assert goes_on(entry, through=frozenset({Phase.RESOLVING})) is expected
