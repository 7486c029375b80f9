"""The uploads in the ledger of a stack that runs, and the files that have no upload yet."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from azure.core.exceptions import AzureError

from local.commands.wording import doing, sign_in_advice
from local.stack.app_settings import Graph, app_settings
from local.stack.state_dir import RunningRecord
from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.blobs import BlobStore
from shared.app.catch_up import is_missing
from shared.core.attachment import BlobDescription
from shared.core.entry import Entry, Phase
from shared.errors import StorageUnavailable
from shared.ports import Stored
from shared.settings import Connection, Settings
from shared.wiring import build


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload. *stored* None: its blob event is being handled, and its entry is not written yet."""

    upload_id: str
    stored: Stored | None

    @property
    def entry(self) -> Entry | None:
        return self.stored.entry if self.stored is not None else None

    @property
    def is_under_way(self) -> bool:
        return self.entry is None or not self.entry.is_done

    def answers_to(self, name: str) -> bool:
        """Whether *name* is a part of the file's or the blob's name, or the beginning of the upload's id."""
        if self.upload_id.startswith(name.lower()):
            return True
        names = (self.entry.blob.name, self.entry.attachment_name) if self.entry is not None else ()
        return any(name.casefold() in each.casefold() for each in names)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A blob whose present version the ledger does not know: no event of it has arrived."""

    blob: BlobDescription

    @property
    def name(self) -> str:
        return self.blob.version.name

    @property
    def size(self) -> int:
        return self.blob.size


class Uploads:
    """Reads uploads, while it is entered. Every method may raise StorageUnavailable."""

    def __init__(self, record: RunningRecord) -> None:
        self._record = record

    def __enter__(self) -> Self:
        connection = Connection(connection_string=self._record.storage)
        with ExitStack() as ending:
            self.container = ending.enter_context(azure_clients.container_client(connection, self._record.container))
            self._table = ending.enter_context(azure_clients.table_client(connection, self._record.table))
            self._ending = ending.pop_all()
        self.application = build(_settings(self._record))
        self.ledger = self.application.ports.ledger
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.__exit__(kind, error, trace)

    def under_way(self) -> list[Upload]:
        """The uploads that have a live row, the oldest first."""
        marks = sorted(self.ledger.live(), key=lambda mark: mark.marked_at)
        found = [Upload(mark.upload_id, self.ledger.get(mark.upload_id)) for mark in marks]
        return [upload for upload in found if upload.is_under_way]

    def newest_first(self) -> Iterator[Upload]:
        """All uploads, the last written first. It scans the whole ledger, which the application itself never does."""
        try:
            rows = list(self._table.query_entities("RowKey eq 'entry'", select=["PartitionKey", "Timestamp"]))
        except AzureError as error:
            raise StorageUnavailable(f"the ledger cannot be read: {type(error).__name__}") from error
        rows.sort(key=lambda row: str(row.metadata["timestamp"]), reverse=True)
        for row in rows:
            stored = self.ledger.get(row["PartitionKey"])
            if stored is not None:
                yield Upload(row["PartitionKey"], stored)

    def unknown(self, names: Collection[str]) -> list[Unknown]:
        """The blobs that the ledger does not know, and that have one of *names* in their name; without *names*, all."""
        blobs = (blob for blob in BlobStore(self.container).every() if _has(names, blob.version.name))
        return [Unknown(blob) for blob in blobs if is_missing(self.application.ports, blob)]

    def start(self, unknown: Unknown) -> None:
        """Start its upload, as its event would have done, or the timer that finds such files."""
        intake = self.application.intake
        stored, _ = intake.enter(unknown.blob)
        intake.announce(stored)


class NotOne(Exception):  # noqa: N818 - the name says what is the case
    """A name means no upload, or several. The text says which."""


def the_one(uploads: Iterable[Upload], name: str, fits: Callable[[Entry], bool]) -> tuple[Upload, Entry]:
    """The newest upload of the one file that *name* means. If several files match, the one whose entry *fits*.

    Raises NotOne.
    """
    newest: dict[str, tuple[Upload, Entry]] = {}
    for upload in uploads:
        if upload.entry is not None and upload.answers_to(name):
            newest.setdefault(upload.entry.blob.name, (upload, upload.entry))
    exact = [(upload, entry) for upload, entry in newest.values() if name in (entry.blob.name, entry.attachment_name)]
    found = exact or list(newest.values())
    found = [each for each in found if fits(each[1])] or found
    if not found:
        raise NotOne(f"no file has {name!r} in its name")
    if len(found) > 1:
        titles = "\n".join(f"  {upload.upload_id[:8]}  {title_of(upload)}" for upload, _ in found)
        raise NotOne(f"{name!r} means {len(found)} files; say which, by the beginning of its id:\n{titles}")
    return found[0]


def title_of(upload: Upload) -> str:
    """The file's name, and the blob's name where the two differ."""
    entry = upload.entry
    if entry is None:
        return "a file whose event is being handled"
    if not entry.attachment_name or entry.attachment_name == entry.blob.name.rpartition("/")[2]:
        return entry.blob.name
    return f"{entry.attachment_name} (blob {entry.blob.name})"


def does(upload: Upload, record: RunningRecord, now: datetime) -> str:
    """What an upload that is under way does or waits for, and what a person can do about it, if anything."""
    entry = upload.entry
    if entry is None:
        return "is about to be entered"
    if entry.phase is Phase.WAITING:
        return f"{doing(entry, now=now)}. {sign_in_advice(entry.account, record)}"
    return doing(entry, now=now)


def _has(names: Collection[str], blob_name: str) -> bool:
    return not names or any(name.casefold() in blob_name.casefold() for name in names)


def _settings(record: RunningRecord) -> Settings:
    """The application's settings for its storage. The token is not a real one: from here nothing is sent to Graph."""
    return Settings.from_environ(
        app_settings(record.storage, Graph(record.graph, {record.account: "none"}), lease_seconds=None)
    )
