"""The safety net: finds uploads that no message names any more, and announces them again.

It reads the live rows only, so that its cost grows with the uploads in flight and not with history. Where there are too
many for one run, it stops in time and stores where; the next run goes on from there, so each row has its turn.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from shared.app.intake import Intake
from shared.app.pacing import Pacing
from shared.app.sign_in_line import SignInLine
from shared.core.entry import Phase
from shared.core.limits import Limits
from shared.ports import LiveMark, Ports, Release, Stored

# A live row is written just before its entry. If it has none after so long, its worker died in between; when the blob
# event is delivered again, both are written anew.
ORPHAN_AGE = timedelta(hours=1)
# By default a sweep starts every minute. After five minutes the host would end the run, and nothing would be recorded.
MOST_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did. Counts of live rows read, entries announced, live rows cleared, tickets put back into a line.

    *was_cut*: whether its time ended before it came to the end.
    """

    live: int = 0
    announced: int = 0
    cleared: int = 0
    requeued: int = 0
    was_cut: bool = False


@dataclass(slots=True)
class _InFlight:
    """Figures about all live entries together, for the operator."""

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
            # An entry that is deferred is not stalled: its message is due only then.
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
    """Announce every live entry that is overdue, clear the live rows of those that are done, write the heartbeat.

    *stalled_after* must be longer than the queue's lease: until that ends, the message of a dead worker may still be
    delivered again.
    """
    return _Sweep(ports, intake, pacing, sign_in_line, stalled_after, began=ports.monotonic()).run(release)


@dataclass
class _Line:
    """The entries that wait in one line. *before*: the last live row that was read before the first of them."""

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
        # Lines come after rows, which show who waits in them. The next run reads the rows of a line that is left again.
        left = [stopped_at] if stopped_at else []
        lines = [(self._heal, key, line) for key, line in self.lines.items()]
        lines += [(self._heal_sign_in, key, line) for key, line in self.sign_in_lines.items()]
        # In the order of their rows. Otherwise one line that is always left would let each run begin at the same place.
        for heal, key, line in sorted(lines, key=lambda each: each[2].before):
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
        # The heartbeat comes last: it proves that this release can read the ledger and send messages, not only start.
        ledger.beat(release, stopped_at)
        return swept

    def _read_rows(self, after: str) -> str:
        """Look at each live row beyond *after*. Returns the id of the last one if the time ended, and else nothing."""
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
            # If they were announced, all uploads in the line would ask for their turn at once, every few minutes.
            self.lines.setdefault(stored.entry.line, _Line(before)).waiting.append((mark, stored))
        elif stored.entry.is_in_sign_in_line and not _has_waited_too_long(stored, self.intake.limits):
            # If they were announced, uploads of people who never sign in would be tried again and again, for weeks.
            key = self.sign_in_line.key(stored.entry.account)
            self.sign_in_lines.setdefault(key, _Line(before)).waiting.append((mark, stored))
        elif _is_overdue(mark, stored, self.stalled_after):
            self._announce(mark, stored)

    def _announce(self, mark: LiveMark, stored: Stored) -> None:
        self.intake.announce(stored)
        # Second: in the other order, a death in between would leave an upload that only seems to be announced.
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
        """Give a ticket to each of *waiting* that has none, and wake the first of the line if it is their turn."""
        tickets = self.pacing.uploads_in(line)
        leases = self.pacing.leases_of(line)
        for _, stored in waiting:
            upload_id = stored.entry.upload_id
            if upload_id in tickets:
                continue
            if upload_id not in leases:
                self._queue_again(stored)
            elif stored.date >= max(leases[upload_id], stored.written_at) + self.stalled_after:
                # It was given a lease, and its message has had no effect since.
                self.intake.announce(stored)
                self.announced += 1
        self.pacing.look_at(line, is_slot=waiting[0][1].entry.waits_for_slot)

    def _queue_again(self, stored: Stored) -> None:
        """Its worker died before it wrote the ticket, or its lease ran out; unless it has gone on since it was read."""
        if self._stands_still(stored):
            self.pacing.stand_in_line(stored.entry)
            self.requeued += 1

    def _stands_still(self, stored: Stored) -> bool:
        """Whether no worker has written the entry since it was read."""
        now = self.ports.ledger.get(stored.entry.upload_id)
        return now is not None and now.version == stored.version

    def _time_is_over(self, most_seconds: float) -> bool:
        return self.ports.monotonic() - self.began >= most_seconds


def _is_too_long_in_line(stored: Stored, limits: Limits) -> bool:
    """Whether its time in line is over. Only a step can end it, so it is announced then and not left in the line."""
    return stored.entry.time_queued(stored.date) > limits.queue_wait


def _has_waited_too_long(stored: Stored, limits: Limits) -> bool:
    """The same of its wait for a sign-in."""
    return stored.entry.time_waited(stored.date) > limits.sign_in_wait


def _is_over(mark: LiveMark, stored: Stored | None) -> bool:
    if stored is None:
        return mark.date - mark.marked_at > ORPHAN_AGE
    return stored.entry.is_done


def _is_overdue(mark: LiveMark, stored: Stored, stalled_after: timedelta) -> bool:
    entry = stored.entry
    claim_end = entry.claim.until if entry.claim is not None else stored.written_at
    due = max(stored.written_at, entry.due_at or stored.written_at, claim_end)
    # *stalled_after* is for a message that may still be on its way. No message is on its way
    #   - of a parked entry, which waits for its back-off only;
    #   - of an entry that waits for a sign-in;
    #   - of an entry whose claim ran out without being given back: its worker died. Where the host died with it, the
    #     message stays hidden for the rest of its lease. To announce the same step twice is harmless.
    is_parked = entry.times_parked > 0 and entry.not_before is not None
    has_none = is_parked or entry.claim is not None or entry.is_in_sign_in_line
    grace = timedelta() if has_none else stalled_after
    if mark.marked_at >= due:
        # Announced already since it was due. If no worker takes messages, each sweep must not add another one.
        return stored.date >= mark.marked_at + stalled_after
    return stored.date >= due + grace
