"""Upload sessions: what is read from the replies to create, PUT, GET and DELETE."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from shared.core import observations as seen
from shared.core.entry import Reason
from shared.graph import sessions
from tests.support.entries import ROOT, SESSION_URL
from tests.support.graph_replies import (
    ATTACHMENT,
    DATE,
    FIRST,
    LAST,
    SIZE,
    documented_reply,
    put,
    reply,
    session_url,
)


def created(record: Mapping[str, object], status: int = 200) -> seen.Observation:
    return sessions.parse_create_session(reply(status, record, date=DATE), ROOT)


def test_a_session_is_opened_as_documented() -> None:
    assert sessions.parse_create_session(documented_reply("create_session"), ROOT) == seen.SessionOpened(
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
    assert isinstance(sessions.parse_create_session(reply(200, body), ROOT), seen.Unavailable)


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


NO_RANGE = "the reply names no expected range"
UNREADABLE = "the reply's expected ranges cannot be read"
NEVER_SENT = "the reply expects a byte after ones that were never sent"


def test_the_documented_replies_to_slices_are_progress_and_then_the_attachment() -> None:
    progress = sessions.parse_put_slice(documented_reply("put_slice", "first"), FIRST, SIZE)
    assert progress == seen.Progress(2_097_152, datetime(2022, 6, 9, 10, 45, 27, 432452, tzinfo=UTC))
    assert sessions.parse_put_slice(documented_reply("put_slice", "last"), LAST, SIZE) == seen.Attached(ATTACHMENT)


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
    assert sessions.parse_get_session(reply(200, record)) == seen.Progress(offset)


def test_a_session_that_is_asked_tells_its_newest_expiry_too() -> None:
    record = {"nextExpectedRanges": ["5-"], "expirationDateTime": "2026-03-01T13:00:00Z"}
    assert sessions.parse_get_session(reply(200, record)) == seen.Progress(5, datetime(2026, 3, 1, 13, tzinfo=UTC))


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
    lost = sessions.parse_get_session(reply(200, body))
    assert lost == seen.SessionLost("the session names no expected range")


@pytest.mark.parametrize("status", [200, 204, 302, 400, 403, 404, 405, 410, 416])
def test_a_cancel_that_is_answered_is_over_whatever_it_says(status: int) -> None:
    """204 comes for unknown sessions too, and a failed cancel must never hide the first error."""
    assert sessions.parse_cancel_session(reply(status)) == seen.SessionCancelled()
