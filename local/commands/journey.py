"""The whole way of some files: into the container, through the application, and what arrived."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.commands import progress
from local.commands.drop import Dropped, drop
from local.commands.follow import follow, has_ended
from local.commands.wording import because, size_text
from local.stack.emulator import Emulator
from local.stack.state_dir import RunningRecord
from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.ledger import TableLedger
from shared.core.entry import Entry, Phase
from shared.settings import Connection


class StackGone(Exception):  # noqa: N818 - a state of the world
    """The stack ended while files were on their way. The text says which, and how."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file, and the metadata that says where it belongs."""

    file: Path
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went with one file. *entry*: where it stands, None if no event has arrived.

    *same*: whether the attachment holds the file's bytes; None where nobody can tell.
    """

    file: Dropped
    entry: Entry | None
    same: bool | None

    @property
    def has_ended(self) -> bool:
        return self.entry is not None and has_ended(self.entry)

    @property
    def is_good(self) -> bool:
        return self.entry is not None and self.entry.phase is Phase.ATTACHED and self.same is not False

    @property
    def word(self) -> str:
        if self.entry is None:
            return "not seen"
        if self.same is False:
            return "attached, but not the same bytes"
        return str(self.entry.phase) if self.entry.phase.is_terminal else f"not finished ({self.entry.phase})"

    @property
    def reason(self) -> str:
        return because(self.entry) if self.entry is not None else ""

    @property
    def attachment_id(self) -> str:
        return self.entry.attachment_id if self.entry is not None else ""


async def send(
    record: RunningRecord,
    parcels: Sequence[Parcel],
    console: Console,
    *,
    gone: Callable[[], Awaitable[str]],
    within_seconds: float,
) -> list[Outcome]:
    """Send *parcels*, show how they go, and say how each ended, or where it stands after *within_seconds*.

    *gone* returns when the stack has ended under us; then this raises StackGone.
    """
    connection = Connection(connection_string=record.storage)
    latest: dict[str, Entry | None] = {}
    with (
        azure_clients.container_client(connection, record.container) as container,
        azure_clients.table_client(connection, record.table) as table,
        progress.shown(console) as show,
    ):

        def on_entry(file: Dropped, entry: Entry | None) -> None:
            latest[file.upload_id] = entry
            show(file, entry)

        dropped = []
        for parcel in parcels:
            dropped.append(await asyncio.to_thread(drop, container, parcel.file, parcel.metadata))
            on_entry(dropped[-1], None)
        following = asyncio.ensure_future(follow(dropped, TableLedger(table, lambda: uuid4().hex), on_entry))
        going = asyncio.ensure_future(gone())
        try:
            await asyncio.wait((following, going), timeout=within_seconds, return_when=asyncio.FIRST_COMPLETED)
            if going.done():
                raise StackGone(going.result())
            if following.done():
                following.result()
        finally:
            following.cancel()
            going.cancel()
    held = await asyncio.to_thread(_held, record)
    return [Outcome(file, entry := latest[file.upload_id], _same(file, entry, held)) for file in dropped]


def table_of(outcomes: Sequence[Outcome]) -> Table:
    """For people."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("file", "size", "outcome", "reason", "attachment id"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "size" else "left")
    for outcome in outcomes:
        # As Text: in a plain string, rich reads [brackets] as markup.
        table.add_row(
            Text(outcome.file.name),
            size_text(outcome.file.size),
            Text(outcome.word, style="green" if outcome.is_good else "red"),
            Text(outcome.reason),
            Text(outcome.attachment_id),
        )
    return table


def lines_of(outcomes: Sequence[Outcome]) -> list[str]:
    """For programs: the same, separated by tabs, a heading first."""
    rows = [(each.file.name, str(each.file.size), each.word, each.reason, each.attachment_id) for each in outcomes]
    return ["\t".join(row) for row in [("file", "bytes", "outcome", "reason", "attachment id"), *rows]]


def _held(record: RunningRecord) -> Mapping[str, str] | None:
    """The SHA-256 of each attachment, by its id; None where only the real To Do could tell."""
    if record.emulator is None:
        return None
    return {id_: held.sha256 for id_, held in Emulator(record.emulator).attachments().items()}


def _same(file: Dropped, entry: Entry | None, held: Mapping[str, str] | None) -> bool | None:
    if held is None or entry is None or not entry.attachment_id:
        return None
    return held.get(entry.attachment_id) == file.sha256
