"""Microsoft Graph on the wire: for each call a pair, prepare_*() -> GraphRequest and parse_*(GraphReply).

Only here is it known what Graph's requests and replies look like; docs/GRAPH_BEHAVIOUR.md has the source of each
fact, and says which of them nobody has seen live. Where the documentation contradicts itself or is silent, both
readings are accepted. A reply that cannot be understood never counts as success.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from shared.core import observations as seen
from shared.core.backoff import parse_http_date, parse_retry_after
from shared.core.entry import Reason
from shared.core.landing import ListedAttachment
from shared.core.lookup import Named
from shared.core.ranges import ByteRange, expected_offset

# Always sent, and nextLink always followed: without $top, lists are known to end early and without a nextLink.
PAGE_SIZE = 100
# Requests to an upload URL.
SESSION_OPERATIONS = frozenset({"put_slice", "get_session", "cancel_session"})
# Ours, so that a request can be found in Graph's logs also where no reply came.
CLIENT_REQUEST_ID = "client-request-id"
# Seen for mail where a file went over the mailbox's message size.
_TOO_LARGE_CODE = "ErrorMessageSizeExceeded"


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """One request. *url* may be an upload URL, so its text never appears in a repr.

    *digest*: the reply's body is not kept but hashed, for a file that need not fit into memory.
    """

    operation: str
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    digest: bool = False


@dataclass(frozen=True, slots=True)
class GraphReply:
    """One complete reply. *headers* have lower-case names. *sha256* only where a digest was asked.

    *received_at* is by this machine's clock: for nothing but a Retry-After date in a reply without a Date.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    sha256: str = ""
    received_at: datetime | None = None

    def date(self) -> datetime | None:
        """The server's own Date."""
        return parse_http_date(self.headers.get("date", ""))

    def retry_after(self) -> timedelta | None:
        """What Retry-After asks for, in any of its forms."""
        return parse_retry_after(self.headers.get("retry-after"), now=self.date() or self.received_at)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Whose To Do: the Graph root, and the path of the person under it (``/me`` or ``/users/{id}``)."""

    root: str
    path: str

    @classmethod
    def of(cls, root: str, *, account: str, by_id: bool) -> "Mailbox":
        return cls(root, f"/users/{quote(account, safe='@')}" if by_id else "/me")

    def lists(self) -> str:
        return f"{self.root}{self.path}/todo/lists"

    def task(self, list_id: str, task_id: str) -> str:
        return f"{self.lists()}/{_segment(list_id)}/tasks/{_segment(task_id)}"


def _segment(graph_id: str) -> str:
    # Graph splits a path at %2F too (400 RequestBroker--ParseUri); encoded twice, an id with a slash is reported
    # to work.
    return quote(graph_id, safe="").replace("%2F", "%252F")


# -- upload sessions --


def prepare_create_session(mailbox: Mailbox, list_id: str, task_id: str, *, name: str, size: int) -> GraphRequest:
    info = {"attachmentType": "file", "name": name, "size": size}
    url = f"{mailbox.task(list_id, task_id)}/attachments/createUploadSession"
    return _json_request("create_session", url, {"attachmentInfo": info})


def parse_create_session(reply: GraphReply, root: str) -> seen.Observation:
    if reply.status not in {200, 201}:
        return _not_created(reply)
    record = _record(reply)
    url = record.get("uploadurl")
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
        offset = expected_offset(_ranges(record)) or 0
    except ValueError:
        offset = 0  # of a session just opened nothing else can be true; the first PUT's reply tells
    return seen.SessionOpened(url, _time(record.get("expirationdatetime")), offset, reply.date())


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
            attachment_id = _created_id(reply)
            return seen.Attached(attachment_id) if attachment_id else seen.LandedUnnamed()
        case 200 | 201 | 202:
            # Also 201 before the last byte was sent: nothing that was created from a part is the file.
            return _progress_after(reply, part, size)
        case 429 | 509 | 423:
            return seen.Deferred(describe(reply), reply.retry_after())
        case 413:
            return seen.SliceTooLarge()
        case 403:
            return seen.Refused(
                Reason.FORBIDDEN, f"a session could be opened, but sending to it is forbidden: {describe(reply)}"
            )
        case 507:
            return _refused(Reason.MAILBOX_FULL, reply)
        case 400 if error_code(reply) == _TOO_LARGE_CODE:
            return _refused(Reason.TOO_LARGE, reply)
        case 404 | 408 | 409 | 410 | 416:
            # Gone, expired, or already stored: only the session itself can tell which.
            return seen.Unclear(describe(reply), reply.retry_after())
        case status if 400 <= status < 500:
            return seen.Unclear(describe(reply), refused=status)
        case _:
            # An error may follow bytes that were stored all the same; redirects are not followed.
            return seen.Unclear(describe(reply), reply.retry_after())


def _progress_after(reply: GraphReply, part: ByteRange, size: int) -> seen.Observation:
    record = _record(reply)
    try:
        offset = expected_offset(_ranges(record))
    except ValueError:
        return seen.Unclear("the reply's expected ranges cannot be read")
    if offset is None:
        return seen.Unclear("the reply names no expected range")
    if offset > part.stop:
        return seen.Unclear("the reply expects a byte after ones that were never sent")
    if offset >= size:
        return seen.Unclear("all bytes were accepted, yet nothing was created")
    return seen.Progress(offset, _time(record.get("expirationdatetime")))


def prepare_get_session(session_url: str) -> GraphRequest:
    return GraphRequest("get_session", "GET", session_url)


def parse_get_session(reply: GraphReply) -> seen.Observation:
    if again := _try_again(reply):
        return again
    if reply.status != 200:
        return seen.SessionLost(describe(reply))
    record = _record(reply)
    try:
        offset = expected_offset(_ranges(record))
    except ValueError:
        offset = None
    if offset is None:
        return seen.SessionLost("the session names no expected range")
    return seen.Progress(offset, _time(record.get("expirationdatetime")))


def prepare_cancel_session(session_url: str) -> GraphRequest:
    return GraphRequest("cancel_session", "DELETE", session_url)


def parse_cancel_session(reply: GraphReply) -> seen.Observation:
    # Whatever else it says, there is nothing more that we could do: it expires by itself.
    return _try_again(reply) or seen.SessionCancelled()


def content_url(session_url: str) -> str:
    """The URL that takes bytes: ``/content`` appended once, before any query."""
    path, question, query = session_url.partition("?")
    path = path.rstrip("/")
    return (path if path.endswith("/content") else f"{path}/content") + question + query


def is_within(url: str, root: str) -> bool:
    """Whether *url* may be given the bearer token: the very origin of the Graph root, and nothing odd about it."""
    try:
        there, here = urlsplit(url), urlsplit(root)
        same = (there.scheme, there.hostname, _port(there)) == (here.scheme, here.hostname, _port(here))
    except ValueError:
        return False
    # A fragment would swallow the `/content` that is appended; libraries differ over backslashes.
    plain = url.isprintable() and not any(odd in url for odd in " #\\")
    return same and plain and there.username is None and there.password is None


def _port(parts: Any) -> int | None:
    return parts.port if parts.port is not None else {"https": 443, "http": 80}.get(parts.scheme)


# -- the small POST, for empty files --


def prepare_post_empty(mailbox: Mailbox, list_id: str, task_id: str, *, name: str) -> GraphRequest:
    record = {"@odata.type": "#microsoft.graph.taskFileAttachment", "name": name, "contentBytes": ""}
    return _json_request("post_attachment", f"{mailbox.task(list_id, task_id)}/attachments", record)


def parse_post_empty(reply: GraphReply) -> seen.Observation:
    if reply.status in {200, 201}:
        attachment_id = _created_id(reply)
        return seen.Attached(attachment_id) if attachment_id else seen.LandedUnnamed()
    refused = 400 <= reply.status < 500 and reply.status not in {408, 409}
    if refused or reply.status in {507, 509}:
        return _not_created(reply)
    # Also a time-out and a conflict: the conflict may be with what this very request created.
    return seen.Unclear(describe(reply), reply.retry_after())


# -- listing --


@dataclass(frozen=True, slots=True)
class Page[Item]:
    """One page of a listing. *next_url* is empty at the end. *date* is the server's."""

    items: tuple[Item, ...]
    next_url: str
    date: datetime | None


def prepare_list_attachments(mailbox: Mailbox, list_id: str, task_id: str) -> GraphRequest:
    return GraphRequest("list_attachments", "GET", f"{mailbox.task(list_id, task_id)}/attachments?$top={PAGE_SIZE}")


def prepare_list_lists(mailbox: Mailbox) -> GraphRequest:
    """No $select (400 is reported for To Do) and no $filter (its logic is reported to be wrong): we compare."""
    return GraphRequest("list_lists", "GET", f"{mailbox.lists()}?$top={PAGE_SIZE}")


def prepare_list_tasks(mailbox: Mailbox, list_id: str) -> GraphRequest:
    return GraphRequest("list_tasks", "GET", f"{mailbox.lists()}/{_segment(list_id)}/tasks?$top={PAGE_SIZE}")


def prepare_next_page(previous: GraphRequest, next_url: str) -> GraphRequest:
    return GraphRequest(previous.operation, "GET", next_url)


def parse_attachments(reply: GraphReply, root: str) -> Page[ListedAttachment] | seen.Observation:
    return _page(reply, root, _listed_attachment, Reason.NO_SUCH_TASK)


def parse_lists(reply: GraphReply, root: str) -> Page[Named] | seen.Observation:
    return _page(reply, root, _named_list, Reason.NO_SUCH_LIST)


def parse_tasks(reply: GraphReply, root: str) -> Page[Named] | seen.Observation:
    return _page(reply, root, _named_task, Reason.NO_SUCH_LIST)


def prepare_value(mailbox: Mailbox, list_id: str, task_id: str, attachment_id: str) -> GraphRequest:
    """The raw bytes of an attachment, hashed as they come."""
    url = f"{mailbox.task(list_id, task_id)}/attachments/{_segment(attachment_id)}/$value"
    return GraphRequest("get_value", "GET", url, digest=True)


def parse_value(reply: GraphReply) -> str | seen.Observation:
    """The SHA-256 of an attachment's bytes; empty where the attachment is gone by now."""
    if reply.status == 200:
        return reply.sha256
    if reply.status in {404, 410}:
        return ""
    return _listing_failed(reply, Reason.NO_SUCH_TASK)


def _page[Item](reply: GraphReply, root: str, read: Any, missing: Reason) -> Page[Item] | seen.Observation:
    if reply.status != 200:
        return _listing_failed(reply, missing)
    record = _record(reply)
    rows = record.get("value")
    if not isinstance(rows, list):
        # Never read as "nothing there": that would send a file again that is attached already.
        return seen.Unavailable("a listing that cannot be read")
    next_url = record.get("@odata.nextlink") or ""
    if not isinstance(next_url, str) or (next_url and not is_within(next_url, root)):
        return seen.Refused(Reason.REFUSED, "a listing goes on at another host than the configured Graph host")
    items = tuple(item for row in rows if isinstance(row, dict) and (item := read(_lower(row))) is not None)
    return Page(items, next_url, reply.date())


def _listed_attachment(row: Mapping[str, Any]) -> ListedAttachment | None:
    attachment_id, name = row.get("id"), row.get("name")
    if not isinstance(attachment_id, str):
        return None
    # A nameless one may be ours: its bytes will tell.
    return ListedAttachment(
        attachment_id, name if isinstance(name, str) else "", _time(row.get("lastmodifieddatetime"))
    )


def _named_list(row: Mapping[str, Any]) -> Named | None:
    list_id, name = row.get("id"), row.get("displayname")
    if not isinstance(list_id, str) or not isinstance(name, str):
        return None
    return Named(list_id, name, is_default=row.get("wellknownlistname") == "defaultList")


def _named_task(row: Mapping[str, Any]) -> Named | None:
    task_id, title = row.get("id"), row.get("title")
    return Named(task_id, title) if isinstance(task_id, str) and isinstance(title, str) else None


def identified(request: GraphRequest, unique: str) -> GraphRequest:
    """The request under an id of its own: *unique*, 32 hex digits, written as the GUID that Graph expects."""
    guid = "-".join((unique[:8], unique[8:12], unique[12:16], unique[16:20], unique[20:]))
    return replace(request, headers={**request.headers, CLIENT_REQUEST_ID: guid, "return-client-request-id": "true"})


# -- replies in general --


def is_challenge(reply: GraphReply) -> bool:
    """Whether another token may help: a 401; or a 403 by which Conditional Access asks for more claims."""
    demand = "insufficient_claims" in reply.headers.get("www-authenticate", "")
    return reply.status == 401 or (reply.status == 403 and demand)


def claims_challenge(reply: GraphReply) -> str:
    """The claims of a continuous-access-evaluation challenge in a 401, decoded; empty where there are none."""
    found = re.search(r'claims="([A-Za-z0-9+/=_-]+)"', reply.headers.get("www-authenticate", ""))
    if found is None:
        return ""
    text = found[1].replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeError):
        return ""


def describe(reply: GraphReply) -> str:
    """Status and error code, for the ledger and the log. Never the message: it may repeat the URL or more."""
    code = error_code(reply)
    return f"HTTP {reply.status} {code}" if code else f"HTTP {reply.status}"


def error_code(reply: GraphReply) -> str:
    """The most specific error code of a reply: inner errors nest, under two spellings. Empty where there is none."""
    error, code = _record(reply).get("error"), ""
    for _ in range(8):  # deeper than any that was seen
        if not isinstance(error, dict):
            break
        error = _lower(error)
        if isinstance(error.get("code"), str) and re.fullmatch(r"[A-Za-z0-9_.\-]{1,80}", error["code"]):
            code = error["code"]
        error = error.get("innererror")
    return code


def _try_again(reply: GraphReply) -> seen.Observation | None:
    if reply.status in {423, 429, 503, 509}:
        return seen.Deferred(describe(reply), reply.retry_after())
    if reply.status >= 500 or reply.status in {408, 409}:
        return seen.Unavailable(describe(reply), reply.retry_after())
    return None


def _not_created(reply: GraphReply) -> seen.Observation:
    """What an answer other than success means, to a request that would create something."""
    if reply.status == 507:
        return _refused(Reason.MAILBOX_FULL, reply)
    if again := _try_again(reply):
        return again
    reason = {403: Reason.FORBIDDEN, 404: Reason.NO_SUCH_TASK, 410: Reason.NO_SUCH_TASK, 413: Reason.TOO_LARGE}
    if error_code(reply) == _TOO_LARGE_CODE:
        return _refused(Reason.TOO_LARGE, reply)
    if reply.status < 400:
        return seen.Unavailable(describe(reply))
    return _refused(reason.get(reply.status, Reason.REFUSED), reply)


def _listing_failed(reply: GraphReply, missing: Reason) -> seen.Observation:
    """*missing*: what it is that a 404 says is not there."""
    if again := _try_again(reply):
        return again
    if reply.status < 400:
        return seen.Unavailable(describe(reply))
    reason = {403: Reason.FORBIDDEN, 404: missing, 410: missing}
    return _refused(reason.get(reply.status, Reason.REFUSED), reply)


# For a person, who sees a status and a code of Graph for the first time.
_MEANING = {
    Reason.FORBIDDEN: "Graph forbids it to this account",
    Reason.NO_SUCH_LIST: "Graph finds no such list",
    Reason.NO_SUCH_TASK: "Graph finds no such task in that list",
    Reason.TOO_LARGE: "Graph takes no file of this size",
    Reason.MAILBOX_FULL: "the mailbox is full",
}


def _refused(reason: Reason, reply: GraphReply) -> seen.Refused:
    return seen.Refused(reason, ": ".join(filter(None, (_MEANING.get(reason), describe(reply)))))


def _created_id(reply: GraphReply) -> str:
    """The id of what was created: the last segment of Location, else the body's id; opaque, case-sensitive."""
    try:
        path = urlsplit(reply.headers.get("location", "")).path
    except ValueError:
        path = ""
    segment = unquote(path.rstrip("/").rpartition("/")[2])
    quoted = re.fullmatch(r".*\('(.+)'\)", segment)
    attachment_id = quoted[1] if quoted else segment
    if not attachment_id or attachment_id.lower() == "attachments":
        attachment_id = _record(reply).get("id", "")
    return attachment_id if isinstance(attachment_id, str) else ""


def _json_request(operation: str, url: str, record: Mapping[str, Any]) -> GraphRequest:
    body = json.dumps(record).encode()
    return GraphRequest(operation, "POST", url, {"Content-Type": "application/json"}, body)


def _record(reply: GraphReply) -> dict[str, Any]:
    """The reply's JSON object with lower-case names: casing differs between create and PUT, and between clouds."""
    try:
        record = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(record, dict):
        return {}
    record = _lower(record)
    value = record.get("value")
    return _lower(value) if isinstance(value, dict) else record


def _lower(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key.lower(): _encodable(value) for key, value in record.items()}


def _encodable(value: Any) -> Any:
    """JSON may hold half of a surrogate pair, say of a title cut in an emoji, which no request or ledger takes."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _ranges(record: Mapping[str, Any]) -> list[object]:
    ranges = record.get("nextexpectedranges", [])
    if isinstance(ranges, list):
        return ranges
    return [ranges]


def _time(value: object) -> datetime | None:
    """A Graph timestamp: seven fractional digits, or none; a zone, or none (then UTC).

    .NET's year 1 stands for "not set". Taken for a time, it would say that a session was over before it began, and
    that an attachment is too old to be ours.
    """
    if not isinstance(value, str):
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return None
    if when.year == 1:
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
