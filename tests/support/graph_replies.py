"""Replies of Graph for tests: documented ones from tests/vectors, and made-up ones."""

import json
from pathlib import Path
from typing import Any

from shared.core import observations as seen
from shared.core.ranges import ByteRange
from shared.graph import sessions
from shared.graph.reply import GraphReply
from shared.graph.request import Mailbox
from tests.support.entries import ROOT

VECTORS = Path(__file__).parent.parent / "vectors"
ME = Mailbox.of(ROOT, account="sam@example.com", by_id=False)
LIST, TASK, ATTACHMENT = "AAMkExampleListAAA=", "AAMkExampleTaskAAA=", "AAMkExampleTaskAAAAABEgAQAEXAMPLE="
SIZE = 3_483_322
FIRST, LAST = ByteRange(0, 2_097_152), ByteRange(2_097_152, SIZE)
FIRST_BYTES, LAST_BYTES = b"f" * len(FIRST), b"l" * len(LAST)
SECRET = "canary-in-a-reply"
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"


def vector(name: str, exchange: str = "documented") -> dict[str, Any]:
    record: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text())["exchanges"][exchange]
    return record


def reply(status: int, body: object = None, **headers: str) -> GraphReply:
    """A reply; *body* is bytes, or something to be written as JSON. Header names have hyphens for underscores."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return GraphReply(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def documented_reply(name: str, exchange: str = "documented") -> GraphReply:
    record = vector(name, exchange)["reply"]
    return reply(record["status"], record.get("json"), **record.get("headers", {}))


def error(status: int, code: str, **headers: str) -> GraphReply:
    return reply(status, {"error": {"code": code, "message": SECRET}}, **headers)


def session_url() -> str:
    return str(vector("create_session")["reply"]["json"]["uploadUrl"])


def put(record: object, part: ByteRange = FIRST, status: int = 200, **headers: str) -> seen.Observation:
    """The observation that a reply to a slice gives."""
    return sessions.parse_put_slice(reply(status, record, **headers), part, SIZE)
