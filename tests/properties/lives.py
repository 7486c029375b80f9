"""A model of an upload's life: everything that an action may lead to, deaths of workers included.

The outside is the widest one: whatever `effects` can observe after an action may be observed, whether or not any
server would behave so. A Fate chooses; the life checks the invariants at every step.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Protocol, cast

from shared.core import actions as do
from shared.core import observations as seen
from shared.core.absorb.absorb import absorb
from shared.core.decide import decide
from shared.core.endings import ended
from shared.core.entry import Entry, MayHaveLanded, Phase, Reason, Replaced, claimed
from shared.core.limits import (
    FREE_REWRITES,
    MAX_DEATHS,
    MAX_SEARCHES_IN_DOUBT,
    MAX_SESSIONS,
    MAX_STEPS_WITHOUT_PROGRESS,
)
from tests.support.entries import LIMITS, NOW, SESSION_URL, an_entry
from tests.support.results import result

SHORT = replace(LIMITS, sign_in_wait=timedelta(hours=12), queue_wait=timedelta(days=5))
FAR_TOO_MANY = 10**9

_TRY_AGAIN: list[type] = [seen.Deferred, seen.Unavailable, seen.NeedsSignIn]
_BLOB_LOST: list[type] = [seen.BlobRewritten, seen.BlobDeleted]
_CREATED: list[type] = [seen.Attached, seen.LandedUnnamed, seen.LandedUnderOwnedId]

# What `effects` can observe after each action, the best first.
POSSIBLE: dict[type[do.Action], list[type]] = {
    do.LookAtBlob: [seen.Arrived, seen.NotYet, seen.Refused, *_BLOB_LOST],
    do.Admit: [
        seen.Admitted,
        seen.MustQueue,
        seen.OftenRewritten,
        seen.Deferred,
        seen.NeedsSignIn,
        seen.Refused,
        *_BLOB_LOST,
    ],
    do.ReturnLease: [seen.LeaseReturned],
    do.Resolve: [
        seen.Resolved,
        seen.AlreadyAttached,
        seen.SlotHeld,
        seen.Refused,
        seen.TargetMissing,
        *_TRY_AGAIN,
        *_BLOB_LOST,
    ],
    do.OpenSession: [seen.SessionOpened, seen.TooSmallForSession, seen.Refused, seen.TargetMissing, *_TRY_AGAIN],
    do.PreparePost: [seen.PostPrepared, seen.Refused, seen.TargetMissing, *_TRY_AGAIN, *_BLOB_LOST],
    do.PostFile: [*_CREATED, seen.Unclear, seen.Refused, seen.TargetMissing, *_TRY_AGAIN, *_BLOB_LOST],
    do.SendSlice: [
        *_CREATED,
        seen.Progress,
        seen.Unclear,
        seen.SliceRefused,
        seen.SliceTooLarge,
        seen.Refused,
        *_TRY_AGAIN,
        *_BLOB_LOST,
    ],
    do.AskSession: [seen.Progress, seen.SessionLost, *_TRY_AGAIN],
    do.FindAttachment: [seen.Adopted, seen.NotFound, seen.Refused, seen.TargetMissing, *_TRY_AGAIN, *_BLOB_LOST],
    do.ReadBack: [seen.Intact, seen.Garbled, seen.NotReadBack, *_TRY_AGAIN],
    do.RemoveGarbled: [seen.AttachmentRemoved, *_TRY_AGAIN],
    do.CancelSession: [seen.SessionCancelled, *_TRY_AGAIN],
    do.ReportOutcome: [seen.Reported, seen.TagsRefused, seen.Unavailable],
    do.RemoveReplaced: [seen.AttachmentRemoved, seen.ReplacedLeft, *_TRY_AGAIN],
    do.DeleteSource: [seen.SourceDeleted, seen.Unavailable],
}
SENDS = (do.SendSlice, do.PostFile)
OPENS = (do.OpenSession, do.PostFile)
NOTHING_CAME_OF_IT = (seen.Deferred, seen.Unavailable, seen.NeedsSignIn, seen.TargetMissing, seen.TooSmallForSession)


class Fate(Protocol):
    """Chooses what happens."""

    def number(self, limit: int) -> int:
        """One of 0 to *limit* - 1."""

    def kind(self, kinds: list[type]) -> type:
        """What is observed."""

    def progress(self, most: int, best: int) -> int:
        """The offset that the server expects, *most* at most; *best* where all goes well."""


@dataclass
class Tape:
    """A fate drawn from a seed: evenly, so that workers die often enough to matter."""

    seed: int
    _random: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def number(self, limit: int) -> int:
        return self._random.randrange(limit)

    def kind(self, kinds: list[type]) -> type:
        # The best half of the time: otherwise few lives would get far enough to go wrong.
        return kinds[self.number(len(kinds)) if self.number(2) else 0]

    def progress(self, most: int, best: int) -> int:
        return min(most, best) if self.number(2) else self.number(most + 1)


@dataclass
class Preferring:
    """A fate that always brings the first of *wanted* that can be, or else the best."""

    wanted: list[type] = field(default_factory=list)

    def number(self, limit: int) -> int:
        return 0 if limit < FAR_TOO_MANY else 1

    def kind(self, kinds: list[type]) -> type:
        return next((kind for kind in self.wanted if kind in kinds), kinds[0])

    def progress(self, most: int, best: int) -> int:
        return min(most, best)


@dataclass
class Life:
    """One entry, lived through step by step."""

    entry: Entry
    now: datetime = NOW
    died: bool = False
    opened: int = 0
    unknown_since: datetime | None = None
    not_found_at: datetime | None = None
    unasked: bool = False  # something was sent, its answer is unknown, and nobody asked yet what became of it
    vain: int | None = None  # searches since the last slice was sent without an answer, while it may still land
    looked: bool = False  # since the present session was opened
    story: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, size: int, *, delete_source: bool = False, read_back: bool = False) -> "Life":
        entry = an_entry(
            Phase.QUEUED, size=size, delete_source=delete_source, read_back=read_back, claim=None, created_at=NOW
        )
        return cls(entry)

    def step(self, fate: Fate) -> None:
        self.now = max(self.now, self.entry.due_at or self.now) + timedelta(milliseconds=fate.number(2000))
        entry = claimed(self.entry, owner="w", until=self.now + SHORT.claim, now=self.now, taken_over=self.died)
        if entry.claim is None:
            self.entry, self.died = entry, False  # the taker waits first
            return
        action = decide(entry, now=self.now, limits=SHORT)
        if isinstance(action, do.End):
            self._record(entry, ended(entry, action), None)
            return
        self._check_action(entry, action)
        if fate.number(8) == 7:
            self._die(entry, action)
            return
        observation = observe(entry, action, self.now, fate)
        self._remember(entry, action, observation)
        jitter = fate.number(100) / 100
        after = absorb(entry, result(type(action), observation), now=self.now, limits=SHORT, jitter=jitter)
        self._record(entry, after, observation)

    def _die(self, entry: Entry, action: do.Action) -> None:
        """The claim was written, the request maybe sent, and nobody recorded anything."""
        self.story.append((type(action).__name__, "died"))
        if isinstance(action, SENDS):
            self._sent_in_doubt(entry, action)
        self.opened += isinstance(action, OPENS)
        self.entry, self.died = entry, True
        self.now += SHORT.claim

    def _sent_in_doubt(self, entry: Entry, action: do.Action) -> None:
        self.unknown_since, self.unasked = self.now, True
        if not isinstance(action, do.SendSlice) or action.range.stop == entry.size:
            self.vain = 0

    def _remember(self, entry: Entry, action: do.Action, observation: seen.Observation) -> None:
        self.story.append((type(action).__name__, type(observation).__name__))
        if isinstance(action, SENDS) and isinstance(observation, seen.Unclear | seen.SliceRefused):
            self._sent_in_doubt(entry, action)
        if isinstance(observation, seen.Attached):
            # What it was sent to is over: nothing that was sent there before can be applied any more.
            self.unknown_since, self.vain, self.unasked = None, None, False
        if isinstance(observation, seen.Resolved) and observation.may_be_of is not None:
            self.unknown_since, self.vain = self.now, 0
        if isinstance(observation, seen.Progress) and entry.open_session.furthest < observation.offset < entry.size:
            self.vain = None
        if isinstance(observation, seen.NotFound) and self.vain is not None and entry.phase is Phase.CONFIRMING:
            self.vain += 1
        if isinstance(action, do.AskSession) and not isinstance(observation, NOTHING_CAME_OF_IT):
            self.unasked = False
        if isinstance(action, do.OpenSession):
            self.looked = False
        if isinstance(action, OPENS) and not isinstance(observation, NOTHING_CAME_OF_IT):
            self.opened += 1
        if isinstance(observation, seen.NotFound):
            self.not_found_at, self.looked, self.unasked = self.now, True, False

    def _check_action(self, entry: Entry, action: do.Action) -> None:
        assert not (entry.landed and isinstance(action, SENDS + OPENS)), "sent again what Graph said was created"
        if entry.phase.is_terminal:
            assert isinstance(
                action, do.ReturnLease | do.ReportOutcome | do.CancelSession | do.RemoveReplaced | do.DeleteSource
            )
        asks_graph = isinstance(action, do.Resolve | do.OpenSession | do.SendSlice | do.PostFile)
        assert entry.lease or not asks_graph, "asks Graph before its turn"
        if isinstance(action, do.RemoveGarbled):
            assert self.story[-1] != ("ReadBack", "Intact"), "removed what is right"
            assert not entry.attachment_id
        if isinstance(action, SENDS):
            assert not entry.attachment_id, "sent again what is attached"
            assert not self.unasked, "sent over an unknown answer"
        if isinstance(action, do.ReportOutcome):
            assert entry.phase not in {Phase.SUPERSEDED, Phase.WITHDRAWN}, "told on another version's tags"
        if isinstance(action, do.SendSlice):
            assert entry.session is not None
            assert action.range.stop < entry.size or self.opened <= 1 or self.looked, "a second last slice, unlooked"
            assert action.range.start == entry.offset, "I1"
            assert len(action.range) <= entry.slice_bytes
            assert action.range.stop <= entry.size
        if isinstance(action, do.DeleteSource | do.RemoveReplaced):
            assert entry.phase is Phase.ATTACHED
            assert entry.attachment_id
        if isinstance(action, OPENS):
            assert entry.session is None, "two sessions at once"
            self._check_looked()

    def _check_looked(self) -> None:
        """Nothing is sent anew before the file was looked for, a deadline after the last unknown answer.

        And once more, and again, where that answer was the last slice's.
        """
        assert self.vain is None or self.vain >= MAX_SEARCHES_IN_DOUBT, "a listing that lags: attached twice"
        if self.unknown_since is not None:
            assert self.not_found_at is not None
            assert self.not_found_at - self.unknown_since >= SHORT.deadline

    def _record(self, before: Entry, after: Entry, observation: seen.Observation | None) -> None:
        stays = isinstance(observation, seen.MustQueue)
        assert (after.step, after.claim) == (before.step + (not stays), None)
        assert not after.is_done or not (after.lease or after.slot), "others wait for ever"
        if after.is_in_line:
            self.now += timedelta(hours=1)  # until its turn comes, or a bound is reached
        assert not before.phase.is_terminal or after.phase is before.phase
        assert self.opened <= MAX_SESSIONS, "I6"
        assert before.deaths <= MAX_DEATHS, "I6"
        assert after.deaths in {0, before.deaths}
        assert after.steps_without_progress <= MAX_STEPS_WITHOUT_PROGRESS + 1, "I6"
        if isinstance(observation, seen.SessionOpened) and observation.offset:
            assert after.phase is not Phase.SENDING, "I2: went on from bytes that nobody sent"
        assert min(after.steps_without_progress, after.deferrals, after.sessions_opened, after.closing_tries) >= 0
        assert after.report.failed_tries >= 0
        assert after.waited >= timedelta()
        assert before.first_opened_at in {None, after.first_opened_at}
        assert after.phase is not Phase.SENDING or 0 <= after.offset < after.size
        assert 0 < after.slice_bytes <= SHORT.slice_bytes
        assert SESSION_URL not in after.detail, "I7"
        _check_offset(before, after, observation)
        self.entry, self.died = after, False


def _check_offset(before: Entry, after: Entry, observation: seen.Observation | None) -> None:
    """I1: the next offset comes from the server, never from what we believe we sent.

    A session begins at byte 0, and only the server's word moves it on.
    """
    if after.session is None:
        return
    match observation:
        case seen.SessionOpened():
            assert (after.session.offset, after.session.furthest) == (0, 0)
        case _ if after.session.offset == before.open_session.offset:
            pass
        case seen.Progress(offset):
            assert after.session.offset == offset
        case _:
            raise AssertionError(f"I1: {observation} moved the offset")


def observe(entry: Entry, action: do.Action, now: datetime, fate: Fate) -> seen.Observation:
    """Something that may be seen after *action*, as *fate* has it."""
    kinds = POSSIBLE[type(action)]
    if isinstance(action, do.SendSlice) and action.range.stop < entry.size:
        kinds = [kind for kind in kinds if kind not in _CREATED]
    return make(fate.kind(kinds), entry, action, now, fate)


_ON_THE_WAY: dict[type, Callable[[Entry, datetime], seen.Observation]] = {
    seen.Arrived: lambda entry, _: seen.Arrived(
        entry.wanted_list, entry.wanted_task, entry.account, entry.attachment_name
    ),
    seen.NotYet: lambda _, until: seen.NotYet(until, "not yet"),
    seen.AlreadyAttached: lambda _entry, until: seen.AlreadyAttached("L", "T", "A", until, ""),
    seen.OftenRewritten: lambda _entry, _until: seen.OftenRewritten(FREE_REWRITES + 1),
    seen.SlotHeld: lambda _entry, _until: seen.SlotHeld("S"),
    seen.Admitted: lambda _, at: seen.Admitted("M", at),
    seen.MustQueue: lambda *_: seen.MustQueue("M", "others are first"),
}


def _resolved(now: datetime, fate: Fate) -> seen.Resolved:
    older = [None, None, None, MayHaveLanded("older", now)][fate.number(4)]
    return seen.Resolved("L", "T", "S", may_be_of=older, replaces=[None, Replaced("B", "b", now)][fate.number(2)])


_AS_FATE_HAS_IT: dict[type, Callable[[datetime, Fate], seen.Observation]] = {
    seen.Resolved: _resolved,
    seen.PostPrepared: lambda now, fate: seen.PostPrepared([None, now][fate.number(2)]),
}


def make(kind: type, entry: Entry, action: do.Action, now: datetime, fate: Fate) -> seen.Observation:
    """An observation of *kind*, its particulars as *fate* has them."""
    wait = [None, timedelta(), timedelta(seconds=30), timedelta(days=6)][fate.number(4)]
    if kind in _ON_THE_WAY:
        return _ON_THE_WAY[kind](entry, now + (wait or timedelta()))
    if kind in _AS_FATE_HAS_IT:
        return _AS_FATE_HAS_IT[kind](now, fate)
    if kind is seen.SessionOpened:
        expires = [None, now + timedelta(seconds=30), now + timedelta(hours=1)][fate.number(3)]
        return seen.SessionOpened(SESSION_URL, expires, [0, 0, 0, 7, FAR_TOO_MANY][fate.number(5)], now)
    if kind is seen.Progress and isinstance(action, do.SendSlice):
        # What the reply to a slice may say without being doubted at once.
        return seen.Progress(fate.progress(min(action.range.stop, entry.size - 1), action.range.stop))
    if kind is seen.Progress:
        return seen.Progress(fate.progress(entry.size + 200, entry.offset))
    if kind in {seen.Attached, seen.Adopted}:
        return cast("seen.Observation", kind("A"))
    if kind is seen.Unclear:
        return seen.Unclear("no answer", wait)
    if kind is seen.SliceRefused:
        return seen.SliceRefused(400, "HTTP 400")
    if kind in {seen.Refused, seen.TargetMissing}:
        return cast("seen.Observation", kind(Reason.FORBIDDEN, "HTTP 403"))
    if kind in {seen.Deferred, seen.Unavailable}:
        return cast("seen.Observation", kind("later", wait))
    if kind in {seen.SessionLost, seen.NeedsSignIn, seen.TooSmallForSession, seen.NotReadBack}:
        return cast("seen.Observation", kind("gone"))
    return cast("seen.Observation", kind())
