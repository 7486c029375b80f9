"""Replies in the form that the behaviour asks for: dates, ranges, entities, URLs. Values in, values out."""

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from local.stand_ins.todo.behaviour import Behaviour, Casing, RangeShape
from local.stand_ins.todo.faults import NonsenseRanges
from local.stand_ins.todo.mailbox import Attachment, Mailbox, Task, TaskList
from local.stand_ins.todo.sessions import UploadSession
from local.stand_ins.todo.wire import Headers, Response

JSON_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

_NONSENSE: Mapping[str, Any] = {"negative": ["-5-"], "empty": [], "text": ["all of it"], "null": None}


def json_response(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    fields = {"Content-Type": JSON_TYPE, **(headers or {})}
    return Response(status, Headers(fields), json.dumps(body, ensure_ascii=False).encode())


def empty_response(status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, Headers(headers or {}))


def timestamp(moment: datetime, digits: int) -> str:
    """*moment* in UTC, with that many digits after the seconds. Graph's clock has seven; Python's has six."""
    text = moment.replace(tzinfo=None).isoformat(timespec="microseconds")
    return f"{text}0"[: 20 + digits if digits else 19] + "Z"


def expected_ranges(start: int, size: int, shape: RangeShape) -> list[str] | None:
    """The value of the key; None: there is no such key."""
    match shape:
        case "open":
            return [f"{start}-"]
        case "start":
            return [str(start)]
        case "closed":
            return [f"{start}-{max(size - 1, start)}"]
        case "several":
            middle = (start + size + 1) // 2
            return [f"{middle}-", f"{start}-{middle - 1}"] if start < middle else [f"{start}-"]
        case "missing":
            return None


def nonsense_ranges(nonsense: NonsenseRanges, size: int) -> list[str] | None:
    if nonsense.form == "beyond":
        return [f"{size + 1_000_000}-"]
    ranges: list[str] | None = _NONSENSE[nonsense.form]
    return ranges


def session_state(
    behaviour: Behaviour, expires: datetime, ranges: list[str] | None, *, casing: Casing, keeps_null: bool = False
) -> dict[str, Any]:
    """The two keys of a session's state, which are the same in replies to create, to a range and to a GET."""
    body: dict[str, Any] = {"expirationDateTime": timestamp(expires, behaviour.date_digits)}
    if ranges is not None or keeps_null:
        body["nextExpectedRanges"] = ranges
    return {_pascal(key): value for key, value in body.items()} if casing == "pascal" else body


def upload_url(behaviour: Behaviour, root: str, version: str, session: UploadSession) -> str:
    host = behaviour.upload_url_host or root
    asked = version if behaviour.upload_url_version == "as_asked" else behaviour.upload_url_version
    who = {"guid": f"users/{session.mailbox.object_id}", "upn": f"users/{session.mailbox.upn}", "me": "me"}
    path = f"todo/lists/{session.list_id}/tasks/{session.task_id}/attachmentSessions/{session.id}"
    query = f"?authtoken={session.authtoken}" if session.authtoken else ""
    return f"{host}/{asked}/{who[behaviour.upload_url_user]}/{path}{query}"


def location(behaviour: Behaviour, root: str, version: str, session: UploadSession, attachment_id: str) -> str:
    """The Location of the landed file; empty: the reply has none."""
    form = behaviour.location
    if form == "absent":
        return ""
    path = f"users/{session.mailbox.object_id}/todo/lists/{session.task.list.id}/tasks/{session.task.id}"
    match form:
        case "key":
            tail = f"attachments('{attachment_id}')"
        case "encoded":
            tail = f"Attachments/{quote(attachment_id, safe='')}"
        case _:
            tail = f"Attachments/{attachment_id}"
    host = "" if form == "relative" else root
    return f"{host}/{'beta' if form == 'beta' else version}/{path}/{tail}"


def list_entity(task_list: TaskList) -> dict[str, Any]:
    return {
        "id": task_list.id,
        "displayName": task_list.display_name,
        "isOwner": not task_list.shared,
        "isShared": task_list.shared,
        "wellknownListName": task_list.wellknown_name,
    }


def task_entity(behaviour: Behaviour, task: Task) -> dict[str, Any]:
    created = {"createdDateTime": timestamp(task.created, behaviour.date_digits)} if task.created is not None else {}
    return created | {
        "id": task.id,
        "title": task.title,
        "status": "completed" if task.completed else "notStarted",
        "importance": "normal",
        "hasAttachments": bool(task.attachments),
    }


def attachment_entity(behaviour: Behaviour, attachment: Attachment) -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.taskFileAttachment",
        "id": attachment.id,
        "lastModifiedDateTime": timestamp(attachment.created, behaviour.date_digits),
        "name": attachment.name,
        "contentType": attachment.content_type,
        "size": attachment.size + behaviour.listed_size_overhead,
    }


def content_bytes(content: bytes) -> str:
    return b64encode(content).decode("ascii")


def context(root: str, version: str, what: str) -> dict[str, str]:
    return {"@odata.context": f"{root}/{version}/$metadata#{what}"}


def user_path(mailbox: Mailbox) -> str:
    return f"users('{quote(mailbox.object_id)}')"


def other_host(root: str) -> str:
    return f"{urlsplit(root).scheme}://elsewhere.example"


def _pascal(key: str) -> str:
    return key[0].upper() + key[1:]
