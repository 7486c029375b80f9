"""The ledger in memory: insert-if-absent and replace-if-version, with every entry passed through its record form."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.adapters.storage.entry_row import from_row, to_row
from shared.core.entry import Entry
from shared.errors import Conflict
from shared.ports import LiveMark, Page, Release, Stored, UploadsOfName
from tests.support.fakes.manual_clock import ManualClock
from tests.support.fakes.pages import page_of
from tests.support.fakes.seam import Seam


@dataclass
class _Row:
    entry: Entry
    version: int
    written_at: datetime


@dataclass
class MemoryLedger:
    """`ports.Ledger`. *by_record* is off where speed matters more than the form that entries have in the table."""

    clock: ManualClock
    seam: Seam = field(default_factory=Seam)
    rows: dict[str, _Row] = field(default_factory=dict)
    live_rows: dict[str, datetime] = field(default_factory=dict)
    slots: dict[str, str] = field(default_factory=dict)
    names: dict[str, UploadsOfName] = field(default_factory=dict)
    attachments: dict[tuple[str, str], str] = field(default_factory=dict)
    heartbeat: tuple[Release, datetime] | None = None
    stopped_at: str = ""
    versions: int = 0
    by_record: bool = True
    page_size: int = 1000

    def get(self, upload_id: str) -> Stored | None:
        self.seam.enter("ledger.get", changes=False)
        row = self.rows.get(upload_id)
        return None if row is None else self._stored(row)

    def insert(self, entry: Entry) -> Stored | None:
        self.seam.enter("ledger.insert", changes=True)
        if entry.upload_id in self.rows:
            return None
        stored = self._stored(self._write(entry))  # its Date is from now, however late the answer comes
        self.seam.leave("ledger.insert", changes=True)
        return stored

    def replace(self, stored: Stored, entry: Entry) -> Stored:
        self.seam.enter("ledger.replace", changes=True)
        row = self.rows.get(entry.upload_id)
        if row is None or str(row.version) != stored.version:
            raise Conflict(f"the entry {entry.upload_id} was changed by someone else")
        stored = self._stored(self._write(entry))
        self.seam.leave("ledger.replace", changes=True)
        return stored

    def listed(self, after: str, before: str) -> Page[Stored]:
        self.seam.enter("ledger.listed", changes=False)
        ids = sorted(each for each in self.rows if not before or each < before)
        found, following = page_of(ids, after, self.page_size)
        return Page(tuple(self._stored(self.rows[each]) for each in found), following)

    def remove(self, stored: Stored) -> None:
        self.seam.enter("ledger.remove", changes=True)
        row = self.rows.get(stored.entry.upload_id)
        if row is not None and str(row.version) != stored.version:
            raise Conflict(f"the entry {stored.entry.upload_id} was changed by someone else")
        self.rows.pop(stored.entry.upload_id, None)
        self.seam.leave("ledger.remove", changes=True)

    def mark_live(self, upload_id: str) -> None:
        self.seam.enter("ledger.mark_live", changes=True)
        self.live_rows[upload_id] = self.clock.date()
        self.seam.leave("ledger.mark_live", changes=True)

    def clear_live(self, upload_id: str) -> None:
        self.seam.enter("ledger.clear_live", changes=True)
        self.live_rows.pop(upload_id, None)
        self.seam.leave("ledger.clear_live", changes=True)

    def live(self, after: str = "") -> Iterator[LiveMark]:
        self.seam.enter("ledger.live", changes=False)
        for upload_id, marked_at in sorted(self.live_rows.items()):
            if upload_id > after:
                yield LiveMark(upload_id, marked_at, self.clock.date())

    def swept_up_to(self) -> str:
        self.seam.enter("ledger.swept_up_to", changes=False)
        return self.stopped_at

    def beat(self, release: Release, swept_up_to: str = "") -> None:
        self.seam.enter("ledger.beat", changes=True)
        self.heartbeat = (release, self.clock.date())
        self.stopped_at = swept_up_to
        self.seam.leave("ledger.beat", changes=True)

    def own_attachment(self, account: str, attachment_id: str, upload_id: str) -> str:
        self.seam.enter("ledger.own_attachment", changes=True)
        owner = self.attachments.setdefault((account.casefold(), attachment_id), upload_id)
        self.seam.leave("ledger.own_attachment", changes=True)
        return owner

    def take_slot(self, slot: str, upload_id: str) -> str:
        self.seam.enter("ledger.take_slot", changes=True)
        owner = self.slots.setdefault(slot, upload_id)
        self.seam.leave("ledger.take_slot", changes=True)
        return owner

    def pass_slot(self, slot: str, holder: str, upload_id: str) -> bool:
        self.seam.enter("ledger.pass_slot", changes=True)
        if self.slots.get(slot, holder) == holder:
            self.slots[slot] = upload_id
        self.seam.leave("ledger.pass_slot", changes=True)
        return self.slots[slot] == upload_id

    def uploads_of(self, name: str, upload_id: str) -> UploadsOfName:
        self.seam.enter("ledger.uploads_of", changes=True)
        known = self.names.get(name)
        if known is None:
            known = self.names[name] = UploadsOfName((upload_id,), self._next_version())
        self.seam.leave("ledger.uploads_of", changes=True)
        return known

    def remember(self, name: str, known: UploadsOfName, uploads: tuple[str, ...]) -> bool:
        self.seam.enter("ledger.remember", changes=True)
        present = self.names.get(name)
        if present is not None and present.version == known.version:
            present = self.names[name] = UploadsOfName(uploads, self._next_version())
        self.seam.leave("ledger.remember", changes=True)
        return present is not None and present.uploads == uploads

    def forget(self, name: str, upload_id: str) -> None:
        self.seam.enter("ledger.forget", changes=True)
        known = self.names.get(name)
        if known is not None and upload_id in known.uploads:
            if left := tuple(each for each in known.uploads if each != upload_id):
                self.names[name] = UploadsOfName(left, self._next_version())
            else:
                del self.names[name]
        self.seam.leave("ledger.forget", changes=True)

    def _next_version(self) -> str:
        self.versions += 1
        return str(self.versions)

    def _write(self, entry: Entry) -> _Row:
        self.versions += 1
        entry = replace(entry, write_id=str(self.versions))
        if self.by_record:
            # Through the row's form and back: a value that the table could not hold must not survive here either.
            entry = from_row(to_row(entry))
        row = _Row(entry, self.versions, self.clock.date())
        self.rows[entry.upload_id] = row
        return row

    def _stored(self, row: _Row) -> Stored:
        return Stored(row.entry, str(row.version), self.clock.date(), row.written_at)

    # -- for tests --

    def entry(self, upload_id: str) -> Entry:
        return self.rows[upload_id].entry

    def entries(self) -> list[Entry]:
        return [row.entry for row in self.rows.values()]
