"""Graph's requests as documented, and its replies in every form that is documented, reported or feared."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.core import observations as seen
from shared.core.entry import Reason
from shared.core.landing import ListedAttachment
from shared.core.lookup import Named
from shared.core.ranges import ByteRange
from shared.graph import wire
from shared.graph.wire import GraphReply, GraphRequest, Mailbox, Page
from tests.support.entries import ROOT, SESSION_URL

VECTORS = Path(__file__).parent.parent / "vectors"
ME = Mailbox.of(ROOT, account="sam@example.com", by_id=False)
LIST, TASK, ATTACHMENT = "AAMkExampleListAAA=", "AAMkExampleTaskAAA=", "AAMkExampleTaskAAAAABEgAQAEXAMPLE="
SIZE = 3_483_322
FIRST, LAST = ByteRange(0, 2_097_152), ByteRange(2_097_152, SIZE)
FIRST_BYTES, LAST_BYTES = b"f" * len(FIRST), b"l" * len(LAST)
SECRET = "canary-in-a-reply"
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"


def vector(name: str, exchange: str = "documented") -> dict[str, Any]:
    record: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text())["exchanges"][exchange]
    return record


def reply(status: int, body: object = None, **headers: str) -> GraphReply:
    """A reply; *body* is bytes, or something to be written as JSON. Header names have hyphens for underscores."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return GraphReply(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def documented_reply(name: str, exchange: str = "documented") -> GraphReply:
    record = vector(name, exchange)["reply"]
    return reply(record["status"], record.get("json"), **record.get("headers", {}))


def error(status: int, code: str, **headers: str) -> GraphReply:
    return reply(status, {"error": {"code": code, "message": SECRET}}, **headers)


# -- requests, as documented --


def create_session() -> GraphRequest:
    return wire.prepare_create_session(ME, LIST, TASK, name="flower", size=SIZE)


def session_url() -> str:
    return str(vector("create_session")["reply"]["json"]["uploadUrl"])


@pytest.mark.parametrize(
    ("prepare", "operation", "name", "exchange"),
    [
        (create_session, "create_session", "create_session", "documented"),
        (lambda: wire.prepare_put_slice(session_url(), FIRST, SIZE, FIRST_BYTES), "put_slice", "put_slice", "first"),
        (lambda: wire.prepare_put_slice(session_url(), LAST, SIZE, LAST_BYTES), "put_slice", "put_slice", "last"),
        (lambda: wire.prepare_cancel_session(session_url()), "cancel_session", "cancel_session", "documented"),
        (
            lambda: wire.prepare_list_attachments(ME, LIST, TASK),
            "list_attachments",
            "list_attachments",
            "documented",
        ),
        (lambda: wire.prepare_value(ME, LIST, TASK, ATTACHMENT), "get_value", "get_attachment", "value"),
        (
            lambda: wire.prepare_post_empty(ME, LIST, TASK, name="smile"),
            "post_attachment",
            "post_attachment",
            "documented",
        ),
        (lambda: wire.prepare_list_lists(ME), "list_lists", "list_lists", "documented"),
        (lambda: wire.prepare_list_tasks(ME, LIST), "list_tasks", "list_tasks", "documented"),
    ],
    ids=["create", "first slice", "last slice", "cancel", "list attachments", "value", "small POST", "lists", "tasks"],
)
def test_a_request_is_the_documented_one(
    prepare: Callable[[], GraphRequest], operation: str, name: str, exchange: str
) -> None:
    request, expected = prepare(), vector(name, exchange)["request"]
    assert request.operation == operation
    assert request.method == expected["method"]
    assert request.url.replace("%3D", "=") == expected["url"]
    assert dict(request.headers) == expected.get("headers", {})
    if "json" in expected:
        assert json.loads(request.body) == expected["json"]
    else:
        assert request.body == {"first": FIRST_BYTES, "last": LAST_BYTES}.get(exchange, b"")


def test_every_vector_names_its_source() -> None:
    for path in VECTORS.glob("*.json"):
        assert json.loads(path.read_text())["source"], path.name


def test_the_session_is_asked_and_cancelled_at_its_bare_url() -> None:
    assert wire.prepare_get_session(SESSION_URL) == GraphRequest("get_session", "GET", SESSION_URL)
    assert wire.prepare_cancel_session(SESSION_URL).url == SESSION_URL


def test_only_the_raw_value_is_hashed_instead_of_kept() -> None:
    assert wire.prepare_value(ME, LIST, TASK, ATTACHMENT).digest
    assert not wire.prepare_get_session(SESSION_URL).digest


def test_a_next_page_is_fetched_where_graph_says() -> None:
    following = wire.prepare_next_page(wire.prepare_list_lists(ME), f"{ROOT}/me/todo/lists?$skiptoken=x")
    assert (following.operation, following.method) == ("list_lists", "GET")
    assert following.url == f"{ROOT}/me/todo/lists?$skiptoken=x"


def test_a_request_under_an_id_of_its_own_is_the_same_request_with_a_guid_that_comes_back() -> None:
    request = wire.prepare_put_slice(SESSION_URL, ByteRange(0, 1), 1, b"x")
    identified = wire.identified(request, "0123456789abcdef" * 2)
    assert identified.headers == {
        **request.headers,
        "client-request-id": "01234567-89ab-cdef-0123-456789abcdef",
        "return-client-request-id": "true",
    }
    assert replace(identified, headers=request.headers) == request


@pytest.mark.parametrize(
    ("account", "by_id", "path"),
    [
        ("sam@example.com", False, "/me"),
        ("sam@example.com", True, "/users/sam@example.com"),
        ("sam#EXT#@example.com", True, "/users/sam%23EXT%23@example.com"),
        ("a/../b", True, "/users/a%2F..%2Fb"),
    ],
    ids=["me", "by name", "a guest's name", "no way out of the path"],
)
def test_the_mailbox_is_me_or_the_account_by_setting(account: str, by_id: bool, path: str) -> None:
    assert Mailbox.of(ROOT, account=account, by_id=by_id).lists() == f"{ROOT}{path}/todo/lists"


@pytest.mark.parametrize(
    ("graph_id", "segment"),
    [("AAMk-_=", "AAMk-_%3D"), ("AA/BB+C=", "AA%252FBB%2BC%3D"), ("a?b#c", "a%3Fb%23c"), ("%2F", "%252F")],
    ids=["usual", "slash and plus", "query and fragment", "already encoded"],
)
def test_an_id_is_one_path_segment_and_a_slash_is_encoded_twice(graph_id: str, segment: str) -> None:
    assert ME.task("L", graph_id) == f"{ROOT}/me/todo/lists/L/tasks/{segment}"


@pytest.mark.parametrize(
    ("url", "content"),
    [
        ("https://g/s", "https://g/s/content"),
        ("https://g/s/", "https://g/s/content"),
        ("https://g/s/content", "https://g/s/content"),
        ("https://g/s/content/", "https://g/s/content"),
        ("https://g/s?a=1&b=/x?y", "https://g/s/content?a=1&b=/x?y"),
        ("https://g/s/content?a=1", "https://g/s/content?a=1"),
        ("https://g/s?x=/content", "https://g/s/content?x=/content"),
        ("https://g/discontent", "https://g/discontent/content"),
        ("https://g/idX", "https://g/idX/content"),
    ],
    ids=["bare", "slash", "there already", "there, slash", "query", "there, query", "only in the query", "alike", "X"],
)
def test_bytes_go_to_content_appended_once_and_before_any_query(url: str, content: str) -> None:
    assert wire.content_url(url) == content
    assert wire.prepare_put_slice(url, ByteRange(0, 1), 1, b"x").url == content


def test_no_url_token_or_content_stands_in_a_text_form() -> None:
    """I7: what is logged by accident is a repr."""
    request = wire.prepare_put_slice(SESSION_URL + SECRET, ByteRange(0, 1), 1, SECRET.encode())
    assert SECRET not in repr(request)
    assert SECRET not in repr(reply(200, SECRET.encode(), location=SECRET))


# -- where the token may go (I9) --


@pytest.mark.parametrize(
    "url",
    [
        SESSION_URL,
        "https://graph.microsoft.com/beta/users/u/attachmentSessions/s",
        "https://GRAPH.Microsoft.COM/v1.0/s",
        "HTTPS://graph.microsoft.com/v1.0/s",
        "https://graph.microsoft.com:443/v1.0/s",
        "https://graph.microsoft.com/v1.0/s?authtoken=x",
        "https://graph.microsoft.com",
    ],
    ids=["session", "beta", "host in capitals", "scheme in capitals", "default port", "query", "no path"],
)
def test_the_very_origin_of_the_graph_root_may_be_given_the_token(url: str) -> None:
    assert wire.is_within(url, ROOT)


@pytest.mark.parametrize(
    "url",
    [
        "http://graph.microsoft.com/v1.0/s",
        "http://graph.microsoft.com:443/v1.0/s",
        "https://graph.microsoft.com:80/v1.0/s",
        "https://graph.microsoft.com:444/v1.0/s",
        "https://graph.microsoft.com:0/v1.0/s",
        "https://graph.microsoft.com:99999/v1.0/s",
        "https://graph.microsoft.com:x/v1.0/s",
        "https://graph.microsoft.com./v1.0/s",
        "https://graph.microsoft.com.evil.example/s",
        "https://evilgraph.microsoft.com/s",
        "https://evil.example/graph.microsoft.com",
        "https://graph.microsoft.com@evil.example/s",
        "https://sam@graph.microsoft.com/s",
        "https://sam:pw@graph.microsoft.com/s",
        "https://@graph.microsoft.com/s",
        "https://:@graph.microsoft.com/s",
        "https://evil.example\\@graph.microsoft.com/s",
        "https://graph.microsoft.com\\@evil.example/s",
        "https://graph.microsoft.com\\.evil.example/s",
        "https://graph.microsoft.com/\\evil.example",
        "https://graph.microsoft.com/s#fragment",
        "https://graph.microsoft.com#@evil.example/s",
        "https://graph.microsoft.com?@evil.example/s#",
        "https://gra\tph.microsoft.com/s",
        "https://graph.microsoft.com/s\r\nX: y",
        " https://graph.microsoft.com/s",
        "https://graph.microsoft.com /s",
        "https://ｇraph.microsoft.com/s",  # noqa: RUF001
        "https://graph。microsoft.com/s",
        "https://graph.microsoft.com℀evil.example/s",
        "https://graph.mıcrosoft.com/s",  # noqa: RUF001
        "https://xn--graph-example/s",
        "https://[::1/s",
        "https://[graph.microsoft.com]/s",
        "//graph.microsoft.com/s",
        "/v1.0/s",
        "https:graph.microsoft.com/s",
        "https:///graph.microsoft.com/s",
        "javascript://graph.microsoft.com/s",
        "https://graph.microsoft.com/\ud83d",
        "",
        "https://",
    ],
    ids=ascii,
)
def test_nothing_else_may(url: str) -> None:
    assert not wire.is_within(url, ROOT)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080/v1.0/s", True),
        ("http://127.0.0.1:8081/v1.0/s", False),
        ("http://localhost:8080/v1.0/s", False),
        ("https://127.0.0.1:8080/v1.0/s", False),
    ],
    ids=["same", "another port", "another name", "another scheme"],
)
def test_a_server_on_this_machine_is_its_own_origin_only(url: str, expected: bool) -> None:
    assert wire.is_within(url, "http://127.0.0.1:8080/v1.0") is expected


# -- create --


def created(record: Mapping[str, object], status: int = 200) -> seen.Observation:
    return wire.parse_create_session(reply(status, record, date=DATE), ROOT)


def test_a_session_is_opened_as_documented() -> None:
    assert wire.parse_create_session(documented_reply("create_session"), ROOT) == seen.SessionOpened(
        url=session_url(),
        expires_at=datetime(2022, 6, 9, 10, 45, 27, 432452, tzinfo=UTC),
        offset=0,
        opened_at=datetime(2022, 6, 9, 9, 45, 27, tzinfo=UTC),
    )


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize(
    "record",
    [
        {"uploadUrl": SESSION_URL, "nextExpectedRanges": ["0-"]},
        {"UploadUrl": SESSION_URL, "NextExpectedRanges": ["0"]},
        {"uploadUrl": SESSION_URL},
        {"uploadUrl": SESSION_URL, "nextExpectedRanges": []},
        {"uploadUrl": SESSION_URL, "nextExpectedRanges": None},
        {"uploadUrl": SESSION_URL, "nextExpectedRanges": ["nonsense"]},
        {"value": {"uploadUrl": SESSION_URL}},
    ],
    ids=["camel", "Pascal", "no ranges", "empty ranges", "null ranges", "nonsense ranges", "wrapped"],
)
def test_200_and_201_with_an_upload_url_open_a_session(record: dict[str, object], status: int) -> None:
    opened = created(record, status)
    assert isinstance(opened, seen.SessionOpened)
    assert (opened.url, opened.offset) == (SESSION_URL, 0)


def test_what_a_new_session_expects_is_passed_on() -> None:
    opened = created({"uploadUrl": SESSION_URL, "nextExpectedRanges": ["512-"]})
    assert isinstance(opened, seen.SessionOpened)
    assert opened.offset == 512


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/s", "http://graph.microsoft.com/s", SESSION_URL + "#x", "https://outlook.office.com/s"],
)
def test_an_upload_url_on_another_host_is_refused_and_not_repeated(url: str) -> None:
    refused = created({"uploadUrl": url})
    assert isinstance(refused, seen.Refused)
    assert refused.reason is Reason.REFUSED
    assert url not in refused.detail


@pytest.mark.parametrize("query", ["authtoken=canary", "gv=1&authtoken=canary"], ids=["only", "among others"])
def test_an_upload_url_with_a_token_of_its_own_is_refused(query: str) -> None:
    """Mail's kind of session: a bearer token there is refused, and belongs nowhere else either."""
    refused = created({"uploadUrl": f"{SESSION_URL}?{query}"})
    assert refused == seen.Refused(Reason.REFUSED, "Graph's upload URL carries a token of its own")


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"<html>a gateway's page</html>",
        b"\xff",
        b"[]",
        b"{}",
        {"uploadUrl": None},
        {"uploadUrl": 7},
        {"uploadUrl": ""},
    ],
    ids=repr,
)
def test_success_without_an_upload_url_is_tried_again(body: object) -> None:
    """One page of a gateway must not reject a file for ever; the tries are bounded."""
    assert isinstance(wire.parse_create_session(reply(200, body), ROOT), seen.Unavailable)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-06-09T10:45:27.4324526Z", datetime(2022, 6, 9, 10, 45, 27, 432452, tzinfo=UTC)),
        ("2022-06-09T10:45:27Z", datetime(2022, 6, 9, 10, 45, 27, tzinfo=UTC)),
        ("2022-06-09T10:45:27", datetime(2022, 6, 9, 10, 45, 27, tzinfo=UTC)),
        ("2022-06-09T12:45:27+02:00", datetime(2022, 6, 9, 10, 45, 27, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("soon", None),
        ("", None),
        ("\ud83d", None),
        (None, None),
        (1654771527, None),
    ],
    ids=repr,
)
def test_an_expiry_is_read_in_every_form_or_counts_as_unknown(text: object, expected: datetime | None) -> None:
    opened = created({"uploadUrl": SESSION_URL, "expirationDateTime": text})
    assert isinstance(opened, seen.SessionOpened)
    assert opened.expires_at == expected


# -- what an error means, per call --

D, N, R, U, L = seen.Deferred, seen.Unavailable, seen.Refused, seen.Unclear, seen.SessionLost
CALLS = {
    "create": lambda answer: wire.parse_create_session(answer, ROOT),
    "put": lambda answer: wire.parse_put_slice(answer, FIRST, SIZE),
    "get": wire.parse_get_session,
    "post": wire.parse_post_empty,
    "list": lambda answer: wire.parse_attachments(answer, ROOT),
    "value": wire.parse_value,
}
#      create  PUT  GET  POST  list  value
TABLE: dict[int, tuple[object, object, object, object, object, object]] = {
    204: (N, U, L, U, N, N),
    302: (N, U, L, U, N, N),
    307: (N, U, L, U, N, N),
    400: (R, U, L, R, R, R),
    401: (R, U, L, R, R, R),
    403: (R, R, L, R, R, R),
    404: (R, U, L, R, R, ""),
    405: (R, U, L, R, R, R),
    408: (N, U, N, U, N, N),
    409: (N, U, N, U, N, N),
    410: (R, U, L, R, R, ""),
    411: (R, U, L, R, R, R),
    412: (R, U, L, R, R, R),
    413: (R, seen.SliceTooLarge, L, R, R, R),
    415: (R, U, L, R, R, R),
    416: (R, U, L, R, R, R),
    422: (R, U, L, R, R, R),
    423: (D, D, D, D, D, D),
    429: (D, D, D, D, D, D),
    451: (R, U, L, R, R, R),
    500: (N, U, N, U, N, N),
    501: (N, U, N, U, N, N),
    502: (N, U, N, U, N, N),
    503: (D, U, D, U, D, D),
    504: (N, U, N, U, N, N),
    507: (R, R, N, R, N, N),
    509: (D, D, D, D, D, D),
    599: (N, U, N, U, N, N),
}
STATUSES = [(status, call, row[column]) for status, row in TABLE.items() for column, call in enumerate(CALLS)]


@pytest.mark.parametrize(
    ("status", "call", "expected"), STATUSES, ids=[f"{call}-{status}" for status, call, _ in STATUSES]
)
def test_each_status_means_what_the_table_says(status: int, call: str, expected: object) -> None:
    for answer in (reply(status), error(status, "someCode"), reply(status, b"<html>")):
        observed = CALLS[call](answer)
        assert (observed if expected == "" else type(observed)) == expected


@pytest.mark.parametrize(
    ("status", "call", "expected"), STATUSES, ids=[f"{call}-{status}" for status, call, _ in STATUSES]
)
def test_no_observation_repeats_a_reply_s_message(status: int, call: str, expected: object) -> None:
    assert SECRET not in str(CALLS[call](error(status, "someCode", location=SECRET)))


@pytest.mark.parametrize(
    ("status", "call", "expected"), STATUSES, ids=[f"{call}-{status}" for status, call, _ in STATUSES]
)
def test_every_observation_of_an_error_tells_its_status_and_code(status: int, call: str, expected: object) -> None:
    observed = CALLS[call](error(status, "someCode"))
    if expected not in {"", seen.SliceTooLarge}:
        assert str(getattr(observed, "detail", "")).endswith(f"HTTP {status} someCode")


@pytest.mark.parametrize("call", ["create", "post", "put"])
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (error(403, "ErrorAccessDenied"), Reason.FORBIDDEN),
        (error(507, "quotaLimitReached"), Reason.MAILBOX_FULL),
        (error(400, "ErrorMessageSizeExceeded"), Reason.TOO_LARGE),
    ],
    ids=["forbidden", "mailbox full", "too large"],
)
def test_what_can_never_work_is_refused_with_its_reason(call: str, answer: GraphReply, reason: Reason) -> None:
    refused = CALLS[call](answer)
    assert isinstance(refused, seen.Refused)
    assert refused.reason is reason
    assert refused.detail.endswith(wire.describe(answer))


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (400, Reason.REFUSED, ""),
        (403, Reason.FORBIDDEN, "Graph forbids it to this account: "),
        (404, Reason.NO_SUCH_TASK, "Graph finds no such task in that list: "),
        (410, Reason.NO_SUCH_TASK, "Graph finds no such task in that list: "),
        (413, Reason.TOO_LARGE, "Graph takes no file of this size: "),
        (405, Reason.REFUSED, ""),
        (507, Reason.MAILBOX_FULL, "the mailbox is full: "),
    ],
)
@pytest.mark.parametrize("call", ["create", "post"])
def test_a_refused_creation_says_why(call: str, status: int, reason: Reason, words: str) -> None:
    refused = CALLS[call](error(status, "someCode"))
    assert refused == seen.Refused(reason, f"{words}HTTP {status} someCode")


@pytest.mark.parametrize("status", [404, 410])
def test_a_listing_that_is_not_there_says_which_of_list_and_task_is_missing(status: int) -> None:
    answer = error(status, "someCode")
    for parse in (wire.parse_lists, wire.parse_tasks):
        assert parse(answer, ROOT) == seen.Refused(
            Reason.NO_SUCH_LIST, f"Graph finds no such list: HTTP {status} someCode"
        )
    assert wire.parse_attachments(answer, ROOT) == seen.Refused(
        Reason.NO_SUCH_TASK, f"Graph finds no such task in that list: HTTP {status} someCode"
    )


@pytest.mark.parametrize(
    ("status", "reason", "detail"),
    [
        (400, Reason.REFUSED, "HTTP 400 someCode"),
        (403, Reason.FORBIDDEN, "Graph forbids it to this account: HTTP 403 someCode"),
        (405, Reason.REFUSED, "HTTP 405 someCode"),
    ],
)
def test_a_refused_listing_says_why(status: int, reason: Reason, detail: str) -> None:
    for parse in (wire.parse_attachments, wire.parse_lists, wire.parse_tasks):
        assert parse(error(status, "someCode"), ROOT) == seen.Refused(reason, detail)


@pytest.mark.parametrize("call", ["create", "get", "list", "value"])
@pytest.mark.parametrize("status", [408, 409, 500, 502])
def test_what_is_away_is_asked_again_no_sooner_than_it_says(call: str, status: int) -> None:
    unavailable = CALLS[call](error(status, "someCode", retry_after="7"))
    assert unavailable == seen.Unavailable(f"HTTP {status} someCode", timedelta(seconds=7))


@pytest.mark.parametrize("status", [302, 408, 409, 500, 503, 504])
def test_a_small_post_without_a_clear_answer_waits_as_long_as_it_was_asked_to(status: int) -> None:
    unclear = wire.parse_post_empty(error(status, "someCode", retry_after="7"))
    assert unclear == seen.Unclear(f"HTTP {status} someCode", timedelta(seconds=7))


def test_forbidden_to_send_is_told_apart_from_forbidden_to_open() -> None:
    put = wire.parse_put_slice(error(403, "ErrorAccessDenied"), FIRST, SIZE)
    assert put == seen.Refused(
        Reason.FORBIDDEN, "a session could be opened, but sending to it is forbidden: HTTP 403 ErrorAccessDenied"
    )


@pytest.mark.parametrize("call", list(CALLS))
@pytest.mark.parametrize("status", [423, 429, 509])
def test_throttling_tells_when_to_come_back(call: str, status: int) -> None:
    deferred = CALLS[call](error(status, "TooManyRequests", retry_after="2.128"))
    assert deferred == seen.Deferred(f"HTTP {status} TooManyRequests", timedelta(seconds=2.128))


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (400, 400),
        (405, 405),
        (411, 411),
        (415, 415),
        (404, 0),
        (408, 0),
        (409, 0),
        (410, 0),
        (416, 0),
        (500, 0),
        (503, 0),
        (302, 0),
    ],
)
def test_only_a_plain_refusal_of_a_slice_counts_as_one(status: int, refused: int) -> None:
    """The others may follow bytes that were stored, or a session that is over: the session is asked."""
    unclear = wire.parse_put_slice(reply(status, retry_after="7"), FIRST, SIZE)
    assert isinstance(unclear, seen.Unclear)
    assert unclear.refused == refused
    assert unclear.retry_after == (None if refused else timedelta(seconds=7))


# -- PUT --

NO_RANGE = "the reply names no expected range"
UNREADABLE = "the reply's expected ranges cannot be read"
NEVER_SENT = "the reply expects a byte after ones that were never sent"


def put(record: object, part: ByteRange = FIRST, status: int = 200, **headers: str) -> seen.Observation:
    return wire.parse_put_slice(reply(status, record, **headers), part, SIZE)


def test_the_documented_replies_to_slices_are_progress_and_then_the_attachment() -> None:
    progress = wire.parse_put_slice(documented_reply("put_slice", "first"), FIRST, SIZE)
    assert progress == seen.Progress(2_097_152, datetime(2022, 6, 9, 10, 45, 27, 432452, tzinfo=UTC))
    assert wire.parse_put_slice(documented_reply("put_slice", "last"), LAST, SIZE) == seen.Attached(ATTACHMENT)


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize(
    ("record", "offset"),
    [
        ({"NextExpectedRanges": ["2097152"]}, 2_097_152),
        ({"nextExpectedRanges": ["2097152-"]}, 2_097_152),
        ({"nextexpectedranges": ["2097152-3483321"]}, 2_097_152),
        ({"NextExpectedRanges": "2097152"}, 2_097_152),
        ({"NextExpectedRanges": [2_097_152]}, 2_097_152),
        ({"NextExpectedRanges": ["3000000-", "1000-2000"]}, 1000),
        ({"NextExpectedRanges": ["0-"]}, 0),
        ({"NextExpectedRanges": ["327680-"]}, 327_680),
        ({"value": {"nextExpectedRanges": ["2097152-"]}}, 2_097_152),
    ],
    ids=["bare", "open", "closed", "not in a list", "a number", "several", "rewind to 0", "a prefix", "wrapped"],
)
def test_progress_goes_on_from_the_server_s_start(record: object, offset: int, status: int) -> None:
    assert put(record, status=status) == seen.Progress(offset)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (None, NO_RANGE),
        (b"<html>", NO_RANGE),
        ({}, NO_RANGE),
        ({"NextExpectedRanges": []}, NO_RANGE),
        ({"NextExpectedRanges": None}, UNREADABLE),
        ({"NextExpectedRanges": ["nonsense"]}, UNREADABLE),
        ({"NextExpectedRanges": ["-5"]}, UNREADABLE),
        ({"NextExpectedRanges": {"start": 0}}, UNREADABLE),
        ({"NextExpectedRanges": [2097152.0]}, UNREADABLE),
        ({"NextExpectedRanges": ["2097153-"]}, NEVER_SENT),
        ({"NextExpectedRanges": ["9" * 18]}, NEVER_SENT),
        ({"NextExpectedRanges": [10**400]}, NEVER_SENT),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_progress_that_cannot_be_true_or_read_is_asked_about(record: object, why: str) -> None:
    assert put(record) == seen.Unclear(why)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (None, NO_RANGE),
        ({"id": ATTACHMENT}, NO_RANGE),
        ({"NextExpectedRanges": [str(SIZE)]}, "all bytes were accepted, yet nothing was created"),
    ],
    ids=["empty", "an entity", "all expected"],
)
def test_200_after_the_last_byte_is_not_yet_an_attachment(record: object, why: str) -> None:
    assert put(record, LAST) == seen.Unclear(why)


@pytest.mark.parametrize("record", [None, {"id": ATTACHMENT}], ids=["empty", "an entity"])
def test_created_before_the_last_byte_was_sent_is_not_believed(record: object) -> None:
    """What was created from a part is not the file: believed, its rest would be lost."""
    observed = put(record, FIRST, 201, location=f"{ROOT}/Attachments/{ATTACHMENT}")
    assert isinstance(observed, seen.Unclear)


def test_progress_told_as_201_is_progress() -> None:
    assert put({"NextExpectedRanges": ["2097152"]}, FIRST, 201) == seen.Progress(2_097_152)


# -- the id of what was created --


@pytest.mark.parametrize(
    ("location", "attachment_id"),
    [
        (f"https://graph.microsoft.com/beta/users/u/todo/lists/L/tasks/T/Attachments/{ATTACHMENT}", ATTACHMENT),
        (f"https://graph.microsoft.com/v1.0/x/attachments/{ATTACHMENT}", ATTACHMENT),
        (f"https://graph.microsoft.com/v1.0/x/attachments('{ATTACHMENT}')", ATTACHMENT),
        ("https://graph.microsoft.com/v1.0/x/attachments(%27AA%3D%27)", "AA="),
        ("https://graph.microsoft.com/v1.0/x/attachments/AA%2FBB%3D", "AA/BB="),
        ("https://graph.microsoft.com/v1.0/x/attachments('AA%2FBB%3D')", "AA/BB="),
        ("https://graph.microsoft.com/v1.0/x/attachments/AA%252FBB", "AA%2FBB"),
        ("/v1.0/x/attachments/AA=", "AA="),
        ("attachments/AA=", "AA="),
        ("AA=", "AA="),
        ("https://elsewhere.example/Attachments/AA=", "AA="),
        ("https://graph.microsoft.com/v1.0/x/Attachments/AA=/", "AA="),
        ("https://graph.microsoft.com/v1.0/x/Attachments/AA=?q=/x", "AA="),
        ("https://graph.microsoft.com/v1.0/x/Attachments/AAX/", "AAX"),
    ],
    ids=[
        "documented, beta",
        "v1.0",
        "OData key",
        "OData key, encoded quotes",
        "encoded",
        "OData key, encoded",
        "unquoted once only",
        "path only",
        "relative",
        "id only",
        "another host",
        "trailing slash",
        "query",
        "ends in X",
    ],
)
def test_the_id_is_the_last_part_of_location_in_every_form(location: str, attachment_id: str) -> None:
    assert put(None, LAST, 201, location=location) == seen.Attached(attachment_id)
    assert wire.parse_post_empty(reply(201, location=location)) == seen.Attached(attachment_id)


@pytest.mark.parametrize(
    "headers",
    [{}, {"location": ""}, {"location": "/x/Attachments/"}, {"location": "http://[::1"}],
    ids=["absent", "empty", "without an id", "no URL at all"],
)
def test_without_a_usable_location_the_body_s_id_counts(headers: dict[str, str]) -> None:
    assert put({"id": ATTACHMENT}, LAST, 201, **headers) == seen.Attached(ATTACHMENT)
    assert put({"value": {"Id": ATTACHMENT}}, LAST, 201, **headers) == seen.Attached(ATTACHMENT)
    assert put(None, LAST, 201, **headers) == seen.LandedUnnamed()


@pytest.mark.parametrize("body", [None, b"<html>", {}, {"id": None}, {"id": 7}, {"id": ""}], ids=repr)
def test_created_under_no_name_has_landed_all_the_same(body: object) -> None:
    assert put(body, LAST, 201) == seen.LandedUnnamed()
    assert wire.parse_post_empty(reply(200, body)) == seen.LandedUnnamed()


def test_the_documented_reply_to_the_small_post_is_an_attachment() -> None:
    assert wire.parse_post_empty(documented_reply("post_attachment")) == seen.Attached(ATTACHMENT)


# -- the session --


@pytest.mark.parametrize(
    ("record", "offset"),
    [
        ({"id": "s", "nextExpectedRanges": ["2097152-"]}, 2_097_152),
        ({"NextExpectedRanges": ["0"]}, 0),
        ({"value": {"nextExpectedRanges": ["5-", "3-4"]}}, 3),
    ],
    ids=["documented", "Pascal", "wrapped"],
)
def test_a_session_tells_the_byte_that_it_expects(record: object, offset: int) -> None:
    assert wire.parse_get_session(reply(200, record)) == seen.Progress(offset)


def test_a_session_that_is_asked_tells_its_newest_expiry_too() -> None:
    record = {"nextExpectedRanges": ["5-"], "expirationDateTime": "2026-03-01T13:00:00Z"}
    assert wire.parse_get_session(reply(200, record)) == seen.Progress(5, datetime(2026, 3, 1, 13, tzinfo=UTC))


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"<html>",
        b"[1]",
        {},
        {"nextExpectedRanges": []},
        {"nextExpectedRanges": ["x"]},
        {"nextExpectedRanges": None},
    ],
    ids=repr,
)
def test_a_session_that_cannot_be_read_is_lost(body: object) -> None:
    lost = wire.parse_get_session(reply(200, body))
    assert lost == seen.SessionLost("the session names no expected range")


@pytest.mark.parametrize("status", [200, 204, 302, 400, 403, 404, 405, 410, 416])
def test_a_cancel_that_is_answered_is_over_whatever_it_says(status: int) -> None:
    """204 comes for unknown sessions too, and a failed cancel must never hide the first error."""
    assert wire.parse_cancel_session(reply(status)) == seen.SessionCancelled()


@pytest.mark.parametrize(
    ("status", "kind"), [(423, D), (429, D), (503, D), (509, D), (408, N), (409, N), (500, N), (502, N), (504, N)]
)
def test_a_cancel_is_tried_again_where_that_may_help(status: int, kind: type) -> None:
    assert type(wire.parse_cancel_session(reply(status))) is kind


# -- listings --


def test_the_documented_listings_are_read() -> None:
    modified = datetime(2017, 1, 1, tzinfo=UTC)
    attachments = wire.parse_attachments(documented_reply("list_attachments"), ROOT)
    assert attachments == Page((ListedAttachment(ATTACHMENT, "flower", modified),), "", None)
    lists = wire.parse_lists(documented_reply("list_lists"), ROOT)
    assert lists == Page(
        (Named("AAMkExampleDefaultAAA=", "Tasks", is_default=True), Named(LIST, "Travel items")), "", None
    )
    tasks = wire.parse_tasks(documented_reply("list_tasks"), ROOT)
    assert tasks == Page((Named(TASK, "Linked entity new task 1"),), "", None)


def test_a_page_names_the_next_one_and_the_server_s_time() -> None:
    link = f"{ROOT}/me/todo/lists?$skiptoken=x"
    for parse in (wire.parse_attachments, wire.parse_lists, wire.parse_tasks):
        page = parse(reply(200, {"value": [], "@odata.nextLink": link}, date=DATE), ROOT)
        assert page == Page((), link, datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    "link", ["https://evil.example/x", "http://graph.microsoft.com/x", "/relative", 7, ["x"]], ids=repr
)
def test_a_page_on_another_host_is_never_followed(link: object) -> None:
    expected = seen.Refused(Reason.REFUSED, "a listing goes on at another host than the configured Graph host")
    for parse in (wire.parse_attachments, wire.parse_lists, wire.parse_tasks):
        assert parse(reply(200, {"value": [], "@odata.nextLink": link}), ROOT) == expected


@pytest.mark.parametrize(
    "body", [None, b"<html>", b"[]", {}, {"value": None}, {"value": "x"}, {"value": {"id": "A"}}], ids=repr
)
def test_a_listing_that_cannot_be_read_is_never_taken_for_empty(body: object) -> None:
    """An attached file would be sent a second time."""
    for parse in (wire.parse_attachments, wire.parse_lists, wire.parse_tasks):
        assert parse(reply(200, body), ROOT) == seen.Unavailable("a listing that cannot be read")


@pytest.mark.parametrize("row", [None, 7, "x", [], {}, {"id": 1}, {"id": None, "name": "n"}], ids=repr)
def test_a_row_that_is_none_is_passed_over(row: object) -> None:
    for parse in (wire.parse_attachments, wire.parse_lists, wire.parse_tasks):
        assert parse(reply(200, {"value": [row]}), ROOT) == Page((), "", None)


@pytest.mark.parametrize("id_", [7, None, ["x"]], ids=repr)
def test_a_list_or_task_with_a_name_and_no_usable_id_is_passed_over(id_: object) -> None:
    row = {"id": id_, "displayName": "Work", "title": "Plan", "name": "plan.pdf"}
    for parse in (wire.parse_attachments, wire.parse_lists, wire.parse_tasks):
        assert parse(reply(200, {"value": [row]}), ROOT) == Page((), "", None)


@pytest.mark.parametrize("name", [7, None, ["x"]], ids=repr)
def test_a_list_or_task_with_an_id_and_no_usable_name_is_passed_over(name: object) -> None:
    """Nobody can have meant it."""
    row = {"id": "A", "displayName": name, "title": name}
    for parse in (wire.parse_lists, wire.parse_tasks):
        assert parse(reply(200, {"value": [row]}), ROOT) == Page((), "", None)


def test_an_attachment_without_a_name_is_kept_for_its_bytes_to_tell() -> None:
    listed = wire.parse_attachments(reply(200, {"value": [{"id": "A"}]}), ROOT)
    assert listed == Page((ListedAttachment("A", "", None),), "", None)


@pytest.mark.parametrize(
    ("status", "header", "expected"),
    [
        (401, "", True),
        (403, 'Bearer error="insufficient_claims", claims="e30="', True),
        (403, "", False),
        (200, 'Bearer error="insufficient_claims"', False),
    ],
)
def test_another_token_is_asked_for_after_a_401_or_a_demand_for_claims(
    status: int, header: str, expected: bool
) -> None:
    assert wire.is_challenge(GraphReply(status, {"www-authenticate": header})) is expected


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "", None, "soon"], ids=repr)
def test_an_attachment_without_a_real_time_has_none(time: object) -> None:
    """Year 1 taken for a time would make it too old to be ours, and the file would be sent again."""
    row = {"id": "A", "name": "n", "lastModifiedDateTime": time}
    page = wire.parse_attachments(reply(200, {"value": [row]}), ROOT)
    assert isinstance(page, Page)
    assert page.items == (ListedAttachment("A", "n", None),)


def test_half_a_surrogate_pair_in_a_title_comes_out_as_text_that_can_be_stored() -> None:
    page = wire.parse_tasks(reply(200, b'{"value":[{"id":"T","title":"cut \\ud83d"}]}'), ROOT)
    assert page == Page((Named("T", "cut ?"),), "", None)


def test_the_value_of_an_attachment_is_its_hash_or_nothing_when_it_is_gone() -> None:
    assert wire.parse_value(GraphReply(200, {}, sha256="abc")) == "abc"
    assert wire.parse_value(reply(404)) == ""


# -- replies in general --


@pytest.mark.parametrize(
    "name", ["documented", "nested", "live_spelling", "no_inner_error", "throttled", "empty_message"]
)
def test_the_most_specific_code_of_an_error_is_found(name: str) -> None:
    answer = documented_reply("errors", name)
    assert wire.error_code(answer) == vector("errors", name)["code"]
    assert wire.describe(answer) == f"HTTP {answer.status} {vector('errors', name)['code']}"


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"<html><body>Bad Gateway</body></html>",
        b"\xff\xfe",
        b"{",
        b"[" * 100_000,
        b"[]",
        b"1" * 5000,
        {"error": None},
        {"error": "text"},
        {"error": []},
        {"error": {}},
        {"error": {"code": 7}},
        {"error": {"code": ""}},
        {"error": {"code": "a b"}},
        {"error": {"code": "x" * 81}},
        {"error": {"code": "https://graph.microsoft.com/secret"}},
        {"error": {"message": "text"}},
    ],
    ids=lambda body: repr(body)[:40],
)
def test_an_error_without_a_code_is_told_by_its_status(body: object) -> None:
    assert wire.error_code(reply(502, body)) == ""
    assert wire.describe(reply(502, body)) == "HTTP 502"


def test_an_inner_code_that_is_none_leaves_the_outer_one() -> None:
    assert wire.error_code(reply(400, {"error": {"code": "outer", "innerError": {"code": None}}})) == "outer"


def test_errors_nested_without_end_are_not_followed_to_it() -> None:
    nested: dict[str, Any] = {"code": "deepest"}
    for _ in range(50):
        nested = {"code": "c", "innererror": nested}
    assert wire.error_code(reply(400, {"error": nested})) == "c"


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (DATE, datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("Sun, 01 Mar 2026 12:00:00 -0000", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("", None),
        ("yesterday", None),
        ("Sun, 01 Mar 99999999999999999999 12:00:00 GMT", None),
        ("Sun, 01 Mar 2026 12:00:00 +99999999999999999999", None),
    ],
    ids=repr,
)
def test_a_reply_s_date_is_the_server_s_or_unknown(date: str, expected: datetime | None) -> None:
    assert reply(200, date=date).date() == expected


def test_a_reply_without_headers_has_no_date_and_no_retry_after() -> None:
    assert reply(200).date() is None
    assert reply(200).retry_after() is None


def test_a_retry_after_date_is_relative_to_the_reply_s_date_and_else_to_our_clock() -> None:
    later = "Sun, 01 Mar 2026 12:00:30 GMT"
    assert reply(429, date=DATE, retry_after=later).retry_after() == timedelta(seconds=30)
    received = GraphReply(429, {"retry-after": later}, received_at=datetime(2026, 3, 1, 12, 0, 20, tzinfo=UTC))
    assert received.retry_after() == timedelta(seconds=10)


# Of each length that Base64 pads in its own way; with what its two alphabets spell differently.
CLAIMS = ['{"access_token":{"nbf":{"value":"??????>>>>>>"}}}' + " " * spaces for spaces in range(3)]


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode], ids=["standard", "url-safe"])
@pytest.mark.parametrize("padding", [True, False], ids=["padded", "unpadded"])
@pytest.mark.parametrize("claims", CLAIMS, ids=len)
def test_a_claims_challenge_is_decoded(encode: Any, padding: bool, claims: str) -> None:
    text = encode(claims.encode()).decode()
    text = text if padding else text.rstrip("=")
    challenge = f'Bearer realm="", authorization_uri="x", error="insufficient_claims", claims="{text}"'
    assert wire.claims_challenge(reply(401, www_authenticate=challenge)) == claims


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        "Bearer",
        'Bearer error="invalid_token"',
        'Bearer claims=""',
        'Bearer claims="%%%"',
        'Bearer claims="A"',
        'Bearer claims="_w=="',
        'Bearer claims="e30=e30="',
    ],
    ids=["absent", "bare", "no claims", "empty", "no base64", "cut off", "no UTF-8", "goes on after its end"],
)
def test_a_challenge_without_readable_claims_has_none(challenge: str) -> None:
    assert wire.claims_challenge(reply(401, www_authenticate=challenge)) == ""
