"""The range message: which upload, which step, and which bytes that step sends. It proposes; the ledger decides.

Versioned JSON, a few hundred bytes:

    {"v": 1, "upload": ..., "step": 7, "range": {"first": 0, "last": 3932159, "size": 26214400}, "traceparent": ...}
    {"v": 1, "upload": ..., "step": 1, "mailbox": ..., "traceparent": ...}

The range is there so that a look into the queue shows what comes next: first and last byte, and the size of the file,
as in a Content-Range. It is absent where the step sends no bytes. No worker acts on it. The mailbox is there where the
message wakes an upload that queued and was given a lease of it; if the upload does not want the lease any more, the
worker gives it back. The trace context is that of the step that sent the message. A message never holds state, file
content or a URL.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from shared.core.ranges import ByteRange
from shared.errors import MessageError

VERSION = 1
# Ours are far shorter; anything longer is not ours, and is not worth parsing.
MAX_BYTES = 4096

_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
_MAILBOX = re.compile(r"[0-9a-f]{32}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class ProposedRange:
    """The bytes that a step is to send, of a file of *size* bytes."""

    part: ByteRange
    size: int


@dataclass(frozen=True, slots=True)
class RangeMessage:
    """Proposes step *step* of upload *upload_id*. *traceparent* is W3C trace context, or empty.

    *mailbox*: the key of the mailbox where the upload was given a lease; empty where it was given none.
    """

    upload_id: str
    step: int
    traceparent: str = ""
    range: ProposedRange | None = None
    mailbox: str = ""


def encode(message: RangeMessage) -> str:
    """The message as it is on the queue."""
    members: dict[str, object] = {"v": VERSION, "upload": message.upload_id, "step": message.step}
    if message.range is not None:
        part = message.range.part
        members["range"] = {"first": part.start, "last": part.stop - 1, "size": message.range.size}
    if message.mailbox:
        members["mailbox"] = message.mailbox
    if message.traceparent:
        members["traceparent"] = message.traceparent
    return json.dumps(members, separators=(",", ":"))


def decode(body: bytes) -> RangeMessage:
    """Read a message; unknown members are ignored, so that a newer version may add some.

    Raises MessageError, whose text never repeats what the message held.
    """
    if len(body) > MAX_BYTES:
        raise MessageError(f"a message of {len(body)} bytes; a range message has at most {MAX_BYTES}")
    try:
        members = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MessageError("a message that is not JSON") from error
    if not isinstance(members, dict):
        raise MessageError("a message that is not a JSON object")
    if members.get("v") != VERSION:
        raise MessageError(f"a message of another version than {VERSION}")
    upload_id, step, traceparent = members.get("upload"), members.get("step"), members.get("traceparent", "")
    if not isinstance(upload_id, str) or _UPLOAD_ID.fullmatch(upload_id) is None:
        raise MessageError("a message without an upload id")
    if type(step) is not int or not 0 <= step < 2**31:
        raise MessageError("a message without a step number")
    if not isinstance(traceparent, str) or _TRACEPARENT.fullmatch(traceparent) is None:
        traceparent = ""  # a broken trace must not stop an upload
    mailbox = members.get("mailbox", "")
    if not isinstance(mailbox, str) or _MAILBOX.fullmatch(mailbox) is None:
        mailbox = ""  # the lease runs out by itself
    return RangeMessage(upload_id, step, traceparent, _proposed_range(members.get("range")), mailbox)


def _proposed_range(members: Any) -> ProposedRange | None:
    """A range that cannot be read counts as none: it only informs, so it must not stop an upload."""
    if not isinstance(members, dict):
        return None
    first, last, size = members.get("first"), members.get("last"), members.get("size")
    if type(first) is not int or type(last) is not int or type(size) is not int or not 0 <= first <= last < size:
        return None
    return ProposedRange(ByteRange(first, last + 1), size)
