"""The entry after one of the last things to do: cancel the session, report the outcome, remove and delete.

In a terminal phase the outcome is final, and neither age nor lack of progress ends anything. So each thing that is
still to be done has a bound of its own, after which it counts as done. Otherwise an entry that never became done would
be swept, and announced, for ever.
"""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from shared.core import actions as done
from shared.core import observations as seen
from shared.core.absorb import postponing
from shared.core.entry import Entry, Phase, Report
from shared.core.limits import (
    MAX_CLOSING_TRIES,
    MAX_REMOVAL_TRIES,
    MAX_REPORT_TRIES,
    MAX_REPORT_TRIES_REFUSED,
    MAX_REPORT_TRIES_WAITING,
)
from shared.core.schedule import Schedule
from shared.core.sent_file import token_of


def after_cancel_session(entry: Entry, observation: done.AfterCancelSession, at: Schedule) -> Entry:
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
            return postponing.try_again(entry, observation, at)
        case _:
            assert_never(observation)


def after_report_outcome(entry: Entry, observation: done.AfterReportOutcome, at: Schedule) -> Entry:
    match observation:
        case seen.Reported():
            reported = replace(entry, report=Report(entry.phase))
            # A sign-in right after this is noticed at the next try, not at once.
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


def after_remove_replaced(entry: Entry, observation: done.AfterRemoveReplaced, at: Schedule) -> Entry:
    match observation:
        case seen.AttachmentRemoved() | seen.ReplacedLeft():
            return replace(entry, replaces=None, closing_tries=0, deferrals=0)
        case seen.Deferred() | seen.Unavailable():
            return _closing_failed(entry, at.try_again(entry, observation.retry_after), MAX_REMOVAL_TRIES)
        case seen.NeedsSignIn():
            return _closing_failed(entry, at.try_again(entry), MAX_REMOVAL_TRIES)
        case _:
            assert_never(observation)


def after_delete_source(entry: Entry, observation: done.AfterDeleteSource, at: Schedule) -> Entry:
    match observation:
        case seen.SourceDeleted():
            return replace(entry, source_deleted=True)
        case seen.Unavailable():
            # A person who sent the file through the page has no right to delete its blob.
            most = MAX_CLOSING_TRIES if token_of(entry.blob.name) is None else MAX_REMOVAL_TRIES
            return _closing_failed(entry, at.try_again(entry, observation.retry_after), most)
        case _:
            assert_never(observation)


def _closing_failed(entry: Entry, retry_at: datetime, most: int = MAX_CLOSING_TRIES) -> Entry:
    """One of the last things failed: try it again later, or give up after *most* tries.

    To give up does little harm: a session that is not cancelled expires by itself, and an attachment or a blob that is
    not removed stays. The detail is left alone: it explains the outcome.
    """
    tries = entry.closing_tries + 1
    failed = replace(entry, deferrals=entry.deferrals + 1, not_before=retry_at)
    if tries < most:
        return replace(failed, closing_tries=tries)
    # Give up on what `decide` chose, in the order of its choice. Each thing has tries of its own.
    failed = replace(failed, closing_tries=0)
    if entry.session is not None:
        return replace(failed, session=None)
    return replace(failed, replaces=None) if entry.may_remove_replaced else replace(failed, delete_source=False)
