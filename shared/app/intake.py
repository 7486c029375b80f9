"""Makes an entry of a blob, once.

An event only names a blob. It may be late or doubled, or its version may have been overwritten since, so the entry is
made of the blob as it is now.
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
    """Makes entries of blobs, or finds the entry that a blob already has."""

    ports: Ports
    defaults: Defaults
    limits: Limits

    def enter(self, blob: BlobDescription, *, owner: str = "") -> tuple[Stored, bool]:
        """The blob's entry, and whether this call inserted it. A new entry is claimed for *owner*, if one is given.

        The entry is written last. Before it come the live row, since a death in between would otherwise leave an entry
        that no sweep finds, and the row in the index of the person who sent the file, since that file would otherwise
        be missing from their page.
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
        # Another delivery of the event was faster. Its entry is too young to have aged out, so it must be there.
        raced = ledger.get(entry.upload_id)
        if raced is None:
            raise RuntimeError(f"the entry {entry.upload_id} could not be inserted, yet the ledger does not have it")
        return raced, False

    def announce(self, stored: Stored) -> None:
        """Send a message for the entry's current step. A second message for the same step does no harm."""
        entry = stored.entry
        if not entry.is_done:
            message = proposal(entry, now=stored.date, limits=self.limits)
            self.ports.queue.send(message, delay_until(entry.due_at, stored.date))

    def judge(self, blob: BlobDescription, entry: Entry) -> Arrived | NotYet | Refused:
        """Whether the blob of an entry that waits for it has arrived."""
        sent = self._sent_file(blob)
        return judge(blob, seen_at=entry.created_at, sent=sent, defaults=self.defaults, limits=self.limits)

    def _sent_file(self, blob: BlobDescription) -> SentFile | None:
        """What was signed for the blob's name. It costs a request only where the name has the reserved prefix."""
        token = token_of(blob.version.name)
        return self.ports.sent_files.find(token) if token else None

    def _free_signature(self, sent: SentFile) -> None:
        """Note that the signature is used: the browser, whose tab may be closed by now, may never say so itself."""
        # A failure must not hold up the file: the signature ends by itself, only later.
        with suppress(StorageUnavailable):
            self.ports.sent_files.used(sent)

    def turn_away(self, reason: Reason) -> None:
        """Record that a blob cannot become an entry: storage refuses even to describe it, so its ETag is unknown.

        Without an entry no tag can say so either: this record is the only trace.
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
