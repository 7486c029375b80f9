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
from shared.graph.reply import GraphReply, created_id, json_object, status_and_code, timestamp
from shared.graph.request import LONGEST_URL, GraphRequest, Mailbox, is_within, json_request
from shared.graph.statuses import Kind, deferred, meaning_of, refused, target_missing, unavailable, unclear

# Requests to an upload URL, as against those to the task.
SESSION_OPERATIONS = frozenset({"put_slice", "get_session", "cancel_session"})

type CreateObservation = (
    seen.SessionOpened | seen.TargetMissing | seen.TooSmallForSession | seen.Deferred | seen.Unavailable | seen.Refused
)
type SliceObservation = (
    seen.Progress
    | seen.Attached
    | seen.LandedUnnamed
    | seen.Unclear
    | seen.SliceRefused
    | seen.SliceTooLarge
    | seen.Deferred
    | seen.Refused
)
type AskedObservation = seen.Progress | seen.SessionLost | seen.Deferred | seen.Unavailable
type CancelObservation = seen.SessionCancelled | seen.Deferred | seen.Unavailable


def prepare_create_session(mailbox: Mailbox, list_id: str, task_id: str, *, name: str, size: int) -> GraphRequest:
    info = {"attachmentType": "file", "name": name, "size": size}
    url = f"{mailbox.attachments(list_id, task_id)}/createUploadSession"
    return json_request("create_session", url, {"attachmentInfo": info})


def parse_create_session(reply: GraphReply, root: str) -> CreateObservation:
    # The reference page says 200, the walkthrough's prose 201.
    if reply.status not in {200, 201}:
        return _not_opened(reply)
    content = json_object(reply)
    url = content.get("uploadurl")
    if not isinstance(url, str) or not 0 < len(url) <= LONGEST_URL:
        # A gateway's page, for example. If a session was opened, it holds no byte.
        return seen.Unavailable("a reply that names no usable upload URL")
    if not is_within(url, root):
        # Fail closed: the bearer token would go wherever this URL points. Its text is not repeated.
        return seen.Refused(Reason.REFUSED, "Graph's upload URL is not on the configured Graph host")
    if "authtoken" in parse_qs(urlsplit(url).query):
        # This is mail's kind of session, which refuses the bearer token; the token must not go there.
        return seen.Refused(Reason.REFUSED, "Graph's upload URL carries a token of its own")
    try:
        offset = expected_offset(_ranges(content)) or 0
    except ValueError:
        offset = 0  # a session just opened can expect no other byte; the first PUT's reply will show it
    return seen.SessionOpened(url, timestamp(content.get("expirationdatetime")), offset, reply.date())


def _not_opened(reply: GraphReply) -> CreateObservation:
    meaning = meaning_of(reply)
    match meaning.kind:
        case Kind.THROTTLED | Kind.AWAY:
            return deferred(reply)
        case Kind.PASSING | Kind.UNEXPECTED:
            # If a session was opened all the same, it holds no byte and attaches nothing.
            return unavailable(reply)
        case Kind.NOT_FOUND:
            return target_missing(Reason.NO_SUCH_TASK, reply)
        case Kind.GONE:
            return refused(Reason.NO_SUCH_TASK, reply)
        case Kind.FILE_TOO_SMALL:
            return seen.TooSmallForSession(status_and_code(reply))
        case Kind.BODY_TOO_LARGE | Kind.FULL | Kind.PERMANENT | Kind.WRONG_RANGE | Kind.REFUSED:
            return refused(meaning.reason, reply)


def prepare_put_slice(session_url: str, part: ByteRange, size: int, body: bytes) -> GraphRequest:
    """PUT to ``{uploadUrl}/content``: the current walkthrough says so, the reference page is silent."""
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(len(body)),
        "Content-Range": part.content_range(size),
    }
    return GraphRequest("put_slice", "PUT", content_url(session_url), headers, body)


def parse_put_slice(reply: GraphReply, part: ByteRange, size: int) -> SliceObservation:
    if reply.status == 201 and part.stop == size:
        attachment_id = created_id(reply)
        return seen.Attached(attachment_id) if attachment_id else seen.LandedUnnamed()
    if reply.status in {200, 201, 202}:
        # This includes 201 before the last byte was sent: what was created from a part is not the file.
        return _progress_after(reply, part, size)
    return _not_stored(reply)


def _not_stored(reply: GraphReply) -> SliceObservation:
    meaning = meaning_of(reply)
    match meaning.kind:
        case Kind.THROTTLED:
            return deferred(reply)
        case Kind.BODY_TOO_LARGE:
            return seen.SliceTooLarge()
        case Kind.PERMANENT if meaning.reason is Reason.FORBIDDEN:
            # No page names the permission that an upload URL needs, so this may be another one than create's.
            detail = f"a session could be opened, but sending to it is forbidden: {status_and_code(reply)}"
            return seen.Refused(Reason.FORBIDDEN, detail)
        case Kind.PERMANENT | Kind.FULL:
            return refused(meaning.reason, reply)
        case Kind.NOT_FOUND | Kind.GONE | Kind.WRONG_RANGE:
            # Expired, cancelled, finished, or the range is stored already: only the session itself can tell which.
            return unclear(reply)
        case Kind.AWAY | Kind.PASSING | Kind.UNEXPECTED:
            # An error may follow bytes that were stored all the same; redirects are not followed.
            return unclear(reply)
        case Kind.REFUSED | Kind.FILE_TOO_SMALL:
            # The session is asked once, then the slice sent again: a session that is over may answer with any status.
            return seen.SliceRefused(reply.status, status_and_code(reply))


def _progress_after(reply: GraphReply, part: ByteRange, size: int) -> seen.Progress | seen.Unclear:
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


def parse_get_session(reply: GraphReply) -> AskedObservation:
    if reply.status != 200:
        return _not_told(reply)
    content = json_object(reply)
    try:
        offset = expected_offset(_ranges(content))
    except ValueError:
        offset = None
    if offset is None:
        return seen.SessionLost("the session names no expected range")
    return seen.Progress(offset, timestamp(content.get("expirationdatetime")))


def _not_told(reply: GraphReply) -> AskedObservation:
    match meaning_of(reply).kind:
        case Kind.THROTTLED | Kind.AWAY:
            return deferred(reply)
        case Kind.PASSING | Kind.FULL:
            return unavailable(reply)
        case (
            Kind.UNEXPECTED
            | Kind.NOT_FOUND
            | Kind.GONE
            | Kind.WRONG_RANGE
            | Kind.BODY_TOO_LARGE
            | Kind.FILE_TOO_SMALL
            | Kind.PERMANENT
            | Kind.REFUSED
        ):
            # What an expired session answers is not published, nor whether a session can be asked at all.
            return seen.SessionLost(status_and_code(reply))


def prepare_cancel_session(session_url: str) -> GraphRequest:
    return GraphRequest("cancel_session", "DELETE", session_url)


def parse_cancel_session(reply: GraphReply) -> CancelObservation:
    match meaning_of(reply).kind:
        case Kind.THROTTLED | Kind.AWAY:
            return deferred(reply)
        case Kind.PASSING | Kind.FULL:
            return unavailable(reply)
        case _:
            # A success, or any other answer: there is nothing more that we could do, and the session expires by itself.
            return seen.SessionCancelled()


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
