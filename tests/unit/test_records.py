"""What a record holds, and what it never does."""

from datetime import timedelta

import pytest

from shared.core.actions import End, Resolve, SendSlice
from shared.core.entry import Phase, Reason
from shared.core.observations import (
    Deferred,
    NeedsSignIn,
    NotFound,
    Observation,
    Progress,
    SessionCancelled,
    SlotHeld,
    Unavailable,
    Unclear,
)
from shared.core.ranges import ByteRange
from shared.graph.exchange import Exchange, address_of
from shared.graph.reply import GraphReply
from shared.graph.request import GraphRequest, with_client_request_id
from shared.graph.sessions import prepare_put_slice
from shared.telemetry.records import (
    ATTRIBUTES,
    CLAIM_NEARLY_OVER,
    describe_accepted,
    describe_outcome,
    describe_step,
    pseudonym,
)
from tests.support.entries import SESSION_URL, an_entry

SEND = SendSlice(ByteRange(0, 100))
REQUEST = with_client_request_id(
    prepare_put_slice(SESSION_URL, ByteRange(0, 100), 250, b"x" * 100), "0123456789abcdef" * 2
)
A_SECOND = timedelta(seconds=1)


def answered(status: int, **headers: str) -> Exchange:
    return Exchange.answered(
        REQUEST, GraphReply(status, {name.replace("_", "-"): text for name, text in headers.items()})
    )


def test_a_sent_slice_leaves_its_range_where_it_led_and_what_graph_said() -> None:
    before, after = an_entry(Phase.SENDING), an_entry(Phase.SENDING, step=8, offset=100)
    exchange = answered(202, request_id="r-1")
    described = describe_step(before, after, SEND, Progress(100), exchange, duration=0.12345, wait=timedelta())
    assert described == {
        "upload_id": before.upload_id,
        "account": pseudonym(before.account),
        "size": 250,
        "offset": 100,
        "step": 7,
        "phase": "sending",
        "action": "SendSlice",
        "observation": "Progress",
        "next_phase": "sending",
        "reason": "",
        "duration": 0.123,
        "wait": 0.0,
        "waits_for": "",
        "range_start": 0,
        "range_stop": 100,
        "graph_operation": "put_slice",
        "method": "PUT",
        "server": "graph.microsoft.com",
        "status": 202,
        "request_id": "r-1",
        "client_request_id": "01234567-89ab-cdef-0123-456789abcdef",
    }


def test_an_end_leaves_its_reason_and_no_observation() -> None:
    end = End(Phase.FAILED, Reason.TOO_OLD, "not attached within 24 hours")
    after = an_entry(Phase.FAILED, reason=end.reason, detail=end.detail)
    record = describe_step(an_entry(Phase.SENDING), after, end, None, None, duration=0, wait=timedelta())
    assert (record["action"], record["observation"], record["reason"]) == ("End", "", "too-old")


def test_a_throttled_request_leaves_what_the_server_asked_for_and_under_which_ids() -> None:
    fields = answered(429, retry_after="7", request_id="r-1").fields()
    assert (fields["status"], fields["error"], fields["retry_after"], fields["request_id"]) == (429, "429", 7.0, "r-1")


def test_the_code_of_an_error_is_kept_and_its_message_is_not() -> None:
    body = b'{"error": {"code": "ErrorMessageSizeExceeded", "message": "of sam@example.com"}}'
    fields = Exchange.answered(REQUEST, GraphReply(400, {}, body)).fields()
    assert (fields["error"], fields["graph_code"]) == ("400", "ErrorMessageSizeExceeded")
    assert "sam@" not in str(fields)


def test_a_success_has_no_error_and_no_code_whatever_its_body_is() -> None:
    fields = Exchange.answered(REQUEST, GraphReply(200, {}, b'{"error": {"code": "ErrorItemNotFound"}}')).fields()
    assert {"error", "graph_code", "request_id", "retry_after"}.isdisjoint(fields)


def test_a_request_without_an_id_is_recorded_without_one() -> None:
    exchange = Exchange.unanswered(GraphRequest("get", "GET", SESSION_URL), "GraphNoReply")
    assert exchange.client_request_id == ""
    assert "client_request_id" not in exchange.fields()


def test_of_what_was_never_asked_of_graph_only_the_kind_of_the_failure_is_told() -> None:
    assert Exchange.unasked("TokenUnavailable").fields() == {"error": "TokenUnavailable"}


def test_a_request_without_a_reply_leaves_where_it_went_under_which_id_and_the_kind_of_the_failure() -> None:
    assert Exchange.unanswered(REQUEST, "GraphNoReply").fields() == {
        "graph_operation": "put_slice",
        "method": "PUT",
        "server": "graph.microsoft.com",
        "client_request_id": "01234567-89ab-cdef-0123-456789abcdef",
        "error": "GraphNoReply",
    }


def test_a_request_id_of_another_shape_is_not_kept() -> None:
    assert "request_id" not in answered(200, request_id="https://graph.microsoft.com/v1.0/me").fields()


def test_of_an_upload_url_only_the_words_remain_that_every_mailbox_shares() -> None:
    told = "https://graph.microsoft.com/v1.0/users/*/todo/lists/*/tasks/*/attachmentSessions/*/content"
    assert address_of(REQUEST) == {"url": told, "scheme": "https", "port": 443}


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1:7071", 7071), ("127.0.0.1", 80)], ids=["named", "default"])
def test_a_plain_server_on_this_machine_is_addressed_at_its_port(host: str, port: int) -> None:
    told = address_of(GraphRequest("get", "GET", f"http://{host}/v1.0/me"))
    assert told == {"url": "http://127.0.0.1/v1.0/me", "scheme": "http", "port": port}


@pytest.mark.parametrize(
    ("observation", "exchange", "waits_for"),
    [
        (SlotHeld("S"), answered(200), "slot"),
        (Deferred("", A_SECOND), answered(429), "throttling"),
        (Deferred("", A_SECOND), answered(503), "throttling"),
        (Unavailable(""), answered(500), "graph"),
        (Unclear(""), Exchange.unanswered(REQUEST, "GraphNoReply"), "graph"),
        (Unavailable(""), Exchange.unanswered(REQUEST, "TokenUnavailable"), "token"),
        (Unavailable(""), Exchange.unasked("TokenUnavailable"), "token"),
        (Deferred("", timedelta()), Exchange.unanswered(REQUEST, CLAIM_NEARLY_OVER), "claim"),
        (Unclear("the reply names no expected range"), answered(202), "graph"),
        (Unavailable("a reply that names no usable upload URL"), answered(200), "graph"),
        (Deferred(""), None, "storage"),
        (Deferred("blob storage did not answer"), answered(200), "storage"),
        (NotFound(), answered(200), "landing"),
        (SessionCancelled(), answered(204), "landing"),
    ],
)
def test_who_waits_says_for_what(observation: Observation, exchange: Exchange | None, waits_for: str) -> None:
    entry = an_entry(Phase.SENDING)
    record = describe_step(entry, entry, SEND, observation, exchange, duration=0, wait=A_SECOND)
    assert record["waits_for"] == waits_for


def test_who_waits_for_a_person_says_so_also_while_there_is_no_time_to_wait_for() -> None:
    waiting = an_entry(Phase.WAITING)
    record = describe_step(waiting, waiting, Resolve(), NeedsSignIn(""), None, duration=0, wait=timedelta())
    assert record["waits_for"] == "sign-in"


def test_who_goes_on_at_once_waits_for_nothing() -> None:
    entry = an_entry(Phase.SENDING)
    record = describe_step(entry, entry, SEND, Unclear(""), answered(500), duration=0, wait=timedelta())
    assert record["waits_for"] == ""


def test_an_empty_file_says_that_it_is_put_off() -> None:
    assert describe_accepted(an_entry(), wait=A_SECOND)["waits_for"] == "empty-file"
    assert describe_accepted(an_entry(), wait=timedelta())["waits_for"] == ""


def test_an_outcome_leaves_how_long_it_took_and_how_much() -> None:
    record = describe_outcome(an_entry(Phase.ATTACHED, step=9, sessions_opened=2), elapsed=timedelta(minutes=2))
    assert (record["phase"], record["elapsed"], record["sessions"], record["steps"]) == ("attached", 120.0, 2, 9)


def test_an_account_has_one_pseudonym_in_whatever_case_it_is_written() -> None:
    assert pseudonym("Sam@Example.com") == pseudonym("sam@example.com") != pseudonym("kim@example.com")
    assert pseudonym("") == ""


def test_a_record_never_holds_the_upload_url_a_detail_or_a_name_of_the_person_s() -> None:
    before = an_entry(Phase.SENDING)
    after = an_entry(Phase.ATTACHED, detail='no task is named "Plan"', attachment_id="AAMkADI5MA=")
    seen = (
        describe_step(before, after, SEND, Unclear("HTTP 500"), answered(500), duration=0, wait=A_SECOND),
        describe_outcome(after, elapsed=A_SECOND),
    )
    secrets = (SESSION_URL, before.account, before.attachment_name, before.blob.name, "Plan", "AAMk")
    assert not [secret for secret in secrets if secret in str(seen)]


def test_every_field_has_an_attribute_of_its_own() -> None:
    assert len(set(ATTRIBUTES.values())) == len(ATTRIBUTES)
