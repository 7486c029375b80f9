"""A mailbox's pace and a ticket as the columns of a table's row, and back.

Leases and uses are a column of JSON each, since a pace is read and written as a whole. A pace may have some three
hundred uses, which is far below the 32,768 characters that a text in a table may have.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.core.pacing import Lease, Need, Pace, Ticket, Use


def pace_columns(pace: Pace) -> dict[str, str]:
    return {
        "leases": _text([[each.upload_id, each.until.timestamp(), *_counts(each.need)] for each in pace.leases]),
        "uses": _text([[each.ended_at.timestamp(), *_counts(each.need)] for each in pace.uses]),
        "not_before": pace.not_before.isoformat() if pace.not_before is not None else "",
    }


def pace_of(columns: Mapping[str, Any]) -> Pace:
    """Raises ValueError for columns that hold no pace."""
    try:
        return Pace(
            leases=tuple(Lease(who, _time(until), Need(*need)) for who, until, *need in json.loads(columns["leases"])),
            uses=tuple(Use(_time(ended_at), Need(*need)) for ended_at, *need in json.loads(columns["uses"])),
            not_before=datetime.fromisoformat(columns["not_before"]) if columns["not_before"] else None,
        )
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError("columns that hold no pace") from error


def ticket_columns(ticket: Ticket) -> dict[str, str | int]:
    return {
        "queued_at": ticket.queued_at.isoformat(),
        "upload_id": ticket.upload_id,
        "step": ticket.step,
        "bytes": ticket.need.bytes,
        "requests": ticket.need.requests,
    }


def ticket_of(columns: Mapping[str, Any]) -> Ticket:
    """Raises ValueError for columns that hold no ticket."""
    try:
        need = Need(columns["bytes"], columns["requests"])
        return Ticket(datetime.fromisoformat(columns["queued_at"]), columns["upload_id"], columns["step"], need)
    except (KeyError, TypeError) as error:
        raise ValueError("columns that hold no ticket") from error


def _counts(need: Need) -> tuple[int, int]:
    return need.bytes, need.requests


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
