"""A person's own uploads of the last month, page by page, and what the person may do with those sent from the page.

The account comes from the page session, never from a request. An upload is the person's where the index of that account
has it, and its entry does not name another account.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.attachment import BlobDescription
from shared.core.entry import Entry, Phase
from shared.core.sent_file import SentFile, account_key, blob_name, token_of
from shared.errors import BlobChanged, BlobGone, BlobKeyWithheld, BlobRefused, PageRefused
from shared.my_files import refusals
from shared.my_files.refusals import Refusal
from shared.ports import AccountUploads, Blobs, Ledger, Stored
from shared.sign_in.person import Person

SHOWN_FOR = timedelta(days=30)
PAGE_SIZE = 50
# How many entries are read at the same time: each takes a request of its own.
_AT_ONCE = 10
# A signature has its time from our clock, the index from the service's, cut to whole seconds.
_CLOCKS_APART = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class OwnPage:
    """One page of a person's uploads, the newest first. *next* names the page after it; empty: this is the last one."""

    entries: tuple[Entry, ...]
    next: str


@dataclass(frozen=True, slots=True)
class OwnUploads:
    """One per process. Every method may raise StorageUnavailable.

    *end_withdrawn* ends the upload of an id, whose blob has been deleted.
    """

    index: AccountUploads
    ledger: Ledger
    blobs: Blobs
    end_withdrawn: Callable[[str], None]
    now: Callable[[], datetime]

    def page(self, person: Person, place: str) -> OwnPage:
        """The uploads from *place* on, which an earlier page named; empty: from the newest on."""
        key, since = account_key(person.object_id), self.now() - SHOWN_FOR
        try:
            found = self.index.newest(key, since=since, page=place, at_most=PAGE_SIZE)
        except PageRefused:
            found = self.index.newest(key, since=since, page="", at_most=PAGE_SIZE)
        return OwnPage(self._entries(key, found.items), found.next)

    def has_come(self, sent: SentFile) -> bool:
        """Whether the file has come. True also where it has been attached and its blob deleted since."""
        name = blob_name(sent.token)
        try:
            if self.blobs.describe(name) is not None:
                return True
        except BlobKeyWithheld:
            return True
        return any(
            entry.blob.name == name for entry in self._entered_since(sent.account, sent.signed_at - _CLOCKS_APART)
        )

    def withdraw(self, person: Person, upload_id: str) -> Refusal | None:
        """Delete the blob of an upload that is not attached, and end the upload. None where that is done."""
        stored = self._sent_by(person, upload_id)
        if isinstance(stored, Refusal):
            return stored
        if stored.entry.phase is Phase.ATTACHED:
            return refusals.ALREADY_ATTACHED
        blob = self._blob_of(stored)
        if isinstance(blob, BlobDescription):
            self.blobs.delete(blob.version)
        elif blob is not refusals.GONE or stored.entry.phase.is_terminal:
            return blob
        self.end_withdrawn(upload_id)
        return None

    def try_again(self, person: Person, upload_id: str) -> Refusal | None:
        """Write the blob again as it is, which begins a new upload. None where that is done."""
        stored = self._sent_by(person, upload_id)
        if isinstance(stored, Refusal):
            return stored
        if stored.entry.phase is Phase.ATTACHED:
            return refusals.ALREADY_ATTACHED
        if not stored.entry.is_done:
            return refusals.UNDER_WAY
        blob = self._blob_of(stored)
        if isinstance(blob, Refusal):
            return blob
        try:
            self.blobs.touch(blob.version)
        except BlobChanged:
            return refusals.SENT_ANEW
        except (BlobGone, BlobRefused):
            return refusals.GONE
        return None

    def _entered_since(self, account: str, since: datetime) -> Iterator[Entry]:
        """All of them, however many: a file that was missed here would be sent, and attached, a second time."""
        key, place = account_key(account), ""
        while True:
            found = self.index.newest(key, since=since, page=place, at_most=PAGE_SIZE)
            yield from self._entries(key, found.items)
            place = found.next
            if not place:
                return

    def _entries(self, key: str, upload_ids: Iterable[str]) -> tuple[Entry, ...]:
        """The entries of *upload_ids* that belong, or may still come to belong, to the account of *key*."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            read = list(pool.map(self.ledger.get, upload_ids))
        # A row of the index may be left over: the name of its account may lead to another account by now.
        return tuple(stored.entry for stored in read if stored is not None and stored.entry.account_key in {"", key})

    def _sent_by(self, person: Person, upload_id: str) -> Stored | Refusal:
        """The upload, where *person* sent it from the page. The refusal does not say whether another person did."""
        stored = self.ledger.get(upload_id) if upload_id else None
        if stored is None or not token_of(stored.entry.blob.name):
            return refusals.NO_SUCH_UPLOAD
        # The entry has its key from the sent file that was signed for, not from anything that a browser says now.
        is_mine = stored.entry.account_key == account_key(person.object_id)
        return stored if is_mine else refusals.NO_SUCH_UPLOAD

    def _blob_of(self, stored: Stored) -> BlobDescription | Refusal:
        """The upload's blob, while it still has the version that the upload is about."""
        try:
            blob = self.blobs.describe(stored.entry.blob.name)
        except BlobKeyWithheld:
            return refusals.GONE
        if blob is None:
            return refusals.GONE
        return blob if blob.version == stored.entry.blob else refusals.SENT_ANEW
