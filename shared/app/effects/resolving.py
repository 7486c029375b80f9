"""Finds the list and the task that the file names, and takes the slot there."""

from dataclasses import dataclass

from shared.app.effects import name, queueing
from shared.app.effects.context import Context
from shared.core import observations as seen
from shared.core.actions import AfterResolve
from shared.core.endings import UNDER_WAY
from shared.core.entry import Phase
from shared.core.landing import slot
from shared.core.lookup import HIDDEN, Named, are_hidden, find_list, find_task
from shared.graph import listings


@dataclass(frozen=True, slots=True)
class _Taken:
    """The slot that this upload has taken. *from_another*: an upload that has ended held it before."""

    slot: str
    from_another: bool


def resolve(context: Context) -> AfterResolve:
    """Look up what was given by name, take the slot, and look back at the older uploads of the blob's name."""
    list_id = _list_id(context)
    if not isinstance(list_id, str):
        return list_id
    task_id = _task_id(context, list_id)
    if not isinstance(task_id, str):
        return task_id
    taken = _take_slot(context, list_id, task_id)
    if not isinstance(taken, _Taken):
        return taken
    # The slot comes first: while this upload holds it, no other one can attach there and escape the look back.
    resolved = seen.Resolved(list_id, task_id, taken.slot)
    return name.look_back(context, resolved, slot_was_anothers=taken.from_another)


def _list_id(context: Context) -> str | seen.Refused | seen.TargetMissing | seen.TryAgain:
    wanted = context.entry.wanted_list
    if wanted.id:
        return wanted.id
    mailbox = context.graph.mailbox
    lists = context.graph.pages(listings.prepare_list_lists(mailbox), listings.parse_lists)
    if not isinstance(lists, list):
        return lists
    found = find_list(wanted, lists, names_others=context.names_others)
    if not isinstance(found, Named) and are_hidden(lists):
        # For some accounts the plain listing hides the lists, and the listing for change tracking (delta) shows them.
        lists = context.graph.pages(listings.prepare_list_lists_delta(mailbox), listings.parse_lists)
        if not isinstance(lists, list):
            return lists
        found = HIDDEN if are_hidden(lists) else find_list(wanted, lists, names_others=context.names_others)
    return found.id if isinstance(found, Named) else found


def _task_id(context: Context, list_id: str) -> str | seen.Refused | seen.TargetMissing | seen.TryAgain:
    wanted = context.entry.wanted_task
    if wanted.id:
        return wanted.id
    tasks = context.graph.pages(listings.prepare_list_tasks(context.graph.mailbox, list_id), listings.parse_tasks)
    if not isinstance(tasks, list):
        return tasks
    found = find_task(wanted, tasks, list_name=context.entry.wanted_list.name, names_others=context.names_others)
    return found.id if isinstance(found, Named) else found


def _take_slot(context: Context, list_id: str, task_id: str) -> _Taken | seen.SlotHeld | seen.TryAgain:
    account = context.graph.identity()
    if not isinstance(account, str):
        return account
    ledger, mine = context.ledger, context.entry.upload_id
    # After a lost answer, two uploads of one name to one task could not tell their attachments apart. So only one at a
    # time may attach there.
    wanted = slot(account, list_id, task_id, context.entry.attachment_name)
    holder = ledger.take_slot(wanted, mine)
    if holder == mine:
        return _Taken(wanted, from_another=False)
    # A holder is in the ledger before it takes a slot: one that is missing there ended long ago, and has aged out.
    other = ledger.get(holder)
    if other is not None and other.entry.phase is Phase.WAITING:
        # The holder waits for the same account's sign-in. So does this upload, and says so: a wait for the slot would
        # count against its age.
        return seen.NeedsSignIn("another upload of this name waits for it")
    if other is not None and not other.entry.phase.is_terminal:
        if context.entry.slot != wanted:
            # The tag says no time: how long the holder takes is unknown.
            queueing.tell(context, UNDER_WAY)
        return seen.SlotHeld(wanted)
    passed = ledger.pass_slot(wanted, holder, mine)
    return _Taken(wanted, from_another=True) if passed else seen.SlotHeld(wanted)
