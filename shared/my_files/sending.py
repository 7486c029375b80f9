"""A file that a person sends: kept under its blob's name, signed for, and looked for afterwards.

What the file is for is never in the browser's hands once it is signed: the row says it, under a name that is random.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.core.sent_file import SentFile, blob_name
from shared.my_files import refusals
from shared.my_files.fields import Wanted
from shared.my_files.own_uploads import OwnUploads
from shared.my_files.ports import BlobWriter, Signer
from shared.my_files.refusals import Refusal
from shared.ports import SentFiles, Telemetry
from shared.sign_in.person import Person
from shared.telemetry.records import pseudonym

# For 25 MB at 250 kbit/s. A write that has begun by then is let through to its end.
SIGNED_FOR = timedelta(minutes=15)
# A signature bounds no size: this is how many blobs, of any size, a person can have written before they are looked at.
# The page has a few files on their way at once.
MOST_SIGNED = 20
# What a browser's Put Blob has to say. The type is the container's, not the file's: nothing is ever shown from there.
PUT_HEADERS = {
    "x-ms-blob-type": "BlockBlob",
    "x-ms-version": "2023-11-03",
    "content-type": "application/octet-stream",
}


@dataclass(frozen=True, slots=True)
class Signed:
    """Where one file may be put, once."""

    token: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sending:
    """One per process. Every method may raise StorageUnavailable."""

    sent_files: SentFiles
    uploads: OwnUploads
    signer: Signer
    writer: BlobWriter
    telemetry: Telemetry
    now: Callable[[], datetime]

    def sign(self, person: Person, wanted: Wanted) -> Signed | Refusal:
        """A URL for the file that *person* wants to send."""
        now = self.now()
        sent = _sent_file(person, wanted, now, good_until=now + SIGNED_FOR)
        # Signed first: a failure leaves no row behind. No one has the URL before the row is there.
        url = self.signer.url(blob_name(sent.token), until=sent.good_until)
        if not self.sent_files.keep(sent, at_most=MOST_SIGNED):
            return refusals.TOO_MANY
        self.telemetry.record("file_signed", account=pseudonym(person.object_id), size=wanted.size)
        return Signed(sent.token, url)

    def has_come(self, person: Person, token: str) -> bool:
        """Whether the file of *token* has come. Another person's token looks like one that never was."""
        sent = self.sent_files.find(token) if token else None
        if sent is None or sent.account != person.object_id or not self.uploads.has_come(sent):
            return False
        self.sent_files.used(sent)
        return True

    def send(self, person: Person, wanted: Wanted, content: bytes) -> Refusal | None:
        """Write the file itself, for a browser that runs no script; None where that is done."""
        now = self.now()
        # Nobody gets a signature for it.
        sent = _sent_file(person, wanted, now, good_until=now)
        if not self.sent_files.keep(sent, at_most=MOST_SIGNED):
            return refusals.TOO_MANY
        self.writer.create(blob_name(sent.token), content)
        self.telemetry.record("file_sent", account=pseudonym(person.object_id), size=wanted.size)
        return None


def _sent_file(person: Person, wanted: Wanted, now: datetime, *, good_until: datetime) -> SentFile:
    return SentFile(
        token=secrets.token_hex(16),
        account=person.object_id,
        list_id=wanted.list_id,
        list_name=wanted.list_name,
        task_id=wanted.task_id,
        task_title=wanted.task_title,
        name=wanted.name,
        size=wanted.size,
        signed_at=now,
        good_until=good_until,
    )
