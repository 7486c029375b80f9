"""What a reply says beside its status, in every form that is documented, reported or feared."""

import base64
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.core import observations as seen
from shared.graph import listings, sessions, small_post
from shared.graph.listings import Page
from shared.graph.reply import (
    GraphReply,
    claims_challenge,
    created_id,
    error_code,
    is_challenge,
    status_and_code,
    timestamp,
)
from shared.graph.request import LONGEST_URL
from tests.support.entries import ROOT
from tests.support.graph_replies import (
    ATTACHMENT,
    DATE,
    LAST,
    documented_reply,
    put,
    reply,
    vector,
)


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
        ("https://graph.microsoft.com/v1.0/x/attachments('AA", "attachments('AA"),
        ("https://graph.microsoft.com/v1.0/x/attachments/AA')", "AA')"),
        ("A" * 1024, "A" * 1024),
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
        "OData key without an end",
        "OData key without a beginning",
        "longest",
    ],
)
def test_the_id_is_the_last_part_of_location_in_every_form(location: str, attachment_id: str) -> None:
    assert put(None, LAST, 201, location=location) == seen.Attached(attachment_id)
    assert small_post.parse_post_attachment(reply(201, location=location)) == seen.Attached(attachment_id)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"location": ""},
        {"location": "/x/Attachments/"},
        {"location": "/x/attachments('')"},
        {"location": "http://[::1"},
    ],
    ids=["absent", "empty", "without an id", "OData key without an id", "no URL at all"],
)
def test_without_a_usable_location_the_body_s_id_counts(headers: dict[str, str]) -> None:
    assert put({"id": ATTACHMENT}, LAST, 201, **headers) == seen.Attached(ATTACHMENT)
    assert put({"value": {"Id": ATTACHMENT}}, LAST, 201, **headers) == seen.Attached(ATTACHMENT)
    assert put(None, LAST, 201, **headers) == seen.LandedUnnamed()


@pytest.mark.parametrize("body", [None, b"<html>", {}, {"id": None}, {"id": 7}, {"id": ""}], ids=repr)
def test_created_under_no_name_has_landed_all_the_same(body: object) -> None:
    assert put(body, LAST, 201) == seen.LandedUnnamed()
    assert small_post.parse_post_attachment(reply(200, body)) == seen.LandedUnnamed()


def test_the_documented_reply_to_the_small_post_is_an_attachment() -> None:
    assert small_post.parse_post_attachment(documented_reply("post_attachment")) == seen.Attached(ATTACHMENT)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(401), True),
        (reply(403, www_authenticate='Bearer error="insufficient_claims", claims="e30="'), True),
        (reply(403, www_authenticate="Bearer"), False),
        (reply(403), False),
        (reply(200, www_authenticate='Bearer error="insufficient_claims"'), False),
    ],
)
def test_another_token_is_asked_for_after_a_401_or_a_demand_for_claims(answer: GraphReply, expected: bool) -> None:
    assert is_challenge(answer) is expected


@pytest.mark.parametrize(
    "name", ["documented", "nested", "live_spelling", "no_inner_error", "throttled", "empty_message"]
)
def test_the_most_specific_code_of_an_error_is_found(name: str) -> None:
    answer = documented_reply("errors", name)
    assert error_code(answer) == vector("errors", name)["code"]
    assert status_and_code(answer) == f"HTTP {answer.status} {vector('errors', name)['code']}"


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
    assert error_code(reply(502, body)) == ""
    assert status_and_code(reply(502, body)) == "HTTP 502"


def test_an_inner_code_that_is_none_leaves_the_outer_one() -> None:
    assert error_code(reply(400, {"error": {"code": "outer", "innerError": {"code": None}}})) == "outer"


def test_errors_nested_without_end_are_not_followed_to_it() -> None:
    nested: dict[str, Any] = {"code": "deepest"}
    for _ in range(50):
        nested = {"code": "c", "innererror": nested}
    assert error_code(reply(400, {"error": nested})) == "c"


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
    assert claims_challenge(reply(401, www_authenticate=challenge)) == claims


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
    assert claims_challenge(reply(401, www_authenticate=challenge)) == ""


# -- replies that are made to be slow --

# About as much as a header can hold, and as an error may have.
LENGTH = 60_000
HOSTILE = {
    "keys within keys": "/Attachments" + "('" * (LENGTH // 2),
    "keys that close": "/Attachments" + "('" * (LENGTH // 2) + "')",
    "quotes": "/" + "')" * (LENGTH // 2),
    "escapes": "/" + "%28%27" * (LENGTH // 6),
    "slashes": "/" * LENGTH,
    "letters": "A" * LENGTH,
    "digits": "9" * LENGTH,
    "a number and spaces": "0" + " " * LENGTH + "x",
    "claims": 'claims="' * (LENGTH // 10),
    "one endless claim": 'claims="' + "A" * LENGTH,
    "brackets": "https://[" + ":" * LENGTH,
    "commas": "Sun, " * (LENGTH // 5),
    "times": "Sun, 01 Mar 2026 " + "12:" * (LENGTH // 3),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_text_that_is_made_to_be_slow_is_passed_over(text: str) -> None:
    """A Location of 64 KB once took eleven seconds, and its upload's claim ran out: each of these must come at once."""
    assert created_id(reply(201, location=text)) == ""
    assert created_id(reply(201, {"id": text})) == ""
    assert claims_challenge(reply(401, www_authenticate=text)) == ""
    assert error_code(reply(400, {"error": {"code": text}})) == ""
    assert timestamp(text) is None
    assert reply(200, date=text).date() is None
    assert put({"NextExpectedRanges": [text]}) == seen.Unclear("the reply's expected ranges cannot be read")
    for url in (text, ROOT + text):
        opened = sessions.parse_create_session(reply(200, {"uploadUrl": url}), ROOT)
        assert opened == seen.Unavailable("a reply that names no usable upload URL")
        listed = listings.parse_lists(reply(200, {"value": [], "@odata.nextLink": url}), ROOT)
        assert listed == seen.Unavailable("a listing that cannot be read")


def test_no_expression_that_reads_a_reply_has_a_repeat_without_a_bound() -> None:
    """Two of them in a row, or one within another, can divide a text among them in more ways than can be tried."""
    expressions = {
        (path.name, match[2])
        for path in Path(sessions.__file__).parent.glob("*.py")
        for match in re.finditer(r"""\bre\.\w+\(\s*r?(["'])(.+)\1[,)]""", path.read_text(encoding="utf-8"))
    }
    assert {name for name, _ in expressions} == {"exchange.py", "reply.py"}
    unbounded = [each for each in expressions if re.search(r"[*+]", re.sub(r"\\.|\[[^]]*]", "", each[1]))]
    assert unbounded == []


def test_an_error_far_longer_than_any_is_told_by_its_status() -> None:
    assert error_code(reply(400, {"error": {"code": "someCode", "message": "x" * 2 * LENGTH}})) == ""


def test_a_page_of_more_rows_than_any_is_not_taken_for_a_listing() -> None:
    page = listings.parse_attachments(reply(200, {"value": [{}] * 10_001}), ROOT)
    assert page == seen.Unavailable("a listing that cannot be read")
    assert listings.parse_attachments(reply(200, {"value": [{}] * 10_000}), ROOT) == Page((), "", None)


def test_a_page_may_be_followed_by_an_address_as_long_as_the_longest() -> None:
    longest = f"{ROOT}/".ljust(LONGEST_URL, "x")
    page = listings.parse_lists(reply(200, {"value": [], "@odata.nextLink": longest}), ROOT)
    assert page == Page((), longest, None)


def test_a_page_with_long_notes_is_read() -> None:
    rows = [{"id": str(number), "title": "t", "body": {"content": "x" * LENGTH}} for number in range(10)]
    page = listings.parse_tasks(reply(200, {"value": rows}), ROOT)
    assert isinstance(page, Page)
    assert len(page.items) == 10


def test_the_id_of_an_attachment_is_found_beside_its_bytes() -> None:
    created = reply(201, {"id": ATTACHMENT, "contentBytes": "A" * 4_000_000})
    assert created_id(created) == ATTACHMENT
