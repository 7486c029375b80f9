"""The events of a stack as lines for a person who watches it: what moves an upload, and what goes wrong."""

import json
from collections.abc import Mapping
from typing import Any

from local.wording import size_text

# Made by every message, or said elsewhere.
_ROUTINE = frozenset(
    {
        *("invocation_started", "lease_renewed", "delivered", "draining", "drained", "restart"),
        *("dropped", "comes-back"),
    }
)
_SERIOUS = frozenset({"WARNING", "ERROR", "CRITICAL"})


def line_of(event: Mapping[str, Any]) -> str | None:
    """One line, or None for what nobody needs to see."""
    match event.get("event"):
        case "log":
            return _logged(event)
        case "invocation_ended" if event.get("status") == "succeeded":
            return None
        case name if name in _ROUTINE:
            return None
        case name:
            return f"{event.get('source')}: {name} {_facts(event)}".rstrip()


def _logged(event: Mapping[str, Any]) -> str | None:
    message = str(event.get("message", ""))
    if event.get("logger") == "todo_attach" and message.startswith("{"):
        return _recorded(json.loads(message))
    if event.get("logger") == "host":
        return None  # a traceback; the end of the invocation says what it was
    return f"{event.get('logger')}: {message}" if event.get("level") in _SERIOUS else None


def _recorded(record: Mapping[str, Any]) -> str | None:
    upload = str(record.get("upload_id", ""))[:8]
    match record.get("event"):
        case "sweep" if not record.get("announced"):
            return None
        case name if name in _ROUTINE:
            return None
        case "accepted":
            return f"{upload}  a file of {size_text(record['size'])}"
        case "step":
            return f"{upload}  {_step(record)}"
        case name:
            return f"{upload:8}  {name} {_facts(record)}".rstrip()


def _step(record: Mapping[str, Any]) -> str:
    told = f"{record['action']}: {record['seen'] or 'the end'}, {record['next_phase']}"
    if record["next_phase"] == "sending":
        told += f", {size_text(record['offset'])} of {size_text(record['size'])} there"
    why = ": ".join(str(record[name]) for name in ("reason", "detail") if record.get(name))
    return f"{told} ({why})" if why else told


def _facts(event: Mapping[str, Any]) -> str:
    unsaid = {"event", "source", "at", "upload_id", "invocation_id"}
    return " ".join(f"{name}={value}" for name, value in event.items() if name not in unsaid and value is not None)
