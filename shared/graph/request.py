"""Requests to Graph: their form, the paths that they go to, and where the bearer token may go.

Each call to Graph is a pair, prepare_*() -> GraphRequest and parse_*(GraphReply). The pairs are in `sessions`,
`listings`, `small_post` and `removal`; only they know what Graph's requests and replies look like.
docs/GRAPH_BEHAVIOUR.md has the source of each fact, and says which of them were never seen live.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

# The app chooses this id, so that a request can be found in Graph's logs also where no reply came.
CLIENT_REQUEST_ID = "client-request-id"
# Longer than Graph's by far. The ledger keeps an upload URL, and holds no text of more than 32,768 characters.
LONGEST_URL = 8_192
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """One request. *url* may be an upload URL, so its text never appears in a repr.

    *digest*: the reply's body is not kept but hashed, for a file that need not fit into memory.
    """

    operation: str
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    digest: bool = False


def with_client_request_id(request: GraphRequest, unique: str) -> GraphRequest:
    """The same request under an id of its own: *unique*, 32 hex digits, written as the GUID that Graph expects."""
    guid = "-".join((unique[:8], unique[8:12], unique[12:16], unique[16:20], unique[20:]))
    return replace(request, headers={**request.headers, CLIENT_REQUEST_ID: guid, "return-client-request-id": "true"})


def json_request(operation: str, url: str, content: Mapping[str, Any]) -> GraphRequest:
    """A POST of *content* as JSON."""
    body = json.dumps(content).encode()
    return GraphRequest(operation, "POST", url, {"Content-Type": "application/json"}, body)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A person's mailbox, with their To Do: the Graph root, and the path under it (``/me`` or ``/users/{id}``)."""

    root: str
    path: str

    @classmethod
    def of(cls, root: str, *, account: str, by_id: bool) -> "Mailbox":
        return cls(root, f"/users/{quote(account, safe='@')}" if by_id else "/me")

    def lists(self) -> str:
        return f"{self.root}{self.path}/todo/lists"

    def tasks(self, list_id: str) -> str:
        return f"{self.lists()}/{_segment(list_id)}/tasks"

    def task(self, list_id: str, task_id: str) -> str:
        return f"{self.tasks(list_id)}/{_segment(task_id)}"

    def attachments(self, list_id: str, task_id: str) -> str:
        return f"{self.task(list_id, task_id)}/attachments"

    def attachment(self, list_id: str, task_id: str, attachment_id: str) -> str:
        return f"{self.attachments(list_id, task_id)}/{_segment(attachment_id)}"


def _segment(graph_id: str) -> str:
    # Graph splits a path at %2F too (400 RequestBroker--ParseUri); encoded twice, an id with a slash is reported
    # to work.
    return quote(graph_id, safe="").replace("%2F", "%252F")


def is_within(url: str, root: str) -> bool:
    """Whether *url* may be given the bearer token: the very origin of the Graph root, and nothing odd about it."""
    try:
        there, here = urlsplit(url), urlsplit(root)
        same = _origin(there) == _origin(here)
    except ValueError:
        return False
    # A fragment would swallow the `/content` that is appended; libraries differ over backslashes.
    plain = url.isprintable() and not any(odd in url for odd in " #\\")
    return same and plain and there.username is None and there.password is None


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    # Reading the port raises ValueError where it is not a number.
    port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname, port
