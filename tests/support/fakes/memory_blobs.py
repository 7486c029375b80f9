"""A container in memory: versions by ETag, metadata edits that change it, tags that do not."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.core.attachment import BlobDescription, BlobVersion
from shared.core.ranges import ByteRange
from shared.errors import BlobChanged, BlobGone
from tests.support.fakes.manual_clock import ManualClock
from tests.support.fakes.seam import Seam

ACCOUNT, CONTAINER = "devstoreaccount1", "attachments"


@dataclass
class _Blob:
    content: bytes
    etag: str
    metadata: dict[str, str]
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class MemoryBlobs:
    """`ports.Blobs`, and what a person does to the container."""

    clock: ManualClock
    seam: Seam = field(default_factory=Seam)
    blobs: dict[str, _Blob] = field(default_factory=dict)
    writes: int = 0

    # -- the person --

    def write(self, name: str, content: bytes, metadata: Mapping[str, str]) -> BlobVersion:
        """Write a blob; its tags go with the version before."""
        self.writes += 1
        self.blobs[name] = _Blob(content, f"0x{self.writes:015X}", dict(metadata))
        return self.version(name)

    def edit_metadata(self, name: str, metadata: Mapping[str, str]) -> BlobVersion:
        self.writes += 1
        blob = self.blobs[name]
        blob.metadata, blob.etag = dict(metadata), f"0x{self.writes:015X}"
        return self.version(name)

    def remove(self, name: str) -> None:
        del self.blobs[name]

    def version(self, name: str) -> BlobVersion:
        return BlobVersion(ACCOUNT, CONTAINER, name, self.blobs[name].etag)

    # -- the port --

    def describe(self, name: str) -> BlobDescription | None:
        self.seam.enter("blobs.describe", changes=False)
        blob = self.blobs.get(name)
        if blob is None:
            return None
        return BlobDescription(self.version(name), len(blob.content), dict(blob.metadata), self.clock.date())

    def read(self, blob: BlobVersion, part: ByteRange) -> bytes:
        self.seam.enter("blobs.read", changes=False)
        content = self._pinned(blob).content
        if part.stop > len(content):
            raise AssertionError(f"a read of {part} in a blob of {len(content)} bytes")
        return content[part.start : part.stop]

    def tags(self, blob: BlobVersion) -> dict[str, str]:
        self.seam.enter("blobs.tags", changes=False)
        if blob.name not in self.blobs:
            raise BlobGone(blob.name)
        return dict(self.blobs[blob.name].tags)

    def set_tags(self, blob: BlobVersion, tags: Mapping[str, str]) -> None:
        self.seam.enter("blobs.set_tags", changes=True)
        if len(tags) > 10 or any(len(key) > 128 or len(value) > 256 for key, value in tags.items()):
            raise AssertionError("more tags, or longer ones, than a blob can have")
        self._pinned(blob).tags = dict(tags)
        self.seam.leave("blobs.set_tags", changes=True)

    def delete(self, blob: BlobVersion) -> None:
        self.seam.enter("blobs.delete", changes=True)
        if blob.name in self.blobs and self.blobs[blob.name].etag == blob.etag:
            del self.blobs[blob.name]
        self.seam.leave("blobs.delete", changes=True)

    def _pinned(self, blob: BlobVersion) -> _Blob:
        present = self.blobs.get(blob.name)
        if present is None:
            raise BlobGone(blob.name)
        if present.etag != blob.etag:
            raise BlobChanged(blob.name)
        return present
