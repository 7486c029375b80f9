"""The emulator's own endpoints, under /_emulator, by which tests and people look at it and change it.

    GET    journal?after=N     entries after sequence N       GET    offences      counts and details
    GET    sessions            sessions that are open         GET    attachments   all of them, with SHA-256
    GET    mailboxes           with their lists and tasks     GET    requests      counts by operation
    GET    behaviour           PATCH behaviour {switch: value}
    GET    limits              PATCH limits    {limit: value}
    GET    faults              POST faults {rule}             DELETE faults
    POST   mailboxes {upn, token, personal}                   POST   lists {mailbox, name, wellknown_name, shared}
    POST   tasks {mailbox, list_id, title}                    POST   moves {mailbox, list_id, task_id, to_list_id}
    DELETE tasks {mailbox, list_id, task_id}                  POST   revocations {token}
    POST   reset               everything forgotten but behaviour and limits

There is no socket here: a request comes in, a response goes out. `server` admits only requests with the secret in their
path.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.stand_ins.todo.faults import read_rule
from local.stand_ins.todo.mailbox import Mailbox, Task, TaskList
from local.stand_ins.todo.service import TodoService
from local.stand_ins.todo.switches import change
from local.stand_ins.todo.wire import Headers, Request, Response

PREFIX = "/_emulator/"

type _Control = Callable[[TodoService, Mapping[str, Any]], Any]


def handle_control(service: TodoService, request: Request) -> Response:
    parts = urlsplit(request.url)
    control = _CONTROLS.get((request.method, parts.path.removeprefix(PREFIX)))
    if control is None:
        return _reply(404, {"error": f"no {request.method} {parts.path}; see local/stand_ins/todo/control.py"})
    arguments: dict[str, Any] = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    try:
        arguments |= json.loads(request.body) if request.body else {}
        return _reply(200, control(service, arguments))
    except (KeyError, TypeError, ValueError) as error:
        return _reply(400, {"error": f"{type(error).__name__}: {error}"})


def _reply(status: int, body: Any) -> Response:
    text = json.dumps(body, default=_as_json)
    return Response(status, Headers({"Content-Type": "application/json"}), text.encode())


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


# --- looking ---


def _journal(service: TodoService, arguments: Mapping[str, Any]) -> Any:
    after = int(arguments.get("after", 0))
    return [asdict(entry) for entry in service.journal.entries if entry.sequence > after]


def _offences(service: TodoService, _arguments: Mapping[str, Any]) -> Any:
    return {
        "counts": dict(service.journal.offences),
        "details": [asdict(offended) for offended in service.journal.details],
    }


def _requests(service: TodoService, _arguments: Mapping[str, Any]) -> Any:
    return dict(service.journal.requests)


def _sessions(service: TodoService, _arguments: Mapping[str, Any]) -> Any:
    return [
        {
            "id": session.id,
            "mailbox": session.mailbox.upn,
            "list_id": session.list_id,
            "task_id": session.task_id,
            "name": session.name,
            "size": session.size,
            "received": session.received,
            "created": session.created,
            "expires": session.expires,
        }
        for session in service.open_sessions()
    ]


def _attachments(service: TodoService, _arguments: Mapping[str, Any]) -> Any:
    return [
        {
            "mailbox": mailbox.upn,
            "list_id": task_list.id,
            "task_id": task.id,
            "id": attachment.id,
            "name": attachment.name,
            "size": attachment.size,
            "sha256": attachment.sha256,
            "content_type": attachment.content_type,
            "created": attachment.created,
        }
        for mailbox in service.store.mailboxes.values()
        for task_list in mailbox.lists.values()
        for task in task_list.tasks.values()
        for attachment in task.attachments.values()
    ]


def _mailboxes(service: TodoService, _arguments: Mapping[str, Any]) -> Any:
    return [_describe_mailbox(mailbox) for mailbox in service.store.mailboxes.values()]


# --- changing ---


def _change_behaviour(service: TodoService, arguments: Mapping[str, Any]) -> Any:
    service.behaviour = change(service.behaviour, arguments)
    return asdict(service.behaviour)


def _change_limits(service: TodoService, arguments: Mapping[str, Any]) -> Any:
    service.limits = change(service.limits, arguments)
    return asdict(service.limits)


def _faults(service: TodoService, _arguments: Mapping[str, Any]) -> Any:
    return [rule.as_json() | {"fired": fired} for rule, fired in service.faults.rules()]


def _add_fault(service: TodoService, arguments: Mapping[str, Any]) -> Any:
    rule = read_rule(arguments)
    service.faults.add(rule)
    return rule.as_json()


def _clear_faults(service: TodoService, _arguments: Mapping[str, Any]) -> Any:
    service.faults.clear()
    return {}


def _add_mailbox(service: TodoService, arguments: Mapping[str, Any]) -> Any:
    personal = bool(arguments.get("personal", False))
    return _describe_mailbox(service.add_mailbox(arguments["upn"], arguments["token"], personal=personal))


def _add_list(service: TodoService, arguments: Mapping[str, Any]) -> Any:
    task_list = service.add_list(
        _find_mailbox(service, arguments),
        arguments["name"],
        wellknown_name=arguments.get("wellknown_name", "none"),
        shared=bool(arguments.get("shared", False)),
    )
    return _describe_list(task_list)


def _add_task(service: TodoService, arguments: Mapping[str, Any]) -> Any:
    return _describe_task(service.add_task(_find_list(service, arguments), arguments["title"]))


def _move_task(service: TodoService, arguments: Mapping[str, Any]) -> Any:
    task = _find_task(service, arguments)
    service.move_task(task, task.list.mailbox.lists[arguments["to_list_id"]])
    return _describe_task(task)


def _delete_task(service: TodoService, arguments: Mapping[str, Any]) -> Any:
    service.delete_task(_find_task(service, arguments))
    return {}


def _revoke(service: TodoService, arguments: Mapping[str, Any]) -> Any:
    service.revoke_token(arguments["token"])
    return {}


def _reset(service: TodoService, _arguments: Mapping[str, Any]) -> Any:
    service.reset()
    return {}


# --- finding and describing ---


def _find_mailbox(service: TodoService, arguments: Mapping[str, Any]) -> Mailbox:
    mailbox = service.store.find_mailbox(arguments["mailbox"])
    if mailbox is None:
        raise ValueError(f"no mailbox {arguments['mailbox']!r}")
    return mailbox


def _find_list(service: TodoService, arguments: Mapping[str, Any]) -> TaskList:
    return _find_mailbox(service, arguments).lists[arguments["list_id"]]


def _find_task(service: TodoService, arguments: Mapping[str, Any]) -> Task:
    return _find_list(service, arguments).tasks[arguments["task_id"]]


def _describe_mailbox(mailbox: Mailbox) -> dict[str, Any]:
    return {
        "upn": mailbox.upn,
        "object_id": mailbox.object_id,
        "personal": mailbox.personal,
        "lists": [_describe_list(task_list) for task_list in mailbox.lists.values()],
    }


def _describe_list(task_list: TaskList) -> dict[str, Any]:
    return {
        "id": task_list.id,
        "name": task_list.display_name,
        "wellknown_name": task_list.wellknown_name,
        "shared": task_list.shared,
        "tasks": [_describe_task(task) for task in task_list.tasks.values()],
    }


def _describe_task(task: Task) -> dict[str, Any]:
    return {"id": task.id, "title": task.title, "list_id": task.list.id, "attachments": len(task.attachments)}


_CONTROLS: Mapping[tuple[str, str], _Control] = {
    ("GET", "journal"): _journal,
    ("GET", "offences"): _offences,
    ("GET", "requests"): _requests,
    ("GET", "sessions"): _sessions,
    ("GET", "attachments"): _attachments,
    ("GET", "mailboxes"): _mailboxes,
    ("GET", "behaviour"): lambda service, _: asdict(service.behaviour),
    ("PATCH", "behaviour"): _change_behaviour,
    ("GET", "limits"): lambda service, _: asdict(service.limits),
    ("PATCH", "limits"): _change_limits,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "mailboxes"): _add_mailbox,
    ("POST", "lists"): _add_list,
    ("POST", "tasks"): _add_task,
    ("DELETE", "tasks"): _delete_task,
    ("POST", "moves"): _move_task,
    ("POST", "revocations"): _revoke,
    ("POST", "reset"): _reset,
}
