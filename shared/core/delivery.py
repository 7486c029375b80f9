"""Which message may act, and what the next one proposes.

A message proposes a step, the ledger knows the current one. Messages come twice, late, out of order, and after
their sender died; a doubled announcement is harmless, after a missing one only the sweep finds the upload.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.decide import range_to_send
from shared.core.entry import Entry, Phase
from shared.core.limits import Limits
from shared.core.messages import ProposedRange, RangeMessage

# The queue counts delays in whole seconds, and the storage service's Date is cut to whole seconds: less than
# one second is the same as none.
SHORTEST_DELAY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Drop:
    """End quietly: another message carries this upload on, or nothing is left to do."""

    why: str


@dataclass(frozen=True, slots=True)
class Announce:
    """Send a message for the current step: the worker that should have done so may be dead."""

    delay: timedelta


@dataclass(frozen=True, slots=True)
class ComeBack:
    """Send this proposal again, for later."""

    delay: timedelta
    why: str


@dataclass(frozen=True, slots=True)
class Proceed:
    """Claim the entry and act. *taken_over*: from a holder whose claim ran out."""

    taken_over: bool


@dataclass(frozen=True, slots=True)
class Stranger:
    """A message from ahead of the ledger: a bug, or not ours."""


Verdict = Drop | Announce | ComeBack | Proceed | Stranger


def judge(entry: Entry, *, step: int, delivery_count: int, now: datetime) -> Verdict:
    """What a message that proposes *step*, delivered for the *delivery_count*-th time (from 1), may do."""
    behind = entry.step - step
    if behind < 0:
        return Stranger()
    if entry.is_done:
        return Drop("done")
    if behind and delivery_count <= 1:
        return Drop("duplicate")
    if behind:
        # Delivered again: its worker may have died between store and schedule. It may be several steps behind, since a
        # worker takes some steps one after the other, without a message between them.
        return Announce(delay_until(entry.due_at, now))
    if entry.due_at is not None and now < entry.due_at:
        return ComeBack(delay_until(entry.due_at, now), "too early")
    if entry.claim is not None and entry.claim.is_alive(now):
        # Never dropped: the holder may be dead, and then this is the only message left.
        return ComeBack(delay_until(entry.claim.until, now), "claimed")
    return Proceed(taken_over=entry.claim is not None)


def wants_no_turn(entry: Entry) -> bool:
    """Whether the upload can no longer use a lease that it was given: it has ended, or waits for something else."""
    return entry.phase.is_terminal or entry.phase is Phase.WAITING or entry.waits_for_slot


def goes_on(entry: Entry, *, through: frozenset[Phase]) -> bool:
    """Whether the worker takes the next step of the stored *entry* itself, which saves a message.

    It does so in the phases *through*, and always where other uploads wait for a lease or a slot, or a person waits for
    the report. Other steps that ask Graph are left to a message, because a run has only so much time.
    """
    phase = entry.phase
    if entry.lease and (phase is Phase.WAITING or entry.waits_for_slot):
        return True
    if entry.not_before is not None or entry.is_done:
        return False
    if phase.is_terminal:
        return not (entry.is_reported and entry.session is not None) or entry.holds_up_others
    return phase in through


def delay_until(when: datetime | None, now: datetime) -> timedelta:
    """How long to delay a message for *when*: nothing, or at least a second."""
    return max(when - now, SHORTEST_DELAY) if when is not None and when > now else timedelta()


def proposal(entry: Entry, *, now: datetime, limits: Limits) -> RangeMessage:
    """The message for the entry's current step. Its range is only for people: the ledger decides."""
    part = range_to_send(entry, now=now, limits=limits)
    proposed = ProposedRange(part, entry.size) if part is not None else None
    return RangeMessage(entry.upload_id, entry.step, range=proposed)
