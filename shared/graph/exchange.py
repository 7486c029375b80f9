"""The facts of one exchange with Graph: what an operator, or Microsoft's support, needs to find it again.

They are picked one by one from request and reply, and no URL, body or token is among them.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.graph.reply import GraphReply, error_code
from shared.graph.request import CLIENT_REQUEST_ID, GraphRequest
from shared.graph.statuses import COME_BACK_LATER, row_for

_WORDS = frozenset(
    {
        *("", "v1.0", "beta", "me", "users", "todo", "lists", "tasks", "attachments", "createUploadSession"),
        *("attachmentSessions", "content", "$value"),
    }
)
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it. *status* is 0 where no reply came; *error* then names an exception.

    *server* is a host. *retry_after* is in seconds.
    """

    operation: str = ""
    method: str = ""
    server: str = ""
    client_request_id: str = ""
    status: int = 0
    code: str = ""
    request_id: str = ""
    retry_after: float | None = None
    error: str = ""

    @classmethod
    def answered(cls, request: GraphRequest, reply: GraphReply) -> "Exchange":
        asked = reply.retry_after()
        return cls(
            *_named(request),
            status=reply.status,
            code=error_code(reply) if reply.status >= 400 else "",
            # Graph's own, for its support. A server may send anything under that name, and this goes to the log.
            request_id=request_id if _ID.fullmatch(request_id := reply.headers.get("request-id", "")) else "",
            retry_after=asked.total_seconds() if asked is not None else None,
            error=str(reply.status) if reply.status >= 400 else "",
        )

    @classmethod
    def unanswered(cls, request: GraphRequest, error: str) -> "Exchange":
        """No reply came; what the request did is unknown."""
        return cls(*_named(request), error=error)

    @classmethod
    def unasked(cls, error: str) -> "Exchange":
        """Graph was not asked: something that the request needs, such as a token, was not available."""
        return cls(error=error)

    @property
    def is_throttled(self) -> bool:
        return row_for(self.status).kind in COME_BACK_LATER

    def fields(self) -> dict[str, str | int | float]:
        """Under the names of `records.ATTRIBUTES`; without those that are unknown."""
        facts: dict[str, str | int | float] = {
            "graph_operation": self.operation,
            "method": self.method,
            "server": self.server,
            "status": self.status,
            "error": self.error,
            "graph_code": self.code,
            "request_id": self.request_id,
            "client_request_id": self.client_request_id,
        }
        known = {name: value for name, value in facts.items() if value}
        return known if self.retry_after is None else {**known, "retry_after": self.retry_after}


def address_of(request: GraphRequest) -> dict[str, str | int]:
    """Where the request goes, for a span: of the URL's path only the words that every mailbox shares."""
    parts = urlsplit(request.url)
    host = parts.hostname or ""
    path = "/".join(word if word in _WORDS else "*" for word in parts.path.split("/"))
    return {
        "url": f"{parts.scheme}://{host}{path}",
        "scheme": parts.scheme,
        "port": parts.port or {"https": 443, "http": 80}[parts.scheme],
    }


def _named(request: GraphRequest) -> tuple[str, str, str, str]:
    # The host only: an upload URL names a mailbox, a list and a task.
    server = urlsplit(request.url).hostname or ""
    return request.operation, request.method, server, request.headers.get(CLIENT_REQUEST_ID, "")
