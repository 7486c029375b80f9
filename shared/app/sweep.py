"""The safety net: finds uploads that no message names any more, and starts them again.

It reads the live rows only, so that its cost grows with the uploads in flight, not with history.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from shared.app.intake import Intake
from shared.core.entry import Phase
from shared.ports import LiveMark, Ports, Release, Stored

# A live row is written just before its entry. One that is alone for so long never got it: its blob event will be
# delivered again and write both.
ORPHAN_AGE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: rows read, entries announced, rows cleared."""

    live: int = 0
    announced: int = 0
    cleared: int = 0


def sweep(ports: Ports, intake: Intake, release: Release, *, stalled_after: timedelta) -> Swept:
    """Announce every live entry that is overdue; clear the rows of those that are done; leave a sign of life.

    *stalled_after* must exceed the queue's lease: before that, a message may still be on its way back.
    """
    live = announced = cleared = 0
    in_flight = _InFlight()
    for mark in ports.ledger.live():
        live += 1
        stored = ports.ledger.get(mark.upload_id)
        if _is_over(mark, stored):
            ports.ledger.clear_live(mark.upload_id)
            cleared += 1
        elif stored is not None:
            in_flight.count(stored)
            if _is_overdue(mark, stored, stalled_after):
                intake.announce(stored)
                # Second: were it first, a death in between would leave the upload standing as if it were announced.
                ports.ledger.mark_live(mark.upload_id)
                announced += 1
    ports.telemetry.record(
        "sweep",
        live=live,
        announced=announced,
        cleared=cleared,
        version=release.version,
        package=release.package,
        **in_flight.fields(),
    )
    # Last: it says that this release reads the ledger and queues messages, not only that it was started.
    ports.ledger.beat(release)
    return Swept(live, announced, cleared)


@dataclass(slots=True)
class _InFlight:
    """What the live entries have in common, for the operator."""

    oldest_age: timedelta = timedelta()
    stalled_age: timedelta = timedelta()
    waiting: set[str] = field(default_factory=set)

    def count(self, stored: Stored) -> None:
        entry = stored.entry
        self.oldest_age = max(self.oldest_age, stored.date - entry.created_at)
        if entry.phase is Phase.WAITING:
            self.waiting.add(entry.account)
        elif entry.not_before is None or entry.not_before <= stored.date:
            # Put off is not stalled; it is from then on that a message is due.
            since = max(stored.written_at, entry.not_before or stored.written_at)
            self.stalled_age = max(self.stalled_age, stored.date - since)

    def fields(self) -> dict[str, float]:
        return {
            "oldest_age": self.oldest_age.total_seconds(),
            "stalled_age": self.stalled_age.total_seconds(),
            "accounts_waiting": len(self.waiting),
        }


def _is_over(mark: LiveMark, stored: Stored | None) -> bool:
    if stored is None:
        return mark.date - mark.marked_at > ORPHAN_AGE
    return stored.entry.is_done


def _is_overdue(mark: LiveMark, stored: Stored, stalled_after: timedelta) -> bool:
    entry = stored.entry
    claim_end = entry.claim.until if entry.claim is not None else stored.written_at
    due = max(stored.written_at, entry.due_at or stored.written_at, claim_end)
    # A parked entry has no message left at all: nothing needs to be waited for but its back-off. A claim that ran out
    # without being given back is a dead worker's: where its host died too, nobody releases the message, and the upload
    # would stand still for the rest of the lease. The same step announced twice is harmless.
    is_parked = entry.times_parked > 0 and entry.not_before is not None
    grace = timedelta() if is_parked or entry.claim is not None else stalled_after
    if mark.marked_at >= due:
        # Announced since it was due. While nobody takes the messages they must not pile up with every sweep.
        return stored.date >= mark.marked_at + stalled_after
    return stored.date >= due + grace
