"""Decide what to do next: a claimed entry becomes one action, or an end.

Pure: the time and the limits are parameters, and everything else is in the entry. `transitions` explains the phases.
"""

from datetime import datetime
from typing import assert_never

from shared.core.actions import (
    Action,
    Admit,
    AskSession,
    CancelSession,
    Decision,
    DeleteSource,
    End,
    FindAttachment,
    LookAtBlob,
    OpenSession,
    PostFile,
    PreparePost,
    ReadBack,
    RemoveGarbled,
    RemoveReplaced,
    ReportOutcome,
    Resolve,
    ReturnLease,
    SendSlice,
)
from shared.core.endings import may_be_attached
from shared.core.entry import Entry, LandedAs, Phase, Reason, Session
from shared.core.limits import (
    EXPIRY_MARGIN,
    MAX_DEATHS,
    MAX_READ_BACK_TRIES,
    MAX_SEARCHES_FOR_LANDED,
    MAX_SESSIONS,
    MAX_STEPS_WITHOUT_PROGRESS,
    Limits,
)
from shared.core.ranges import ByteRange

_UNDER = {
    LandedAs.UNNAMED: "not under which id",
    LandedAs.OWNED: "under the id of an attachment that another upload owns",
}


def decide(entry: Entry, *, now: datetime, limits: Limits) -> Decision:  # noqa: C901, PLR0912 - one case each
    """The one thing to do for a claimed entry that is not done."""
    # Bounds come before the phases, so that no phase can go on for ever. Terminal phases have bounds of their own.
    if not entry.phase.is_terminal and (end := _bound_reached(entry, now, limits)) is not None:
        return end
    if entry.is_telling:
        return ReportOutcome()
    match entry.phase:
        case Phase.ARRIVING:
            return LookAtBlob()
        case Phase.QUEUED:
            return _queue(entry)
        case Phase.RESOLVING:
            return Resolve()
        case Phase.OPENING:
            return _open(entry)
        case Phase.SENDING:
            return _send(entry, entry.open_session, now)
        case Phase.LOCATING:
            # Reading is free, and its answer is the only one that can be acted on.
            return AskSession()
        case Phase.CONFIRMING:
            return _confirm(entry)
        case Phase.VERIFYING:
            return RemoveGarbled() if entry.garbled_id else ReadBack()
        case Phase.WAITING:
            return _wait(entry)
        case Phase.ATTACHED | Phase.REJECTED | Phase.FAILED | Phase.SUPERSEDED | Phase.WITHDRAWN:
            return _finish(entry)
        case _:
            assert_never(entry.phase)


def _queue(entry: Entry) -> Action:
    # An upload that waits for the slot must hold no lease: the upload that has the slot may be waiting for that lease.
    return ReturnLease() if entry.waits_for_slot and entry.lease else Admit()


def _wait(entry: Entry) -> Action:
    # A person may take days, so the lease goes back first and others use the mailbox. Then the tags say that the file
    # waits. Once they do, a claim moves the entry back into the queue, and `decide` no longer sees it in WAITING.
    return ReturnLease() if entry.lease else ReportOutcome()


def range_to_send(entry: Entry, *, now: datetime, limits: Limits) -> ByteRange | None:
    """The bytes that the entry's next step sends, as far as is known now; None where it sends none."""
    if entry.tell_at is not None:
        return None
    action = decide(entry, now=max(now, entry.not_before or now), limits=limits)
    return action.range if isinstance(action, SendSlice) else None


def _open(entry: Entry) -> Action:
    if not entry.goes_by_post:
        return OpenSession()
    # The Date from which on an attachment can be ours must be stored before the request that creates one: after a lost
    # answer it could no longer be learned.
    return PreparePost() if entry.first_opened_at is None else PostFile()


def _send(entry: Entry, session: Session, now: datetime) -> Action:
    # A slice that reaches an expired session is lost, and its answer says nothing. A session that is cancelled in time
    # is known to be over, so that a search can say what became of it.
    if session.expires_at is not None and now + EXPIRY_MARGIN >= session.expires_at:
        return CancelSession()
    following = ByteRange.next_slice(session.offset, size=entry.size, slice_bytes=entry.slice_bytes)
    is_last = following.stop == entry.size
    if is_last and entry.sessions_opened > 1 and not session.searched:
        # A request of an earlier session may have been applied after the search for it: search once more before
        # the one request that would attach the file a second time.
        return FindAttachment()
    return SendSlice(following)


def _confirm(entry: Entry) -> Action:
    if entry.session is None:
        return FindAttachment()
    if entry.in_doubt and entry.sessions_opened == 1 and not entry.session.searched:
        # The usual case: only the last answer was lost, and the attachment is there. It can come from no other session
        # than this one, and a session attaches once, so what is found now needs no waiting.
        return FindAttachment()
    # As long as the session is open, a request that we gave up on may still complete it.
    return CancelSession()


def _finish(entry: Entry) -> Action:
    # First, because other uploads wait for it.
    if entry.holds_up_others:
        return ReturnLease()
    # The report comes next, because the person waits for it. The rest can wait, and must not delay the report by
    # failing. The source goes last: it carries the tags.
    if not entry.is_reported:
        return ReportOutcome()
    if entry.session is not None:
        return CancelSession()
    if entry.may_remove_replaced:
        return RemoveReplaced()
    return DeleteSource()


def _bound_reached(entry: Entry, now: datetime, limits: Limits) -> End | None:
    too_old = entry.age(now) > limits.max_age
    if entry.phase is Phase.VERIFYING:
        is_over = too_old or entry.deaths >= MAX_DEATHS or entry.closing_tries >= MAX_READ_BACK_TRIES
        return _not_read_back(entry) if is_over else None
    if entry.landed and (too_old or entry.steps_without_progress >= MAX_SEARCHES_FOR_LANDED):
        # Graph's answer is the only evidence. If this ended as failed, the person would write the file again and have
        # it twice.
        return End(Phase.ATTACHED, Reason.NONE, f"Graph answered that it was created, but {_UNDER[entry.landed]}")
    # A person who reads "failed" writes the file again. Where it may be attached already, the outcome must say so.
    unsure = may_be_attached(entry)
    last = f" (last: {entry.detail})" if entry.detail else ""
    if too_old:
        hours = limits.max_age.total_seconds() / 3600
        return End(Phase.FAILED, Reason.TOO_OLD, f"not attached within {hours:g} hours{last}{unsure}")
    if entry.time_queued(now) > limits.queue_wait:
        days = limits.queue_wait.total_seconds() / 86400
        return End(Phase.FAILED, Reason.QUEUED_TOO_LONG, f"queued for more than {days:g} days{unsure}")
    if entry.steps_without_progress > MAX_STEPS_WITHOUT_PROGRESS:
        detail = f"{entry.steps_without_progress} steps without progress{last}{unsure}"
        return End(Phase.FAILED, Reason.NO_PROGRESS, detail)
    if entry.deaths >= MAX_DEATHS:
        detail = f"{entry.deaths} workers in a row died while they worked on it{last}{unsure}"
        return End(Phase.FAILED, Reason.WORKERS_DIED, detail)
    # Only where another one would be opened: the last session that is allowed may still be used to its end.
    if entry.phase is Phase.OPENING and entry.sessions_opened > MAX_SESSIONS:
        return End(Phase.FAILED, Reason.SESSIONS, f"{MAX_SESSIONS} upload sessions came to nothing{last}{unsure}")
    return None


def _not_read_back(entry: Entry) -> End:
    last = f" (last: {entry.detail})" if entry.detail else ""
    if entry.garbled_id:
        detail = f"To Do holds other bytes than the file, under an attachment that could not be removed{last}"
        return End(Phase.FAILED, Reason.GARBLED, detail)
    # Graph has said that it is attached. If this ended as failed, the person would write the file again and have it
    # twice.
    return End(Phase.ATTACHED, Reason.NONE, f"attached, but its bytes could not be read back{last}")
