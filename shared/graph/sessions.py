"""Upload sessions: create, PUT, GET, DELETE.

The upload URL of a To Do session is not pre-authenticated, as mail's is: it takes our bearer token, so it is only
accepted on the configured Graph host. It is a secret all the same, since it names a mailbox.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shared.core import observations as seen
from shared.core.entry import Reason
from shared.core.ranges import ByteRange, expected_offset
from shared.graph.reply import GraphReply, created_id, error_code, json_object, status_and_code, timestamp
from shared.graph.request import GraphRequest, Mailbox, is_within, json_request
from shared.graph.statuses import TOO_LARGE_CODE, not_created, refused, try_again

# Requests to an upload URL, as against those to the task.
SESSION_OPERATIONS = frozenset({"put_slice", "get_session", "cancel_session"})


def prepare_create_session(mailbox: Mailbox, list_id: str, task_id: str, *, name: str, size: int) -> GraphRequest:
    info = {"attachmentType": "file", "name": name, "size": size}
    url = f"{mailbox.attachments(list_id, task_id)}/createUploadSession"
    return json_request("create_session", url, {"attachmentInfo": info})


def parse_create_session(reply: GraphReply, root: str) -> seen.Observation:
    if reply.status not in {200, 201}:
        return not_created(reply)
    content = json_object(reply)
    url = content.get("uploadurl")
    if not isinstance(url, str) or not url:
        # A page of some gateway, say. The session, if there is one, holds no byte.
        return seen.Unavailable("a reply that names no upload URL")
    if not is_within(url, root):
        # Fail closed: the bearer token would go wherever this URL points. Its text is not repeated.
        return seen.Refused(Reason.REFUSED, "Graph's upload URL is not on the configured Graph host")
    if "authtoken" in parse_qs(urlsplit(url).query):
        # Mail's kind of session: the bearer token does not belong there, and is refused.
        return seen.Refused(Reason.REFUSED, "Graph's upload URL carries a token of its own")
    try:
        offset = expected_offset(_ranges(content)) or 0
    except ValueError:
        offset = 0  # of a session just opened nothing else can be true; the first PUT's reply tells
    return seen.SessionOpened(url, timestamp(content.get("expirationdatetime")), offset, reply.date())


def prepare_put_slice(session_url: str, part: ByteRange, size: int, body: bytes) -> GraphRequest:
    """PUT to ``{uploadUrl}/content``: the current walkthrough says so, the reference page is silent."""
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(len(body)),
        "Content-Range": part.content_range(size),
    }
    return GraphRequest("put_slice", "PUT", content_url(session_url), headers, body)


def parse_put_slice(reply: GraphReply, part: ByteRange, size: int) -> seen.Observation:
    match reply.status:
        case 201 if part.stop == size:
            attachment_id = created_id(reply)
            return seen.Attached(attachment_id) if attachment_id else seen.LandedUnnamed()
        case 200 | 201 | 202:
            # Also 201 before the last byte was sent: nothing that was created from a part is the file.
            return _progress_after(reply, part, size)
        case 429 | 509 | 423:
            return seen.Deferred(status_and_code(reply), reply.retry_after())
        case 413:
            return seen.SliceTooLarge()
        case 403:
            return seen.Refused(
                Reason.FORBIDDEN, f"a session could be opened, but sending to it is forbidden: {status_and_code(reply)}"
            )
        case 507:
            return refused(Reason.MAILBOX_FULL, reply)
        case 400 if error_code(reply) == TOO_LARGE_CODE:
            return refused(Reason.TOO_LARGE, reply)
        case 404 | 408 | 409 | 410 | 416:
            # Gone, expired, or already stored: only the session itself can tell which.
            return seen.Unclear(status_and_code(reply), reply.retry_after())
        case status if 400 <= status < 500:
            return seen.Unclear(status_and_code(reply), refused=status)
        case _:
            # An error may follow bytes that were stored all the same; redirects are not followed.
            return seen.Unclear(status_and_code(reply), reply.retry_after())


def _progress_after(reply: GraphReply, part: ByteRange, size: int) -> seen.Observation:
    content = json_object(reply)
    try:
        offset = expected_offset(_ranges(content))
    except ValueError:
        return seen.Unclear("the reply's expected ranges cannot be read")
    if offset is None:
        return seen.Unclear("the reply names no expected range")
    if offset > part.stop:
        return seen.Unclear("the reply expects a byte after ones that were never sent")
    if offset >= size:
        return seen.Unclear("all bytes were accepted, yet nothing was created")
    return seen.Progress(offset, timestamp(content.get("expirationdatetime")))


def prepare_get_session(session_url: str) -> GraphRequest:
    return GraphRequest("get_session", "GET", session_url)


def parse_get_session(reply: GraphReply) -> seen.Observation:
    if again := try_again(reply):
        return again
    if reply.status != 200:
        return seen.SessionLost(status_and_code(reply))
    content = json_object(reply)
    try:
        offset = expected_offset(_ranges(content))
    except ValueError:
        offset = None
    if offset is None:
        return seen.SessionLost("the session names no expected range")
    return seen.Progress(offset, timestamp(content.get("expirationdatetime")))


def prepare_cancel_session(session_url: str) -> GraphRequest:
    return GraphRequest("cancel_session", "DELETE", session_url)


def parse_cancel_session(reply: GraphReply) -> seen.Observation:
    # Whatever else it says, there is nothing more that we could do: it expires by itself.
    return try_again(reply) or seen.SessionCancelled()


def content_url(session_url: str) -> str:
    """The URL that takes bytes: ``/content`` appended once, before any query."""
    path, question, query = session_url.partition("?")
    path = path.rstrip("/")
    return (path if path.endswith("/content") else f"{path}/content") + question + query


def _ranges(content: Mapping[str, Any]) -> list[object]:
    ranges = content.get("nextexpectedranges", [])
    if isinstance(ranges, list):
        return ranges
    return [ranges]
