"""Whatever a server answers: an observation, never an exception; and never success that cannot be understood."""

import json

from hypothesis import given
from hypothesis import strategies as st

from shared.core import observations as seen
from shared.core.ranges import ByteRange
from shared.graph import listings, sessions, small_post
from shared.graph.listings import Page
from shared.graph.reply import GraphReply, claims_challenge, status_and_code
from shared.graph.request import is_within
from tests.support.entries import ROOT, SESSION_URL

SIZE = 250
PART = ByteRange(100, 200)
SECRET = "canary-in-a-body"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(SESSION_URL),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=5,
)
RANGES = st.lists(st.from_regex(r"[0-9]{0,4}-?[0-9]{0,4}", fullmatch=True) | st.integers(-5, 400) | JSON, max_size=3)
NAMES = [
    "uploadUrl", "NextExpectedRanges", "nextExpectedRanges", "expirationDateTime", "value", "error", "code", "id",
    "name", "innerError", "@odata.nextLink", "lastModifiedDateTime", "displayName", "title", "wellknownListName",
]  # fmt: skip
TIMES = st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "2026-03-01T12:00:00.1234567+14:00"])
RECORDS = st.dictionaries(
    st.sampled_from(NAMES),
    JSON
    | RANGES
    | TIMES
    | st.dictionaries(st.sampled_from(NAMES), JSON)
    | st.lists(st.dictionaries(st.sampled_from(NAMES), JSON | TIMES)),
)
BODIES = st.binary() | (JSON | RECORDS).map(lambda record: json.dumps(record).encode())
STATUSES = st.sampled_from(
    [200, 201, 202, 204, 302, 400, 401, 403, 404, 409, 413, 416, 429, 500, 503, 507]
) | st.integers(100, 599)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "location": st.text() | st.from_regex(r"https?://[\[\]:@/\\a-z0-9'()%]{0,20}", fullmatch=True),
        "retry-after": st.text() | st.floats().map(str) | st.integers().map(str),
        "date": st.text()
        | st.from_regex(r"Sun, [0-9]{1,4} Mar [0-9]{1,25} [0-9:]{1,9} [+\-][0-9]{1,25}", fullmatch=True),
        "www-authenticate": st.text() | st.from_regex(r'claims="[A-Za-z0-9+/=_\-]{1,9}"', fullmatch=True),
    },
)
REPLIES = st.builds(GraphReply, STATUSES, HEADERS, BODIES)


@given(REPLIES)
def test_every_reply_to_every_call_is_understood_somehow(reply: GraphReply) -> None:
    sessions.parse_create_session(reply, ROOT)
    sessions.parse_put_slice(reply, PART, SIZE)
    sessions.parse_get_session(reply)
    sessions.parse_cancel_session(reply)
    small_post.parse_post_attachment(reply)
    listings.parse_attachments(reply, ROOT)
    listings.parse_lists(reply, ROOT)
    listings.parse_tasks(reply, ROOT)
    listings.parse_value(reply)
    claims_challenge(reply)
    status_and_code(reply)


@given(REPLIES)
def test_a_session_is_opened_only_by_success_and_only_on_the_configured_host(reply: GraphReply) -> None:
    opened = sessions.parse_create_session(reply, ROOT)
    if isinstance(opened, seen.SessionOpened):
        assert reply.status in {200, 201}
        assert is_within(opened.url, ROOT)
        assert opened.offset >= 0


@given(REPLIES, st.booleans())
def test_a_slice_moves_the_offset_no_further_than_its_own_end(reply: GraphReply, last: bool) -> None:
    part = ByteRange(100, SIZE) if last else PART
    observed = sessions.parse_put_slice(reply, part, SIZE)
    if isinstance(observed, seen.Progress):
        assert reply.status in {200, 201, 202}
        assert 0 <= observed.offset <= part.stop
        assert observed.offset < SIZE
    if isinstance(observed, seen.Attached | seen.LandedUnnamed):
        assert (reply.status, last) == (201, True)


@given(REPLIES)
def test_a_listing_is_read_only_from_success_and_followed_only_on_the_configured_host(reply: GraphReply) -> None:
    page = listings.parse_attachments(reply, ROOT)
    if isinstance(page, Page):
        assert reply.status == 200
        assert page.next_url == "" or is_within(page.next_url, ROOT)
        assert all((item.id + item.name).encode() is not None for item in page.items)


@given(HEADERS)
def test_a_retry_after_is_never_negative_and_never_longer_than_a_message_can_wait(headers: dict[str, str]) -> None:
    wait = GraphReply(429, headers).retry_after()
    assert wait is None or 0 <= wait.total_seconds() <= 6 * 86400


@given(st.integers(400, 599), st.dictionaries(st.sampled_from(["code", "message"]), st.just(f"{SECRET} {SESSION_URL}")))
def test_no_text_of_an_error_but_its_code_leaves_the_reply(status: int, error: dict[str, str]) -> None:
    reply = GraphReply(status, {}, json.dumps({"error": error}).encode())
    for observed in (sessions.parse_put_slice(reply, PART, SIZE), sessions.parse_create_session(reply, ROOT)):
        assert SECRET not in str(observed)


@given(st.text() | st.from_regex(r"https?:[/\\@a-z.:0-9]{0,30}", fullmatch=True))
def test_an_odd_url_is_just_not_ours(url: str) -> None:
    if is_within(url, ROOT):
        assert url.lower().startswith(
            ("https://graph.microsoft.com/", "https://graph.microsoft.com:443", "https://graph.microsoft.com?")
        ) or (url.lower() == "https://graph.microsoft.com")


@given(st.text("/?=content abc", max_size=30))
def test_the_content_url_is_stable_and_keeps_the_query(tail: str) -> None:
    url = sessions.content_url(f"{SESSION_URL}{tail}")
    assert sessions.content_url(url) == url
    assert url.partition("?")[0].endswith("/content")
    assert url.partition("?")[2] == f"{SESSION_URL}{tail}".partition("?")[2]
