"""The safety net: finds uploads that no message names any more, and starts them again.

It reads the live rows only, so that its cost grows with the uploads in flight, not with history. Where they are too
many for one run it stops in time, remembers where, and the next run goes on from there: so each row has its turn.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from shared.app.intake import Intake
from shared.app.pacing import Pacing
from shared.app.sign_in_line import SignInLine
from shared.core.entry import Phase
from shared.core.limits import Limits
from shared.ports import LiveMark, Ports, Release, Stored

# A live row is written just before its entry. One that is alone for so long never got it: its blob event will be
# delivered again and write both.
ORPHAN_AGE = timedelta(hours=1)
# Of the minute between two sweeps; far below the host's five minutes, after which the run would be cut without a trace.
MOST_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: rows read, entries announced, rows cleared, tickets that were missing; whether it was cut."""

    live: int = 0
    announced: int = 0
    cleared: int = 0
    requeued: int = 0
    was_cut: bool = False


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


def sweep(
    ports: Ports,
    intake: Intake,
    pacing: Pacing,
    sign_in_line: SignInLine,
    release: Release,
    *,
    stalled_after: timedelta,
) -> Swept:
    """Announce every live entry that is overdue; clear the rows of those that are done; leave a sign of life.

    *stalled_after* must exceed the queue's lease: before that, a message may still be on its way back.
    """
    return _Sweep(ports, intake, pacing, sign_in_line, stalled_after, began=ports.monotonic()).run(release)


@dataclass
class _Line:
    """Entries that stand in one line. *before*: the last row that was read before the first of them."""

    before: str
    waiting: list[tuple[LiveMark, Stored]] = field(default_factory=list)


@dataclass
class _Sweep:
    """One run."""

    ports: Ports
    intake: Intake
    pacing: Pacing
    sign_in_line: SignInLine
    stalled_after: timedelta
    began: float
    live: int = 0
    announced: int = 0
    cleared: int = 0
    requeued: int = 0
    in_flight: _InFlight = field(default_factory=_InFlight)
    lines: dict[str, _Line] = field(default_factory=dict)
    sign_in_lines: dict[str, _Line] = field(default_factory=dict)

    def run(self, release: Release) -> Swept:
        ledger = self.ports.ledger
        stopped_at = self._read_rows(ledger.swept_up_to())
        # Lines after rows: only then it is known what stands in them. One that there is no time for is read again.
        left = [stopped_at] if stopped_at else []
        for heal, lines in ((self._heal, self.lines), (self._heal_sign_in, self.sign_in_lines)):
            for key, line in lines.items():
                if self._time_is_over(MOST_SECONDS):
                    left.append(line.before)
                else:
                    heal(key, line.waiting)
        stopped_at = min(left, default="")
        swept = Swept(self.live, self.announced, self.cleared, self.requeued, was_cut=bool(left))
        self.ports.telemetry.record(
            "sweep",
            live=swept.live,
            announced=swept.announced,
            cleared=swept.cleared,
            requeued=swept.requeued,
            was_cut=swept.was_cut,
            version=release.version,
            package=release.package,
            **self.in_flight.fields(),
        )
        # Last: it says that this release reads the ledger and queues messages, not only that it was started.
        ledger.beat(release, stopped_at)
        return swept

    def _read_rows(self, after: str) -> str:
        """Look at each live row beyond *after*; the id where the time was over, or nothing."""
        last = after
        for mark in self.ports.ledger.live(after):
            if self._time_is_over(MOST_SECONDS / 2):
                return last
            self._look_at(mark, before=last)
            last = mark.upload_id
        return ""

    def _look_at(self, mark: LiveMark, *, before: str) -> None:
        self.live += 1
        stored = self.ports.ledger.get(mark.upload_id)
        if _is_over(mark, stored):
            self.ports.ledger.clear_live(mark.upload_id)
            self.cleared += 1
            return
        if stored is None:
            return
        self.in_flight.count(stored)
        if stored.entry.is_in_line and not _is_too_long_in_line(stored, self.intake.limits):
            # Announced, all who queue would ask for their turn at once, every few minutes.
            self.lines.setdefault(stored.entry.line, _Line(before)).waiting.append((mark, stored))
        elif stored.entry.is_in_sign_in_line and not _has_waited_too_long(stored, self.intake.limits):
            # Announced, all who wait for people who never come would be tried again, for weeks.
            key = self.sign_in_line.key(stored.entry.account)
            self.sign_in_lines.setdefault(key, _Line(before)).waiting.append((mark, stored))
        elif _is_overdue(mark, stored, self.stalled_after):
            self._announce(mark, stored)

    def _announce(self, mark: LiveMark, stored: Stored) -> None:
        self.intake.announce(stored)
        # Second: were it first, a death in between would leave the upload standing as if it were announced.
        self.ports.ledger.mark_live(mark.upload_id)
        self.announced += 1

    def _heal_sign_in(self, line: str, waiting: list[tuple[LiveMark, Stored]]) -> None:
        """Give a ticket to each of *waiting* that has none, and let one of them try whether there is a token now."""
        tickets = self.pacing.uploads_in(line)
        for _, stored in waiting:
            if stored.entry.upload_id not in tickets and self._stands_still(stored):
                self.sign_in_line.enter(stored.entry)
                self.requeued += 1
        in_order = sorted(waiting, key=lambda each: each[1].entry.created_at)
        for mark, stored in in_order:
            if _is_overdue(mark, stored, self.stalled_after):
                self._announce(mark, stored)
                return

    def _heal(self, line: str, waiting: list[tuple[LiveMark, Stored]]) -> None:
        """Give a ticket to each of *waiting* that has none, and let the first of the line go if they can."""
        tickets = self.pacing.uploads_in(line)
        leases = self.pacing.leases_of(line)
        for _, stored in waiting:
            upload_id = stored.entry.upload_id
            if upload_id in tickets:
                continue
            if upload_id not in leases:
                self._queue_again(stored)
            elif stored.date >= max(leases[upload_id], stored.written_at) + self.stalled_after:
                # Its turn had come, and nothing came of the message.
                self.intake.announce(stored)
                self.announced += 1
        self.pacing.look_at(line, is_slot=waiting[0][1].entry.waits_for_slot)

    def _queue_again(self, stored: Stored) -> None:
        """Its worker died before it could queue, or its lease ran out: if it did not simply go on since it was read."""
        if self._stands_still(stored):
            self.pacing.stand_in_line(stored.entry)
            self.requeued += 1

    def _stands_still(self, stored: Stored) -> bool:
        """Nobody has written the entry since it was read."""
        now = self.ports.ledger.get(stored.entry.upload_id)
        return now is not None and now.version == stored.version

    def _time_is_over(self, most_seconds: float) -> bool:
        return self.ports.monotonic() - self.began >= most_seconds


def _is_too_long_in_line(stored: Stored, limits: Limits) -> bool:
    """Its bound is only noticed by a step."""
    return stored.entry.time_queued(stored.date) > limits.queue_wait


def _has_waited_too_long(stored: Stored, limits: Limits) -> bool:
    """Its bound is only noticed by a step, too: then it is announced, and no longer left in the line."""
    return stored.entry.time_waited(stored.date) > limits.sign_in_wait


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
    # Who waits for a person has no message either.
    has_none = is_parked or entry.claim is not None or entry.is_in_sign_in_line
    grace = timedelta() if has_none else stalled_after
    if mark.marked_at >= due:
        # Announced since it was due. While nobody takes the messages they must not pile up with every sweep.
        return stored.date >= mark.marked_at + stalled_after
    return stored.date >= due + grace
