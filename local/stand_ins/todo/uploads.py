"""Endpoints of upload sessions: create, PUT, GET, DELETE.

They are as strict as the reference: about a range's order, length, total and type, and the URL that it is sent to.
"""

from datetime import timedelta
from typing import Any, Literal

from local.stand_ins.todo.behaviour import Casing
from local.stand_ins.todo.call import Call, find_task
from local.stand_ins.todo.content_range import ContentRange, parse_content_range
from local.stand_ins.todo.journal import Offence
from local.stand_ins.todo.mailbox import Attachment
from local.stand_ins.todo.refusals import Refusal, bad_range, session_gone
from local.stand_ins.todo.render import (
    attachment_entity,
    context,
    empty_response,
    expected_ranges,
    json_response,
    location,
    nonsense_ranges,
    session_state,
    upload_url,
)
from local.stand_ins.todo.rules import corrupt, name_as_kept, refuse_namesake, refuse_place, report_second
from local.stand_ins.todo.sessions import UploadSession
from local.stand_ins.todo.wire import Response


def create_session(call: Call) -> Response:
    task = find_task(call)
    refuse_place(call, task.list)
    if call.mailbox.personal and call.behaviour.personal_sessions != "supported":
        raise Refusal(call.behaviour.personal_sessions, "Upload sessions are not available for this account.")
    name, size, content_type = _read_attachment_info(call)
    name_as_kept(call.behaviour, name)
    if size > call.behaviour.size_limit and call.behaviour.size_refused_at == "create":
        raise _too_large(call)
    if 0 < size < call.behaviour.minimum_session_size:
        message = "The size of the attachment should not be less than the minimum size of an upload session."
        raise Refusal(400, message, code="ErrorAttachmentSizeShouldNotBeLessThanMinimumSize")
    if size == 0 and call.behaviour.empty_session == "refused":
        raise Refusal(400, "The size of an upload session cannot be zero.")
    refuse_namesake(call, task, name, at="refused_at_create")
    session = call.store.open_session(
        task,
        name,
        size,
        content_type if call.behaviour.session_content_type == "kept" else "application/octet-stream",
        now=call.now,
        expires=call.now + timedelta(seconds=call.behaviour.session_lifetime),
        authtoken=call.behaviour.upload_url_authtoken,
    )
    ranges = expected_ranges(0, size, call.behaviour.create_ranges)
    if size == 0 and call.behaviour.empty_session == "completes_at_create":
        _land(call, session)
        ranges = []
    url_key = "UploadUrl" if call.behaviour.create_casing == "pascal" else "uploadUrl"
    body: dict[str, Any] = context(call.root, call.route.version, "microsoft.graph.uploadSession")
    body[url_key] = upload_url(call.behaviour, call.root, call.route.version, session)
    body |= _state(call, session, ranges, casing=call.behaviour.create_casing)
    return json_response(call.behaviour.create_status, body)


def get_session(call: Call) -> Response:
    behaviour = call.behaviour
    if behaviour.session_get != "works":
        raise Refusal(behaviour.session_get, "The session cannot be read.")
    session = find_session(call)
    if session.finished:
        ranges: list[str] | None = []
    else:
        ranges = expected_ranges(session.received, session.size, behaviour.status_ranges)
    body = context(call.root, call.route.version, "attachmentSessions/$entity") | {"id": session.id}
    return json_response(200, body | _state(call, session, ranges, casing=behaviour.status_casing))


def cancel_session(call: Call) -> Response:
    try:
        session = find_session(call)
    except Refusal:
        if call.behaviour.unknown_session_delete == 204:
            return empty_response(204)
        raise
    call.store.cancel_session(session)
    return empty_response(204)


def put_bare(call: Call) -> Response:
    """A PUT to the upload URL itself: right by the walkthrough's old text, wrong by its examples."""
    call.offend(Offence.BARE_PUT, "a PUT without /content")
    if call.behaviour.bare_put == "accepted":
        return put_slice(call)
    raise Refusal(call.behaviour.bare_put, "The method is not allowed on an upload session.")


def put_slice(call: Call) -> Response:
    behaviour = call.behaviour
    if behaviour.put_redirect:
        return empty_response(308, {"Location": behaviour.put_redirect})
    if not behaviour.put_permitted:
        raise Refusal(403, "Access is denied. Check credentials and try again.")
    session = find_session(call)
    try:
        range_ = _read_range_head(call, len(call.body))
        verdict = _judge(call, session, range_)
    except Refusal as refusal:
        call.offend(Offence.REFUSED_RANGE, f"{refusal.status}: {refusal.message}")
        raise
    if verdict == "acknowledged":
        return _progress(call, session)
    last = range_.end + 1 == session.size
    if last and session.size > behaviour.size_limit:
        raise _too_large(call)
    if last:
        refuse_namesake(call, session.task, session.name, at="refused_at_last_range")
    _keep(call, session, call.body[: int(len(call.body) * call.plan.kept_fraction)])
    if not session.complete():
        return _progress(call, session)
    return _final(call, session, _land(call, session))


def _judge(call: Call, session: UploadSession, range_: ContentRange) -> Literal["next", "acknowledged"]:
    verdict = session.judge(range_, len(call.body))
    if verdict == "acknowledged" and call.behaviour.acknowledged_range == 416:
        raise bad_range("fragmentOverlap", "These bytes were received before.")
    return verdict


def keep_torn_range(call: Call, declared: int) -> None:
    """A body has broken off: keep the part that arrived, as some services do."""
    if call.behaviour.torn_range == "dropped" or not call.behaviour.put_permitted or call.behaviour.put_redirect:
        return
    session = find_session(call)
    range_ = _read_range_head(call, declared)
    if session.judge(range_, declared) == "next" and len(call.body) < range_.length:
        _keep(call, session, call.body)


def find_session(call: Call) -> UploadSession:
    route, behaviour = call.route, call.behaviour
    session = call.store.sessions.get(route.item_id)
    if call.store.session_ran_out(route.item_id, call.now):
        raise session_gone(behaviour.expired_session, "has expired")
    if (
        session is None
        or session.mailbox is not call.mailbox
        or (session.list_id, session.task_id) != (route.list_id, route.task_id)
    ):
        raise session_gone(behaviour.unknown_session, "does not exist")
    task = session.task
    moved = (task.list.id, task.id) != (session.list_id, session.task_id)
    if task.deleted or (moved and behaviour.moved_task_session == 404):
        raise Refusal(404, "The specified task was not found in the store.")
    return session


# --- what a request must have ---


def _read_attachment_info(call: Call) -> tuple[str, int, str]:
    info = call.json_body().get("attachmentInfo")
    if not isinstance(info, dict):
        raise Refusal(400, "The parameter attachmentInfo is missing.")
    kind, name, size, content_type = (info.get(key) for key in ("attachmentType", "name", "size", "contentType"))
    if kind in ("item", "reference"):
        message = "Attachment sessions are supported only for file attachments."
        raise Refusal(405, message, code="ErrorAttachmentSessionIsSupportedOnlyForFileAttachments")
    if kind != "file" or not isinstance(name, str) or not name:
        raise Refusal(400, "attachmentInfo needs an attachmentType and a name.")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Refusal(400, "attachmentInfo needs a size: a number of bytes.")
    return name, size, content_type if isinstance(content_type, str) else ""


def _read_range_head(call: Call, length: int) -> ContentRange:
    """Check the headers of a PUT. The walkthrough's table requires each of them."""
    headers, behaviour = call.headers, call.behaviour
    if headers.get("content-type", "").strip().lower() != "application/octet-stream":
        raise Refusal(415, "A range needs Content-Type application/octet-stream.")
    declared = headers.get("content-length")
    if declared is None:
        raise Refusal(411, "A range needs a Content-Length.")
    if declared != str(length):
        raise Refusal(400, "Content-Length differs from the length of the body.")
    range_ = parse_content_range(headers.get("content-range", ""))
    if range_ is None:
        raise Refusal(400, "The Content-Range header is missing or malformed.", code="invalidRange")
    if length > behaviour.range_limit or (length == behaviour.range_limit and not behaviour.range_limit_inclusive):
        raise Refusal(behaviour.range_limit_status, "The range is larger than 4 MB.")
    return range_


def _too_large(call: Call) -> Refusal:
    status = call.behaviour.size_limit_status
    code = "ErrorMessageSizeExceeded" if status == 400 else ""
    return Refusal(status, "The attachment exceeds the maximum supported size.", code=code)


def _keep(call: Call, session: UploadSession, chunk: bytes) -> None:
    if call.plan.corrupted_byte is not None:
        chunk = corrupt(chunk, call.plan.corrupted_byte)
    slides = call.behaviour.expiry == "sliding"
    expires = call.now + timedelta(seconds=call.behaviour.session_lifetime) if slides else session.expires
    call.store.keep_range(session, chunk, expires)


def _land(call: Call, session: UploadSession) -> Attachment:
    lingers = call.behaviour.finished_session == "lingers"
    name = name_as_kept(call.behaviour, session.name)
    attachment = call.store.land_session(session, name, call.now, lingers=lingers)
    report_second(call, session.task, attachment)
    return attachment


# --- replies to a range ---


def _progress(call: Call, session: UploadSession) -> Response:
    behaviour = call.behaviour
    ranges = expected_ranges(session.received, session.size, behaviour.progress_ranges)
    return json_response(200, _state(call, session, ranges, casing=behaviour.progress_casing))


def _state(call: Call, session: UploadSession, ranges: list[str] | None, *, casing: Casing) -> dict[str, Any]:
    nonsense = call.plan.nonsense
    if nonsense is not None:
        ranges = nonsense_ranges(nonsense, session.size)
    return session_state(call.behaviour, session.expires, ranges, casing=casing, keeps_null=nonsense is not None)


def _final(call: Call, session: UploadSession, attachment: Attachment) -> Response:
    behaviour, route = call.behaviour, call.route
    place = location(behaviour, call.root, route.version, session, attachment.id)
    headers = {"Location": place} if place else {}
    entity = context(call.root, route.version, "attachments/$entity") | attachment_entity(behaviour, attachment)
    match behaviour.final_reply:
        case "location":
            return empty_response(201, headers)
        case "entity":
            return json_response(201, entity, headers)
        case "nothing":
            return empty_response(201)
        case "ok_entity":
            return json_response(200, entity)
        case "ok_empty":
            return json_response(200, session_state(behaviour, session.expires, None, casing=behaviour.progress_casing))
        case "ok_progress":
            ranges = expected_ranges(session.size, session.size, behaviour.progress_ranges)
            return json_response(
                200, session_state(behaviour, session.expires, ranges, casing=behaviour.progress_casing)
            )
