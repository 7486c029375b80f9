"""Sends some files: puts them into the container, follows their uploads, and compares what arrived."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from azure.storage.blob import ContainerClient
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.commands import progress
from local.commands.follow import OnEntry, follow, has_ended
from local.commands.put import PutFile, put
from local.commands.wording import because
from local.stack.emulator import Emulator
from local.stack.state_dir import RunningRecord
from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.ledger import TableLedger
from shared.core.entry import Entry, Phase
from shared.core.size_text import size_text
from shared.settings import Connection


class StackGone(Exception):  # noqa: N818 - the name says what is the case
    """The stack ended while files were on their way. The text says how."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file, and the metadata that names its task."""

    file: Path
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file. *entry*: its ledger entry; None if no event has arrived.

    *same*: whether the attachment has the file's bytes; None where it is in the real To Do, or not attached.
    """

    file: PutFile
    entry: Entry | None
    same: bool | None

    @property
    def has_ended(self) -> bool:
        return self.entry is not None and has_ended(self.entry)

    @property
    def is_good(self) -> bool:
        return self.entry is not None and self.entry.phase is Phase.ATTACHED and self.same is not False

    @property
    def needs_sign_in(self) -> bool:
        return self.has_ended and self.entry is not None and self.entry.phase is Phase.WAITING

    @property
    def word(self) -> str:
        if self.entry is None:
            return "not seen"
        if self.same is False:
            return "attached, but not the same bytes"
        if self.needs_sign_in:
            return "waiting"
        return str(self.entry.phase) if self.entry.phase.is_terminal else f"not finished ({self.entry.phase})"

    @property
    def reason(self) -> str:
        return because(self.entry) if self.entry is not None else ""

    @property
    def attachment_id(self) -> str:
        return self.entry.attachment_id if self.entry is not None else ""


@dataclass
class Sending:
    """Files on their way. `outcomes` can be read at any time, also after `run` was cancelled."""

    record: RunningRecord
    parcels: Sequence[Parcel]
    _sent: list[PutFile] = field(default_factory=list)
    _latest: dict[str, Entry | None] = field(default_factory=dict)
    _held: Mapping[str, str] | None = None

    @property
    def never_put(self) -> list[Path]:
        """The files that are not in the container."""
        return [parcel.file for parcel in self.parcels[len(self._sent) :]]

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes of the files that are in the container."""
        return [Outcome(file, entry := self._latest[file.upload_id], self._same(file, entry)) for file in self._sent]

    async def run(self, console: Console, *, gone: Callable[[], Awaitable[str]], within_seconds: float) -> None:
        """Put the files and show how they go, until all have ended or *within_seconds* are over.

        *gone* returns when the stack has ended; then this raises StackGone.
        """
        connection = Connection(connection_string=self.record.storage)
        with (
            azure_clients.container_client(connection, self.record.container) as container,
            azure_clients.table_client(connection, self.record.table) as table,
            progress.shown(console) as show,
        ):
            await self._put_all(container, show)
            ledger = TableLedger(table, lambda: uuid4().hex)
            await self._follow(ledger, show, gone, within_seconds)
        self._held = await asyncio.to_thread(_held, self.record)

    async def _put_all(self, container: ContainerClient, show: OnEntry) -> None:
        for parcel in self.parcels:
            putting = asyncio.ensure_future(asyncio.to_thread(put, container, parcel.file, parcel.metadata))
            try:
                file = await asyncio.shield(putting)
            except asyncio.CancelledError:
                # A thread cannot be stopped, so the file will get into the container: it must not count as never put.
                self._note(await putting)
                raise
            self._note(file)
            show(file, None)

    def _note(self, file: PutFile) -> None:
        self._sent.append(file)
        self._latest[file.upload_id] = None

    async def _follow(
        self, ledger: TableLedger, show: OnEntry, gone: Callable[[], Awaitable[str]], within_seconds: float
    ) -> None:
        def on_entry(file: PutFile, entry: Entry | None) -> None:
            self._latest[file.upload_id] = entry
            show(file, entry)

        following = asyncio.ensure_future(follow(self._sent, ledger, on_entry))
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

    def _same(self, file: PutFile, entry: Entry | None) -> bool | None:
        if self._held is None or entry is None or not entry.attachment_id:
            return None
        return self._held.get(entry.attachment_id) == file.sha256


def table_of(outcomes: Sequence[Outcome]) -> Table:
    """The outcomes for people, without ids: a single id fills several lines of a terminal."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("file", "size", "outcome", "reason"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "size" else "left")
    for outcome in outcomes:
        # As Text: in a plain string, rich reads [brackets] as markup.
        table.add_row(
            Text(outcome.file.name),
            size_text(outcome.file.size),
            Text(outcome.word, style="green" if outcome.is_good else "red"),
            Text(outcome.reason),
        )
    return table


def lines_of(outcomes: Sequence[Outcome]) -> list[str]:
    """The outcomes for programs: columns separated by tabs, with a heading."""
    rows = [(each.file.name, str(each.file.size), each.word, each.reason, each.attachment_id) for each in outcomes]
    return ["\t".join(row) for row in [("file", "bytes", "outcome", "reason", "attachment id"), *rows]]


def facts_of(outcome: Outcome) -> dict[str, object]:
    """The outcome for programs that read JSON."""
    return {
        "file": outcome.file.name,
        "bytes": outcome.file.size,
        "sha256": outcome.file.sha256,
        "blob": outcome.file.blob.name,
        "upload_id": outcome.file.upload_id,
        "outcome": outcome.word,
        "reason": outcome.reason,
        "attachment_id": outcome.attachment_id,
        "same_bytes": outcome.same,
    }


def _held(record: RunningRecord) -> Mapping[str, str] | None:
    """The SHA-256 of each attachment, by its id; None where they are in the real To Do."""
    if record.emulator is None:
        return None
    return {id_: held.sha256 for id_, held in Emulator(record.emulator).attachments().items()}
