"""Entries, limits and a moment to start from, for tests of the pure modules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.core.attachment import BlobVersion, Reference
from shared.core.entry import Claim, Entry, Phase
from shared.core.upload import Limits

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SLICE = 100
SIZE = 250
ROOT = "https://graph.microsoft.com/v1.0"
SESSION_URL = f"{ROOT}/users/00000000-0000-0000-0000-000000000001/todo/lists/L/tasks/T/attachmentSessions/S"
BLOB = BlobVersion("account", "attachments", "folder/plan.pdf", "0x8DC0000000000A1")

LIMITS = Limits(
    slice_bytes=SLICE,
    max_file_bytes=10 * SLICE,
    deadline=timedelta(seconds=90),
    claim=timedelta(seconds=120),
    empty_file_wait=timedelta(minutes=10),
    max_age=timedelta(hours=24),
    sign_in_wait=timedelta(days=14),
)

_RESOLVED = {"list_id": "L", "task_id": "T"}
_OPENED = {"session_url": SESSION_URL, "sessions_opened": 1, "first_opened_at": NOW - timedelta(minutes=1)}
_BY_PHASE: dict[Phase, dict[str, Any]] = {
    Phase.OPENING: _RESOLVED,
    Phase.SENDING: _RESOLVED | _OPENED,
    Phase.LOCATING: _RESOLVED | _OPENED,
    Phase.CONFIRMING: _RESOLVED | _OPENED,
    Phase.WAITING: {"resume": Phase.RESOLVING, "waiting_since": NOW},
}


def an_entry(phase: Phase = Phase.RESOLVING, **changes: Any) -> Entry:
    """An entry as it usually is in *phase*, claimed, an hour old; *changes* make the case."""
    entry = Entry(
        upload_id=BLOB.upload_id(),
        blob=BLOB,
        size=SIZE,
        account="sam@example.com",
        wanted_list=Reference(),
        wanted_task=Reference(name="Plan"),
        attachment_name="plan.pdf",
        created_at=NOW - timedelta(hours=1),
        phase=phase,
        step=7,
        claim=Claim("me", NOW + LIMITS.claim),
        slice_bytes=SLICE,
    )
    return replace(entry, **(_BY_PHASE.get(phase, {}) | changes))
