import json

import pytest

from shared.core.messages import MAX_BYTES, ProposedRange, RangeMessage, decode, encode
from shared.core.ranges import ByteRange
from shared.errors import MessageError

UPLOAD = "0123456789abcdef" * 2
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
SECRET = "canary-in-a-message"
MAILBOX = "fedcba9876543210" * 2
RANGE = ProposedRange(ByteRange(3_932_160, 7_864_320), 26_214_400)


def body(**members: object) -> bytes:
    return json.dumps({"v": 1, "upload": UPLOAD, "step": 3} | members).encode()


@pytest.mark.parametrize(
    "message",
    [
        RangeMessage(UPLOAD, 0),
        RangeMessage(UPLOAD, 2**31 - 1),
        RangeMessage(UPLOAD, 5, TRACE),
        RangeMessage(UPLOAD, 5, TRACE, RANGE),
        RangeMessage(UPLOAD, 5, range=ProposedRange(ByteRange(0, 1), 1)),
        RangeMessage(UPLOAD, 1, TRACE, mailbox=MAILBOX),
    ],
    ids=["first step", "last possible step", "with a trace", "with a range", "a file of one byte", "with a turn"],
)
def test_a_message_comes_out_as_it_went_in(message: RangeMessage) -> None:
    assert decode(encode(message).encode()) == message


def test_a_message_on_the_queue_looks_like_this() -> None:
    """Written out, since messages of this version must stay readable to the next one."""
    assert encode(RangeMessage(UPLOAD, 3)) == f'{{"v":1,"upload":"{UPLOAD}","step":3}}'
    assert encode(RangeMessage(UPLOAD, 3, range=RANGE)) == (
        f'{{"v":1,"upload":"{UPLOAD}","step":3,"range":{{"first":3932160,"last":7864319,"size":26214400}}}}'
    )
    assert len(encode(RangeMessage(UPLOAD, 2**31 - 1, TRACE, RANGE))) < 300


@pytest.mark.parametrize("mailbox", ["", "kim@example.com", MAILBOX.upper(), MAILBOX + "0", "../" + MAILBOX, 7, None])
def test_a_mailbox_that_is_no_key_counts_as_none(mailbox: object) -> None:
    """It becomes a part of a query."""
    assert decode(body(mailbox=mailbox)) == RangeMessage(UPLOAD, 3)


def test_members_that_a_newer_version_adds_are_ignored() -> None:
    assert decode(body(urgent=True, more={"a": [1]})) == RangeMessage(UPLOAD, 3)


@pytest.mark.parametrize(
    "trace", ["", "nonsense", TRACE.upper(), TRACE + "-x", 7, None, [TRACE]], ids=lambda trace: repr(trace)[:20]
)
def test_a_broken_trace_stops_no_upload(trace: object) -> None:
    assert decode(body(traceparent=trace)) == RangeMessage(UPLOAD, 3)


@pytest.mark.parametrize(
    "members",
    [
        None,
        "bytes 0-99/250",
        [0, 99, 250],
        {},
        {"first": 0, "last": 99},
        {"first": "0", "last": 99, "size": 250},
        {"first": False, "last": 99, "size": 250},
        {"first": 0, "last": 99.0, "size": 250},
        {"first": 0, "last": 99, "size": True},
        {"first": -1, "last": 99, "size": 250},
        {"first": 100, "last": 99, "size": 250},
        {"first": 0, "last": 250, "size": 250},
    ],
    ids=repr,
)
def test_a_broken_range_stops_no_upload(members: object) -> None:
    """The ledger decides which bytes are sent; the message only says so."""
    assert decode(body(range=members)) == RangeMessage(UPLOAD, 3)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe\xfd", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * MAX_BYTES, "not JSON"),
        (b"9" * MAX_BYTES, "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"' + UPLOAD.encode() + b'"', "not a JSON object"),
        (b" " * (MAX_BYTES + 1), "bytes"),
        (b"{}", "version"),
        (body(v=2), "version"),
        (body(v="1"), "version"),
        (body(v=None), "version"),
        (body(upload=None), "upload id"),
        (body(upload=7), "upload id"),
        (body(upload=UPLOAD.upper()), "upload id"),
        (body(upload=UPLOAD[:-1]), "upload id"),
        (body(upload=UPLOAD + "\n"), "upload id"),
        (body(upload="../" + UPLOAD[3:]), "upload id"),
        (body(step=None), "step number"),
        (body(step="3"), "step number"),
        (body(step=3.0), "step number"),
        (body(step=True), "step number"),
        (body(step=-1), "step number"),
        (body(step=2**31), "step number"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else value,
)
def test_what_is_no_range_message_is_refused_with_the_reason(bad: bytes, why: str) -> None:
    with pytest.raises(MessageError, match=why):
        decode(bad)


@pytest.mark.parametrize(
    "bad",
    [SECRET.encode(), body(upload=SECRET), body(step=SECRET), body(v=SECRET)],
    ids=["not JSON", "upload", "step", "version"],
)
def test_a_refusal_never_repeats_what_the_message_held(bad: bytes) -> None:
    with pytest.raises(MessageError) as refusal:
        decode(bad)
    assert SECRET not in str(refusal.value)
