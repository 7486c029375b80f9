"""The ledger in an Azure table.

    PartitionKey   RowKey                what
    upload id      "entry"               the entry
    "live-" + hex digit   upload id   a row while the upload is in flight, by the id's first digit: what the sweep reads
    hash of the slot      "slot"         its holder
    hash of account, id   "attachment"   the upload that an attachment belongs to
    hash of name          "name"         the uploads that a blob's name remembers
    "heartbeat"           "sweep"        which release swept last, when, and how far it came

A partition serves a limited number of requests (some 2,000 a second, by Microsoft's documentation). So there is no
partition that every upload writes to: each upload, slot, attachment and name has its own.

The SDK repeats a request whose reply was lost. If the first try was applied, the service answers the second one with
409 or 412. So a conditional write carries an id of its own, and after 409, 412 or no answer the row is read again:
where it holds our id, the write has succeeded.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import EdmType, EntityProperty, TableClient, UpdateMode

from shared.adapters.storage.entry_row import from_row, to_row
from shared.adapters.storage.service_date import ServiceDate
from shared.adapters.storage.table_errors import table_errors
from shared.adapters.storage.table_pages import first_rows
from shared.core.entry import Entry
from shared.errors import Conflict, StorageUnavailable
from shared.ports import LiveMark, Page, Release, Stored, UploadsOfName

_ENTRY = "entry"
_LIVE = "live-"
_DIGITS = "0123456789abcdef"
_SLOT = "slot"
_ATTACHMENT = "attachment"
_NAME = "name"
_HEARTBEAT = ("heartbeat", "sweep")
_KEYS = ("PartitionKey", "RowKey")
_INT32_END = 2**31
_BEYOND_ALL_IDS = "g"  # they are hex digits
# The most that the service gives.
_PAGE_SIZE = 1000


class TableLedger:
    """`ports.Ledger` on one table."""

    def __init__(self, table: TableClient, new_id: Callable[[], str], page_size: int = _PAGE_SIZE) -> None:
        self._table = table
        self._new_id = new_id
        self._page_size = page_size

    # -- entries --

    def get(self, upload_id: str) -> Stored | None:
        found = self._read(upload_id, _ENTRY)
        if found is None:
            return None
        row, date = found
        try:
            return _read_entry(row, date)
        except ValueError as error:
            raise StorageUnavailable(f"the ledger's row for {upload_id} holds no entry") from error

    def insert(self, entry: Entry) -> Stored | None:
        entry = replace(entry, write_id=self._new_id())
        try:
            with table_errors():
                written = self._table.create_entity(_entry_row(entry))
        except (ResourceExistsError, StorageUnavailable) as error:
            return self._ours_after(error, entry)
        return _stored(entry, written)

    def replace(self, stored: Stored, entry: Entry) -> Stored:
        entry = replace(entry, write_id=self._new_id())
        try:
            with table_errors():
                written = self._table.update_entity(
                    _entry_row(entry),
                    mode=UpdateMode.REPLACE,
                    etag=stored.version,
                    match_condition=MatchConditions.IfNotModified,
                )
        except (ResourceModifiedError, ResourceNotFoundError, StorageUnavailable) as error:
            ours = self._ours_after(error, entry)
            if ours is None:
                raise Conflict(f"the entry {entry.upload_id} was changed by another worker") from error
            return ours
        return _stored(entry, written)

    def _ours_after(self, error: Exception, entry: Entry) -> Stored | None:
        """The stored entry, if this process wrote it; None if another one did. Raises where storage gives no answer."""
        present = self.get(entry.upload_id)
        if present is not None and present.entry.write_id == entry.write_id:
            return present
        if isinstance(error, StorageUnavailable):
            # The write has not been applied yet, but it still may be: only a later delivery can know.
            raise error
        return None

    def listed(self, after: str, before: str) -> Page[Stored]:
        date = ServiceDate()
        end = before or _BEYOND_ALL_IDS
        query = self._table.query_entities(
            f"PartitionKey gt '{after}' and PartitionKey lt '{end}' and RowKey eq '{_ENTRY}'",
            results_per_page=self._page_size,
            raw_response_hook=date,
        )
        rows, is_cut = first_rows(query)
        found = tuple(_entries_of(rows, date.value)) if rows else ()
        return Page(found, rows[-1]["PartitionKey"] if is_cut else "")

    def remove(self, stored: Stored) -> None:
        upload_id = stored.entry.upload_id
        try:
            with table_errors():
                self._table.delete_entity(
                    upload_id, _ENTRY, etag=stored.version, match_condition=MatchConditions.IfNotModified
                )
        except ResourceModifiedError as error:
            raise Conflict(f"the entry {upload_id} was changed by another worker") from error

    # -- live rows --

    def mark_live(self, upload_id: str) -> None:
        with table_errors():
            self._table.upsert_entity({"PartitionKey": _live_partition(upload_id), "RowKey": upload_id})

    def clear_live(self, upload_id: str) -> None:
        with table_errors():
            self._table.delete_entity(_live_partition(upload_id), upload_id)

    def live(self, after: str = "") -> Iterator[LiveMark]:
        date = ServiceDate()
        for digit in _DIGITS:
            if digit < after[:1]:
                continue
            wanted = f"PartitionKey eq '{_LIVE}{digit}' and RowKey gt '{after}'"
            with table_errors():
                for row in self._table.query_entities(wanted, raw_response_hook=date):
                    yield LiveMark(row["RowKey"], _written_at(row), date.value)

    def swept_up_to(self) -> str:
        found = self._read(*_HEARTBEAT)
        return str(found[0].get("swept_up_to", "")) if found is not None else ""

    def beat(self, release: Release, swept_up_to: str = "") -> None:
        partition, row = _HEARTBEAT
        told = {"version": release.version, "package": release.package, "at": datetime.now(UTC).isoformat()}
        with table_errors():
            self._table.upsert_entity(
                {"PartitionKey": partition, "RowKey": row, **told, "swept_up_to": swept_up_to}, mode=UpdateMode.REPLACE
            )

    # -- rows that name an owner --

    def own_attachment(self, account: str, attachment_id: str, upload_id: str) -> str:
        key = hashlib.sha256(f"{account.casefold()}\0{attachment_id}".encode()).hexdigest()
        return self._owner(_ATTACHMENT, key, upload_id)

    def take_slot(self, slot: str, upload_id: str) -> str:
        return self._owner(_SLOT, slot, upload_id)

    def pass_slot(self, slot: str, holder: str, upload_id: str) -> bool:
        found = self._read(slot, _SLOT)
        if found is None:
            return self.take_slot(slot, upload_id) == upload_id
        row, _ = found
        if row["owner"] != holder:
            return bool(row["owner"] == upload_id)
        taken = _owner_row(_SLOT, slot, upload_id)
        try:
            with table_errors():
                self._table.update_entity(
                    taken,
                    mode=UpdateMode.REPLACE,
                    etag=row.metadata["etag"],
                    match_condition=MatchConditions.IfNotModified,
                )
        except (ResourceModifiedError, ResourceNotFoundError):
            # Perhaps the reply to our own write was lost. Here the owner's id serves as the write id.
            present = self._read(slot, _SLOT)
            return present is not None and present[0]["owner"] == upload_id
        return True

    # -- rows that name the uploads under a blob's name --

    def uploads_of(self, name: str, upload_id: str) -> UploadsOfName:
        try:
            with table_errors():
                written = self._table.create_entity(_name_row(name, (upload_id,)))
        except ResourceExistsError:
            found = self._read(name, _NAME)
            if found is None:
                raise StorageUnavailable("the row of a blob's name was there, and then it was not") from None
            return UploadsOfName(tuple(str(found[0]["uploads"]).split()), found[0].metadata["etag"])
        return UploadsOfName((upload_id,), written["etag"])

    def remember(self, name: str, known: UploadsOfName, uploads: tuple[str, ...]) -> bool:
        try:
            with table_errors():
                self._table.update_entity(
                    _name_row(name, uploads),
                    mode=UpdateMode.REPLACE,
                    etag=known.version,
                    match_condition=MatchConditions.IfNotModified,
                )
        except (ResourceModifiedError, ResourceNotFoundError):
            # Perhaps the reply to our own write was lost. Each upload adds its id, so the ids serve as the write id.
            found = self._read(name, _NAME)
            return found is not None and tuple(str(found[0]["uploads"]).split()) == uploads
        return True

    def forget(self, name: str, upload_id: str) -> None:
        found = self._read(name, _NAME)
        uploads = str(found[0]["uploads"]).split() if found is not None else []
        if found is None or upload_id not in uploads:
            return
        left = tuple(each for each in uploads if each != upload_id)
        unchanged = {"etag": found[0].metadata["etag"], "match_condition": MatchConditions.IfNotModified}
        try:
            with table_errors():
                if left:
                    self._table.update_entity(_name_row(name, left), mode=UpdateMode.REPLACE, **unchanged)
                else:
                    self._table.delete_entity(name, _NAME, **unchanged)
        except (ResourceModifiedError, ResourceNotFoundError) as error:
            raise Conflict("another upload of this blob came at the same moment") from error

    def _owner(self, kind: str, key: str, upload_id: str) -> str:
        try:
            with table_errors():
                self._table.create_entity(_owner_row(kind, key, upload_id))
        except ResourceExistsError:
            found = self._read(key, kind)
            if found is None:
                raise StorageUnavailable(f"a row of the kind {kind} was there, and then it was not") from None
            return str(found[0]["owner"])
        return upload_id

    def _read(self, partition: str, key: str) -> tuple[Any, datetime] | None:
        date = ServiceDate()
        try:
            with table_errors():
                row = self._table.get_entity(partition, key, raw_response_hook=date)
        except ResourceNotFoundError:
            return None
        return row, date.value


def _read_entry(row: Any, date: datetime) -> Stored:
    """Raises ValueError for a row that holds no entry."""
    entry = from_row({name: _value(row[name]) for name in row if name not in _KEYS})
    return Stored(entry, row.metadata["etag"], date, _written_at(row))


def _entries_of(rows: Iterable[Any], date: datetime) -> Iterator[Stored]:
    for row in rows:
        with suppress(ValueError):
            yield _read_entry(row, date)


def _entry_row(entry: Entry) -> dict[str, Any]:
    columns = {name: _property(value) for name, value in to_row(entry).items()}
    return {"PartitionKey": entry.upload_id, "RowKey": _ENTRY, **columns}


def _property(value: object) -> object:
    """*value* as the SDK needs it: it writes an int as 32 bits, and a blob rejected for its size may need more."""
    is_long = isinstance(value, int) and not isinstance(value, bool) and not -_INT32_END <= value < _INT32_END
    return EntityProperty(value, EdmType.INT64) if is_long else value


def _value(value: Any) -> Any:
    return value.value if isinstance(value, EntityProperty) else value


def _live_partition(upload_id: str) -> str:
    return f"{_LIVE}{upload_id[:1]}"


def _owner_row(kind: str, key: str, upload_id: str) -> dict[str, Any]:
    return {"PartitionKey": key, "RowKey": kind, "owner": upload_id}


def _name_row(name: str, uploads: tuple[str, ...]) -> dict[str, Any]:
    return {"PartitionKey": name, "RowKey": _NAME, "uploads": " ".join(uploads)}


def _stored(entry: Entry, written: Mapping[str, Any]) -> Stored:
    date = written["date"]
    if date is None:
        raise StorageUnavailable("a reply of storage without a Date")
    when = date.astimezone(UTC)
    return Stored(entry, written["etag"], when, when)


def _written_at(row: Any) -> datetime:
    written: datetime = row.metadata["timestamp"]
    return written.astimezone(UTC)
