"""Entries, limits and a present time, for tests of the pure modules."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.core.attachment import BlobVersion, Reference
from shared.core.entry import Claim, Entry, Phase, QueueWait, Session, SignInWait
from shared.core.limits import Limits

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
TINY_SLICE = 100  # ranges that can be reckoned in the head; nothing is sent
SIZE = 250
ROOT = "https://graph.microsoft.com/v1.0"
SESSION_URL = f"{ROOT}/users/00000000-0000-0000-0000-000000000001/todo/lists/L/tasks/T/attachmentSessions/S"
SESSION = Session(SESSION_URL)
BLOB = BlobVersion("account", "attachments", "folder/plan.pdf", "0x8DC0000000000A1")

LIMITS = Limits(
    slice_bytes=TINY_SLICE,
    max_file_bytes=10 * TINY_SLICE,
    deadline=timedelta(seconds=90),
    claim=timedelta(seconds=120),
    empty_file_wait=timedelta(minutes=10),
    append_quiet=timedelta(minutes=1),
    replace_within=timedelta(minutes=1),
    missing_patience=timedelta(minutes=5),
    max_age=timedelta(hours=24),
    sign_in_wait=timedelta(days=14),
    queue_wait=timedelta(days=14),
)

_RESOLVED = {"list_id": "L", "task_id": "T"}
_OPENED = {"session": SESSION, "sessions_opened": 1, "first_opened_at": NOW - timedelta(minutes=1)}
_BY_PHASE: dict[Phase, dict[str, Any]] = {
    Phase.QUEUED: {"queue_wait": QueueWait(Phase.RESOLVING)},
    Phase.OPENING: _RESOLVED,
    Phase.SENDING: _RESOLVED | _OPENED,
    Phase.LOCATING: _RESOLVED | _OPENED,
    Phase.CONFIRMING: _RESOLVED | _OPENED,
    Phase.VERIFYING: _RESOLVED
    | {"read_back": True, "attachment_id": "A", "first_opened_at": NOW - timedelta(minutes=1)},
    Phase.WAITING: {"sign_in_wait": SignInWait(Phase.RESOLVING, NOW)},
}
# Fields that a test may set as if they were the entry's own, to be brief: those of the session and of the report.
_OF_SESSION = {each.name for each in fields(Session)}
_OF_REPORT = {"reported": "phase", "report_tries": "failed_tries"}
_OF_WAIT = {"resume": "resume", "waiting_since": "since"}


def an_entry(phase: Phase = Phase.RESOLVING, **changes: Any) -> Entry:
    """A typical entry in *phase*, claimed, an hour old, with *changes*."""
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
        slice_bytes=TINY_SLICE,
    )
    return changed(replace(entry, **_BY_PHASE.get(phase, {})), **changes)


def changed(entry: Entry, **changes: Any) -> Entry:
    """*entry* with *changes*. Fields of its session, report and wait are given by their own names."""
    session = {name: changes.pop(name) for name in _OF_SESSION & changes.keys()}
    report = _taken(changes, _OF_REPORT)
    wait = _taken(changes, _OF_WAIT)
    entry = replace(entry, **changes)
    if session:
        entry = replace(entry, session=replace(entry.session or SESSION, **session))
    if report:
        entry = replace(entry, report=replace(entry.report, **report))
    if wait:
        entry = replace(entry, sign_in_wait=replace(entry.sign_in_wait or SignInWait(Phase.RESOLVING, NOW), **wait))
    return entry


def _taken(changes: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {name: changes.pop(short) for short, name in names.items() if short in changes}
