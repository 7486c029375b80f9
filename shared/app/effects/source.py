"""The blob, in exactly the version that the entry is about."""

import hashlib
from dataclasses import dataclass, field

from shared.app.intake import Intake
from shared.core import observations as seen
from shared.core.attachment import BlobDescription, BlobVersion
from shared.core.content import Piece, piece_of
from shared.core.entry import Reason
from shared.core.ranges import ByteRange
from shared.errors import BlobArchived, BlobChanged, BlobGone, BlobKeyWithheld, StorageUnavailable
from shared.ports import Blobs

_ARCHIVED = seen.Refused(
    Reason.ARCHIVED, "the blob is in the archive tier: set its tier to hot or cool, and write it again when it is there"
)
_KEY_WITHHELD = seen.Refused(
    Reason.KEY_WITHHELD, "the blob is encrypted under a key of its writer's: write it again without that key"
)


@dataclass(frozen=True, slots=True)
class Source:
    """Reads exactly this version. Where the blob has another version by now, *intake* enters that one.

    *pieces* collects what was read, in order, for the entry.
    """

    blobs: Blobs
    intake: Intake
    version: BlobVersion
    pieces: list[Piece] = field(default_factory=list)

    def read(self, part: ByteRange) -> bytes | seen.Deferred | seen.Refused | seen.BlobLost:
        """Exactly *part* of exactly this version."""
        try:
            body = self.blobs.read(self.version, part)
        except StorageUnavailable as error:
            # Nothing was sent to Graph yet, so the step can be stored, and the claim given back.
            return seen.Deferred(str(error))
        except BlobArchived:
            return _ARCHIVED
        except BlobKeyWithheld:
            return _KEY_WITHHELD
        except BlobChanged:
            return self._lost()
        except BlobGone:
            return seen.BlobDeleted()
        self.pieces.append(piece_of(part, body))
        return body

    def lost(self) -> seen.BlobLost | seen.Refused | None:
        """What became of this version; None while it is there.

        It is for those who read no byte of the blob: a read says the same.
        """
        blob = self.present()
        return None if isinstance(blob, BlobDescription) else blob

    def present(self) -> BlobDescription | seen.BlobLost | seen.Refused:
        """The blob as it is now, while it is this version."""
        try:
            blob = self.blobs.describe(self.version.name)
        except BlobKeyWithheld:
            return _KEY_WITHHELD
        if blob is None:
            return seen.BlobDeleted()
        return blob if blob.version == self.version else self._lost()

    def sha256(self, *, size: int, slice_bytes: int) -> str | seen.Deferred | seen.Refused | seen.BlobLost:
        """The SHA-256 of this version in hex, read slice by slice: the file is never in memory as a whole."""
        digest, offset = hashlib.sha256(), 0
        while offset < size:
            part = ByteRange.next_slice(offset, size=size, slice_bytes=slice_bytes)
            content = self.read(part)
            if not isinstance(content, bytes):
                return content
            digest.update(content)
            offset = part.stop
        return digest.hexdigest()

    def _lost(self) -> seen.BlobLost:
        """Enter and announce the blob's current version: a metadata edit changes the ETag and raises no event."""
        try:
            blob = self.blobs.describe(self.version.name)
        except BlobKeyWithheld:
            self.intake.turn_away(Reason.KEY_WITHHELD)
            return seen.BlobRewritten()
        if blob is None:
            # A service that checks the condition before it looks for the blob says "changed" for one that is gone.
            return seen.BlobDeleted()
        if blob.version == self.version:
            # The two answers contradict each other: neither is a reason to end an upload.
            raise StorageUnavailable("storage said that the blob had changed, and it has not")
        # Before this upload ends: in the other order, a death in between would leave the new version without an entry,
        # and no event would come.
        stored, _ = self.intake.enter(blob)
        self.intake.announce(stored)
        return seen.BlobRewritten()
