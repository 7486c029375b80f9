import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from shared.core.messages import RangeMessage, decode, encode
from shared.errors import MessageError

UPLOADS = st.text("0123456789abcdef", min_size=32, max_size=32)
STEPS = st.integers(0, 2**31 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=5,
)


@given(UPLOADS, STEPS, st.just("") | st.from_regex(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True))
def test_every_message_comes_out_as_it_went_in(upload_id: str, step: int, traceparent: str) -> None:
    message = RangeMessage(upload_id, step, traceparent)
    assert decode(encode(message).encode()) == message


def readable_or_refused(body: bytes) -> None:
    with contextlib.suppress(MessageError):
        message = decode(body)
        assert len(message.upload_id) == 32
        assert 0 <= message.step < 2**31
        assert decode(encode(message).encode()) == message


@given(st.binary())
def test_any_bytes_are_a_message_or_are_refused(body: bytes) -> None:
    readable_or_refused(body)


@given(JSON)
def test_any_json_is_a_message_or_is_refused(record: object) -> None:
    readable_or_refused(json.dumps(record).encode())


@given(
    st.fixed_dictionaries({}, optional={"v": st.just(1) | JSON, "upload": UPLOADS | JSON, "step": STEPS | JSON}), JSON
)
def test_any_object_of_the_right_shape_is_a_message_or_is_refused(record: dict[str, object], trace: object) -> None:
    readable_or_refused(json.dumps(record | {"traceparent": trace}).encode())


@given(st.from_regex(r"[A-Z]{12}[a-zA-Z0-9]*", fullmatch=True))
def test_a_refusal_never_repeats_what_was_in_the_message(secret: str) -> None:
    body = json.dumps({"v": 1, "upload": secret, "step": 1}, ensure_ascii=False).encode(errors="replace")
    try:
        decode(body)
    except MessageError as refusal:
        assert secret not in str(refusal)  # noqa: PT017
