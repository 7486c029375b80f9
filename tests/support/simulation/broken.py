"""Variants of the application with one mistake each, which the simulation must be able to find.

Each is a context in which one function of the application is replaced by a wrong one. A docstring says what goes wrong.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from local.stand_ins.todo.behaviour import DOCUMENTED
from local.stand_ins.todo.faults import Answer, Delay, KeepPart, ResetConnection, Rule
from shared.app import catch_up, runner
from shared.app.effects import closing, name, queueing, resolving, searching
from shared.app.effects.context import Context
from shared.app.effects.held_claim import HeldClaim
from shared.app.effects.perform import Effects
from shared.app.effects.source import Source
from shared.app.pacing import Pacing
from shared.core import blob_name, delivery, endings, pacing, underway
from shared.core import decide as deciding
from shared.core import entry as ledger
from shared.core import observations as seen
from shared.core.absorb import postponing
from shared.core.absorb import searching as after_search
from shared.core.delivery import Drop, Proceed, Verdict
from shared.core.entry import Entry, Phase
from shared.core.messages import RangeMessage, encode
from shared.core.ranges import ByteRange
from shared.errors import Conflict
from shared.graph import listings, sessions
from shared.graph.reply import GraphReply
from shared.telemetry.records import describe_step
from tests.support.fakes import memory_queue
from tests.support.fakes.memory_ledger import MemoryLedger
from tests.support.fakes.world import MAILBOX_LIMITS, SLICE


@contextmanager
def _with(owner: Any, attribute: str, worse: Any) -> Iterator[None]:
    original = getattr(owner, attribute)
    setattr(owner, attribute, worse)
    try:
        yield
    finally:
        setattr(owner, attribute, original)


def _judge(worse: Callable[[Entry, Verdict, datetime], Verdict]) -> AbstractContextManager[None]:
    judge = delivery.judge

    def judged(entry: Entry, *, step: int, delivery_count: int, now: datetime) -> Verdict:
        return worse(entry, judge(entry, step=step, delivery_count=delivery_count, now=now), now)

    return _with(delivery, "judge", judged)


def drops_what_is_delivered_again() -> AbstractContextManager[None]:
    """A worker that died between record and schedule leaves no message."""
    return _judge(lambda _, verdict, __: Drop("duplicate") if isinstance(verdict, delivery.Announce) else verdict)


def drops_while_claimed() -> AbstractContextManager[None]:
    """The holder may be dead, and this was the only message left."""

    def worse(entry: Entry, verdict: Verdict, now: datetime) -> Verdict:
        alive = entry.claim is not None and entry.claim.is_alive(now)
        return Drop("claimed") if alive and isinstance(verdict, delivery.ComeBack) else verdict

    return _judge(worse)


def acts_without_a_free_claim() -> AbstractContextManager[None]:
    """Two workers at once on one upload."""

    def worse(entry: Entry, verdict: Verdict, now: datetime) -> Verdict:
        due = entry.not_before is None or now >= entry.not_before
        return Proceed(taken_over=False) if due and isinstance(verdict, delivery.ComeBack) else verdict

    return _judge(worse)


def comes_too_early() -> AbstractContextManager[None]:
    """Retry-After is not waited for."""

    def worse(entry: Entry, verdict: Verdict, now: datetime) -> Verdict:
        free = entry.claim is None or not entry.claim.is_alive(now)
        return Proceed(taken_over=False) if free and isinstance(verdict, delivery.ComeBack) else verdict

    return _judge(worse)


def takes_over_without_asking() -> AbstractContextManager[None]:
    """What the dead worker may have sent is sent again."""
    claimed = ledger.claimed

    def worse(entry: Entry, **how: Any) -> Entry:
        return claimed(entry, **(how | {"taken_over": False}))

    return _with(runner, "claimed", worse)


def adds_up_what_it_sent() -> AbstractContextManager[None]:
    """The next offset is computed here, and not taken from the server."""

    def worse(reply: GraphReply, part: ByteRange, size: int) -> seen.Observation:
        return seen.Progress(min(part.stop, size - 1))

    return _with(sessions, "_progress_after", worse)


def believes_its_claim_holds() -> AbstractContextManager[None]:
    """Before a PUT it is not checked how long the claim still holds."""
    return _with(HeldClaim, "outlives_a_request", lambda _self: True)


def counts_its_claim_from_the_answer() -> AbstractContextManager[None]:
    """A slow answer of the ledger makes the claim seem longer than it is."""
    run = runner.Runner._run

    def worse(self: Any, stored: Any, _asked: float) -> None:
        run(self, stored, self.ports.monotonic())

    return _with(runner.Runner, "_run", worse)


def never_looks_whether_it_landed() -> AbstractContextManager[None]:
    """A lost last reply means a second attachment."""
    return _with(searching, "find_attachment", lambda _context: seen.NotFound())


def believes_the_first_listing() -> AbstractContextManager[None]:
    """A listing that lags behind a lost last reply means a second attachment."""
    return _with(after_search, "MAX_SEARCHES_IN_DOUBT", 1)


def looks_by_name_only() -> AbstractContextManager[None]:
    """Another attachment of the same name is taken for ours, because the bytes are not compared."""
    return _with(listings, "parse_value", lambda _reply: "the same")


def takes_no_slot() -> AbstractContextManager[None]:
    """Two uploads of one name to one task at once."""

    def worse(*_: Any) -> resolving._Taken:
        return resolving._Taken("", from_another=False)

    return _with(resolving, "_take_slot", worse)


def claims_no_attachment() -> AbstractContextManager[None]:
    """An attachment may belong to two uploads."""
    return _with(Context, "owned", lambda _self, observation, _account: observation)


def forgets_the_claim_when_it_parks() -> AbstractContextManager[None]:
    """It is forgotten that a worker may have sent something before its message became poison."""

    def worse(self: Any, stored: Any) -> None:
        parked = replace(stored.entry, times_parked=1, not_before=stored.date + timedelta(minutes=1), claim=None)
        try:
            self.ports.ledger.replace(stored, parked)
        except Conflict:
            return

    return _with(runner.Runner, "_park", worse)


def leaves_the_session_that_nobody_knows() -> AbstractContextManager[None]:
    """A session stays open, whose worker lost its claim before it could store the session."""
    return _with(Effects, "cancel_orphan", lambda *_: None)


def leaves_the_session_when_it_ends() -> AbstractContextManager[None]:
    """A terminal entry does not cancel its session."""
    end = endings.terminal

    def worse(entry: Entry, phase: Phase, reason: Any, detail: str) -> Entry:
        return replace(end(entry, phase, reason, detail), session=None)

    return _with(endings, "terminal", worse)


def reads_whatever_lies_there() -> AbstractContextManager[None]:
    """Reads are not conditional on the version: half of one version is sent, and half of another."""

    def worse(self: Any, part: ByteRange) -> bytes | seen.BlobDeleted:
        now = self.blobs.describe(self.version.name)
        if now is None or now.size < part.stop:
            return seen.BlobDeleted()
        return bytes(self.blobs.read(now.version, part))

    return _with(Source, "read", worse)


def carries_the_offset_in_the_message() -> AbstractContextManager[None]:
    """A duplicate carries an old offset."""
    return _with(memory_queue, "encode", lambda message: json.dumps(json.loads(encode(message)) | {"offset": 0}))


def deletes_what_it_could_not_attach() -> AbstractContextManager[None]:
    """The only copy of a file that was not attached is deleted."""
    return _with(Entry, "may_delete_source", property(lambda entry: entry.delete_source))


def tells_where_it_sends() -> AbstractContextManager[None]:
    """The upload URL gets into the log."""
    describe = describe_step

    def worse(before: Entry, after: Entry, *rest: Any, **more: Any) -> dict[str, Any]:
        return describe(before, after, *rest, **more) | {"why": after.session.url if after.session is not None else ""}

    return _with(runner, "describe_step", worse)


def announces_before_it_enters() -> AbstractContextManager[None]:
    """An entry may exist without a live row: no sweep finds it."""
    return _with(MemoryLedger, "mark_live", lambda *_: None)


def raises_when_throttled() -> AbstractContextManager[None]:
    """Throttling uses up the queue's deliveries of a message."""
    try_again = postponing.try_again

    def worse(entry: Entry, observation: seen.TryAgain, at: Any) -> Entry:
        if isinstance(observation, seen.Deferred):
            raise ValueError("throttled")
        return try_again(entry, observation, at)

    return _with(postponing, "try_again", worse)


def tries_for_ever() -> AbstractContextManager[None]:
    """No bound on sessions or on steps without progress."""
    return _with(deciding, "_bound_reached", lambda *_: None)


def schedules_nothing_on_conflict() -> AbstractContextManager[None]:
    """A worker that does not get the claim leaves no message, although the one that got it may die."""
    claim_and_run = runner.Runner._claim_and_run

    def worse(self: Any, stored: Any, message: RangeMessage, *, taken_over: bool) -> None:
        quiet = replace(self, ports=replace(self.ports, queue=_Deaf(self.ports.queue, stored.entry.step)))
        claim_and_run(quiet, stored, message, taken_over=taken_over)

    return _with(runner.Runner, "_claim_and_run", worse)


def ends_the_wait_to_say_so() -> AbstractContextManager[None]:
    """Graph asked to wait a quarter of an hour, and the step that writes this into the tags ends the wait."""
    told = underway.told
    return _with(underway, "told", lambda entry, observation: replace(told(entry, observation), not_before=None))


def queues_without_a_ticket() -> AbstractContextManager[None]:
    """The entry says that it waits in line, and there is neither a message nor a ticket."""

    def worse(self: Any, entry: Entry) -> None:
        self.look_at(entry.line, is_slot=entry.waits_for_slot)

    return _with(Pacing, "stand_in_line", worse)


def gives_back_and_wakes_nobody() -> AbstractContextManager[None]:
    """A lease is free, and the uploads in line wait until another one arrives."""
    return _with(Pacing, "_admitted", lambda _self, pace, _line, _now, **_: (pace, []))


def never_gives_a_lease_back() -> AbstractContextManager[None]:
    """After three uploads, all leases of the mailbox are taken until they run out."""
    return _with(Pacing, "leave", lambda *_: None)


def gives_a_lease_and_sends_no_message() -> AbstractContextManager[None]:
    """The upload gets a lease and loses its ticket, but no message comes."""

    def worse(self: Any, line: str, ticket: Any, *_: Any) -> None:
        self.paces.dequeue(line, ticket)

    return _with(Pacing, "_wake", worse)


def keeps_the_slots_line_waiting() -> AbstractContextManager[None]:
    """An upload that has ended wakes none of those that wait for its slot."""

    def worse(context: Any) -> seen.LeaseReturned:
        if context.entry.lease:
            context.pacing.leave(context.entry.lease, context.entry)
        return seen.LeaseReturned()

    return _with(queueing, "return_lease", worse)


def lets_everybody_go_at_once() -> AbstractContextManager[None]:
    """Leases are counted, but the count bounds nothing."""
    earliest = pacing.earliest_start

    def worse(pace: Any, need: Any, now: datetime, limits: Any) -> Any:
        return earliest(replace(pace, leases=()), need, now, limits)

    return _with(pacing, "earliest_start", worse)


class _Deaf:
    """A queue that drops the message for *step*."""

    def __init__(self, queue: Any, step: int) -> None:
        self._queue, self._step = queue, step

    def send(self, message: RangeMessage, delay: timedelta = timedelta()) -> None:
        if message.step != self._step:
            self._queue.send(message, delay)


def takes_an_edit_for_another_file() -> AbstractContextManager[None]:
    """Each write is attached, even if its file is attached already."""
    return _with(name, "_already_attached", lambda *_: None)


def hands_a_file_to_whoever_edits_it() -> AbstractContextManager[None]:
    """It is not checked to which account a blob's name belongs."""
    return _with(name, "_kept_from", lambda *_: None)


def forgets_what_an_older_version_may_have_attached() -> AbstractContextManager[None]:
    """A file that is edited while its last answer is missing is attached twice."""
    return _with(name, "_may_have_landed", lambda *_: None)


def believes_that_its_first_step_was_quick() -> AbstractContextManager[None]:
    """A session is opened although a newer upload has attached the file while this one was slow."""
    look_back = name.look_back

    def worse(context: Context, resolved: seen.Resolved, **_: Any) -> Any:
        return look_back(context, resolved, slot_was_anothers=False)

    return _with(name, "look_back", worse)


def replaces_what_has_long_been_attached() -> AbstractContextManager[None]:
    """A file that is written again a week later removes the attachment of its older version."""
    return _with(blob_name, "_is_followed_soon", lambda *_: True)


def looks_for_no_file_without_an_event() -> AbstractContextManager[None]:
    """Only dead letters are read: a file whose event was lost is never found."""
    return _with(catch_up._Run, "_compare", lambda *_: None)


def leaves_the_part_beside_the_whole() -> AbstractContextManager[None]:
    """An attachment made of a part of the file stays beside the whole one."""
    return _with(closing, "remove_replaced", lambda _context: seen.AttachmentRemoved())


def takes_a_removed_attachment_for_one_that_stands() -> AbstractContextManager[None]:
    """A person who removed an attachment, and puts its file again, gets nothing."""
    return _with(name, "_stands", lambda *_: True)


# Few faults, so that each write is mostly attached before the next one comes.
_CALM: Mapping[str, Any] = {
    "person": 0.015,
    "sweeping": True,
    "sizes": (1,),
    "graph_fault": 0.0,
    "storage_fault": 0.0,
    "kill": 0.0,
    "rules": [],
}
# Without a sweep, nothing repairs what these variants forget.
_WITHOUT_SWEEP: dict[str, Any] = {"sweeping": False, "person": 0.0, "frozen": 0.0, "late_writes": False}
# Several workers, one lease, and no sweep that would repair what these variants forget.
_CROWDED: dict[str, Any] = {
    "workers": 6,
    "sweeping": False,
    "person": 0.0,
    "frozen": 0.0,
    "poison": 0.0,
    "late_writes": False,
    "kill": 0.0,
    "storage_fault": 0.0,
    "graph_fault": 0.0,
    "rules": [],
    "files": (7,),
    "sizes": (1, SLICE),
    "mailbox_limits": replace(MAILBOX_LIMITS, uploads_at_once=1),
}
# Each variant, and the focus with which a schedule finds it soon. The soak finds all of them without.
VARIANTS: Mapping[Callable[[], AbstractContextManager[None]], Mapping[str, Any]] = {
    drops_what_is_delivered_again: {},
    drops_while_claimed: {},
    acts_without_a_free_claim: {},
    comes_too_early: {"early": 0.3, "rules": [Rule(Answer(429, retry_after=900), "put_slice", count=3)]},
    takes_over_without_asking: {},
    adds_up_what_it_sent: {"sizes": (2 * SLICE + 100,), "rules": [Rule(KeepPart(), "put_slice", nth=2)]},
    believes_its_claim_holds: {"slow": 0.2},
    counts_its_claim_from_the_answer: {"slow": 0.2},
    never_looks_whether_it_landed: {},
    believes_the_first_listing: {
        "behaviour": replace(DOCUMENTED, listing_lag=400.0),
        "rules": [Rule(ResetConnection("after_applying"), "put_slice")],
        "sizes": (1,),
    },
    looks_by_name_only: {},
    takes_no_slot: {},
    claims_no_attachment: {},
    forgets_the_claim_when_it_parks: {"kill": 0.1, "poison": 0.03, "sizes": (0,)},
    leaves_the_session_that_nobody_knows: {},
    leaves_the_session_when_it_ends: {},
    reads_whatever_lies_there: {},
    carries_the_offset_in_the_message: {},
    deletes_what_it_could_not_attach: {"delete_attached": True},
    tells_where_it_sends: {},
    announces_before_it_enters: {},
    raises_when_throttled: {},
    tries_for_ever: {"kill": 0.1, "graph_fault": 0.6, "sizes": (4 * SLICE,)},
    ends_the_wait_to_say_so: {"rules": [Rule(Answer(429, retry_after=900), "put_slice", count=3)]},
    schedules_nothing_on_conflict: _WITHOUT_SWEEP | {"workers": 6, "kill": 0.1, "files": (1,)},
    takes_an_edit_for_another_file: _CALM,
    hands_a_file_to_whoever_edits_it: {**_CALM, "person": 0.04, "sizes": (1, SLICE)},
    forgets_what_an_older_version_may_have_attached: {
        "person": 0.05,
        "sweeping": True,
        "rules": [Rule(ResetConnection("after_applying"), "put_slice", count=3)],
        "sizes": (1, SLICE),
    },
    believes_that_its_first_step_was_quick: {
        **_CALM,
        "person": 0.08,
        "workers": 4,
        "rules": [Rule(Delay(3), "list_tasks")],
        "mailbox_limits": MAILBOX_LIMITS,
    },
    looks_for_no_file_without_an_event: {},
    replaces_what_has_long_been_attached: _CALM,
    leaves_the_part_beside_the_whole: {"person": 0.04, "sweeping": True},
    takes_a_removed_attachment_for_one_that_stands: _CALM,
    queues_without_a_ticket: _WITHOUT_SWEEP,
    gives_back_and_wakes_nobody: _CROWDED,
    never_gives_a_lease_back: _CROWDED,
    gives_a_lease_and_sends_no_message: _CROWDED,
    # With a single lease, no two uploads would use the same task at once.
    keeps_the_slots_line_waiting: _CROWDED | {"mailbox_limits": replace(MAILBOX_LIMITS, uploads_at_once=3)},
    lets_everybody_go_at_once: {},
}
