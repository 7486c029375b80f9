"""After asking for a turn at the mailbox, and after giving it back.

Time in the queue is neither age nor lack of progress: a mailbox takes so much a day, and somebody has to be last. It
has a bound of its own.
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
    # The slot only at the end: while it waits for a person, an upload must stay the only one of its name.
    return replace(entry, lease="", slot="" if entry.phase.is_terminal else entry.slot)
