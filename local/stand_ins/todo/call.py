"""One request at its endpoint, and the look-up of what its path names."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.stand_ins.todo.behaviour import Behaviour
from local.stand_ins.todo.faults import Plan
from local.stand_ins.todo.journal import Offence
from local.stand_ins.todo.mailbox import Attachment, Mailbox, Task, TaskList
from local.stand_ins.todo.refusals import Refusal
from local.stand_ins.todo.routes import Operation, Route
from local.stand_ins.todo.store import Store
from local.stand_ins.todo.wire import Headers

_ID = re.compile(r"[A-Za-z0-9_=+-]+")


@dataclass(frozen=True, slots=True)
class Call:
    store: Store
    behaviour: Behaviour
    root: str
    now: datetime
    route: Route
    mailbox: Mailbox
    headers: Headers
    body: bytes
    plan: Plan
    # Called with the offence and a text that says what happened.
    offend: Callable[[Offence, str], None]

    def json_body(self) -> Mapping[str, Any]:
        content_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise Refusal(415, "A JSON body needs Content-Type application/json.")
        if len(self.body) > self.behaviour.body_limit:
            raise Refusal(413, "Maximum request length exceeded.")
        try:
            body = json.loads(self.body)
        except ValueError:
            raise Refusal(400, "Unable to read JSON request payload.", code="BadRequest") from None
        if not isinstance(body, dict):
            raise Refusal(400, "Unable to read JSON request payload.", code="BadRequest")
        return body


def find_list(call: Call) -> TaskList:
    wanted = call.route.list_id
    found = call.mailbox.lists.get(wanted)
    # The shorthand works on most routes, but not for one task: microsoftgraph/microsoft-graph-explorer-v4#2743.
    if found is None and wanted == "Tasks" and call.behaviour.tasks_shorthand:
        found = call.mailbox.default_list() if call.route.operation is not Operation.GET_TASK else None
    if found is None or not is_visible(call, found):
        raise _not_found(wanted, "list")
    return found


def find_task(call: Call) -> Task:
    task_list = find_list(call)
    task = task_list.tasks.get(call.route.task_id)
    if task is not None and not is_visible(call, task):
        task = None
    if task is None and call.behaviour.unknown_task == 400:
        raise Refusal(400, "Parent folder specified does not contain a Task with given Id.")
    if task is None:
        raise _not_found(call.route.task_id, "task")
    return task


def is_visible(call: Call, item: TaskList | Task) -> bool:
    """Whether a list or a task that another app made is visible yet."""
    return item.created is None or (call.now - item.created).total_seconds() >= call.behaviour.new_item_lag


def find_attachment(call: Call, task: Task) -> Attachment:
    attachment = task.attachments.get(call.route.item_id)
    if attachment is None:
        raise _not_found(call.route.item_id, "attachment")
    return attachment


def _not_found(wanted: str, what: str) -> Refusal:
    if not _ID.fullmatch(wanted):
        return Refusal(400, "Id is malformed.", code="ErrorInvalidIdMalformed")
    return Refusal(404, f"The specified {what} was not found in the store.")
