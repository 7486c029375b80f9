"""A blob event becomes an entry, once.

An event only names a blob. It may be late, doubled, or about a version that was written over meanwhile, so what counts
is the blob as it is now.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

from shared.core.admission import Defaults, admit, judge
from shared.core.attachment import BlobDescription
from shared.core.delivery import delay_until, proposal
from shared.core.entry import Claim, Entry, Reason
from shared.core.limits import Limits
from shared.core.observations import Arrived, NotYet, Refused
from shared.core.sent_file import SentFile, token_of
from shared.errors import StorageUnavailable
from shared.ports import Ports, Stored
from shared.telemetry.records import describe_accepted, describe_outcome


@dataclass(frozen=True, slots=True)
class Intake:
    """Makes entries of blobs, or finds the entry that a blob has already."""

    ports: Ports
    defaults: Defaults
    limits: Limits

    def enter(self, blob: BlobDescription, *, owner: str = "") -> tuple[Stored, bool]:
        """The blob's entry, and whether this call inserted it; a new one is claimed for *owner*, if one is given.

        The live row is written first: were it second, a death in between would leave an entry that no sweep sees. Then
        the row in the index of the person who sent it, so that none of their files is missing there.
        """
        ledger = self.ports.ledger
        if (existing := ledger.get(blob.version.upload_id())) is not None:
            return existing, False
        sent = self._sent_file(blob)
        entry = admit(blob, sent=sent, defaults=self.defaults, limits=self.limits)
        ledger.mark_live(entry.upload_id)
        if entry.account_key and self.ports.account_uploads is not None:
            self.ports.account_uploads.add(entry.account_key, entry.upload_id, entry.indexed_at)
        if sent is not None:
            self._free_signature(sent)
        inserted = ledger.insert(self._claimed(entry, owner))
        if inserted is not None:
            self._record(inserted)
            return inserted, True
        # Another delivery of the event was faster. No entry ages out so young, so it is there.
        raced = ledger.get(entry.upload_id)
        if raced is None:
            raise RuntimeError(f"the entry {entry.upload_id} could not be inserted, yet the ledger does not have it")
        return raced, False

    def announce(self, stored: Stored) -> None:
        """Send a message for the entry's current step. Once too often is harmless."""
        entry = stored.entry
        if not entry.is_done:
            message = proposal(entry, now=stored.date, limits=self.limits)
            self.ports.queue.send(message, delay_until(entry.due_at, stored.date))

    def judge(self, blob: BlobDescription, entry: Entry) -> Arrived | NotYet | Refused:
        """Whether the blob of an entry that waits for it has arrived."""
        sent = self._sent_file(blob)
        return judge(blob, seen_at=entry.created_at, sent=sent, defaults=self.defaults, limits=self.limits)

    def _sent_file(self, blob: BlobDescription) -> SentFile | None:
        """What was signed for the blob's name. One request where the name is the page's, none for all other files."""
        token = token_of(blob.version.name)
        return self.ports.sent_files.find(token) if token else None

    def _free_signature(self, sent: SentFile) -> None:
        """The browser may never say that the file has come: its tab is closed, or its connection is gone."""
        # No file waits for this: a signature that counts for too long ends by itself.
        with suppress(StorageUnavailable):
            self.ports.sent_files.used(sent)

    def turn_away(self, reason: Reason) -> None:
        """Record that a blob could not become an entry: storage refuses even to describe it, so it has no ETag here.

        No entry can end with that reason, and no tag can say it: this record is all that is left.
        """
        self.ports.telemetry.record("turned_away", reason=reason)

    def _claimed(self, entry: Entry, owner: str) -> Entry:
        if not owner or entry.not_before is not None:
            return entry
        return replace(entry, claim=Claim(owner, entry.created_at + self.limits.claim))

    def _record(self, stored: Stored) -> None:
        entry = stored.entry
        wait = delay_until(entry.not_before, stored.date)
        self.ports.telemetry.record("accepted", **describe_accepted(entry, wait=wait))
        if entry.phase.is_terminal:
            self.ports.telemetry.record("outcome", **describe_outcome(entry, elapsed=stored.date - entry.created_at))
