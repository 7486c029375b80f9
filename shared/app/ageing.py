"""Removes finished entries from the ledger, a number of days after their blob was found to be gone.

While a blob exists, its entry keeps it from being attached once more: a late event finds the entry, and so does
`catch_up`. Once the blob is gone, both find nothing to attach, and the entry is no longer needed.

The writes have a fixed order, so that a worker may die between any two of them:

    mark     the entry gets the time since when its blob is gone; if the blob is back, that time is cleared
    forget   the blob's name and the index of the account no longer remember the upload
    remove   the entry goes last: as long as it exists, the next round does what is left

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
    """*container*: the container that people put files into; *keep*: how long an entry outlives its blob."""

    ports: Ports
    container: str
    keep: timedelta

    def list_page(self, page: str) -> Page[Stored]:
        """One share of the ledger, or a part of one."""
        end = end_of_share(page)
        found = self.ports.ledger.listed(page, end)
        return Page(found.items, found.next or end)

    def is_candidate(self, entry: Entry) -> bool:
        """Whether the entry could be removed if its blob is gone.

        An entry of another container dates from before the setting was changed: its blob would always seem to be gone.
        """
        return entry.is_done and entry.blob.container == self.container

    def look_at(self, stored: Stored) -> bool:
        """Do what is due for the entry; whether it was removed. If it changes meanwhile, the next round looks again."""
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
        """Whether the blob exists, in any version: a newer version is still compared with the entries of its name."""
        try:
            return self.ports.blobs.describe(entry.blob.name) is not None
        except BlobKeyWithheld:
            return True
