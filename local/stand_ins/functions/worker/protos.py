"""Stands in for the protobuf classes of the worker protocol, which the library is given by its caller.

The classes are as strict as protobuf itself, because otherwise a value would pass here that the cloud refuses: a value
that does not have its field's type raises TypeError, and a string that is not valid Unicode raises too (protobuf cannot
serialise a lone surrogate). A field that is not set reads as its default. Messages that no code reads here are plain
records.
"""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

_INT64_LEAST, _INT64_MOST = -(2**63), 2**63 - 1


def _string(value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"expected str, got {type(value).__name__}")
    value.encode()  # a lone surrogate: UnicodeEncodeError


def _bytes(value: object) -> None:
    if not isinstance(value, bytes):
        raise TypeError(f"expected bytes, got {type(value).__name__}")


def _int(value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected int, got {type(value).__name__}")
    if not _INT64_LEAST <= value <= _INT64_MOST:
        raise ValueError(f"value out of range: {value}")


def _double(value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"expected float, got {type(value).__name__}")


def _bool(value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"expected bool, got {type(value).__name__}")


def _string_map(value: object) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"expected a map, got {type(value).__name__}")
    for key, item in value.items():
        _string(key)
        _string(item)


def _anything(_value: object) -> None: ...


type Check = Callable[[object], None]


class Message:
    """A protobuf message: keyword arguments only, unknown fields refused, None means not set."""

    FIELDS: ClassVar[dict[str, Check]] = {}
    DEFAULTS: ClassVar[dict[str, Any]] = {}

    def __init__(self, **fields: Any) -> None:
        for name, value in fields.items():
            if name not in self.FIELDS:
                raise ValueError(f"{type(self).__name__} has no field {name!r}")
            if value is not None:
                self.FIELDS[name](value)
                self.__dict__[name] = value

    def __getattr__(self, name: str) -> Any:
        if name in self.FIELDS:
            return self.DEFAULTS.get(name)
        raise AttributeError(f"{type(self).__name__} has no field {name!r}")


class TypedData(Message):
    """A value that goes in or comes out: at most one field is set."""

    FIELDS: ClassVar[dict[str, Check]] = {
        "string": _string,
        "json": _string,
        "bytes": _bytes,
        "int": _int,
        "double": _double,
        "http": _anything,
        "model_binding_data": _anything,
    }

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - protobuf's name
        return next(iter(self.__dict__), None)


class ParameterBinding(Message):
    """A value for one parameter."""

    FIELDS: ClassVar[dict[str, Check]] = {"name": _string, "data": _anything}
    DEFAULTS: ClassVar[dict[str, Any]] = {"name": ""}

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 - protobuf's name
        return "data"


class RpcHttp(Message):
    """A request or a response."""

    FIELDS: ClassVar[dict[str, Check]] = {
        "method": _string,
        "url": _string,
        "headers": _string_map,
        "body": _anything,
        "params": _string_map,
        "query": _string_map,
        "status_code": _string,
        "cookies": _anything,
        "enable_content_negotiation": _bool,
    }
    DEFAULTS: ClassVar[dict[str, Any]] = {
        "method": "",
        "url": "",
        "headers": {},
        "body": TypedData(),
        "params": {},
        "query": {},
        "status_code": "",
        "cookies": (),
        "enable_content_negotiation": False,
    }


class ModelBindingData(Message):
    """The parts from which the worker makes an SDK client."""

    FIELDS: ClassVar[dict[str, Check]] = {
        "version": _string,
        "source": _string,
        "content_type": _string,
        "content": _bytes,
    }


class RpcException(Message):
    """What a function raised, in words."""

    FIELDS: ClassVar[dict[str, Check]] = {"source": _string, "stack_trace": _string, "message": _string}
    DEFAULTS: ClassVar[dict[str, Any]] = {"source": "", "stack_trace": "", "message": ""}


class StatusResult(Message):
    """The status of a request to the worker."""

    Failure, Success, Cancelled = 0, 1, 2
    FIELDS: ClassVar[dict[str, Check]] = {"status": _int, "exception": _anything, "result": _string}
    DEFAULTS: ClassVar[dict[str, Any]] = {"status": Failure}


class InvocationResponse(Message):
    """The result of a call."""

    FIELDS: ClassVar[dict[str, Check]] = {
        "invocation_id": _string,
        "return_value": _anything,
        "result": _anything,
        "output_data": _anything,
    }
    DEFAULTS: ClassVar[dict[str, Any]] = {"invocation_id": "", "output_data": ()}


class BindingInfo(Message):
    """Direction and data type of a binding."""

    undefined, string, binary, stream = 0, 1, 2, 3
    out, inout = 1, 2
    FIELDS: ClassVar[dict[str, Check]] = {"type": _string, "data_type": _anything, "direction": _anything}


# `in` cannot be written as a name.
setattr(BindingInfo, "in", 0)


class NullableString(Message):
    FIELDS: ClassVar[dict[str, Check]] = {"value": _string}


class NullableBool(Message):
    FIELDS: ClassVar[dict[str, Check]] = {"value": _bool}


class NullableDouble(Message):
    FIELDS: ClassVar[dict[str, Check]] = {"value": _double}


class Timestamp(Message):
    FIELDS: ClassVar[dict[str, Check]] = {"seconds": _int, "nanos": _int}


class NullableTimestamp(Message):
    FIELDS: ClassVar[dict[str, Check]] = {"value": _anything}


class RpcHttpCookie(Message):
    """One Set-Cookie header, taken apart."""

    SameSite = SimpleNamespace(Lax=1, Strict=2, ExplicitNone=3, **{"None": 0})
    FIELDS: ClassVar[dict[str, Check]] = {
        "name": _string,
        "value": _string,
        "domain": _anything,
        "path": _anything,
        "expires": _anything,
        "secure": _anything,
        "http_only": _anything,
        "same_site": _int,
        "max_age": _anything,
    }


class _Record:
    """A message that is used inside the worker process only."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


_RECORDS = (
    "WorkerInitResponse",
    "WorkerMetadata",
    "RpcFunctionMetadata",
    "FunctionMetadataResponse",
    "RpcRetryOptions",
    "FunctionLoadResponse",
)

protos = SimpleNamespace(
    BindingInfo=BindingInfo,
    InvocationResponse=InvocationResponse,
    ModelBindingData=ModelBindingData,
    NullableBool=NullableBool,
    NullableDouble=NullableDouble,
    NullableString=NullableString,
    NullableTimestamp=NullableTimestamp,
    ParameterBinding=ParameterBinding,
    RpcException=RpcException,
    RpcHttp=RpcHttp,
    RpcHttpCookie=RpcHttpCookie,
    StatusResult=StatusResult,
    Timestamp=Timestamp,
    TypedData=TypedData,
    **{name: type(name, (_Record,), {}) for name in _RECORDS},
)
