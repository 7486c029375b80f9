"""Takes a file that a person sends: stores what it is for, signs a URL for its blob, and looks whether it has come.

From then on the browser cannot change what the file is for: the stored row says it, and the blob's name is random.
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

# Enough for 25 MB at 250 kbit/s. Storage lets a write that has begun by then come to its end.
SIGNED_FOR = timedelta(minutes=15)
# A signature does not bound the size of its blob, so this bounds how many blobs of any size a person can write before
# the app looks at them. The page sends a few files at a time.
MOST_SIGNED = 20
# The headers that a browser's Put Blob must have. The content type is not that of the file, so that no browser ever
# displays a blob.
PUT_HEADERS = {
    "x-ms-blob-type": "BlockBlob",
    "x-ms-version": "2023-11-03",
    "content-type": "application/octet-stream",
}


@dataclass(frozen=True, slots=True)
class Signed:
    """The URL to which one file may be sent, once."""

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
        # The signature comes first, since a failure then leaves no row behind. The browser gets the URL only when the
        # row is stored.
        url = self.signer.url(blob_name(sent.token), until=sent.good_until)
        if not self.sent_files.keep(sent, at_most=MOST_SIGNED):
            return refusals.TOO_MANY
        self.telemetry.record("file_signed", account=pseudonym(person.object_id), size=wanted.size)
        return Signed(sent.token, url)

    def has_come(self, person: Person, token: str) -> bool:
        """Whether the file of *token* has come. False for a token of another person, as for one that never existed."""
        sent = self.sent_files.find(token) if token else None
        if sent is None or sent.account != person.object_id or not self.uploads.has_come(sent):
            return False
        self.sent_files.used(sent)
        return True

    def send(self, person: Person, wanted: Wanted, content: bytes) -> Refusal | None:
        """Write the file from here, for a browser that runs no script. None where that is done."""
        now = self.now()
        # No URL is given out, so its signature has ended already.
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
