"""How an upload ends: the entry in a terminal phase, with its reason, and what it must say to the person."""

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from shared.core import observations as seen
from shared.core.actions import End
from shared.core.entry import Entry, Phase, Reason, Report

# The detail of an upload that queues for its slot.
UNDER_WAY = "another upload of this name to this task is under way"


def ended(entry: Entry, end: End) -> Entry:
    """The entry after a decision to stop trying: the next step, unclaimed."""
    after = terminal(entry, end.phase, end.reason, end.detail)
    return replace(after, not_before=None, step=entry.step + 1, claim=None)


def attached(entry: Entry, attachment_id: str) -> Entry:
    attached_as = replace(entry, attachment_id=attachment_id, steps_without_progress=0, closing_tries=0)
    return terminal(attached_as, Phase.ATTACHED, Reason.NONE, "")


def rejected(entry: Entry, observation: seen.Refused | seen.TargetMissing) -> Entry:
    return terminal(entry, Phase.REJECTED, observation.reason, observation.detail + may_be_attached(entry))


def blob_lost(entry: Entry, observation: seen.BlobLost) -> Entry:
    unsure = may_be_attached(entry)
    match observation:
        case seen.BlobRewritten():
            return terminal(entry, Phase.SUPERSEDED, Reason.REWRITTEN, "the blob was written again" + unsure)
        case seen.BlobDeleted():
            return terminal(entry, Phase.WITHDRAWN, Reason.DELETED, "the blob was deleted" + unsure)
        case _:
            assert_never(observation)


def withdrawn(entry: Entry, now: datetime) -> Entry | None:
    """The entry after its person has deleted the blob from the page: it ends now, not when it next looks at the blob.

    An upload that has ended only notes that its blob is gone. None where the entry must not be changed: a worker acts
    for it, or died while it did, and the next worker will find the blob gone; or the file is attached.
    """
    if entry.phase in {Phase.ATTACHED, Phase.VERIFYING} or entry.claim is not None:
        return None
    if entry.phase.is_terminal:
        return replace(entry, source_gone_since=entry.source_gone_since or now)
    # A wait for a sign-in ends here too. `waited` shows that there may be a ticket to take out of that line.
    lost = blob_lost(replace(entry, waited=entry.time_waited(now)), seen.BlobDeleted())
    return replace(lost, not_before=None, step=entry.step + 1)


def terminal(entry: Entry, phase: Phase, reason: Reason, detail: str) -> Entry:
    """The session stays as it is: one that may be open is cancelled after the outcome is reported."""
    # The blob is deleted at once, before anything is reported: the tags would be deleted with it.
    is_deleted = reason is Reason.LARGER_THAN_DECLARED
    # A blob that is gone, or belongs to another entry now, has no tags to report in.
    has_no_tags = is_deleted or phase in {Phase.SUPERSEDED, Phase.WITHDRAWN}
    return replace(
        entry,
        phase=phase,
        reason=reason,
        detail=detail,
        deaths=0,
        waits_since=None,
        tell_at=None,
        sign_in_wait=None,
        queue_wait=None,
        report=Report(phase if has_no_tags else entry.report.phase),
        delete_source=entry.delete_source or is_deleted,
        deferrals=0,
    )


def may_be_attached(entry: Entry) -> str:
    """What the detail of any outcome but attached must add while an answer is missing; else empty."""
    wait = entry.sign_in_wait or entry.queue_wait
    phase = wait.resume if wait is not None else entry.phase
    # In doubt: the session was asked and did not have the last slice, but the server may still apply it.
    unsure = entry.in_doubt or phase in {Phase.LOCATING, Phase.CONFIRMING}
    return "; it may already be attached" if unsure else ""
