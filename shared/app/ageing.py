"""Ages finished entries out: so many days after their blob was found to be gone, and still is.

While a blob is there, its entry is what keeps it from being attached once more: a late event finds it, and so does
`catch_up`. Without a blob both find nothing that could be attached.

The order of writes is fixed, for the sake of deaths:

    mark     the entry says since when its blob is gone; one that is back takes the mark away
    forget   its blob's name remembers the upload no longer, nor does the index of its account
    remove   the entry goes, last: as long as it is there, the next round does the rest

The rows of its attachment and its slot stay. A search after a lost answer must know which upload owns each attachment;
and the keys of these rows need the account's identity, which cannot be asked for once the account is disconnected.
docs/adr/0018-finished-entries-age-out.md has the reasons.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.core.blob_name import name_key
from shared.core.catching_up import end_of_share
from shared.core.entry import Entry
from shared.errors import BlobKeyWithheld, Conflict
from shared.ports import Page, Ports, Stored


@dataclass(frozen=True, slots=True)
class Ageing:
    """*container*: the one that files are put into; *keep*: how long an entry outlives its blob."""

    ports: Ports
    container: str
    keep: timedelta

    def list_page(self, page: str) -> Page[Stored]:
        """One share of the ledger, or a part of one."""
        end = end_of_share(page)
        found = self.ports.ledger.listed(page, end)
        return Page(found.items, found.next or end)

    def is_candidate(self, entry: Entry) -> bool:
        """Whether the entry could go, were its blob gone.

        Entries of another container are from before the setting was changed: all their blobs would seem to be gone.
        """
        return entry.is_done and entry.blob.container == self.container

    def look_at(self, stored: Stored) -> bool:
        """Whether the entry went. Where it was changed meanwhile, the next round looks again."""
        entry, ledger = stored.entry, self.ports.ledger
        with suppress(Conflict):
            if self._is_there(entry):
                if entry.source_gone_since is not None:
                    ledger.replace(stored, replace(entry, source_gone_since=None))
            elif entry.source_gone_since is None:
                ledger.replace(stored, replace(entry, source_gone_since=stored.date))
            elif stored.date >= entry.source_gone_since + self.keep:
                ledger.forget(name_key(entry.blob), entry.upload_id)
                if entry.account_key and self.ports.account_uploads is not None:
                    self.ports.account_uploads.remove(entry.account_key, entry.upload_id, entry.indexed_at)
                ledger.remove(stored)
                return True
        return False

    def _is_there(self, entry: Entry) -> bool:
        """In any version: a newer one is compared with what the entries under its name know."""
        try:
            return self.ports.blobs.describe(entry.blob.name) is not None
        except BlobKeyWithheld:
            return True
