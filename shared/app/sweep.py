"""The safety net: finds uploads that no message names any more, and starts them again.

It reads the live rows only, so that its cost grows with the uploads in flight, not with history.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

from shared.app.intake import Intake
from shared.app.pacing import Pacing
from shared.core.entry import Phase
from shared.core.limits import Limits
from shared.ports import LiveMark, Ports, Release, Stored

# A live row is written just before its entry. One that is alone for so long never got it: its blob event will be
# delivered again and write both.
ORPHAN_AGE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: rows read, entries announced, rows cleared, tickets that were missing."""

    live: int = 0
    announced: int = 0
    cleared: int = 0
    requeued: int = 0


def sweep(ports: Ports, intake: Intake, pacing: Pacing, release: Release, *, stalled_after: timedelta) -> Swept:
    """Announce every live entry that is overdue; clear the rows of those that are done; leave a sign of life.

    *stalled_after* must exceed the queue's lease: before that, a message may still be on its way back.
    """
    live = announced = cleared = 0
    in_flight = _InFlight()
    lines: defaultdict[str, list[Stored]] = defaultdict(list)
    for mark in ports.ledger.live():
        live += 1
        stored = ports.ledger.get(mark.upload_id)
        if _is_over(mark, stored):
            ports.ledger.clear_live(mark.upload_id)
            cleared += 1
        elif stored is not None:
            in_flight.count(stored)
            if not stored.entry.is_in_line or _is_too_long_in_line(stored, intake.limits):
                due = _is_overdue(mark, stored, stalled_after)
            else:
                # Announced, all who queue would ask for their turn at once, every few minutes.
                lines[stored.entry.line].append(stored)
                due = False
            if due:
                intake.announce(stored)
                # Second: were it first, a death in between would leave the upload standing as if it were announced.
                ports.ledger.mark_live(mark.upload_id)
                announced += 1
    healed = [_heal(line, waiting, intake, pacing, stalled_after) for line, waiting in lines.items()]
    announced += sum(each.announced for each in healed)
    requeued = sum(each.requeued for each in healed)
    ports.telemetry.record(
        "sweep",
        live=live,
        announced=announced,
        cleared=cleared,
        requeued=requeued,
        version=release.version,
        package=release.package,
        **in_flight.fields(),
    )
    # Last: it says that this release reads the ledger and queues messages, not only that it was started.
    ports.ledger.beat(release)
    return Swept(live, announced, cleared, requeued)


def _is_too_long_in_line(stored: Stored, limits: Limits) -> bool:
    """Its bound is only noticed by a step."""
    return stored.entry.time_queued(stored.date) > limits.queue_wait


def _heal(line: str, waiting: list[Stored], intake: Intake, pacing: Pacing, stalled_after: timedelta) -> Swept:
    """Give a ticket to each of *waiting* that has none, and let the first of the line go if they can."""
    announced = requeued = 0
    tickets = pacing.uploads_in(line)
    leases = pacing.leases_of(line)
    for stored in waiting:
        upload_id = stored.entry.upload_id
        if upload_id in tickets:
            continue
        if upload_id not in leases:
            # Its worker died before it could queue, or its lease ran out.
            pacing.stand_in_line(stored.entry)
            requeued += 1
        elif stored.date >= max(leases[upload_id], stored.written_at) + stalled_after:
            # Its turn had come, and nothing came of the message.
            intake.announce(stored)
            announced += 1
    pacing.look_at(line, is_slot=waiting[0].entry.waits_for_slot)
    return Swept(announced=announced, requeued=requeued)


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
        elif entry.is_in_line:
            pass  # for as long as the mailbox takes
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
