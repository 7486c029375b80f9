"""The range message: which upload, which step. It proposes; the ledger decides.

Versioned JSON, a few hundred bytes: `{"v": 1, "upload": ..., "step": ...}`, and the trace context of the step
that sent it. Never state, never bytes, never a URL.
"""

import json
import re
from dataclasses import dataclass

from shared.errors import MessageError

VERSION = 1
# Ours are far shorter; anything longer is not ours, and is not worth parsing.
MAX_BYTES = 4096

_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class RangeMessage:
    """Proposes step *step* of upload *upload_id*. *traceparent* is W3C trace context, or empty."""

    upload_id: str
    step: int
    traceparent: str = ""


def encode(message: RangeMessage) -> str:
    """The message as it lies on the queue, before Base64."""
    record: dict[str, object] = {"v": VERSION, "upload": message.upload_id, "step": message.step}
    if message.traceparent:
        record["traceparent"] = message.traceparent
    return json.dumps(record, separators=(",", ":"))


def decode(body: bytes) -> RangeMessage:
    """Read a message; unknown members are ignored, so that a newer version may add some.

    Raises MessageError, whose text never repeats what the message held.
    """
    if len(body) > MAX_BYTES:
        raise MessageError(f"a message of {len(body)} bytes; a range message has at most {MAX_BYTES}")
    try:
        record = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MessageError("a message that is not JSON") from error
    if not isinstance(record, dict):
        raise MessageError("a message that is not a JSON object")
    if record.get("v") != VERSION:
        raise MessageError(f"a message of another version than {VERSION}")
    upload_id, step, traceparent = record.get("upload"), record.get("step"), record.get("traceparent", "")
    if not isinstance(upload_id, str) or _UPLOAD_ID.fullmatch(upload_id) is None:
        raise MessageError("a message without an upload id")
    if type(step) is not int or not 0 <= step < 2**31:
        raise MessageError("a message without a step number")
    if not isinstance(traceparent, str) or _TRACEPARENT.fullmatch(traceparent) is None:
        traceparent = ""  # a broken trace must not stop an upload
    return RangeMessage(upload_id, step, traceparent)
