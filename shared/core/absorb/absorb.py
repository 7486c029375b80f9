"""Absorbs results: each by the function for its action, and what every step has in common."""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from shared.core import actions as done
from shared.core import content, underway
from shared.core import observations as seen
from shared.core.absorb import arriving, closing, opening, queueing, reading_back, resolving, searching, sending
from shared.core.entry import Entry, Phase
from shared.core.limits import Limits
from shared.core.schedule import Schedule


def absorb(entry: Entry, result: done.Result, *, now: datetime, limits: Limits, jitter: float) -> Entry:
    """The entry after *result*: unclaimed, and one step further, or at the same step where it has to queue.

    *jitter* is in [0, 1) and spreads the back-off.
    """
    if entry.is_telling and isinstance(result, done.ReportOutcomeResult):
        return replace(underway.told(entry, result.seen), step=entry.step + 1, claim=None)
    # The wait is over, so only the observation says whether the entry waits again. Giving back a lease is the
    # exception: it happens in the middle of a wait, which goes on afterwards.
    still = entry.not_before if isinstance(result, done.ReturnLeaseResult) else None
    after = _absorbed(replace(entry, not_before=still), result, Schedule(now, limits, jitter))
    if not isinstance(result.seen, seen.TargetMissing | seen.Deferred | seen.Unavailable | seen.NeedsSignIn):
        # Only "not found" itself, and steps in which nothing was done, keep the time since when the target is missing.
        after = replace(after, missing_since=None)
    if after.phase is Phase.ATTACHED and after.attached_at is None:
        after = replace(after, attached_at=now)
    deaths = entry.deaths if _only_asked(entry, after, result) else 0
    # A ticket names the step of the message that will wake the upload. If the step counted on here, that message would
    # be behind the entry, and would be dropped as a duplicate.
    step = entry.step if isinstance(result.seen, seen.MustQueue) else entry.step + 1
    return replace(underway.noted(after, now), step=step, claim=None, deaths=deaths)


def _only_asked(before: Entry, after: Entry, result: done.Result) -> bool:
    """Whether the step only asked the session which byte it expects, and no byte was gained.

    A worker that takes over from a dead one asks first. That it survived the question does not show that sending will
    not kill the next one, so the count of deaths goes on.
    """
    if not isinstance(result, done.AskSessionResult) or before.session is None or after.session is None:
        return False
    return after.session.furthest <= before.session.furthest


def _absorbed(entry: Entry, result: done.Result, at: Schedule) -> Entry:  # noqa: C901, PLR0912 - one case each
    match result:
        case done.LookAtBlobResult():
            return arriving.after_look_at_blob(entry, result.seen, at)
        case done.AdmitResult():
            return queueing.after_admit(entry, result.seen, at)
        case done.ResolveResult():
            return resolving.after_resolve(_read(entry, result.read), result.seen, at)
        case done.OpenSessionResult():
            return opening.after_open_session(entry, result.seen, at)
        case done.PreparePostResult():
            return opening.after_prepare_post(entry, result.seen, at)
        case done.PostFileResult():
            return opening.after_post_file(_read(entry, result.read), result.seen, at)
        case done.SendSliceResult():
            return sending.after_send_slice(_read(entry, result.read), result.seen, at)
        case done.AskSessionResult():
            return sending.after_ask_session(entry, result.seen, at)
        case done.FindAttachmentResult():
            return searching.after_find_attachment(_read(entry, result.read), result.seen, at)
        case done.ReadBackResult():
            return reading_back.after_read_back(entry, result.seen, at)
        case done.RemoveGarbledResult():
            return reading_back.after_remove_garbled(entry, result.seen, at)
        case done.CancelSessionResult():
            return closing.after_cancel_session(entry, result.seen, at)
        case done.ReportOutcomeResult():
            return closing.after_report_outcome(entry, result.seen, at)
        case done.RemoveReplacedResult():
            return closing.after_remove_replaced(entry, result.seen, at)
        case done.DeleteSourceResult():
            return closing.after_delete_source(entry, result.seen, at)
        case done.ReturnLeaseResult():
            return queueing.after_return_lease(entry)
        case _:
            assert_never(result)


def _read(entry: Entry, pieces: tuple[content.Piece, ...]) -> Entry:
    """The entry with what was read of the blob, also where Graph refused it: later versions are compared with it."""
    return replace(entry, content=content.joined(entry.content, pieces)) if pieces else entry
