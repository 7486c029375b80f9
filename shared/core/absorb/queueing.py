"""The entry after it asked for a turn at the mailbox, and after it gave one back.

Time in the queue counts neither as age nor as lack of progress: a mailbox takes only so much a day, and one upload has
to be the last. It has a bound of its own, `Limits.queue_wait`.
"""

from dataclasses import replace
from typing import assert_never

from shared.core import actions as done
from shared.core import endings
from shared.core import observations as seen
from shared.core.absorb import postponing
from shared.core.entry import Entry, Phase, QueueWait
from shared.core.limits import FREE_REWRITES
from shared.core.schedule import Schedule


def after_admit(entry: Entry, observation: done.AfterAdmit, at: Schedule) -> Entry:
    match observation:
        case seen.Admitted(mailbox, starts_at, older, account_key):
            resume = entry.queue_wait.resume if entry.queue_wait is not None else Phase.RESOLVING
            return replace(
                postponing.out_of_the_queue(entry, at),
                phase=resume,
                older=older,
                account_key=account_key,
                lease=mailbox,
                not_before=starts_at,
                # `deferrals` is kept: what the upload backed off from may fail again right after the queue.
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
            # The upload has its turn, or could not ask for it yet. Either way it is not the mailbox that holds it up,
            # so from here on the time counts as age.
            wait = replace(entry.queue_wait or QueueWait(Phase.RESOLVING), since=None)
            put_off = replace(entry, queue_wait=wait, queued_for=entry.time_queued(at.now))
            return postponing.try_again(put_off, observation, at)
        case seen.NeedsSignIn():
            return postponing.try_again(entry, observation, at)
        case seen.Refused():
            return endings.rejected(entry, observation)
        case seen.BlobRewritten() | seen.BlobDeleted():
            return endings.blob_lost(entry, observation)
        case _:
            assert_never(observation)


def after_return_lease(entry: Entry) -> Entry:
    # The slot is given back only at the end: while the upload waits for a person, no other one of its name may attach
    # to the same task.
    return replace(entry, lease="", slot="" if entry.phase.is_terminal else entry.slot)
