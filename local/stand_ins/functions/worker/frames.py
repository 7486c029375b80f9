"""The messages between host and worker: pickled records, each after its length, on a private socketpair.

Pickle is safe here, because both ends are ours, and the socketpair has no name to which another program could connect.
A `Datum` is a value of the worker as (kind, value), with the kinds of the real protocol's TypedData.
"""

import pickle
import struct
from dataclasses import dataclass
from typing import Any

type Datum = tuple[str, Any]

_LENGTH = struct.Struct(">I")
LENGTH_BYTES = _LENGTH.size


@dataclass(frozen=True, slots=True)
class Indexed:
    """One function, as the library found it in the app."""

    name: str
    id: str
    raw_bindings: tuple[str, ...]
    has_retry_policy: bool


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker's first message: the app is loaded."""

    functions: tuple[Indexed, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The worker's first and last message: the app cannot be loaded."""

    reason: str


@dataclass(frozen=True, slots=True)
class Invoke:
    """Run a function."""

    invocation_id: str
    function_id: str
    function: str
    argument: str
    data: Datum
    metadata: dict[str, Datum]
    trace_parent: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A function returned, or raised what *error* says."""

    invocation_id: str
    error: str | None = None
    stack_trace: str = ""
    return_value: Datum | None = None


@dataclass(frozen=True, slots=True)
class Logged:
    """A log record of the app, or of a library that it uses."""

    level: str
    logger: str
    message: str
    function: str | None
    invocation_id: str | None


@dataclass(frozen=True, slots=True)
class Stop:
    """No more calls will come: end."""


type FromWorker = Ready | Refused | Finished | Logged
type FromHost = Invoke | Stop


def pack(frame: FromWorker | FromHost) -> bytes:
    body = pickle.dumps(frame, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


def length_of(header: bytes) -> int:
    length: int = _LENGTH.unpack(header)[0]
    return length


def unpack(body: bytes) -> Any:
    return pickle.loads(body)  # noqa: S301 - a private socketpair, see above
