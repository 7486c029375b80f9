"""Turns the events of a stack into lines for a person who watches it: what an upload does, and what goes wrong."""

import json
from collections.abc import Mapping
from typing import Any

from shared.core.size_text import size_text

# Events that every message makes, or that another line says already.
_ROUTINE = frozenset(
    {
        *("invocation_started", "lease_renewed", "delivered", "draining", "drained", "restart"),
        *("dropped", "comes_back", "outcome"),
    }
)
# Fields that every record and every event of a run of a function has.
_OF_A_RUN = frozenset({"invocation_id", "trigger", "dequeue_count", "queue_age", "trace_parent"})
_SERIOUS = frozenset({"WARNING", "ERROR", "CRITICAL"})


def line_of(event: Mapping[str, Any]) -> str | None:
    """The event as one line; None for routine ones."""
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
        return None  # a traceback; the event of the invocation's end says what failed
    return f"{event.get('logger')}: {message}" if event.get("level") in _SERIOUS else None


def _recorded(record: Mapping[str, Any]) -> str | None:
    upload = str(record.get("upload_id", ""))[:8]
    match record.get("event"):
        case "sweep" if not record.get("announced"):
            return None
        case "catch_up" if not (record.get("entered") or record.get("failed")):
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
    text = f"{record['action']}: {record['observation'] or 'the end'}, {record['next_phase']}"
    if record["next_phase"] == "sending":
        text += f", {size_text(record['offset'])} of {size_text(record['size'])} there"
    why = ", ".join(filter(None, (record.get("reason"), _graph_refused(record), _waits(record))))
    return f"{text} ({why})" if why else text


def _graph_refused(record: Mapping[str, Any]) -> str:
    if int(record.get("status", 0)) < 400:
        return ""
    return f"HTTP {record['status']} {record.get('graph_code', '')}".rstrip()


def _waits(record: Mapping[str, Any]) -> str:
    return f"waits {round(record['wait'], 1):g} s for {record['waits_for']}" if record.get("waits_for") else ""


def _facts(event: Mapping[str, Any]) -> str:
    unsaid = {"event", "source", "at", "upload_id", *_OF_A_RUN}
    return " ".join(f"{name}={value}" for name, value in event.items() if name not in unsaid and value is not None)
