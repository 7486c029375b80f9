"""Decide what to do next, and absorb what was seen: the whole life of an upload.

Everything that affects an upload's phase lives in this file, in `TRANSITIONS` as far as possible. `decide` looks at
a claimed entry and names one action; an adapter performs it and comes back with an observation; `absorb` makes the
next entry from that. Neither knows a clock, a network or a ledger.

The two ambiguous moments have names of their own. LOCATING: a slice was sent and the answer is unknown, so the
session is asked. CONFIRMING: the session cannot be asked any more, and the file may or may not be attached, so the
session is cancelled, one request deadline is waited out (a request that we gave up on may still be applied), and
the task's attachments are searched; only then may another session be opened.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shared.core import observations as seen
from shared.core.backoff import delay_before
from shared.core.entry import Entry, Phase, Reason
from shared.core.ranges import ByteRange

MAX_SESSIONS = 5
MAX_STALLED = 20
MAX_CLOSING_TRIES = 5
# With the back-off more than an hour: storage may be away for so long. Who waits for sign-in must not wait for that.
MAX_REPORT_TRIES = 18
MAX_REPORT_TRIES_WAITING = 3
# "Created", yet not in the listing: the listing may lag. After this many looks it counts as attached, nameless.
MAX_LOOKS_FOR_LANDED = 6
# Not in the listing, and the last slice is in doubt: the same. After this many, with growing waits, it did not land.
MAX_SEARCHES_IN_DOUBT = 3
TRUSTED_RETRY_AFTERS = 4
LONGEST_SLOT_WAIT = timedelta(seconds=30)
# No new range is started so shortly before the session's end, which is judged across two clocks.
EXPIRY_MARGIN = timedelta(seconds=60)
# Graph's Date and the storage service's are cut to whole seconds and may differ.
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds that are settings. *deadline* bounds a whole request; *claim* outlives it."""

    slice_bytes: int
    max_file_bytes: int
    deadline: timedelta
    claim: timedelta
    empty_file_wait: timedelta
    max_age: timedelta
    sign_in_wait: timedelta


# -- actions --


@dataclass(frozen=True, slots=True)
class Resolve:
    """Find list and task, and take the slot."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Ask Graph for an upload session."""


@dataclass(frozen=True, slots=True)
class RecordIntent:
    """Look at an empty blob again, and learn the server's Date before its small POST."""


@dataclass(frozen=True, slots=True)
class PostEmpty:
    """Attach an empty file by the small POST: a session for no bytes has no legal PUT."""


@dataclass(frozen=True, slots=True)
class SendSlice:
    """PUT one slice."""

    range: ByteRange


@dataclass(frozen=True, slots=True)
class AskSession:
    """GET the session, for the byte that it expects next."""


@dataclass(frozen=True, slots=True)
class LookForAttachment:
    """List the task's attachments, and adopt the one that is this file."""


@dataclass(frozen=True, slots=True)
class CancelSession:
    """DELETE the session."""


@dataclass(frozen=True, slots=True)
class ReportOutcome:
    """Tell the person, by the blob's tags."""


@dataclass(frozen=True, slots=True)
class DeleteSource:
    """Delete the blob."""


@dataclass(frozen=True, slots=True)
class End:
    """Stop trying. No outside effect."""

    phase: Phase
    reason: Reason
    detail: str


Effect = (
    Resolve
    | OpenSession
    | RecordIntent
    | PostEmpty
    | SendSlice
    | AskSession
    | LookForAttachment
    | CancelSession
    | ReportOutcome
    | DeleteSource
)
Action = Effect | End


def decide(entry: Entry, *, now: datetime, limits: Limits) -> Action:
    """The one thing to do for a claimed entry that is not done."""
    if entry.phase.is_terminal:
        return _finish(entry)
    if (bound := _bound_reached(entry, now, limits)) is not None:
        return bound
    match entry.phase:
        case Phase.WAITING:
            return ReportOutcome()
        case Phase.RESOLVING:
            return Resolve()
        case Phase.OPENING if entry.size > 0:
            return OpenSession()
        case Phase.OPENING:
            return RecordIntent() if entry.first_opened_at is None else PostEmpty()
        case Phase.SENDING:
            return _send(entry, now)
        case Phase.LOCATING:
            return AskSession()
        case _:
            return CancelSession() if entry.session_url else LookForAttachment()


def _send(entry: Entry, now: datetime) -> Action:
    if entry.session_expires_at is not None and now + EXPIRY_MARGIN >= entry.session_expires_at:
        return CancelSession()
    following = ByteRange.next_slice(entry.offset, size=entry.size, slice_bytes=entry.slice_bytes)
    is_last = following.stop == entry.size
    if is_last and entry.sessions_opened > 1 and not entry.looked:
        # A request of an earlier session may have been applied after we looked for it: look once more before
        # the one request that would attach the file a second time.
        return LookForAttachment()
    return SendSlice(following)


def _finish(entry: Entry) -> Effect:
    if entry.reported is not entry.phase:
        return ReportOutcome()
    if entry.session_url:
        return CancelSession()
    return DeleteSource()


def _bound_reached(entry: Entry, now: datetime, limits: Limits) -> End | None:
    too_old = entry.age(now) > limits.max_age
    if entry.landed and (too_old or entry.stalled >= MAX_LOOKS_FOR_LANDED):
        return End(Phase.ATTACHED, Reason.NONE, "Graph answered that it was created, but not under which id")
    unsure = _unsure(entry)
    if too_old:
        hours = limits.max_age.total_seconds() / 3600
        return End(Phase.FAILED, Reason.TOO_OLD, f"not attached within {hours:g} hours{unsure}")
    last = f" (last: {entry.detail})" if entry.detail else ""
    if entry.stalled > MAX_STALLED:
        return End(Phase.FAILED, Reason.NO_PROGRESS, f"{entry.stalled} steps without progress{last}{unsure}")
    if entry.phase is Phase.OPENING and entry.sessions_opened > MAX_SESSIONS:
        return End(Phase.FAILED, Reason.SESSIONS, f"{MAX_SESSIONS} upload sessions came to nothing{last}")
    return None


# -- transitions --

_TRY_AGAIN = (seen.Deferred, seen.Unavailable)
_LOST_BLOB: dict[type[Any], tuple[Phase, ...]] = {
    seen.BlobRewritten: (Phase.SUPERSEDED,),
    seen.BlobDeleted: (Phase.WITHDRAWN,),
}
_NO_TOKEN: dict[type[Any], tuple[Phase, ...]] = {seen.NeedsSignIn: (Phase.WAITING, Phase.FAILED)}


def _again(phase: Phase) -> dict[type[Any], tuple[Phase, ...]]:
    return dict.fromkeys(_TRY_AGAIN, (phase,))


# Phase -> what was seen -> where that may lead, the usual first. docs/ARCHITECTURE.md draws its picture from this
# table. Not in it, because they need no observation: `decide` ends an entry at a bound, and `entry.claimed` moves
# one that is taken over (SENDING to LOCATING) or woken (WAITING to where it was).
TRANSITIONS: dict[Phase, dict[type[Any], tuple[Phase, ...]]] = {
    Phase.RESOLVING: {
        seen.Resolved: (Phase.OPENING,),
        seen.SlotHeld: (Phase.RESOLVING,),
        seen.Refused: (Phase.REJECTED,),
        seen.TargetMissing: (Phase.REJECTED,),
        **_again(Phase.RESOLVING),
        **_NO_TOKEN,
    },
    Phase.OPENING: {
        seen.SessionOpened: (Phase.SENDING, Phase.CONFIRMING),
        seen.IntentRecorded: (Phase.OPENING,),
        seen.Attached: (Phase.ATTACHED,),
        seen.LandedUnnamed: (Phase.CONFIRMING,),
        seen.Unclear: (Phase.CONFIRMING,),
        seen.Refused: (Phase.REJECTED,),
        seen.TargetMissing: (Phase.REJECTED,),
        seen.TooSmallForSession: (Phase.REJECTED,),
        **_again(Phase.OPENING),
        **_NO_TOKEN,
        **_LOST_BLOB,
    },
    Phase.SENDING: {
        seen.Progress: (Phase.SENDING, Phase.CONFIRMING),
        seen.Attached: (Phase.ATTACHED,),
        seen.LandedUnnamed: (Phase.CONFIRMING,),
        seen.Unclear: (Phase.LOCATING, Phase.FAILED),
        seen.SliceTooLarge: (Phase.SENDING, Phase.REJECTED),
        seen.NotFound: (Phase.SENDING,),
        seen.SessionCancelled: (Phase.CONFIRMING,),
        seen.Refused: (Phase.REJECTED,),
        seen.TargetMissing: (Phase.REJECTED,),
        **_again(Phase.SENDING),
        **_NO_TOKEN,
        **_LOST_BLOB,
    },
    Phase.LOCATING: {
        seen.Progress: (Phase.SENDING, Phase.CONFIRMING),
        seen.SessionLost: (Phase.CONFIRMING,),
        **_again(Phase.LOCATING),
        **_NO_TOKEN,
    },
    Phase.CONFIRMING: {
        seen.SessionCancelled: (Phase.CONFIRMING,),
        seen.Attached: (Phase.ATTACHED,),
        seen.NotFound: (Phase.OPENING, Phase.CONFIRMING),
        seen.Refused: (Phase.REJECTED,),
        seen.TargetMissing: (Phase.REJECTED,),
        **_again(Phase.CONFIRMING),
        **_NO_TOKEN,
        **_LOST_BLOB,
    },
    Phase.WAITING: {seen.Reported: (Phase.WAITING,), seen.Unavailable: (Phase.WAITING,)},
    **{
        phase: {
            seen.Reported: (phase,),
            seen.SessionCancelled: (phase,),
            seen.SourceDeleted: (phase,),
            seen.NeedsSignIn: (phase,),
            **_again(phase),
        }
        for phase in Phase
        if phase.is_terminal
    },
}


def absorb(entry: Entry, observation: seen.Observation, *, now: datetime, limits: Limits, jitter: float) -> Entry:
    """The entry after *observation*: the next step, unclaimed.

    Raises ValueError for an observation that the phase does not know: a bug, never an outside event.
    """
    allowed = TRANSITIONS[entry.phase].get(type(observation))
    if allowed is None:
        raise ValueError(f"{type(observation).__name__} cannot be seen while {entry.phase}")
    before = replace(entry, not_before=None)
    after = _ABSORB[type(observation)](before, observation, _Moment(now, limits, jitter, allowed[0]))
    if after.phase not in allowed:
        raise ValueError(f"{type(observation).__name__} does not lead from {entry.phase} to {after.phase}")
    return replace(after, step=entry.step + 1, claim=None)


def ended(entry: Entry, end: End) -> Entry:
    """The entry after a decision to stop trying."""
    after = _terminal(entry, end.phase, end.reason, end.detail)
    return replace(after, not_before=None, step=entry.step + 1, claim=None)


@dataclass(frozen=True, slots=True)
class _Moment:
    now: datetime
    limits: Limits
    jitter: float
    usual: Phase

    def later(self, entry: Entry, retry_after: timedelta | None = None) -> datetime:
        """When to come back: Retry-After wins over our own back-off; a second for clocks cut to seconds.

        Unless it was not enough a few times in a row: a server that says "now" for ever is not asked every second.
        """
        own = delay_before(entry.deferrals + 1, jitter=self.jitter)
        if retry_after is None:
            return self.now + own + SECOND
        return self.now + (retry_after if entry.deferrals < TRUSTED_RETRY_AFTERS else max(own, retry_after)) + SECOND

    def after_deadline(self) -> datetime:
        return self.now + self.limits.deadline + SECOND


def _terminal(entry: Entry, phase: Phase, reason: Reason, detail: str) -> Entry:
    # A blob that is gone, or belongs to another entry now, has no tags for this one.
    untold = phase in {Phase.SUPERSEDED, Phase.WITHDRAWN}
    return replace(
        entry,
        phase=phase,
        reason=reason,
        detail=detail,
        resume=None,
        reported=phase if untold else entry.reported,
        report_tries=0,
        deferrals=0,
    )


def _resolved(entry: Entry, observation: seen.Resolved, at: _Moment) -> Entry:
    return replace(
        entry, phase=at.usual, list_id=observation.list_id, task_id=observation.task_id, deferrals=0, detail=""
    )


def _slot_held(entry: Entry, _: seen.SlotHeld, at: _Moment) -> Entry:
    wait = min(delay_before(entry.deferrals + 1, jitter=at.jitter), LONGEST_SLOT_WAIT)
    return replace(
        entry,
        deferrals=entry.deferrals + 1,
        not_before=at.now + wait + SECOND,
        detail="another upload of this name to this task is under way",
    )


def _session_opened(entry: Entry, observation: seen.SessionOpened, at: _Moment) -> Entry:
    opened = replace(
        entry,
        phase=at.usual,
        session_url=observation.url,
        session_expires_at=observation.expires_at,
        # Without Graph's own Date: no session can have been opened before the entry was made.
        first_opened_at=entry.first_opened_at or observation.opened_at or entry.created_at,
        offset=0,
        furthest=0,
        looked=False,
        refused=0,
        deferrals=0,
        detail="",
    )
    if observation.offset == 0:
        return opened
    # It claims bytes that nobody sent: to go on from there would attach another file than this one.
    detail = f"a session just opened expects byte {observation.offset}"
    return replace(opened, phase=Phase.CONFIRMING, stalled=entry.stalled + 1, detail=detail)


def _intent_recorded(entry: Entry, observation: seen.IntentRecorded, _: _Moment) -> Entry:
    return replace(entry, first_opened_at=observation.opened_at or entry.created_at, deferrals=0)


def _progress(entry: Entry, observation: seen.Progress, _: _Moment) -> Entry:
    offset = observation.offset
    if offset >= entry.size or offset > entry.furthest + entry.slice_bytes:
        # Everything is there, yet nothing was attached; or more is there than was ever sent: such a session
        # cannot be continued.
        return replace(
            entry, phase=Phase.CONFIRMING, stalled=entry.stalled + 1, detail=f"the session expects byte {offset}"
        )
    gained, forward = offset > entry.furthest, offset > entry.offset
    # Bytes sent again after the session fell back count neither way: as progress, a session that falls back again and
    # again would never end; as none, small slices would run into the bound on their way back to where they were.
    stalled = 0 if gained else entry.stalled if forward else entry.stalled + 1
    return replace(
        entry,
        phase=Phase.SENDING,
        offset=offset,
        furthest=max(offset, entry.furthest),
        session_expires_at=observation.expires_at or entry.session_expires_at,
        stalled=stalled,
        refused=entry.refused if offset == entry.offset else 0,
        in_doubt=entry.in_doubt and not gained,
        deferrals=0 if forward else entry.deferrals,
        detail="" if forward else entry.detail,
    )


def _attached(entry: Entry, observation: seen.Attached, at: _Moment) -> Entry:
    # Adopted while a later session is open: that one is still to be cancelled. By its own last slice: it is over.
    found_early = entry.phase is Phase.SENDING and entry.sessions_opened > 1 and not entry.looked
    return replace(
        _terminal(entry, at.usual, Reason.NONE, ""),
        attachment_id=observation.attachment_id,
        session_url=entry.session_url if found_early else "",
        offset=entry.size,
        stalled=0,
    )


def _landed_unnamed(entry: Entry, _: seen.LandedUnnamed, at: _Moment) -> Entry:
    return replace(
        entry, phase=at.usual, landed=True, session_url="", stalled=0, detail="created, but the reply named no id"
    )


def _unclear(entry: Entry, observation: seen.Unclear, at: _Moment) -> Entry:
    if entry.refused and observation.refused:
        # Refused, the session asked, tried again, refused again at the same offset: it will stay so.
        detail = f"Graph refuses the bytes from {entry.offset} on: {observation.detail}"
        return _terminal(entry, Phase.FAILED, Reason.REFUSED, detail)
    wait = at.later(entry, observation.retry_after)
    if at.usual is Phase.CONFIRMING:
        # The small POST: no session can be asked. It may still be applied until its deadline is over.
        wait = max(wait, at.after_deadline())
    return replace(
        entry,
        phase=at.usual,
        refused=observation.refused or entry.refused,
        in_doubt=entry.in_doubt or entry.is_at_last_slice,
        stalled=entry.stalled + 1,
        deferrals=entry.deferrals + 1,
        not_before=wait,
        detail=observation.detail,
    )


def _session_lost(entry: Entry, observation: seen.SessionLost, at: _Moment) -> Entry:
    return replace(entry, phase=at.usual, stalled=entry.stalled + 1, detail=observation.detail)


def _slice_too_large(entry: Entry, _: seen.SliceTooLarge, at: _Moment) -> Entry:
    half = at.limits.slice_bytes // 2
    if entry.slice_bytes <= half:
        detail = f"Graph takes no slice of {entry.slice_bytes} bytes"
        return _terminal(entry, Phase.REJECTED, Reason.TOO_LARGE, detail)
    return replace(entry, slice_bytes=half, stalled=entry.stalled + 1)


def _deferred(entry: Entry, observation: seen.Deferred, at: _Moment) -> Entry:
    wait = at.later(entry, observation.retry_after)
    deferrals = entry.deferrals + 1
    if entry.phase.is_terminal:
        # No age ends an entry that has ended, so its tries are counted; its detail is the outcome's.
        return _closing_failed(replace(entry, deferrals=deferrals, not_before=wait))
    return replace(_nothing_done(entry), deferrals=deferrals, not_before=wait, detail=observation.detail)


def _unavailable(entry: Entry, observation: seen.Unavailable, at: _Moment) -> Entry:
    wait = at.later(entry, observation.retry_after)
    deferrals = entry.deferrals + 1
    if entry.phase is Phase.WAITING or (entry.phase.is_terminal and entry.reported is not entry.phase):
        tries = entry.report_tries + 1
        most = MAX_REPORT_TRIES if entry.phase.is_terminal else MAX_REPORT_TRIES_WAITING
        reported = entry.phase if tries >= most else entry.reported
        return replace(entry, report_tries=tries, reported=reported, deferrals=deferrals, not_before=wait)
    if entry.phase.is_terminal:
        return _closing_failed(replace(entry, deferrals=deferrals, not_before=wait))
    return replace(
        _nothing_done(entry), stalled=entry.stalled + 1, deferrals=deferrals, not_before=wait, detail=observation.detail
    )


def _refused(entry: Entry, observation: seen.Refused, at: _Moment) -> Entry:
    return _terminal(entry, at.usual, observation.reason, observation.detail + _unsure(entry))


def _target_missing(entry: Entry, observation: seen.TargetMissing, at: _Moment) -> Entry:
    return _terminal(entry, at.usual, observation.reason, observation.detail + _unsure(entry))


def _too_small_for_session(entry: Entry, observation: seen.TooSmallForSession, at: _Moment) -> Entry:
    return _terminal(entry, at.usual, Reason.REFUSED, observation.detail)


def _needs_sign_in(entry: Entry, observation: seen.NeedsSignIn, at: _Moment) -> Entry:
    if entry.phase.is_terminal:
        return _closing_failed(replace(entry, deferrals=entry.deferrals + 1, not_before=at.later(entry)))
    if entry.waited > at.limits.sign_in_wait:
        days = at.limits.sign_in_wait.total_seconds() / 86400
        return _terminal(entry, Phase.FAILED, Reason.SIGN_IN, f"nobody signed in within {days:g} days{_unsure(entry)}")
    return replace(
        _nothing_done(entry),
        phase=at.usual,
        resume=entry.phase,
        waiting_since=at.now,
        reason=Reason.SIGN_IN,
        detail=observation.detail,
        deferrals=entry.deferrals + 1,
        # Who was told already is not told again at every try.
        not_before=at.later(entry) if entry.reported is Phase.WAITING else None,
        report_tries=0,
    )


def _not_found(entry: Entry, _: seen.NotFound, at: _Moment) -> Entry:
    if entry.phase is Phase.SENDING:
        return replace(entry, looked=True)
    if entry.landed:
        return replace(entry, stalled=entry.stalled + 1, deferrals=entry.deferrals + 1, not_before=at.later(entry))
    searched = entry.searched + 1
    if entry.in_doubt and searched < MAX_SEARCHES_IN_DOUBT:
        # A session that is gone right after its last slice has most likely become the attachment: a listing that lags
        # must not make us send it again.
        wait = at.limits.deadline * 2**searched + SECOND
        return replace(entry, searched=searched, stalled=entry.stalled + 1, not_before=at.now + wait)
    return replace(entry, phase=at.usual, offset=0, furthest=0, in_doubt=False, searched=0, stalled=entry.stalled + 1)


def _session_cancelled(entry: Entry, _: seen.SessionCancelled, at: _Moment) -> Entry:
    over = replace(entry, phase=at.usual, session_url="", session_expires_at=None, deferrals=0)
    return over if entry.phase.is_terminal else replace(over, not_before=at.after_deadline())


def _blob_rewritten(entry: Entry, _: seen.BlobRewritten, at: _Moment) -> Entry:
    return _terminal(entry, at.usual, Reason.REWRITTEN, "the blob was written again" + _unsure(entry))


def _blob_deleted(entry: Entry, _: seen.BlobDeleted, at: _Moment) -> Entry:
    return _terminal(entry, at.usual, Reason.DELETED, "the blob was deleted" + _unsure(entry))


def _unsure(entry: Entry) -> str:
    # In doubt: the session was asked and had not got the last slice, but may get it yet.
    unsure = entry.in_doubt or (entry.resume or entry.phase) in {Phase.LOCATING, Phase.CONFIRMING}
    return "; it may already be attached" if unsure else ""


def _reported(entry: Entry, _: seen.Reported, at: _Moment) -> Entry:
    told = replace(entry, reported=entry.phase, report_tries=0)
    return replace(told, not_before=at.later(entry)) if entry.phase is Phase.WAITING else told


def _source_deleted(entry: Entry, _: seen.SourceDeleted, _at: _Moment) -> Entry:
    return replace(entry, source_deleted=True)


def _nothing_done(entry: Entry) -> Entry:
    """Give back the opening that the claim counted: nothing was opened, or nothing that can attach a byte."""
    return replace(entry, sessions_opened=entry.sessions_opened - 1) if entry.is_about_to_open else entry


def _closing_failed(entry: Entry) -> Entry:
    """Bounded: a session that cannot be cancelled expires by itself, a blob that cannot be deleted stays."""
    tries = entry.closing_tries + 1
    if tries < MAX_CLOSING_TRIES:
        return replace(entry, closing_tries=tries)
    return replace(
        entry, closing_tries=0, session_url="", delete_source=entry.delete_source and bool(entry.session_url)
    )


_ABSORB: dict[type[Any], Callable[[Entry, Any, _Moment], Entry]] = {
    seen.Resolved: _resolved,
    seen.SlotHeld: _slot_held,
    seen.SessionOpened: _session_opened,
    seen.IntentRecorded: _intent_recorded,
    seen.Progress: _progress,
    seen.Attached: _attached,
    seen.LandedUnnamed: _landed_unnamed,
    seen.Unclear: _unclear,
    seen.SessionLost: _session_lost,
    seen.SliceTooLarge: _slice_too_large,
    seen.Deferred: _deferred,
    seen.Unavailable: _unavailable,
    seen.Refused: _refused,
    seen.TargetMissing: _target_missing,
    seen.TooSmallForSession: _too_small_for_session,
    seen.NeedsSignIn: _needs_sign_in,
    seen.NotFound: _not_found,
    seen.SessionCancelled: _session_cancelled,
    seen.BlobRewritten: _blob_rewritten,
    seen.BlobDeleted: _blob_deleted,
    seen.Reported: _reported,
    seen.SourceDeleted: _source_deleted,
}
