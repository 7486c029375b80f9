"""The stand-in refuses what protobuf refuses."""

from typing import Any

import pytest

from local.stand_ins.functions.worker.protos import Message, ParameterBinding, RpcHttp, TypedData, protos

LONE_SURROGATE = "\ud800"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", "größe 🗂"),
        ("json", "{}"),
        ("bytes", b"\xff"),
        ("int", 2**63 - 1),
        ("int", -(2**63)),
        ("double", 1),
        ("double", 1.5),
    ],
)
def test_a_value_of_its_fields_type_is_taken(kind: str, value: object) -> None:
    data = TypedData(**{kind: value})

    assert data.WhichOneof("data") == kind
    assert getattr(data, kind) == value


@pytest.mark.parametrize(
    ("kind", "value", "refusal"),
    [
        ("string", 7, TypeError),
        ("string", b"bytes", TypeError),
        ("string", {"a": 1}, TypeError),
        ("string", LONE_SURROGATE, UnicodeEncodeError),
        ("json", LONE_SURROGATE, UnicodeEncodeError),
        ("json", {}, TypeError),
        ("bytes", "text", TypeError),
        ("bytes", bytearray(b"x"), TypeError),
        ("int", True, TypeError),
        ("int", 1.0, TypeError),
        ("int", "1", TypeError),
        ("int", 2**63, ValueError),
        ("double", True, TypeError),
        ("double", "1.0", TypeError),
        ("text", "no such field", ValueError),
    ],
)
def test_a_value_of_another_type_is_refused(kind: str, value: object, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        TypedData(**{kind: value})


@pytest.mark.parametrize("field", ["headers", "params", "query"])
@pytest.mark.parametrize("value", [{"a": 1}, {1: "a"}, {"a": LONE_SURROGATE}, [("a", "b")]])
def test_the_maps_of_a_request_hold_strings_only(field: str, value: Any) -> None:
    with pytest.raises((TypeError, UnicodeEncodeError)):
        RpcHttp(**{field: value})


def test_a_field_that_is_not_set_reads_as_its_default() -> None:
    request = RpcHttp(method="GET", cookies=None)

    assert (request.url, request.headers, request.cookies) == ("", {}, ())
    assert request.body.WhichOneof("data") is None
    assert TypedData().WhichOneof("data") is None
    assert ParameterBinding(name="x").data is None


def test_a_field_that_does_not_exist_cannot_be_read() -> None:
    with pytest.raises(AttributeError, match="has no field"):
        _ = TypedData().text


def test_every_message_class_of_the_library_is_there() -> None:
    classes = {name for name, value in vars(protos).items() if isinstance(value, type) and issubclass(value, Message)}

    assert {"TypedData", "ParameterBinding", "RpcHttp", "InvocationResponse", "StatusResult"} <= classes
    assert (protos.BindingInfo.out, getattr(protos.BindingInfo, "in")) == (1, 0)
