"""The cycle: load, claim, decide, do one outside thing, record, schedule. The only place where effects are ordered.

Between any two of those words the process may die:

    after claim      the claim runs out, the message comes back, another worker takes over
    after the effect the same; the taker asks the server first, since the effect may have happened
    after record     the message comes back one step behind, and announces the present step
    after schedule   the message comes back one step behind; the doubled announcement finds the step taken
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.app.effects import Effects, Performed
from shared.app.intake import Intake
from shared.core import delivery, upload
from shared.core import observations as seen
from shared.core.backoff import delay_before
from shared.core.entry import Claim, Phase, claimed
from shared.core.messages import RangeMessage, decode
from shared.core.upload import Limits
from shared.errors import Conflict, MessageError, StorageUnavailable, StrangerError
from shared.ports import Ports, Stored
from shared.telemetry.records import describe_outcome, describe_step

# Phases that the blob trigger runs through itself, to save a file its first hops. A death in between is healed by
# the trigger's own redelivery, which announces whatever step the entry is at.
_INLINE = frozenset({Phase.RESOLVING, Phase.OPENING})


@dataclass(frozen=True, slots=True)
class Runner:
    """One per process; safe to share between threads, since it keeps nothing."""

    ports: Ports
    intake: Intake
    effects: Effects
    limits: Limits

    def on_blob(self, blob_name: str) -> None:
        """A blob event: enter the blob as it is now, and take its first steps at once."""
        blob = self.ports.blobs.describe(blob_name)
        if blob is None:
            self.ports.telemetry.record("no_such_blob")
            return
        with self.ports.telemetry.upload(blob.version.upload_id()):
            asked = self.ports.monotonic()
            stored, is_new = self.intake.enter(blob, owner=self.ports.new_id())
            if not is_new:
                self.ports.telemetry.record(
                    "known_already", upload_id=stored.entry.upload_id, step=stored.entry.step, phase=stored.entry.phase
                )
            if not is_new or stored.entry.claim is None:
                self.intake.announce(stored)
                return
            self._run(stored, asked, inline=True)

    def on_message(self, body: bytes, delivery_count: int) -> None:
        """One delivery of a range message, for the *delivery_count*-th time.

        Raises MessageError and StrangerError for messages that are not ours, StorageUnavailable when storage is
        away: the queue delivers again, and in the end the poison queue holds what could not be.
        """
        message = decode(body)
        with self.ports.telemetry.upload(message.upload_id, message.traceparent):
            self._deliver(message, delivery_count)

    def _deliver(self, message: RangeMessage, delivery_count: int) -> None:
        stored = self._load(message)
        match delivery.judge(stored.entry, step=message.step, delivery_count=delivery_count, now=stored.date):
            case delivery.Proceed(taken_over):
                self._claim_and_run(stored, taken_over=taken_over)
            case delivery.Announce(delay):
                self.ports.queue.send(replace(message, step=stored.entry.step), delay)
            case delivery.ComeBack(delay, why):
                self.ports.telemetry.record("comes_back", upload_id=message.upload_id, step=message.step, why=why)
                self.ports.queue.send(message, delay)
            case delivery.Drop(why):
                self.ports.telemetry.record("dropped", upload_id=message.upload_id, step=message.step, why=why)
            case delivery.Stranger():
                raise StrangerError(f"a message ahead of upload {message.upload_id}: step {message.step}")

    def on_poison(self, body: bytes) -> None:
        """A message that failed too often.

        It proposes like any other, but where it may act the entry is parked: the sweep tries again, and only the
        entry's age ends it.
        """
        try:
            message = decode(body)
        except MessageError as error:
            self.ports.telemetry.record("poison", result="refused", error=type(error).__name__)
            return
        with self.ports.telemetry.upload(message.upload_id, message.traceparent):
            result = self._bury(message)
            self.ports.telemetry.record("poison", upload_id=message.upload_id, step=message.step, result=result)

    def _bury(self, message: RangeMessage) -> str:
        try:
            stored = self._load(message)
        except StrangerError:
            return "refused"
        # Delivered often enough to be poison: certainly more than once.
        match delivery.judge(stored.entry, step=message.step, delivery_count=2, now=stored.date):
            case delivery.Proceed():
                return "parked" if self._park(stored) else "ignored"
            case delivery.Announce(delay):
                self.ports.queue.send(replace(message, step=stored.entry.step), delay)
                return "announced"
            case delivery.ComeBack(delay, _):
                self.ports.queue.send(message, delay)
                return "delayed"
            case delivery.Drop() | delivery.Stranger():
                return "ignored"

    def _load(self, message: RangeMessage) -> Stored:
        stored = self.ports.ledger.get(message.upload_id)
        if stored is None:
            raise StrangerError(f"a message for upload {message.upload_id}, which the ledger does not know")
        return stored

    def _park(self, stored: Stored) -> bool:
        entry = stored.entry
        wait = delay_before(entry.parked + 5, jitter=self.ports.jitter())
        # A claim that ran out stays: it says that somebody may have sent what nobody recorded.
        parked = replace(entry, parked=entry.parked + 1, not_before=stored.date + wait)
        try:
            self.ports.ledger.replace(stored, parked)
        except Conflict:
            return False  # it moves after all
        self.ports.telemetry.record(
            "parked",
            upload_id=entry.upload_id,
            step=entry.step,
            phase=entry.phase,
            parked=parked.parked,
            wait=wait.total_seconds(),
        )
        return True

    # -- the cycle, from the claim on --

    def _claim_and_run(self, stored: Stored, *, taken_over: bool) -> None:
        until = stored.date + self.limits.claim
        wanted = claimed(stored.entry, owner=self.ports.new_id(), until=until, now=stored.date, taken_over=taken_over)
        asked = self.ports.monotonic()
        try:
            stored = self.ports.ledger.replace(stored, wanted)
        except Conflict:
            # Another delivery claimed it first, or moved it on. If it claimed and dies, this message must still
            # be there: propose again.
            self.ports.queue.send(RangeMessage(wanted.upload_id, wanted.step), self.limits.claim)
            return
        self._run(stored, asked, inline=False)

    def _run(self, stored: Stored, asked: float, *, inline: bool) -> None:
        """Act for a claimed entry, then schedule; *inline* goes on through the first phases without a message.

        *asked* is when the claim was written, by our own count: before the request, since its answer may be slow.
        """
        clock = _Clock(stored.date, self.ports.monotonic, asked)
        going: Stored | None = stored
        since = asked
        while going is not None and going.entry.claim is not None:
            stored, going = going, self._act(going, going.entry.claim, clock, since=since, inline=inline)
            since = self.ports.monotonic()
        if going is None:
            return
        entry = going.entry
        if entry.is_done:
            # After the record: were it first, a death in between would leave an entry that no sweep sees.
            self.ports.ledger.clear_live(entry.upload_id)
            return
        self.ports.queue.send(RangeMessage(entry.upload_id, entry.step), delivery.until(entry.not_before, going.date))

    def _act(self, stored: Stored, claim: Claim, clock: "_Clock", *, since: float, inline: bool) -> Stored | None:
        """Decide, do it, record it. None where the claim was lost meanwhile: whoever has it now goes on."""
        entry = stored.entry
        action = upload.decide(entry, now=clock.now(), limits=self.limits)
        performed: Performed | None = None
        if isinstance(action, upload.End):
            after = upload.ended(entry, action)
        else:
            performed = self.effects.perform(entry, action, lambda: clock.left_until(claim.until))
            after = upload.absorb(
                entry, performed.observation, now=clock.now(), limits=self.limits, jitter=self.ports.jitter()
            )
        if inline and after.phase in _INLINE and after.not_before is None:
            now = clock.now()
            after = claimed(after, owner=claim.owner, until=now + self.limits.claim, now=now, taken_over=False)
        try:
            recorded = self.ports.ledger.replace(stored, after)
        except (Conflict, StorageUnavailable) as error:
            if performed is not None and isinstance(performed.observation, seen.SessionOpened):
                # Only this worker knows it. Where the record was written after all, the session is found gone, and
                # another one is opened.
                self.effects.cancel_orphan(entry, performed.observation.url)
            if isinstance(error, StorageUnavailable):
                raise
            self.ports.telemetry.record("claim_lost", upload_id=entry.upload_id, step=entry.step)
            return None
        self._record(stored, recorded, action, performed, duration=self.ports.monotonic() - since)
        return recorded

    def _record(
        self, before: Stored, after: Stored, action: upload.Action, performed: Performed | None, *, duration: float
    ) -> None:
        observation, exchange = (performed.observation, performed.exchange) if performed is not None else (None, None)
        step = describe_step(
            before.entry,
            after.entry,
            action,
            observation,
            exchange,
            duration=duration,
            wait=delivery.until(after.entry.not_before, after.date),
        )
        self.ports.telemetry.record("step", **step)
        if after.entry.phase.is_terminal and not before.entry.phase.is_terminal:
            elapsed = after.date - after.entry.created_at
            self.ports.telemetry.record("outcome", **describe_outcome(after.entry, elapsed=elapsed))


@dataclass(frozen=True, slots=True)
class _Clock:
    """The storage service's time: its Date in an answer, and the seconds by our own count since we asked for that.

    No two machines' clocks are ever compared: claims are written and judged by this one. It is never more than the
    second behind that a Date, cut to whole seconds, may be: counted from a slow answer on, a claim would seem to
    hold when others see it run out.
    """

    date: datetime
    monotonic: Callable[[], float]
    asked: float

    def now(self) -> datetime:
        return self.date + timedelta(seconds=self.monotonic() - self.asked)

    def left_until(self, when: datetime) -> timedelta:
        """At least so much is left."""
        return when - self.now() - upload.SECOND
