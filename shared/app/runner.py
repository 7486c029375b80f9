"""The cycle: load, claim, decide, perform, store, schedule. The only place where the order of effects is decided.

A step of an upload is one run through these six words. Between any two of them the process may die, and then:

    after claim      the claim runs out, the message comes back, another worker takes over
    after perform    the same; since the effect may have happened, that worker first asks Graph what it has
    after store      the message comes back one step behind, and the current step is announced
    after schedule   the same; of the two messages for the current step, the second to arrive finds the step taken

So the order must stay as it is. To schedule before the entry is stored would send a message that is ahead of the
ledger; to perform before the claim would let two workers send to one session at once.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.app.effects.perform import Effects, Performed
from shared.app.intake import Intake
from shared.app.pacing import Pacing
from shared.app.sign_in_line import SignInLine
from shared.core import actions as do
from shared.core import delivery
from shared.core import observations as seen
from shared.core.absorb.absorb import absorb
from shared.core.backoff import delay_before
from shared.core.decide import decide, range_to_send
from shared.core.endings import ended
from shared.core.entry import Claim, Entry, Phase, Reason, claimed
from shared.core.limits import SECOND, Limits
from shared.core.messages import RangeMessage, decode
from shared.errors import BlobKeyWithheld, Conflict, MessageError, StorageUnavailable, StrangerError
from shared.ports import Ports, Stored
from shared.telemetry.records import describe_other_range, describe_outcome, describe_step

# Phases that one run goes on through without a message between them, to save time: the run of the blob trigger, and
# that of an upload whose turn has come. If it dies in between, the redelivery announces whatever step the entry is at.
_FIRST = frozenset({Phase.RESOLVING, Phase.OPENING})
_NONE: frozenset[Phase] = frozenset()
# A poison message was delivered five times before: the back-off begins with the wait that follows five tries.
_BACK_OFF_OF_PARKED = 5


@dataclass(frozen=True, slots=True)
class Runner:
    """One per process; threads may share it, since it has no state.

    `open_upload`, `send_range` and `park_range` have the names of the functions whose triggers call them.
    """

    ports: Ports
    intake: Intake
    effects: Effects
    pacing: Pacing
    sign_in_line: SignInLine
    limits: Limits

    def open_upload(self, blob_name: str) -> None:
        """A blob event: enter the blob as it is now, and take its first steps at once."""
        try:
            blob = self.ports.blobs.describe(blob_name)
        except BlobKeyWithheld:
            # A later delivery could do no better. If this raised, the event would come back every half minute for a
            # week.
            self.intake.turn_away(Reason.KEY_WITHHELD)
            return
        if blob is None:
            self.ports.telemetry.record("no_such_blob")
            return
        with self.ports.telemetry.upload(blob.version.upload_id()):
            # The claim's time counts from before the request that writes it, not from its answer: see `_Clock`.
            asked = self.ports.monotonic()
            stored, is_new = self.intake.enter(blob, owner=self.ports.new_id())
            if not is_new:
                self.ports.telemetry.record(
                    "known_already", upload_id=stored.entry.upload_id, step=stored.entry.step, phase=stored.entry.phase
                )
            if not is_new or stored.entry.claim is None:
                # A blob event has no delivery count, so this may be a redelivery: the worker before may have died after
                # it stored the entry and before it sent the message.
                self.intake.announce(stored)
                return
            self._run(stored, asked)

    def send_range(self, body: bytes, delivery_count: int) -> None:
        """Act on one delivery of a range message, its *delivery_count*-th.

        Raises StrangerError for a message that does not fit the ledger, and StorageUnavailable: the queue delivers the
        message again, and in the end puts it into the poison queue. A message that cannot be read is recorded and
        dropped: no further delivery would make it readable.
        """
        try:
            message = decode(body)
        except MessageError as error:
            self.ports.telemetry.record("foreign", why=str(error))
            return
        with self.ports.telemetry.upload(message.upload_id, message.traceparent):
            self._deliver(message, delivery_count)

    def _deliver(self, message: RangeMessage, delivery_count: int) -> None:
        stored = self._load(message)
        self._give_unwanted_turn_back(stored.entry, message)
        match delivery.judge(stored.entry, step=message.step, delivery_count=delivery_count, now=stored.date):
            case delivery.Proceed(taken_over):
                self._note_other_range(stored, message)
                self._claim_and_run(stored, message, taken_over=taken_over)
            case delivery.Announce(delay):
                self._announce(stored, delay)
                self._keep_unwanted_turn(stored.entry, message)
            case delivery.ComeBack(delay, why):
                # The same message and not a new one, so that it keeps its range and its trace.
                self.ports.telemetry.record("comes_back", upload_id=message.upload_id, step=message.step, why=why)
                self.ports.queue.send(message, delay)
            case delivery.Drop(why):
                self.ports.telemetry.record("dropped", upload_id=message.upload_id, step=message.step, why=why)
                self._keep_unwanted_turn(stored.entry, message)
            case delivery.Stranger():
                raise StrangerError(f"a message ahead of upload {message.upload_id}: step {message.step}")

    def park_range(self, body: bytes) -> None:
        """Act on a poison message.

        It is judged like any other. But where it could take a step, the entry is parked: the sweep announces it later,
        and only its age ends it.
        """
        try:
            message = decode(body)
        except MessageError as error:
            self.ports.telemetry.record("poison", result="foreign", error=type(error).__name__)
            return
        with self.ports.telemetry.upload(message.upload_id, message.traceparent):
            result = self._deliver_poison(message)
            self.ports.telemetry.record("poison", upload_id=message.upload_id, step=message.step, result=result)

    def _deliver_poison(self, message: RangeMessage) -> str:
        """Returns what was done about it, for the record."""
        try:
            stored = self._load(message)
        except StrangerError:
            return "stranger"
        self._give_unwanted_turn_back(stored.entry, message)
        # A poison message was delivered more than once, so its worker may have died.
        match delivery.judge(stored.entry, step=message.step, delivery_count=2, now=stored.date):
            case delivery.Proceed():
                return "parked" if self._park(stored) else "ignored"
            case delivery.Announce(delay):
                self._announce(stored, delay)
                self._keep_unwanted_turn(stored.entry, message)
                return "announced"
            case delivery.ComeBack(delay, _):
                self.ports.queue.send(message, delay)
                return "delayed"
            case delivery.Drop() | delivery.Stranger():
                self._keep_unwanted_turn(stored.entry, message)
                return "ignored"

    def _park(self, stored: Stored) -> bool:
        """Leave the entry without a message until the sweep announces it; False where it has moved on meanwhile."""
        entry = stored.entry
        wait = delay_before(entry.times_parked + _BACK_OFF_OF_PARKED, jitter=self.ports.jitter())
        # Never earlier than Graph asked: a message may be delivered before that, to say in the tags that the upload
        # waits, and such a message may become poison too.
        until = max(stored.date + wait, entry.not_before or stored.date)
        # A claim that ran out stays in the entry: it says that a worker may have sent what it never stored.
        parked = replace(entry, times_parked=entry.times_parked + 1, not_before=until, tell_at=None)
        try:
            self.ports.ledger.replace(stored, parked)
        except Conflict:
            return False
        self.ports.telemetry.record(
            "parked",
            upload_id=entry.upload_id,
            step=entry.step,
            phase=entry.phase,
            parked=parked.times_parked,
            wait=(until - stored.date).total_seconds(),
        )
        return True

    def _load(self, message: RangeMessage) -> Stored:
        stored = self.ports.ledger.get(message.upload_id)
        if stored is None:
            raise StrangerError(f"a message for upload {message.upload_id}, which the ledger does not know")
        return stored

    def _give_unwanted_turn_back(self, entry: Entry, message: RangeMessage) -> None:
        """Give back the lease of an upload that had left its line when *message* woke it: no other worker would."""
        if message.mailbox and delivery.wants_no_turn(entry) and not entry.lease:
            self.pacing.leave(message.mailbox, entry)

    def _keep_unwanted_turn(self, entry: Entry, message: RangeMessage) -> None:
        """Send *message* again where the upload is about to give its lease back.

        The worker that does so may have read the pace before this message's lease was given, and found none. So the
        message, which would otherwise be over, comes back when that worker is done, and the lease is given back then.
        """
        if message.mailbox and delivery.wants_no_turn(entry) and entry.lease:
            self.ports.queue.send(message, self.limits.claim)

    def _announce(self, stored: Stored, delay: timedelta) -> None:
        self.ports.queue.send(delivery.proposal(stored.entry, now=stored.date, limits=self.limits), delay)

    def _note_other_range(self, stored: Stored, message: RangeMessage) -> None:
        """Record where the message proposes another range than the ledger, whose range is the one that is sent.

        The two differ where, for example, a session has expired meanwhile.
        """
        part = range_to_send(stored.entry, now=stored.date, limits=self.limits)
        proposed = message.range.part if message.range is not None else None
        if part != proposed:
            self.ports.telemetry.record("other_range", **describe_other_range(stored.entry, part, proposed))

    # -- the cycle, from the claim on --

    def _claim_and_run(self, stored: Stored, message: RangeMessage, *, taken_over: bool) -> None:
        # What follows from the claim (a take-over, a wait that has ended, one more session) is written together with
        # it: if this worker dies after the write, the next one knows all of it.
        until = stored.date + self.limits.claim
        wanted = claimed(stored.entry, owner=self.ports.new_id(), until=until, now=stored.date, taken_over=taken_over)
        asked = self.ports.monotonic()
        try:
            stored = self.ports.ledger.replace(stored, wanted)
        except Conflict:
            # Another delivery has claimed the entry, or taken its step. If that worker dies, this message may be the
            # only one left: it must come back.
            self.ports.queue.send(message, self.limits.claim)
            return
        self._run(stored, asked)

    def _run(self, stored: Stored, asked: float) -> None:
        """Act for a claimed entry, then schedule. Some steps follow each other without a message between them.

        *asked* is when this process sent the request that wrote the claim, by its own monotonic clock.
        """
        clock = _Clock(stored.date, self.ports.monotonic, asked)
        going: Stored | None = stored
        since = asked
        through = _FIRST if stored.entry.phase is Phase.QUEUED else _NONE
        # An entry that is still claimed after a step takes the next one here. After any other step the claim was given
        # back, and the loop ends.
        while going is not None and going.entry.claim is not None:
            stored, going = going, self._act(going, going.entry.claim, clock, since=since, through=through)
            since = self.ports.monotonic()
        if going is None:
            return
        entry = going.entry
        if entry.is_done:
            if entry.waited:
                # It may have ended while it waited for a sign-in: then nothing else takes its ticket out of the line.
                self.sign_in_line.leave(entry)
            # After the entry is stored: in the other order, a death in between would leave an entry that no sweep
            # finds.
            self.ports.ledger.clear_live(entry.upload_id)
        elif entry.is_in_line:
            # A ticket in place of a message. It is written after the entry is stored, since a worker that gives a lease
            # back relies on the ticket alone.
            self.pacing.stand_in_line(entry)
        elif entry.is_in_sign_in_line:
            # No message either: thousands of uploads of a person who never signs in would be tried again for weeks.
            self.sign_in_line.enter(entry)
        else:
            self._announce(going, delivery.delay_until(entry.due_at, going.date))

    def _act(
        self, stored: Stored, claim: Claim, clock: "_Clock", *, since: float, through: frozenset[Phase]
    ) -> Stored | None:
        """Decide, perform, store. None where the claim was lost meanwhile, and another worker goes on."""
        entry = stored.entry
        decision = decide(entry, now=clock.now(), limits=self.limits)
        performed: Performed | None = None
        if isinstance(decision, do.End):
            after = ended(entry, decision)
        else:
            # An exception here leaves the claim as it is. The claim runs out, and the worker that takes over first asks
            # Graph what it has.
            try:
                performed = self.effects.perform(entry, decision, lambda: clock.left_until(claim.until))
            except StorageUnavailable:
                self._note_that_it_lives(stored)
                raise
            after = absorb(entry, performed.result, now=clock.now(), limits=self.limits, jitter=self.ports.jitter())
        goes_on = delivery.goes_on(after, through=through)
        if goes_on and performed is not None and _may_be_done_again(performed.result.seen, after):
            # To do this step twice is harmless, so it needs no write of its own: the next step's write stores it too.
            # The count of deaths stays: where storage fails in the next step, `_note_that_it_lives` has to reset it.
            unstored = replace(stored, entry=replace(after, claim=claim, step=entry.step, deaths=entry.deaths))
            self._record(stored, unstored, decision, performed, duration=self.ports.monotonic() - since)
            return unstored
        if goes_on:
            # The claim is renewed by the write that stores the step, instead of being given back and taken again.
            now = clock.now()
            after = claimed(after, owner=claim.owner, until=now + self.limits.claim, now=now, taken_over=False)
        try:
            # Only while the entry is still the one that was claimed: a slow worker that has lost its claim must not
            # overwrite what the next worker stored.
            stored_now = self.ports.ledger.replace(stored, after)
        except (Conflict, StorageUnavailable) as error:
            if performed is not None and isinstance(performed.result.seen, seen.SessionOpened):
                # Only this worker knows the session. If the entry was stored after all, the next worker finds the
                # session gone, and opens another one.
                self.effects.cancel_orphan(entry, performed.result.seen.url)
            if isinstance(error, StorageUnavailable):
                raise
            self.ports.telemetry.record("claim_lost", upload_id=entry.upload_id, step=entry.step)
            return None
        self._record(stored, stored_now, decision, performed, duration=self.ports.monotonic() - since)
        return stored_now

    def _note_that_it_lives(self, stored: Stored) -> None:
        """Reset the count of deaths: storage has failed, and this worker lives.

        Its claim runs out like a dead worker's, and too many deaths end an upload. An outage of storage must not.
        """
        if stored.entry.deaths:
            with suppress(Conflict, StorageUnavailable):
                self.ports.ledger.replace(stored, replace(stored.entry, deaths=0))

    def _record(
        self, before: Stored, after: Stored, decision: do.Decision, performed: Performed | None, *, duration: float
    ) -> None:
        observation, exchange = (performed.result.seen, performed.exchange) if performed is not None else (None, None)
        step = describe_step(
            before.entry,
            after.entry,
            decision,
            observation,
            exchange,
            duration=duration,
            wait=delivery.delay_until(after.entry.not_before, after.date),
        )
        self.ports.telemetry.record("step", **step)
        if after.entry.phase.is_terminal and not before.entry.phase.is_terminal:
            elapsed = after.date - after.entry.created_at
            self.ports.telemetry.record("outcome", **describe_outcome(after.entry, elapsed=elapsed))


def _may_be_done_again(observation: seen.Observation, after: Entry) -> bool:
    """Whether the step may be lost: if this worker dies before it is stored, the next one observes the same.

    That is so because the pace, and not the entry, has what the step changed.
    """
    match observation:
        case seen.Admitted():
            # In other phases the claim also counts a session, which must be stored before the request for it.
            return after.phase is Phase.RESOLVING
        case seen.LeaseReturned():
            return True
        case _:
            return False


@dataclass(frozen=True, slots=True)
class _Clock:
    """The storage service's time: the Date of an answer, and the seconds since we asked, by this process's own clock.

    Claims are written and judged by this time, so the clocks of two machines are never compared. The seconds count from
    the request and not from its answer: after a slow answer the clock would be behind, and a claim would seem to hold
    here after it ran out for others. As it is, the clock is behind by less than a second, because a Date is cut to
    whole seconds.
    """

    date: datetime
    monotonic: Callable[[], float]
    asked: float

    def now(self) -> datetime:
        return self.date + timedelta(seconds=self.monotonic() - self.asked)

    def left_until(self, when: datetime) -> timedelta:
        """The time that is left at least."""
        return when - self.now() - SECOND
