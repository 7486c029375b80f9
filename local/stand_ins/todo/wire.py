"""Requests and outcomes as values, without sockets: a request comes in, an outcome goes out.

An outcome is what the client gets to see. Most are a `Response`; the others are the ways in which a connection fails,
and the caller of the service (`server`, a simulation) lets it fail in that way.
"""

from dataclasses import dataclass, field

from multidict import CIMultiDict


class Headers(CIMultiDict[str]):
    """Header fields. Names are compared without case, and keep their spelling."""

    def __repr__(self) -> str:
        # Without values, which may be tokens or upload URLs.
        return f"Headers({', '.join(self)})"


@dataclass(frozen=True, slots=True)
class Request:
    """*url* is absolute, or a path with its query. A body that comes later is passed to `complete`."""

    method: str
    url: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Headers
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Late:
    """The work is done, and the whole reply comes, but only after *seconds*."""

    response: Response
    seconds: float


@dataclass(frozen=True, slots=True)
class Trickle:
    """The reply comes byte by byte, over *seconds*: a read timeout never fires."""

    response: Response
    seconds: float


@dataclass(frozen=True, slots=True)
class CutOff:
    """The first half of the reply comes, then the connection closes."""

    response: Response


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset, and no reply comes. *applied* is for tests: the client cannot know."""

    applied: bool


@dataclass(frozen=True, slots=True)
class Never:
    """The connection stays open, and no reply comes."""

    applied: bool


type Outcome = Response | Late | Trickle | CutOff | Reset | Never
