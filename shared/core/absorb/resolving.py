"""The entry after the look-up of its list and its task, and of the other uploads under the blob's name.

What is found is stored and never looked up again. Otherwise, if a list were renamed or a second task of the same title
appeared while the file is on its way, some steps would go to one task and the rest to another.
"""

from dataclasses import replace
from typing import assert_never

from shared.core import actions as done
from shared.core import endings
from shared.core import observations as seen
from shared.core.absorb import postponing
from shared.core.entry import Entry, Phase, QueueWait
from shared.core.limits import LONGEST_LOOK_WAIT, SECOND
from shared.core.schedule import Schedule


def after_resolve(entry: Entry, observation: done.AfterResolve, at: Schedule) -> Entry:
    match observation:
        case seen.Resolved():
            return _resolved(entry, observation, at)
        case seen.AlreadyAttached(list_id, task_id, attachment_id, attached_at, detail):
            # This upload takes over the older one's outcome, and its time: this write itself attached nothing.
            known = replace(entry, list_id=list_id, task_id=task_id, attached_at=attached_at)
            return replace(endings.attached(known, attachment_id), detail=detail)
        case seen.SlotHeld(slot, is_own):
            # Not counted as a step without progress: the progress is up to the other upload, and its own bounds end it.
            waiting = replace(
                entry,
                phase=Phase.QUEUED,
                queue_wait=QueueWait(entry.phase, at.now, for_slot=True),
                slot=slot,
                detail=endings.UNDER_WAY,
            )
            if not is_own:
                return waiting
            # No message comes when the other upload is over, so this one looks again after a while. Meanwhile it keeps
            # no lease, just as in a line.
            wait = min(at.back_off(entry), LONGEST_LOOK_WAIT) + SECOND
            return replace(waiting, deferrals=entry.deferrals + 1, not_before=at.now + wait)
        case seen.Refused():
            return endings.rejected(entry, observation)
        case seen.TargetMissing():
            return postponing.target_missing(entry, observation, at)
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return postponing.try_again(entry, observation, at)
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
    # The older upload may have attached this very file, and its last request may still be applied. So this one does
    # what it does after a lost last answer of its own: it waits for a deadline, then searches.
    return replace(
        resolved,
        phase=Phase.CONFIRMING,
        in_doubt=True,
        may_be_of=older.upload_id,
        first_opened_at=older.opened_at,
        not_before=at.after_deadline(),
    )
