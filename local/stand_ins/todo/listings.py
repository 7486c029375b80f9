"""Endpoints that only read: lists, tasks, attachments and their contents."""

import base64
import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from local.stand_ins.todo.call import Call, find_attachment, find_list, find_task, is_visible
from local.stand_ins.todo.mailbox import Attachment, TaskList
from local.stand_ins.todo.refusals import Refusal
from local.stand_ins.todo.render import (
    attachment_entity,
    content_bytes,
    context,
    json_response,
    list_entity,
    other_host,
    task_entity,
    user_path,
)
from local.stand_ins.todo.wire import Headers, Response

_OPEN = "status ne 'completed'"
_EQUALS = re.compile(r"\s*(\w+)\s+eq\s+'((?:[^']|'')*)'\s*")


def list_lists(call: Call) -> Response:
    matches = _filter(call, "displayName")
    lists = [each for each in _lists(call) if matches(each.display_name)]
    if call.behaviour.listed_lists != "all":
        lists = _only_flagged_emails(lists)
    return _page(call, "lists", lists, list_entity)


def list_lists_delta(call: Call) -> Response:
    """A first round of change tracking, which is all lists. Its last page has a deltaLink in place of a nextLink."""
    lists = _lists(call)
    if call.behaviour.listed_lists == "never":
        lists = _only_flagged_emails(lists)
    return _page(call, "lists", lists, list_entity, link_at_end="@odata.deltaLink")


def _lists(call: Call) -> list[TaskList]:
    return [each for each in call.mailbox.lists.values() if is_visible(call, each)]


def _only_flagged_emails(lists: Sequence[TaskList]) -> list[TaskList]:
    return [each for each in lists if each.wellknown_name == "flaggedEmails"]


def get_list(call: Call) -> Response:
    _refuse_select(call)
    return json_response(
        200, context(call.root, call.route.version, "todo/lists/$entity") | list_entity(find_list(call))
    )


def list_tasks(call: Call) -> Response:
    tasks = [each for each in find_list(call).tasks.values() if is_visible(call, each)]
    if call.route.query.get("$filter") == _OPEN and call.behaviour.filters in {"exact", "loose"}:
        matching = [each for each in tasks if not each.completed]
    else:
        matches = _filter(call, "title")
        matching = [each for each in tasks if matches(each.title)]
    return _page(call, "tasks", matching, lambda task: task_entity(call.behaviour, task))


def get_task(call: Call) -> Response:
    _refuse_select(call)
    entity = task_entity(call.behaviour, find_task(call))
    return json_response(200, context(call.root, call.route.version, "tasks/$entity") | entity)


def list_attachments(call: Call) -> Response:
    lag = call.behaviour.listing_lag
    landed = [each for each in find_task(call).attachments.values() if (call.now - each.created).total_seconds() >= lag]
    return _page(call, "attachments", landed, lambda each: attachment_entity(call.behaviour, each))


def get_attachment(call: Call) -> Response:
    attachment = find_attachment(call, find_task(call))
    entity = attachment_entity(call.behaviour, attachment)
    entity["contentBytes"] = content_bytes(_content(attachment))
    head = context(call.root, call.route.version, "attachments/$entity")
    return json_response(200, head | ({"value": entity} if call.behaviour.wrapped_attachment else entity))


def get_value(call: Call) -> Response:
    attachment = find_attachment(call, find_task(call))
    return Response(200, Headers({"Content-Type": attachment.content_type}), _content(attachment))


def _content(attachment: Attachment) -> bytes:
    if attachment.content is None:
        raise Refusal(501, "This emulator runs without keeping contents; only their SHA-256 and size are known.")
    return attachment.content


def _refuse_select(call: Call) -> None:
    # Reported for tasks and for lists: jordanburke/microsoft-todo-mcp-server#18, docs-contrib#411.
    if "$select" in call.route.query and call.behaviour.select == 400:
        raise Refusal(400, "Invalid request: $select is not supported here.", code="RequestBroker--ParseUri")


def _filter(call: Call, field: str) -> Callable[[str], bool]:
    text = call.route.query.get("$filter")
    if text is None or call.behaviour.filters == "ignored":
        return lambda _: True
    match = _EQUALS.fullmatch(text)
    if match is None or match[1] != field or call.behaviour.filters == 400:
        raise Refusal(
            400, f"Invalid filter clause: only {field} eq '...' is understood.", code="RequestBroker--ParseUri"
        )
    wanted = match[2].replace("''", "'")
    if call.behaviour.filters == "loose":
        return lambda name: name.strip().casefold() == wanted.strip().casefold()
    return lambda name: name == wanted


def _page[T](
    call: Call, what: str, items: Sequence[T], entity: Callable[[T], dict[str, Any]], *, link_at_end: str = ""
) -> Response:
    _refuse_select(call)
    top, start = _top(call), _start(call)
    body: dict[str, Any] = context(call.root, call.route.version, f"{user_path(call.mailbox)}/{what}")
    body["value"] = [entity(each) for each in items[start : start + top]]
    if start + top < len(items) and _says_next(call):
        body["@odata.nextLink"] = _next_link(call, start + top)
    elif link_at_end:
        body[link_at_end] = f"{call.root}{call.route.path}?$deltatoken=later"
    return json_response(200, body)


def _top(call: Call) -> int:
    text = call.route.query.get("$top", str(call.behaviour.page_size))
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise Refusal(400, "The limit of $top is between 1 and 1000.", code="BadRequest")
    return int(text)


def _start(call: Call) -> int:
    token = call.route.query.get("$skiptoken")
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except ValueError:
        raise Refusal(400, "The $skiptoken is not one of ours.", code="BadRequest") from None


def _says_next(call: Call) -> bool:
    form = call.behaviour.next_link
    return form != "never" and (form != "only_with_top" or "$top" in call.route.query)


def _next_link(call: Call, start: int) -> str:
    host = other_host(call.root) if call.behaviour.next_link == "other_host" else call.root
    token = base64.urlsafe_b64encode(str(start).encode()).decode()
    query = {**call.route.query, "$skiptoken": token}
    return f"{host}{call.route.path}?{urlencode(query, quote_via=quote, safe='$')}"
