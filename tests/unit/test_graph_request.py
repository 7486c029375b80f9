"""Graph's requests are the documented ones, and the token goes to Graph only."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.core.ranges import MAX_POST_BYTES, ByteRange
from shared.graph import listings, sessions, small_post
from shared.graph.request import GraphRequest, Mailbox, is_within, with_client_request_id
from tests.support.entries import ROOT, SESSION_URL
from tests.support.graph_replies import (
    ATTACHMENT,
    FIRST,
    FIRST_BYTES,
    LAST,
    LAST_BYTES,
    LIST,
    ME,
    SECRET,
    SIZE,
    TASK,
    VECTORS,
    reply,
    session_url,
    vector,
)


def create_session() -> GraphRequest:
    return sessions.prepare_create_session(ME, LIST, TASK, name="flower", size=SIZE)


@pytest.mark.parametrize(
    ("prepare", "operation", "name", "exchange"),
    [
        (create_session, "create_session", "create_session", "documented"),
        (
            lambda: sessions.prepare_put_slice(session_url(), FIRST, SIZE, FIRST_BYTES),
            "put_slice",
            "put_slice",
            "first",
        ),
        (lambda: sessions.prepare_put_slice(session_url(), LAST, SIZE, LAST_BYTES), "put_slice", "put_slice", "last"),
        (lambda: sessions.prepare_cancel_session(session_url()), "cancel_session", "cancel_session", "documented"),
        (
            lambda: listings.prepare_list_attachments(ME, LIST, TASK),
            "list_attachments",
            "list_attachments",
            "documented",
        ),
        (lambda: listings.prepare_value(ME, LIST, TASK, ATTACHMENT), "get_value", "get_attachment", "value"),
        (
            lambda: small_post.prepare_post_attachment(ME, LIST, TASK, name="smile", content=b""),
            "post_attachment",
            "post_attachment",
            "documented",
        ),
        (lambda: listings.prepare_list_lists(ME), "list_lists", "list_lists", "documented"),
        (lambda: listings.prepare_list_lists_delta(ME), "list_lists_delta", "list_lists_delta", "documented"),
        (lambda: listings.prepare_list_tasks(ME, LIST), "list_tasks", "list_tasks", "documented"),
    ],
    ids=[
        "create",
        "first slice",
        "last slice",
        "cancel",
        "list attachments",
        "value",
        "small POST",
        "lists",
        "all lists",
        "tasks",
    ],
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
    assert sessions.prepare_get_session(SESSION_URL) == GraphRequest("get_session", "GET", SESSION_URL)
    assert sessions.prepare_cancel_session(SESSION_URL).url == SESSION_URL


def test_only_the_raw_value_is_hashed_instead_of_kept() -> None:
    assert listings.prepare_value(ME, LIST, TASK, ATTACHMENT).digest
    assert not sessions.prepare_get_session(SESSION_URL).digest


def test_open_tasks_are_asked_for_by_one_condition_and_nothing_else() -> None:
    request = listings.prepare_list_open_tasks(ME, LIST)
    everything = listings.prepare_list_tasks(ME, LIST)
    assert (request.operation, request.method) == (everything.operation, everything.method)
    assert request.url == f"{everything.url}&$filter=status%20ne%20'completed'"


def test_a_next_page_is_fetched_where_graph_says() -> None:
    following = listings.prepare_next_page(listings.prepare_list_lists(ME), f"{ROOT}/me/todo/lists?$skiptoken=x")
    assert (following.operation, following.method) == ("list_lists", "GET")
    assert following.url == f"{ROOT}/me/todo/lists?$skiptoken=x"


def test_a_request_under_an_id_of_its_own_is_the_same_request_with_a_guid_that_comes_back() -> None:
    request = sessions.prepare_put_slice(SESSION_URL, ByteRange(0, 1), 1, b"x")
    identified = with_client_request_id(request, "0123456789abcdef" * 2)
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
    assert sessions.content_url(url) == content
    assert sessions.prepare_put_slice(url, ByteRange(0, 1), 1, b"x").url == content


def test_no_url_token_or_content_stands_in_a_text_form() -> None:
    """I7: what is logged by accident is a repr."""
    request = sessions.prepare_put_slice(SESSION_URL + SECRET, ByteRange(0, 1), 1, SECRET.encode())
    assert SECRET not in repr(request)
    assert SECRET not in repr(reply(200, SECRET.encode(), location=SECRET))


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
    assert is_within(url, ROOT)


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
    assert not is_within(url, ROOT)


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
    assert is_within(url, "http://127.0.0.1:8080/v1.0") is expected


def test_a_small_post_carries_the_file_in_base64() -> None:
    """A file of the most bytes that it is for stays below the 4,194,304 characters that a body may have."""
    content = bytes(range(250)) * (MAX_POST_BYTES // 250)
    request = small_post.prepare_post_attachment(ME, LIST, TASK, name="n" * 255, content=content)
    assert base64.b64decode(json.loads(request.body)["contentBytes"]) == content
    assert len(content) == MAX_POST_BYTES
    assert len(request.body) < 4_194_304
