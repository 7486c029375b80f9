"""Rules for every attachment, however it comes: its name, its task, others of the same name, copies of it."""

import re
import unicodedata

from local.stand_ins.todo.behaviour import Behaviour
from local.stand_ins.todo.call import Call
from local.stand_ins.todo.journal import Offence
from local.stand_ins.todo.mailbox import Attachment, Task, TaskList
from local.stand_ins.todo.refusals import Refusal

_LONGEST_NAME = 255
_UNSPEAKABLE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')


def name_as_kept(behaviour: Behaviour, name: str) -> str:
    match behaviour.names:
        case "refused":
            if len(name) > _LONGEST_NAME or _UNSPEAKABLE.search(name):
                raise Refusal(400, "The name of the attachment is not allowed.")
        case "trimmed":
            return name.strip()[:_LONGEST_NAME]
        case "lower_case":
            return name.lower()
        case "sanitised":
            return _UNSPEAKABLE.sub("_", unicodedata.normalize("NFC", name))
        case "free":
            pass
    return name


def refuse_place(call: Call, task_list: TaskList) -> None:
    if (task_list.shared or task_list.wellknown_name == "flaggedEmails") and call.behaviour.shared_list != "allowed":
        raise Refusal(call.behaviour.shared_list, "Attachments are not available in this list.")


def refuse_namesake(call: Call, task: Task, name: str, *, at: str, or_at: str = "") -> None:
    if call.behaviour.duplicate_names in (at, or_at):
        kept = name_as_kept(call.behaviour, name)
        if any(each.name == kept for each in task.attachments.values()):
            raise Refusal(409, "An attachment with this name exists.")


def corrupt(chunk: bytes, position: int) -> bytes:
    if position >= len(chunk):
        return chunk
    return chunk[:position] + bytes((chunk[position] ^ 0xFF,)) + chunk[position + 1 :]


def report_second(call: Call, task: Task, attachment: Attachment) -> None:
    copies = task.copies[attachment.declared_name, attachment.sha256]
    if copies > 1:
        call.offend(Offence.SECOND_ATTACHMENT, f"{attachment.declared_name!r} hangs {copies} times on {task.title!r}")
