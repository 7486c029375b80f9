"""Checks what a browser sent: the fields of a form or of JSON, which anyone can forge."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from unicodedata import category

from shared.core.attachment_name import attachment_name
from shared.my_files import refusals
from shared.my_files.refusals import Refusal

# The longest body of a request in JSON: ids and names.
_LONGEST_JSON = 16 * 1024
# Graph's ids are opaque; the longest that was seen has 180 characters.
_ID = re.compile(r"[!-~]{1,1024}")
_ID_OF_OURS = re.compile(r"[0-9a-f]{32}")
# The longest name of a list or title of a task that is kept to be shown. Graph's own limit is not published.
_LONGEST_LABEL = 300


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that a person wants to send. *size* in bytes, *name* as the attachment will be called."""

    list_id: str
    list_name: str
    task_id: str
    task_title: str
    name: str
    size: int


def read_json(content_type: str, body: bytes) -> Mapping[str, object] | None:
    """The object in a body of JSON; None for anything else.

    The content type must be that of JSON: a form of another site can send a body that looks like JSON, but not with
    this content type.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json" or len(body) > _LONGEST_JSON:
        return None
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def wanted(content: Mapping[str, object], *, most_bytes: int) -> Wanted | Refusal:
    """The file that *content* describes: its list, task, name and size, and the names of list and task."""
    list_id, task_id = graph_id(content.get("list")), graph_id(content.get("task"))
    if not list_id or not task_id:
        return refusals.NO_TASK
    size, given = content.get("size"), content.get("name")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0 or not isinstance(given, str):
        return refusals.NOT_UNDERSTOOD
    if size > most_bytes:
        return refusals.too_large(most_bytes)
    name = attachment_name(given)
    if not name:
        return refusals.NO_NAME
    return Wanted(list_id, _label(content.get("list_name")), task_id, _label(content.get("task_title")), name, size)


def graph_id(value: object) -> str:
    """*value*, where it can be an id of Graph's, and as a part of a path cannot leave that path; else nothing."""
    return value if isinstance(value, str) and _ID.fullmatch(value) and value not in {".", ".."} else ""


def upload_id(value: object) -> str:
    """*value*, where it can be an upload's id; else nothing."""
    return value if isinstance(value, str) and _ID_OF_OURS.fullmatch(value) else ""


def token(value: object) -> str:
    """*value*, where it can be a sent file's token; else nothing."""
    return value if isinstance(value, str) and _ID_OF_OURS.fullmatch(value) else ""


def _label(value: object) -> str:
    # JSON may hold half of a surrogate pair, which a table cannot store, and control characters, which nobody can read.
    text = value if isinstance(value, str) else ""
    plain = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(" " if category(each) == "Cc" else each for each in plain).split())[:_LONGEST_LABEL]
