"""Trying again later: what several actions have in common when nothing was done.

`deferrals` only sets the back-off. What ends an upload is its age, or too many `steps_without_progress`: `Deferred`
adds only to the age, `Unavailable` to both.
"""

from dataclasses import replace
from typing import assert_never

from shared.core import endings
from shared.core import observations as seen
from shared.core.entry import Entry, Phase, Reason, SignInWait
from shared.core.limits import SECOND
from shared.core.schedule import Schedule


def try_again(entry: Entry, observation: seen.TryAgain, at: Schedule) -> Entry:
    """The entry when nothing was done: in the same phase, or WAITING where a person must sign in."""
    entry = without_this_opening(entry)
    match observation:
        case seen.Deferred(detail, retry_after):
            # Not counted as a step without progress: an hour of throttling must fail no file.
            wait = at.try_again(entry, retry_after)
            return replace(entry, deferrals=entry.deferrals + 1, not_before=wait, detail=detail)
        case seen.Unavailable(detail, retry_after):
            # Counted: otherwise a server that always answers 500 to this one upload would be asked for a whole day.
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


def target_missing(entry: Entry, observation: seen.TargetMissing, at: Schedule) -> Entry:
    """The target may still appear: a person makes the task in another app after the file, and Graph lags behind."""
    since = entry.missing_since or at.now
    if at.now >= since + at.limits.missing_patience:
        return endings.rejected(entry, observation)
    waiting = without_this_opening(entry)
    # Not counted as a step without progress: `missing_patience` bounds it. The last try comes when that is over, not
    # one back-off later.
    return replace(
        waiting,
        missing_since=since,
        deferrals=entry.deferrals + 1,
        not_before=min(at.try_again(entry), since + at.limits.missing_patience + SECOND),
        detail=observation.detail,
    )


def without_this_opening(entry: Entry) -> Entry:
    """Give back the opening that the claim counted: nothing was opened, or nothing that can attach a byte."""
    return replace(entry, sessions_opened=entry.sessions_opened - 1) if entry.is_about_to_open else entry


def _needs_sign_in(entry: Entry, observation: seen.NeedsSignIn, at: Schedule) -> Entry:
    # `waited` holds the finished waits. Each try ends one wait, and begins the next if it fails. So the bound is
    # checked only at a try, and a person who signs in just before it still has the file attached.
    if entry.waited > at.limits.sign_in_wait:
        days = at.limits.sign_in_wait.total_seconds() / 86400
        detail = f"nobody signed in within {days:g} days (last: {observation.detail}){endings.may_be_attached(entry)}"
        return endings.terminal(entry, Phase.FAILED, Reason.SIGN_IN, detail)
    # An upload that waits for a person leaves the queue: the others would have to wait for it.
    resume = entry.queue_wait.resume if entry.queue_wait is not None else entry.phase
    return replace(
        out_of_the_queue(entry, at),
        phase=Phase.WAITING,
        sign_in_wait=SignInWait(resume, at.now),
        reason=Reason.SIGN_IN,
        detail=observation.detail,
        deferrals=entry.deferrals + 1,
        # Where the tags already say that it waits, the next thing to do is another try, after a pause.
        not_before=at.try_again(entry) if entry.report.phase is Phase.WAITING else None,
        report=replace(entry.report, failed_tries=0),
    )


def out_of_the_queue(entry: Entry, at: Schedule) -> Entry:
    return replace(entry, queue_wait=None, queued_for=entry.time_queued(at.now))
