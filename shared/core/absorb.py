"""Absorb what was seen: an entry and the result of an action become the next entry.

One function for each action, with one case for each observation that the action can lead to. Every `match` ends in
`assert_never`: an observation that is not handled is a type error, never a surprise in production. `transitions` says
where each of them leads, and why the phases are as they are.

What several actions have in common, being put off, not knowing, having landed, is at the end of the file. How an upload
ends is in `endings`.
"""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from shared.core import actions as done
from shared.core import admission, content, endings, underway
from shared.core import observations as seen
from shared.core.entry import Entry, LandedAs, Phase, QueueWait, Reason, Report, Session, SignInWait
from shared.core.limits import (
    FREE_REWRITES,
    LONGEST_LOOK_WAIT,
    MAX_CLOSING_TRIES,
    MAX_GARBLED,
    MAX_REMOVAL_TRIES,
    MAX_REPORT_TRIES,
    MAX_REPORT_TRIES_REFUSED,
    MAX_REPORT_TRIES_WAITING,
    MAX_SEARCHES_IN_DOUBT,
    SECOND,
    Limits,
)
from shared.core.ranges import MAX_POST_BYTES
from shared.core.schedule import Schedule
from shared.core.sent_file import token_of


def absorb(entry: Entry, result: done.Result, *, now: datetime, limits: Limits, jitter: float) -> Entry:
    """The entry after *result*: the next step, or the same where it queues; unclaimed.

    *jitter* is in [0, 1) and spreads the back-off.
    """
    if entry.is_telling and isinstance(result, done.ReportOutcomeResult):
        return replace(underway.told(entry, result.seen), step=entry.step + 1, claim=None)
    # What the entry waited for is over, so only the observation says whether it waits again.
    # But for a lease, which is given back in between, whatever the entry waits for.
    still = entry.not_before if isinstance(result, done.ReturnLeaseResult) else None
    after = _absorbed(replace(entry, not_before=still), result, Schedule(now, limits, jitter))
    if not isinstance(result.seen, seen.TargetMissing | seen.Deferred | seen.Unavailable | seen.NeedsSignIn):
        # Graph found the list and the task: what it does not find later is missing from then on.
        after = replace(after, missing_since=None)
    if after.phase is Phase.ATTACHED and after.attached_at is None:
        after = replace(after, attached_at=now)
    deaths = entry.deaths if _only_asked(entry, after, result) else 0
    # A ticket names the step of the message that it stands in for, which must not be behind when it is sent at last.
    step = entry.step if isinstance(result.seen, seen.MustQueue) else entry.step + 1
    return replace(underway.noted(after, now), step=step, claim=None, deaths=deaths)


def _only_asked(before: Entry, after: Entry, result: done.Result) -> bool:
    """Whether the step asked where the server stands, and found nothing gained.

    Who takes over from a dead worker does so first, and that one lived says nothing about the next.
    """
    if not isinstance(result, done.AskSessionResult) or before.session is None or after.session is None:
        return False
    return after.session.furthest <= before.session.furthest


def _absorbed(entry: Entry, result: done.Result, at: Schedule) -> Entry:  # noqa: C901, PLR0912 - one case each
    match result:
        case done.LookAtBlobResult():
            return _after_look_at_blob(entry, result.seen, at)
        case done.AdmitResult():
            return _after_admit(entry, result.seen, at)
        case done.ResolveResult():
            return _after_resolve(_read(entry, result.read), result.seen, at)
        case done.OpenSessionResult():
            return _after_open_session(entry, result.seen, at)
        case done.PreparePostResult():
            return _after_prepare_post(entry, result.seen, at)
        case done.PostFileResult():
            return _after_post_file(_read(entry, result.read), result.seen, at)
        case done.SendSliceResult():
            return _after_send_slice(_read(entry, result.read), result.seen, at)
        case done.AskSessionResult():
            return _after_ask_session(entry, result.seen, at)
        case done.FindAttachmentResult():
            return _after_find_attachment(_read(entry, result.read), result.seen, at)
        case done.ReadBackResult():
            return _after_read_back(entry, result.seen, at)
        case done.RemoveGarbledResult():
            return _after_remove_garbled(entry, result.seen, at)
        case done.CancelSessionResult():
            return _after_cancel_session(entry, result.seen, at)
        case done.ReportOutcomeResult():
            return _after_report_outcome(entry, result.seen, at)
        case done.RemoveReplacedResult():
            return _after_remove_replaced(entry, result.seen, at)
        case done.DeleteSourceResult():
            return _after_delete_source(entry, result.seen, at)
        case done.ReturnLeaseResult():
            return _after_return_lease(entry)
        case _:
            assert_never(result)


def _read(entry: Entry, pieces: tuple[content.Piece, ...]) -> Entry:
    """With what was read of the blob, whatever Graph made of it: a later version is compared with that."""
    return replace(entry, content=content.joined(entry.content, pieces)) if pieces else entry


# -- arriving --
#
# A look that changes nothing is no step without progress: the blob's writer makes it, and the entry's age ends it.


def _after_look_at_blob(entry: Entry, observation: done.AfterLookAtBlob, at: Schedule) -> Entry:
    match observation:
        case seen.Arrived():
            return admission.arrived(entry, observation, at.limits)
        case seen.NotYet(until, detail):
            return replace(entry, not_before=max(until, at.now + SECOND), detail=detail)
        case seen.Refused():
            return endings.rejected(entry, observation)
        case seen.BlobRewritten() | seen.BlobDeleted():
            return endings.blob_lost(entry, observation)
        case _:
            assert_never(observation)


# -- queued --
#
# Time in the queue is neither age nor lack of progress: a mailbox takes so much a day, and somebody has to be last. It
# has a bound of its own.


def _after_admit(entry: Entry, observation: done.AfterAdmit, at: Schedule) -> Entry:
    match observation:
        case seen.Admitted(mailbox, starts_at, older, account_key):
            resume = entry.queue_wait.resume if entry.queue_wait is not None else Phase.RESOLVING
            return replace(
                _out_of_the_queue(entry, at),
                phase=resume,
                older=older,
                account_key=account_key,
                lease=mailbox,
                not_before=starts_at if starts_at > at.now else None,
                # The back-off is kept: what it was for may go wrong again right after the queue.
                detail="",
            )
        case seen.MustQueue(mailbox, detail, older, account_key):
            wait = entry.queue_wait or QueueWait(Phase.RESOLVING)
            in_line = replace(wait, since=wait.since or at.now, for_slot=False)
            queued = replace(entry, older=older, account_key=account_key, lease=mailbox)
            return replace(queued, queue_wait=in_line, detail=detail)
        case seen.OftenRewritten(versions):
            # The wait grows with each version that comes to nothing, and no session is opened before it is over.
            waiting = replace(entry, rewrites=versions, deferrals=versions - FREE_REWRITES)
            return replace(
                waiting,
                deferrals=0,
                not_before=at.try_again(waiting),
                detail=f"the blob was written {versions} times while it was to be attached",
            )
        case seen.Deferred():
            # Its turn has come, or nobody asked yet whose turn it is: what holds it up is not the mailbox.
            wait = replace(entry.queue_wait or QueueWait(Phase.RESOLVING), since=None)
            put_off = replace(entry, queue_wait=wait, queued_for=entry.time_queued(at.now))
            return _try_again(put_off, observation, at)
        case seen.NeedsSignIn():
            return _try_again(entry, observation, at)
        case seen.Refused():
            return endings.rejected(entry, observation)
        case seen.BlobRewritten() | seen.BlobDeleted():
            return endings.blob_lost(entry, observation)
        case _:
            assert_never(observation)


def _out_of_the_queue(entry: Entry, at: Schedule) -> Entry:
    return replace(entry, queue_wait=None, queued_for=entry.time_queued(at.now))


def _after_return_lease(entry: Entry) -> Entry:
    # The slot only at the end: while it waits for a person, an upload must stay the only one of its name.
    return replace(entry, lease="", slot="" if entry.phase.is_terminal else entry.slot)


# -- resolving --
#
# What is found is stored and never looked up again. A list that is renamed, or a second task of the same title, while
# the file is on its way would otherwise send one half of the steps to one task and the other half to another.


def _after_resolve(entry: Entry, observation: done.AfterResolve, at: Schedule) -> Entry:
    match observation:
        case seen.Resolved():
            return _resolved(entry, observation, at)
        case seen.AlreadyAttached(list_id, task_id, attachment_id, attached_at, detail):
            # The older upload's outcome is this one's. Its time is the attachment's: this write attached nothing.
            known = replace(entry, list_id=list_id, task_id=task_id, attached_at=attached_at)
            return replace(endings.attached(known, attachment_id), detail=detail)
        case seen.SlotHeld(slot, is_own):
            # No step without progress: the other upload makes it, and its own bounds end it.
            waiting = replace(
                entry,
                phase=Phase.QUEUED,
                queue_wait=QueueWait(entry.phase, at.now, for_slot=True),
                slot=slot,
                detail=endings.UNDER_WAY,
            )
            if not is_own:
                return waiting
            # Nobody will say when that is over, so it is looked for; without the lease meanwhile, as in a line.
            wait = min(at.back_off(entry), LONGEST_LOOK_WAIT) + SECOND
            return replace(waiting, deferrals=entry.deferrals + 1, not_before=at.now + wait)
        case seen.Refused():
            return endings.rejected(entry, observation)
        case seen.TargetMissing():
            return _target_missing(entry, observation, at)
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return _try_again(entry, observation, at)
        case seen.BlobRewritten() | seen.BlobDeleted():
            return endings.blob_lost(entry, observation)
        case _:
            assert_never(observation)


def _resolved(entry: Entry, observation: seen.Resolved, at: Schedule) -> Entry:
    resolved = replace(
        entry,
        phase=Phase.OPENING,
        list_id=observation.list_id,
        task_id=observation.task_id,
        slot=observation.slot,
        rewrites=observation.rewrites,
        replaces=observation.replaces,
        deferrals=0,
        detail="",
    )
    older = observation.may_be_of
    if older is None:
        return resolved
    # It may have attached this very file, and the last request of it may still be applied: as after a last answer of
    # our own that is missing.
    return replace(
        resolved,
        phase=Phase.CONFIRMING,
        in_doubt=True,
        may_be_of=older.upload_id,
        first_opened_at=older.opened_at,
        not_before=at.after_deadline(),
    )


# -- opening --
#
# The claim has counted this opening before the request was sent (`entry.claimed`): a worker that dies right after the
# request, time after time, must run into the bound too. So what shows that nothing was opened gives the count back
# (`_without_this_opening`), and everything else leaves it.


def _after_open_session(entry: Entry, observation: done.AfterOpenSession, at: Schedule) -> Entry:
    match observation:
        case seen.SessionOpened():
            return _session_opened(entry, observation)
        case seen.TooSmallForSession(detail):
            if entry.size > MAX_POST_BYTES:
                return endings.terminal(entry, Phase.REJECTED, Reason.REFUSED, detail)
            # From here on it goes as an empty file does. No session was opened, so the count is given back.
            return replace(_without_this_opening(entry), by_post=True, deferrals=0)
        case seen.Refused():
            return endings.rejected(entry, observation)
        case seen.TargetMissing():
            return _target_missing(entry, observation, at)
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return _try_again(entry, observation, at)
        case _:
            assert_never(observation)


def _session_opened(entry: Entry, observation: seen.SessionOpened) -> Entry:
    opened = replace(
        entry,
        phase=Phase.SENDING,
        session=Session(observation.url, observation.expires_at),
        # Without Graph's own Date: no session can have been opened before the entry was made.
        first_opened_at=entry.first_opened_at or observation.opened_at or entry.created_at,
        deferrals=0,
        detail="",
    )
    if observation.offset == 0:
        return opened
    # It claims to have bytes that were never sent: to go on from there would attach another file than this one.
    return _not_continued(opened, f"a session just opened expects byte {observation.offset}")


def _after_prepare_post(entry: Entry, observation: done.AfterPreparePost, at: Schedule) -> Entry:
    match observation:
        case seen.PostPrepared(server_date):
            # Stored before the POST is sent. After a lost answer, this date is what tells the attachment that the
            # POST created from an older one of the same name.
            return replace(entry, first_opened_at=server_date or entry.created_at, deferrals=0)
        case seen.Refused():
            return endings.rejected(entry, observation)
        case seen.TargetMissing():
            return _target_missing(entry, observation, at)
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return _try_again(entry, observation, at)
        case seen.BlobRewritten() | seen.BlobDeleted():
            return endings.blob_lost(entry, observation)
        case _:
            assert_never(observation)


def _after_post_file(entry: Entry, observation: done.AfterPostFile, at: Schedule) -> Entry:
    match observation:
        case seen.Attached() | seen.LandedUnnamed() | seen.LandedUnderOwnedId():
            return _landed(entry, observation)
        case seen.Unclear():
            # No session can be asked about it, so it is searched for; but it may still be applied until its deadline
            # is over.
            unclear = _unclear(entry, observation, at)
            wait = max(at.try_again(entry, observation.retry_after), at.after_deadline())
            return replace(unclear, phase=Phase.CONFIRMING, not_before=wait)
        case seen.Refused():
            return endings.rejected(entry, observation)
        case seen.TargetMissing():
            return _target_missing(entry, observation, at)
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return _try_again(entry, observation, at)
        case seen.BlobRewritten() | seen.BlobDeleted():
            return endings.blob_lost(entry, observation)
        case _:
            assert_never(observation)


# -- sending --
#
# The next offset is never added up from what was sent: it is what the server says that it expects. Where a PUT has no
# answer that says so, LOCATING asks the session. That makes a lost answer, a slice that was stored in part, a session
# that fell back, and another worker's slice in between one and the same case.


def _after_send_slice(entry: Entry, observation: done.AfterSendSlice, at: Schedule) -> Entry:
    match observation:
        case seen.Progress():
            return _progress(entry, entry.open_session, observation)
        case seen.Attached() | seen.LandedUnnamed() | seen.LandedUnderOwnedId():
            return _landed(entry, observation)
        case seen.Unclear():
            # Stored, on its way, or lost. No other slice is sent before the session has said which: two PUTs for one
            # range could be applied in any order.
            return replace(_unclear(entry, observation, at), phase=Phase.LOCATING)
        case seen.SliceRefused():
            return _slice_refused(entry, entry.open_session, observation, at)
        case seen.SliceTooLarge():
            return _slice_too_large(entry, at)
        case seen.Refused():
            return endings.rejected(entry, observation)
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return _try_again(entry, observation, at)
        case seen.BlobRewritten() | seen.BlobDeleted():
            return endings.blob_lost(entry, observation)
        case _:
            assert_never(observation)


def _after_ask_session(entry: Entry, observation: done.AfterAskSession, at: Schedule) -> Entry:
    match observation:
        case seen.Progress():
            return _progress(entry, entry.open_session, observation)
        case seen.SessionLost(detail):
            # A session is also gone once its last slice has made it an attachment: that must be found out first.
            return _not_continued(entry, detail)
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return _try_again(entry, observation, at)
        case _:
            assert_never(observation)


def _progress(entry: Entry, session: Session, observation: seen.Progress) -> Entry:
    offset = observation.offset
    if offset >= entry.size or offset > session.furthest + entry.slice_bytes:
        # Everything is there, yet nothing was attached; or more is there than was ever sent: such a session
        # cannot be continued.
        return _not_continued(entry, f"the session expects byte {offset}")
    gained, forward = offset > session.furthest, offset > session.offset
    # Bytes sent again after the session fell back count neither way: as progress, a session that falls back again and
    # again would never end; as none, small slices would run into the bound on their way back to where they were.
    without_progress = entry.steps_without_progress
    return replace(
        entry,
        phase=Phase.SENDING,
        session=replace(
            session,
            offset=offset,
            furthest=max(offset, session.furthest),
            # Some servers move the expiry on with each slice; others fix it at the beginning and do not repeat it.
            expires_at=observation.expires_at or session.expires_at,
            # Refused here, and taken at another offset: then the bytes were to blame, and not those that follow.
            refused_status=session.refused_status if offset == session.offset else 0,
        ),
        steps_without_progress=0 if gained else without_progress if forward else without_progress + 1,
        # The session did not have the last slice when it was asked, and a request on its way may still bring it. Once
        # it has gained a byte by another request, that one has lost its place.
        in_doubt=entry.in_doubt and not gained,
        # A session that answers but does not move is asked ever more slowly, and the reason for it is kept.
        deferrals=0 if forward else entry.deferrals,
        detail="" if forward else entry.detail,
    )


def _slice_refused(entry: Entry, session: Session, observation: seen.SliceRefused, at: Schedule) -> Entry:
    if session.refused_status:
        # Refused, the session asked, tried again, refused again at the same offset: it will stay so.
        detail = f"Graph refuses the bytes from {session.offset} on: {observation.detail}"
        return endings.terminal(entry, Phase.FAILED, Reason.REFUSED, detail)
    refused = replace(entry, session=replace(session, refused_status=observation.status))
    # Refused or not, the session says which bytes it has. Perhaps only this answer was wrong.
    return replace(_unclear(refused, seen.Unclear(observation.detail), at), phase=Phase.LOCATING)


def _slice_too_large(entry: Entry, at: Schedule) -> Entry:
    # The limit is not published in bytes. Halved once: half of our slice is below every reading of it.
    half = at.limits.slice_bytes // 2
    if entry.slice_bytes <= half:
        detail = f"Graph takes no slice of {entry.slice_bytes} bytes"
        return endings.terminal(entry, Phase.REJECTED, Reason.TOO_LARGE, detail)
    return replace(entry, slice_bytes=half, steps_without_progress=entry.steps_without_progress + 1)


# -- did it land? --
#
# The question is asked in four places: in CONFIRMING, at once where the only session is gone right after its last
# slice; there again, in order, when a session came to nothing; in SENDING, before the last slice of every session but
# the first; and in CONFIRMING for as long as Graph said "created" and the file is not found. To answer "no" too early
# attaches the file twice; to answer "no" never leaves it unattached. Hence the waits.


def _after_find_attachment(entry: Entry, observation: done.AfterFindAttachment, at: Schedule) -> Entry:
    match observation:
        case seen.Adopted(attachment_id):
            # An earlier request attached it. A later session that is open is left so here: `decide` cancels it.
            return endings.attached(entry, attachment_id)
        case seen.NotFound():
            return _not_found(entry, at)
        case seen.Refused():
            return endings.rejected(entry, observation)
        case seen.TargetMissing():
            return _target_missing(entry, observation, at)
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return _try_again(entry, observation, at)
        case seen.BlobRewritten() | seen.BlobDeleted():
            return endings.blob_lost(entry, observation)
        case _:
            assert_never(observation)


def _not_found(entry: Entry, at: Schedule) -> Entry:
    if entry.session is not None:
        # In SENDING the last slice may be sent now. In CONFIRMING nothing follows from it: until the session is
        # cancelled a request may still be applied. The mark ends with the session, so a later one searches again.
        return replace(entry, session=replace(entry.session, searched=True))
    tried = replace(entry, steps_without_progress=entry.steps_without_progress + 1)
    if entry.landed:
        # It is attached, by Graph's own word, and the listing lags. Nothing is sent any more; `decide` has the bound.
        return replace(tried, deferrals=entry.deferrals + 1, not_before=at.try_again(entry))
    searches = entry.searches_in_doubt + 1
    if entry.in_doubt and searches < MAX_SEARCHES_IN_DOUBT:
        # A session that is gone right after its last slice has most likely become the attachment: a listing that lags
        # must not make us send it again.
        wait = at.limits.deadline * 2**searches + SECOND
        return replace(tried, searches_in_doubt=searches, not_before=at.now + wait)
    # The session is closed and a deadline has passed, so nothing that was sent can be applied any more: to send the
    # file again attaches it once.
    return replace(tried, phase=Phase.OPENING, in_doubt=False, searches_in_doubt=0)


# -- reading back --
#
# The file is attached, by Graph's own word. So only bytes that are not the file's may end it as failed, or send it
# again; and to wait for a sign-in would leave the person without a word for days. `decide` has the bounds.


def _after_read_back(entry: Entry, observation: done.AfterReadBack, at: Schedule) -> Entry:
    match observation:
        case seen.Intact():
            return endings.attached(entry, entry.attachment_id)
        case seen.Garbled():
            return replace(
                entry,
                attachment_id="",
                garbled=entry.garbled + 1,
                garbled_id=entry.attachment_id,
                closing_tries=0,
                deferrals=0,
                detail="the attachment had other bytes than the file",
            )
        case seen.NotReadBack(detail):
            return replace(endings.attached(entry, entry.attachment_id), detail=f"not read back: {detail}")
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return _read_back_later(entry, observation, at)
        case _:
            assert_never(observation)


def _after_remove_garbled(entry: Entry, observation: done.AfterRemoveGarbled, at: Schedule) -> Entry:
    match observation:
        case seen.AttachmentRemoved():
            removed = replace(entry, garbled_id="", closing_tries=0, deferrals=0)
            if entry.garbled >= MAX_GARBLED:
                detail = f"{entry.garbled} times To Do held other bytes than the file, and they were removed again"
                return endings.terminal(removed, Phase.FAILED, Reason.GARBLED, detail)
            # The session that attached it is over, so nothing that was sent to it is in doubt any more.
            return replace(removed, phase=Phase.OPENING, in_doubt=False, searches_in_doubt=0)
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return _read_back_later(entry, observation, at)
        case _:
            assert_never(observation)


def _read_back_later(entry: Entry, observation: seen.TryAgain, at: Schedule) -> Entry:
    retry_after = None if isinstance(observation, seen.NeedsSignIn) else observation.retry_after
    return replace(
        entry,
        closing_tries=entry.closing_tries + 1,
        deferrals=entry.deferrals + 1,
        not_before=at.try_again(entry, retry_after),
        detail=observation.detail,
    )


# -- closing --
#
# In a terminal phase the outcome stands, and neither age nor lack of progress ends anything. So whatever is still to be
# done there has a bound of its own, after which it counts as done: an entry that never became done would be swept, and
# announced, for ever.


def _after_cancel_session(entry: Entry, observation: done.AfterCancelSession, at: Schedule) -> Entry:
    match observation:
        case seen.SessionCancelled():
            closed = replace(entry, session=None, deferrals=0)
            if entry.phase.is_terminal:
                return closed
            # A request that we gave up on may still be applied. Only after its deadline can a search be believed.
            return replace(closed, phase=Phase.CONFIRMING, not_before=at.after_deadline())
        case seen.Deferred() | seen.Unavailable() if entry.phase.is_terminal:
            return _closing_failed(entry, at.try_again(entry, observation.retry_after))
        case seen.NeedsSignIn() if entry.phase.is_terminal:
            return _closing_failed(entry, at.try_again(entry))
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return _try_again(entry, observation, at)
        case _:
            assert_never(observation)


def _after_report_outcome(entry: Entry, observation: done.AfterReportOutcome, at: Schedule) -> Entry:
    match observation:
        case seen.Reported():
            reported = replace(entry, report=Report(entry.phase))
            # Whoever signs in is noticed at the next try, not at once.
            return replace(reported, not_before=at.try_again(entry)) if entry.phase is Phase.WAITING else reported
        case seen.TagsRefused():
            return _report_failed(entry, MAX_REPORT_TRIES_REFUSED, at.try_again(entry))
        case seen.Unavailable():
            most = MAX_REPORT_TRIES if entry.phase.is_terminal else MAX_REPORT_TRIES_WAITING
            return _report_failed(entry, most, at.try_again(entry, observation.retry_after))
        case _:
            assert_never(observation)


def _report_failed(entry: Entry, most: int, retry_at: datetime) -> Entry:
    tries = entry.report.failed_tries + 1
    # After the last try it counts as reported: a container whose tags cannot be written must not keep every entry
    # alive for ever.
    phase = entry.phase if tries >= most else entry.report.phase
    return replace(entry, report=Report(phase, tries), deferrals=entry.deferrals + 1, not_before=retry_at)


def _after_remove_replaced(entry: Entry, observation: done.AfterRemoveReplaced, at: Schedule) -> Entry:
    match observation:
        case seen.AttachmentRemoved() | seen.ReplacedLeft():
            return replace(entry, replaces=None, closing_tries=0, deferrals=0)
        case seen.Deferred() | seen.Unavailable():
            return _closing_failed(entry, at.try_again(entry, observation.retry_after), MAX_REMOVAL_TRIES)
        case seen.NeedsSignIn():
            return _closing_failed(entry, at.try_again(entry), MAX_REMOVAL_TRIES)
        case _:
            assert_never(observation)


def _after_delete_source(entry: Entry, observation: done.AfterDeleteSource, at: Schedule) -> Entry:
    match observation:
        case seen.SourceDeleted():
            return replace(entry, source_deleted=True)
        case seen.Unavailable():
            # Who sent it through the page has no right to delete it.
            most = MAX_CLOSING_TRIES if token_of(entry.blob.name) is None else MAX_REMOVAL_TRIES
            return _closing_failed(entry, at.try_again(entry, observation.retry_after), most)
        case _:
            assert_never(observation)


def _closing_failed(entry: Entry, retry_at: datetime, most: int = MAX_CLOSING_TRIES) -> Entry:
    """Bounded: a session that cannot be cancelled expires by itself; what cannot be removed or deleted stays.

    The detail is left alone: it is the outcome's.
    """
    tries = entry.closing_tries + 1
    failed = replace(entry, deferrals=entry.deferrals + 1, not_before=retry_at)
    if tries < most:
        return replace(failed, closing_tries=tries)
    # Given up on, in the order in which they are done. Each has its own tries.
    failed = replace(failed, closing_tries=0)
    if entry.session is not None:
        return replace(failed, session=None)
    return replace(failed, replaces=None) if entry.may_remove_replaced else replace(failed, delete_source=False)


# -- what several actions have in common --
#
# `deferrals` only sets the back-off. What ends an upload is `steps_without_progress` and its age, and which of the two
# counts is the difference between the first two observations here.


def _try_again(entry: Entry, observation: seen.TryAgain, at: Schedule) -> Entry:
    """Nothing was done, so the phase stays, but for a person who must sign in."""
    entry = _without_this_opening(entry)
    match observation:
        case seen.Deferred(detail, retry_after):
            # No step without progress: an hour of throttling must fail no file.
            wait = at.try_again(entry, retry_after)
            return replace(entry, deferrals=entry.deferrals + 1, not_before=wait, detail=detail)
        case seen.Unavailable(detail, retry_after):
            # Counted: a server that answers 500 to this one upload for ever is not asked for a whole day.
            return replace(
                entry,
                steps_without_progress=entry.steps_without_progress + 1,
                deferrals=entry.deferrals + 1,
                not_before=at.try_again(entry, retry_after),
                detail=detail,
            )
        case seen.NeedsSignIn():
            return _needs_sign_in(entry, observation, at)
        case _:
            assert_never(observation)


def _target_missing(entry: Entry, observation: seen.TargetMissing, at: Schedule) -> Entry:
    """It may pass: the person made the task five seconds after the file, in another app, and Graph lags behind."""
    since = entry.missing_since or at.now
    if at.now >= since + at.limits.missing_patience:
        return endings.rejected(entry, observation)
    waiting = _without_this_opening(entry)
    # Not a step without progress: the time bounds it. The last try comes when that is over, not one back-off later.
    return replace(
        waiting,
        missing_since=since,
        deferrals=entry.deferrals + 1,
        not_before=min(at.try_again(entry), since + at.limits.missing_patience + SECOND),
        detail=observation.detail,
    )


def _without_this_opening(entry: Entry) -> Entry:
    """Give back the opening that the claim counted: nothing was opened, or nothing that can attach a byte."""
    return replace(entry, sessions_opened=entry.sessions_opened - 1) if entry.is_about_to_open else entry


def _needs_sign_in(entry: Entry, observation: seen.NeedsSignIn, at: Schedule) -> Entry:
    # `waited` holds the finished waits. Each try ends one and, in vain, begins the next, so the bound is reached at a
    # try, and a person who signs in just before it still has the file attached.
    if entry.waited > at.limits.sign_in_wait:
        days = at.limits.sign_in_wait.total_seconds() / 86400
        detail = f"nobody signed in within {days:g} days (last: {observation.detail}){endings.may_be_attached(entry)}"
        return endings.terminal(entry, Phase.FAILED, Reason.SIGN_IN, detail)
    # Out of the queue, if it was in it: who queues there is waited for by others.
    resume = entry.queue_wait.resume if entry.queue_wait is not None else entry.phase
    return replace(
        _out_of_the_queue(entry, at),
        phase=Phase.WAITING,
        sign_in_wait=SignInWait(resume, at.now),
        reason=Reason.SIGN_IN,
        detail=observation.detail,
        deferrals=entry.deferrals + 1,
        # Where the tags say so already, the next thing to do is to try again, and that after a pause.
        not_before=at.try_again(entry) if entry.report.phase is Phase.WAITING else None,
        report=replace(entry.report, failed_tries=0),
    )


def _unclear(entry: Entry, observation: seen.Unclear, at: Schedule) -> Entry:
    """It may have been applied, and it may still be. The caller knows which phase finds out."""
    return replace(
        entry,
        # Only the last slice attaches the file. Any other slice of a lost session is forgotten with it.
        in_doubt=entry.in_doubt or entry.is_at_last_slice,
        steps_without_progress=entry.steps_without_progress + 1,
        deferrals=entry.deferrals + 1,
        not_before=at.try_again(entry, observation.retry_after),
        detail=observation.detail,
    )


def _not_continued(entry: Entry, detail: str) -> Entry:
    """The session cannot be used any further, and is not closed yet: CONFIRMING cancels it."""
    without_progress = entry.steps_without_progress + 1
    return replace(entry, phase=Phase.CONFIRMING, steps_without_progress=without_progress, detail=detail)


def _landed(entry: Entry, observation: seen.Landed) -> Entry:
    """Graph said "created", so the session that it was sent to is over: there is nothing left to cancel."""
    closed = replace(entry, session=None)
    match observation:
        case seen.Attached(attachment_id) if entry.read_back:
            return replace(
                closed,
                phase=Phase.VERIFYING,
                attachment_id=attachment_id,
                steps_without_progress=0,
                deferrals=0,
                detail="",
            )
        case seen.Attached(attachment_id):
            return endings.attached(closed, attachment_id)
        case seen.LandedUnnamed():
            return _searched_for(closed, LandedAs.UNNAMED, "created, but the reply named no id")
        case seen.LandedUnderOwnedId():
            detail = "created, but the reply named the id of an attachment that another upload owns"
            return _searched_for(closed, LandedAs.OWNED, detail)
        case _:
            assert_never(observation)


def _searched_for(entry: Entry, landed: LandedAs, detail: str) -> Entry:
    # The count starts anew, since from here on it counts searches: after a few of them the file counts as attached.
    return replace(entry, phase=Phase.CONFIRMING, landed=landed, steps_without_progress=0, detail=detail)
