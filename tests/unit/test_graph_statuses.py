"""What each status and code means to each call."""

from datetime import timedelta

import pytest

from shared.core import observations as seen
from shared.core.entry import Reason
from shared.graph import listings, sessions, small_post
from shared.graph.reply import GraphReply, status_and_code
from shared.graph.statuses import TABLE, Kind, meaning_of, row_for
from tests.support.entries import ROOT
from tests.support.graph_replies import (
    FIRST,
    SECRET,
    SIZE,
    error,
    reply,
)

D, N, R, U, L = seen.Deferred, seen.Unavailable, seen.Refused, seen.Unclear, seen.SessionLost
M, S = seen.TargetMissing, seen.SliceRefused
CALLS = {
    "create": lambda answer: sessions.parse_create_session(answer, ROOT),
    "put": lambda answer: sessions.parse_put_slice(answer, FIRST, SIZE),
    "get": sessions.parse_get_session,
    "post": small_post.parse_post_attachment,
    "list": lambda answer: listings.parse_attachments(answer, ROOT),
    "value": listings.parse_value,
}
#      create  PUT  GET  POST  list  value
POLICIES: dict[int, tuple[object, object, object, object, object, object]] = {
    204: (N, U, L, U, N, N),
    302: (N, U, L, U, N, N),
    307: (N, U, L, U, N, N),
    400: (R, S, L, R, R, R),
    401: (R, S, L, R, R, R),
    403: (R, R, L, R, R, R),
    404: (M, U, L, M, M, ""),
    405: (R, S, L, R, R, R),
    408: (N, U, N, U, N, N),
    409: (N, U, N, U, N, N),
    410: (R, U, L, R, R, ""),
    411: (R, S, L, R, R, R),
    412: (R, S, L, R, R, R),
    413: (R, seen.SliceTooLarge, L, R, R, R),
    415: (R, S, L, R, R, R),
    416: (R, U, L, R, R, R),
    422: (R, S, L, R, R, R),
    423: (D, D, D, D, D, D),
    429: (D, D, D, D, D, D),
    451: (R, S, L, R, R, R),
    500: (N, U, N, U, N, N),
    501: (N, U, N, U, N, N),
    502: (N, U, N, U, N, N),
    503: (D, U, D, U, D, D),
    504: (N, U, N, U, N, N),
    507: (R, R, N, R, N, N),
    509: (D, D, D, D, D, D),
    599: (N, U, N, U, N, N),
}
STATUSES = [(status, call, row[column]) for status, row in POLICIES.items() for column, call in enumerate(CALLS)]


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
    assert refused.detail.endswith(status_and_code(answer))


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (400, Reason.REFUSED, ""),
        (403, Reason.FORBIDDEN, "Graph forbids it to this account: "),
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


@pytest.mark.parametrize(("status", "kind"), [(404, seen.TargetMissing), (410, seen.Refused)])
def test_a_listing_that_is_not_there_says_which_of_list_and_task_is_missing(
    status: int, kind: type[seen.TargetMissing | seen.Refused]
) -> None:
    """A 404 may pass: another app made the task a moment ago. A 410 says that it was there, and is not any more."""
    answer = error(status, "someCode")
    for parse in (listings.parse_lists, listings.parse_tasks):
        assert parse(answer, ROOT) == kind(Reason.NO_SUCH_LIST, f"Graph finds no such list: HTTP {status} someCode")
    assert listings.parse_attachments(answer, ROOT) == kind(
        Reason.NO_SUCH_TASK, f"Graph finds no such task in that list: HTTP {status} someCode"
    )


@pytest.mark.parametrize("call", ["create", "post"])
def test_a_task_that_is_not_found_where_something_is_created_may_only_not_be_there_yet(call: str) -> None:
    assert CALLS[call](error(404, "someCode")) == seen.TargetMissing(
        Reason.NO_SUCH_TASK, "Graph finds no such task in that list: HTTP 404 someCode"
    )


@pytest.mark.parametrize("call", ["create", "put", "post", "list", "value"])
@pytest.mark.parametrize("status", [400, 403, 404])
def test_an_account_without_a_mailbox_is_no_missing_list(call: str, status: int) -> None:
    """However often it is tried, no list will appear there; and another list would not help."""
    refused = CALLS[call](error(status, "MailboxNotEnabledForRESTAPI"))
    assert isinstance(refused, seen.Refused)
    assert refused.reason is Reason.NO_MAILBOX
    assert "sign in with the account that owns the list" in refused.detail
    assert refused.detail.endswith(f"HTTP {status} MailboxNotEnabledForRESTAPI")


TOO_SMALL = "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize"


def test_a_file_too_small_for_a_session_is_told_apart_from_a_refused_one() -> None:
    """Mail's sessions are for files from 3 MB on. To Do's are documented for every size."""
    assert CALLS["create"](error(400, TOO_SMALL)) == seen.TooSmallForSession(f"HTTP 400 {TOO_SMALL}")
    for call in ("post", "list", "value"):
        assert CALLS[call](error(400, TOO_SMALL)) == seen.Refused(Reason.REFUSED, f"HTTP 400 {TOO_SMALL}")
    assert CALLS["put"](error(400, TOO_SMALL)) == seen.SliceRefused(400, f"HTTP 400 {TOO_SMALL}")


@pytest.mark.parametrize(
    ("status", "reason", "detail"),
    [
        (400, Reason.REFUSED, "HTTP 400 someCode"),
        (403, Reason.FORBIDDEN, "Graph forbids it to this account: HTTP 403 someCode"),
        (405, Reason.REFUSED, "HTTP 405 someCode"),
    ],
)
def test_a_refused_listing_says_why(status: int, reason: Reason, detail: str) -> None:
    for parse in (listings.parse_attachments, listings.parse_lists, listings.parse_tasks):
        assert parse(error(status, "someCode"), ROOT) == seen.Refused(reason, detail)


@pytest.mark.parametrize("call", ["create", "get", "list", "value"])
@pytest.mark.parametrize("status", [408, 409, 500, 502])
def test_what_is_away_is_asked_again_no_sooner_than_it_says(call: str, status: int) -> None:
    unavailable = CALLS[call](error(status, "someCode", retry_after="7"))
    assert unavailable == seen.Unavailable(f"HTTP {status} someCode", timedelta(seconds=7))


@pytest.mark.parametrize("status", [302, 408, 409, 500, 503, 504])
def test_a_small_post_without_a_clear_answer_waits_as_long_as_it_was_asked_to(status: int) -> None:
    unclear = small_post.parse_post_attachment(error(status, "someCode", retry_after="7"))
    assert unclear == seen.Unclear(f"HTTP {status} someCode", timedelta(seconds=7))


def test_forbidden_to_send_is_told_apart_from_forbidden_to_open() -> None:
    put = sessions.parse_put_slice(error(403, "ErrorAccessDenied"), FIRST, SIZE)
    assert put == seen.Refused(
        Reason.FORBIDDEN, "a session could be opened, but sending to it is forbidden: HTTP 403 ErrorAccessDenied"
    )


@pytest.mark.parametrize("call", list(CALLS))
@pytest.mark.parametrize("status", [423, 429, 509])
def test_throttling_tells_when_to_come_back(call: str, status: int) -> None:
    deferred = CALLS[call](error(status, "TooManyRequests", retry_after="2.128"))
    assert deferred == seen.Deferred(
        f"Graph asks to slow down: HTTP {status} TooManyRequests", timedelta(seconds=2.128)
    )


@pytest.mark.parametrize("call", ["create", "get", "list", "value"])
def test_a_server_that_is_away_is_not_said_to_be_throttling(call: str) -> None:
    away = CALLS[call](error(503, "serviceNotAvailable", retry_after="7"))
    assert away == seen.Deferred("Graph is not available: HTTP 503 serviceNotAvailable", timedelta(seconds=7))


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
    observed = sessions.parse_put_slice(reply(status, retry_after="7"), FIRST, SIZE)
    if refused:
        assert observed == seen.SliceRefused(refused, f"HTTP {status}")
    else:
        assert observed == seen.Unclear(f"HTTP {status}", timedelta(seconds=7))


@pytest.mark.parametrize(
    ("status", "kind"), [(423, D), (429, D), (503, D), (509, D), (408, N), (409, N), (500, N), (502, N), (504, N)]
)
def test_a_cancel_is_tried_again_where_that_may_help(status: int, kind: type) -> None:
    assert type(sessions.parse_cancel_session(reply(status))) is kind


# -- the table --

MESSAGE_SIZE = "ErrorMessageSizeExceeded"


def test_every_status_has_a_meaning_whatever_its_code() -> None:
    for status in range(1000):
        assert row_for(status) == row_for(status, ["someCode"])
        assert (row_for(status).kind is Kind.UNEXPECTED) is (status < 400)


def test_no_row_of_the_table_is_hidden_by_an_earlier_one() -> None:
    for row in TABLE:
        assert any(row_for(status, [row.code]) is row for status in range(1000)), row


@pytest.mark.parametrize(
    "codes",
    [
        {"code": MESSAGE_SIZE},
        {"code": "BadRequest", "innerError": {"code": MESSAGE_SIZE}},
        {"code": MESSAGE_SIZE, "innerError": {"code": "somethingNewer"}},
        {"code": "BadRequest", "innererror": {"code": MESSAGE_SIZE, "innerError": {"code": "400"}}},
    ],
    ids=["alone", "inside", "around one that is unknown", "between two that are unknown"],
)
def test_the_most_specific_code_that_is_known_decides(codes: dict[str, object]) -> None:
    meaning = meaning_of(reply(400, {"error": codes}))
    assert (meaning.kind, meaning.reason) == (Kind.PERMANENT, Reason.TOO_LARGE)


@pytest.mark.parametrize("status", [403, 404, 409, 413, 429, 500, 503])
def test_a_code_under_another_status_than_it_is_known_for_decides_nothing(status: int) -> None:
    assert meaning_of(error(status, MESSAGE_SIZE)) == row_for(status)
