"""Which message may act.

The message proposes a step, the ledger knows the present one. Messages come twice, late, out of order, and after
their sender died; a doubled announcement is harmless, a missing one is a lost file.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.entry import Entry

# The queue counts delays in whole seconds, and the storage service's Date is cut to whole seconds: less than
# one second cannot be told from none.
SHORTEST_DELAY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Drop:
    """End quietly: somebody else carries this upload on."""

    why: str


@dataclass(frozen=True, slots=True)
class Announce:
    """Send a message for the present step: the worker that should have done so may be dead."""

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
    if behind >= 2 or (behind == 1 and delivery_count <= 1):
        return Drop("duplicate")
    if behind == 1:
        # Delivered again, one step behind: its worker may have died between record and schedule.
        return Announce(until(entry.not_before, now))
    if entry.not_before is not None and now < entry.not_before:
        return ComeBack(until(entry.not_before, now), "too early")
    if entry.claim is not None and entry.claim.is_alive(now):
        # Never dropped: the holder may be dead, and then this is the only message left.
        return ComeBack(until(entry.claim.until, now), "claimed")
    return Proceed(taken_over=entry.claim is not None)


def until(when: datetime | None, now: datetime) -> timedelta:
    """How long to delay a message for *when*: nothing, or at least a second."""
    return max(when - now, SHORTEST_DELAY) if when is not None and when > now else timedelta()
