"""What crosses the wire, as values: a request comes in, an outcome goes out. No sockets.

An outcome is what the client lives to see. Most are a `Response`; the others are the ways in which a connection
fails, and the service's carrier (the HTTP shell, a simulation) enacts them.
"""

from dataclasses import dataclass, field

from multidict import CIMultiDict


class Headers(CIMultiDict[str]):
    """Header fields; names compare without case and keep their spelling."""

    def __repr__(self) -> str:
        # Values may be tokens or upload URLs.
        return f"Headers({', '.join(self)})"


@dataclass(frozen=True, slots=True)
class Request:
    """*url* is absolute, or a path with its query. A body that is still to come is handed to `complete`."""

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
    """The work is done, the reply comes whole, but only after *seconds*."""

    response: Response
    seconds: float


@dataclass(frozen=True, slots=True)
class Trickle:
    """The reply comes byte by byte and takes *seconds*: a read timeout never fires."""

    response: Response
    seconds: float


@dataclass(frozen=True, slots=True)
class CutOff:
    """The first half of the reply comes, then the connection closes."""

    response: Response


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset and no reply comes. *applied* is for onlookers: the client cannot know."""

    applied: bool


@dataclass(frozen=True, slots=True)
class Never:
    """The connection stays open and no reply comes."""

    applied: bool


type Outcome = Response | Late | Trickle | CutOff | Reset | Never
