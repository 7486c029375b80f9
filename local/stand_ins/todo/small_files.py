"""Endpoints of attachments that need no session: the small POST, and deletion."""

import base64
import binascii

from local.stand_ins.todo.call import Call, find_attachment, find_task
from local.stand_ins.todo.refusals import Refusal
from local.stand_ins.todo.render import attachment_entity, content_bytes, context, empty_response, json_response
from local.stand_ins.todo.rules import corrupt, name_as_kept, refuse_namesake, refuse_place, report_second
from local.stand_ins.todo.wire import Response


def post_attachment(call: Call) -> Response:
    task = find_task(call)
    refuse_place(call, task.list)
    body = call.json_body()
    name, encoded, content_type = body.get("name"), body.get("contentBytes"), body.get("contentType")
    if body.get("@odata.type", "#microsoft.graph.taskFileAttachment") != "#microsoft.graph.taskFileAttachment":
        raise Refusal(400, "Only a taskFileAttachment can be added to a task.")
    if not isinstance(name, str) or not name or not isinstance(encoded, str):
        raise Refusal(400, "An attachment needs a name and its contentBytes.")
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(400, "contentBytes is not base64.") from None
    if len(content) >= call.behaviour.inline_limit:
        raise Refusal(413, "The attachment is too large for one request: use an upload session.")
    kept_name = name_as_kept(call.behaviour, name)
    refuse_namesake(call, task, name, at="refused_at_create", or_at="refused_at_last_range")
    if call.plan.corrupted_byte is not None:
        content = corrupt(content, call.plan.corrupted_byte)
    kept_type = content_type if isinstance(content_type, str) and content_type else "application/octet-stream"
    attachment = call.store.land_inline(
        task, content, call.now, declared_name=name, name=kept_name, content_type=kept_type
    )
    report_second(call, task, attachment)
    entity = attachment_entity(call.behaviour, attachment) | {"contentBytes": content_bytes(content)}
    return json_response(201, context(call.root, call.route.version, "attachments/$entity") | entity)


def delete_attachment(call: Call) -> Response:
    task = find_task(call)
    call.store.delete_attachment(task, find_attachment(call, task))
    return empty_response(204)
