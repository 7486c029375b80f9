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
    """With what was read of the blob, whatever Graph made of it: a later version is compared with that."""
    return replace(entry, content=content.joined(entry.content, pieces)) if pieces else entry
