"""Which operation a method and a path mean. As at Graph, a path is split before it is decoded.

Names of resources are compared without case (the Location of a landed file has `Attachments`), ids with case. An id is
in a segment of its own or in `name('id')`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from urllib.parse import parse_qsl, unquote, urlsplit

from local.stand_ins.todo.refusals import Refusal


class Operation(StrEnum):
    LIST_LISTS = "list_lists"
    LIST_LISTS_DELTA = "list_lists_delta"
    GET_LIST = "get_list"
    LIST_TASKS = "list_tasks"
    GET_TASK = "get_task"
    LIST_ATTACHMENTS = "list_attachments"
    POST_ATTACHMENT = "post_attachment"
    GET_ATTACHMENT = "get_attachment"
    DELETE_ATTACHMENT = "delete_attachment"
    GET_VALUE = "get_value"
    CREATE_SESSION = "create_session"
    GET_SESSION = "get_session"
    CANCEL_SESSION = "cancel_session"
    PUT_SLICE = "put_slice"
    PUT_BARE = "put_bare"
    UNKNOWN = "unknown"


PUTS = frozenset({Operation.PUT_SLICE, Operation.PUT_BARE})
SESSION_OPERATIONS = PUTS | {Operation.GET_SESSION, Operation.CANCEL_SESSION}

_SHAPES: Mapping[str, Mapping[str, Operation]] = {
    "lists": {"GET": Operation.LIST_LISTS},
    "lists/delta": {"GET": Operation.LIST_LISTS_DELTA},
    "lists/*": {"GET": Operation.GET_LIST},
    "lists/*/tasks": {"GET": Operation.LIST_TASKS},
    "lists/*/tasks/*": {"GET": Operation.GET_TASK},
    "lists/*/tasks/*/attachments": {"GET": Operation.LIST_ATTACHMENTS, "POST": Operation.POST_ATTACHMENT},
    "lists/*/tasks/*/attachments/createuploadsession": {"POST": Operation.CREATE_SESSION},
    "lists/*/tasks/*/attachments/*": {"GET": Operation.GET_ATTACHMENT, "DELETE": Operation.DELETE_ATTACHMENT},
    "lists/*/tasks/*/attachments/*/$value": {"GET": Operation.GET_VALUE},
    "lists/*/tasks/*/attachmentsessions/*": {
        "GET": Operation.GET_SESSION,
        "DELETE": Operation.CANCEL_SESSION,
        "PUT": Operation.PUT_BARE,
    },
    "lists/*/tasks/*/attachmentsessions/*/content": {"PUT": Operation.PUT_SLICE},
}
_COLLECTIONS = frozenset({"lists", "tasks", "attachments", "attachmentsessions"})
_NOT_IDS = frozenset({"createuploadsession", "delta"})
_KEY_SEGMENT = re.compile(r"([^(']+)\('(.*)'\)")
_VERSIONS = frozenset({"v1.0", "beta", "gv1.0"})


@dataclass(frozen=True, slots=True)
class Route:
    operation: Operation
    origin: str  # empty for a request by path
    path: str  # raw
    version: str = ""
    user: str = ""  # empty for /me
    list_id: str = ""
    task_id: str = ""
    item_id: str = ""  # of an attachment or a session
    query: Mapping[str, str] = field(default_factory=dict)
    # Why the path means no operation.
    problem: Refusal | None = None


@lru_cache(maxsize=1024)
def find_route(method: str, url: str) -> Route:
    origin, path, query = _split(url)
    # Graph takes %2F for a slash: an id that holds one splits in two, and parsing fails.
    segments = _segments(re.sub("%2f", "/", path, flags=re.IGNORECASE) if "%" in path else path)
    version, user, rest = _principal(segments)
    shape: list[str] = []
    found: list[str] = []
    for index, segment in enumerate(rest):
        name = segment.lower()
        if index % 2 and shape[-1] in _COLLECTIONS and name not in _NOT_IDS:
            shape.append("*")
            found.append(unquote(segment))
        else:
            shape.append(name)
    methods = _SHAPES.get("/".join(shape)) if version else None
    problem = None
    if methods is None:
        methods = {}
        problem = Refusal(400, f"Resource not found for the segment {path[-40:]!r}.", code="RequestBroker--ParseUri")
    elif method not in methods:
        problem = Refusal(405, "The OData request is not supported: the method does not fit the path.")
    list_id, task_id, item_id = (*found, "", "", "")[:3]
    return Route(
        operation=methods.get(method, Operation.UNKNOWN),
        origin=origin,
        path=path,
        version=version,
        user=user,
        list_id=list_id,
        task_id=task_id,
        item_id=item_id,
        query=dict(parse_qsl(query, keep_blank_values=True)) if query else {},
        problem=problem,
    )


def _split(url: str) -> tuple[str, str, str]:
    if url.startswith("/"):
        path, _, query = url.partition("?")
        return "", path, query
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", parts.path, parts.query


def _segments(path: str) -> list[str]:
    if "('" not in path:
        return path.split("/")[1:]
    segments: list[str] = []
    for segment in path.split("/")[1:]:
        match = _KEY_SEGMENT.fullmatch(segment)
        segments += match.groups() if match else [segment]
    return segments


def _principal(segments: list[str]) -> tuple[str, str, list[str]]:
    """The version, the user (empty for /me) and the segments after `todo`. No version: it is not a path of To Do."""
    match segments:
        case [version, me, todo, *rest] if version in _VERSIONS and me.lower() == "me" and todo.lower() == "todo":
            return version, "", rest
        case [version, users, user, todo, *rest] if (
            version in _VERSIONS and users.lower() == "users" and todo.lower() == "todo" and user
        ):
            return version, unquote(user), rest
    return "", "", []
