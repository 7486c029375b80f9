"""`status`: what is under way, what it waits for, and how the last uploads ended, by the ledger."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from azure.data.tables import TableClient
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.commands.options import add_state_option
from local.commands.progress import terminal
from local.commands.wording import arrived, because, clock_text, doing, utc_now
from local.stack.state_dir import RunningRecord, default_directory, find_running
from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.ledger import TableLedger
from shared.errors import StorageUnavailable
from shared.ports import Stored
from shared.settings import Connection

_RECENT = 10


def main(arguments: Sequence[str]) -> int:
    """0 where a stack runs and answers."""
    parser = argparse.ArgumentParser(
        prog="python -m local status", description="What a running stack is doing, and how its last uploads ended."
    )
    add_state_option(parser, "the stack that keeps its data in DIR")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(arguments)
    directory = options.state or default_directory()
    record = find_running(directory)
    if record is None:
        print(f"todo-attach: no stack runs in {directory}", file=sys.stderr)
        return 1
    try:
        seen = _look(record)
    except StorageUnavailable as error:
        print(f"todo-attach: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(_as_json(seen), indent=2))
    else:
        _show(seen, terminal(stderr=False))
    return 0


@dataclass(frozen=True, slots=True)
class _Seen:
    """The ledger at a glance. *under_way* has the ids of live rows that have no entry yet, too."""

    under_way: dict[str, Stored | None]
    recent: list[Stored]


def _look(record: RunningRecord) -> _Seen:
    connection = Connection(connection_string=record.storage)
    with azure_clients.table_client(connection, record.table) as table:
        ledger = TableLedger(table, lambda: uuid4().hex)
        live = {mark.upload_id: ledger.get(mark.upload_id) for mark in ledger.live()}
        newest = (ledger.get(upload_id) for upload_id in _newest_first(table) if upload_id not in live)
        recent = [stored for _, stored in zip(range(_RECENT), newest, strict=False) if stored is not None]
    return _Seen(live, recent)


def _newest_first(table: TableClient) -> list[str]:
    """The ids of all uploads, the last written first. A whole scan, which the application itself never does."""
    rows = list(table.query_entities("RowKey eq 'entry'", select=["PartitionKey", "Timestamp"]))
    rows.sort(key=lambda row: str(row.metadata["timestamp"]), reverse=True)
    return [row["PartitionKey"] for row in rows]


def _show(seen: _Seen, console: Console) -> None:
    console.print(_under_way(seen) if seen.under_way else "Nothing is under way.")
    console.print(_ended(seen) if seen.recent else "Nothing has ended yet.")


def _under_way(seen: _Seen) -> Table:
    now = utc_now()
    table = _table("Under way", "upload", "file", "arrived", "step", "does", "claimed until")
    for upload_id, stored in seen.under_way.items():
        if stored is None:
            table.add_row(_short(upload_id), "", "", "", "is about to be entered", "")
            continue
        entry = stored.entry
        claim = clock_text(entry.claim.until) if entry.claim is not None else "free"
        table.add_row(
            _short(upload_id),
            Text(entry.attachment_name or entry.blob.name),
            arrived(entry),
            str(entry.step),
            Text(doing(entry, now=now)),
            claim,
        )
    return table


def _ended(seen: _Seen) -> Table:
    table = _table("Ended last", "upload", "file", "at", "outcome", "reason")
    for stored in seen.recent:
        entry = stored.entry
        table.add_row(
            _short(entry.upload_id),
            Text(entry.attachment_name or entry.blob.name),
            clock_text(stored.written_at),
            str(entry.phase),
            Text(because(entry)),
        )
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _short(upload_id: str) -> str:
    """As the log of `up` has it."""
    return upload_id[:8]


def _as_json(seen: _Seen) -> dict[str, object]:
    now = utc_now()
    return {
        "under_way": [
            {"upload_id": upload_id, **(_facts(stored, now) if stored is not None else {})}
            for upload_id, stored in seen.under_way.items()
        ],
        "ended": [{"upload_id": stored.entry.upload_id, **_facts(stored, now)} for stored in seen.recent],
    }


def _facts(stored: Stored, now: datetime) -> dict[str, object]:
    """Chosen one by one: the entry also holds the upload URL, which is a secret."""
    entry = stored.entry
    return {
        "blob": entry.blob.name,
        "attachment_name": entry.attachment_name,
        "account": entry.account,
        "task": str(entry.wanted_task),
        "phase": entry.phase,
        "reason": entry.reason,
        "detail": entry.detail,
        "does": None if entry.is_done else doing(entry, now=now),
        "size": entry.size,
        "offset": entry.offset,
        "step": entry.step,
        "not_before": _iso(entry.not_before),
        "claimed_until": _iso(entry.claim.until if entry.claim is not None else None),
        "sessions_opened": entry.sessions_opened,
        "attachment_id": entry.attachment_id,
        "written_at": _iso(stored.written_at),
    }


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when is not None else None
