"""A container in memory: versions by ETag, edits of metadata, which change it, and tags, which do not.

It also has what Azurite lacks: a customer-provided key, a legal hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.core.attachment import BlobDescription, BlobKind, BlobVersion, CopyState, is_folder_stub
from shared.core.outcome import STATE
from shared.core.ranges import ByteRange
from shared.errors import BlobArchived, BlobChanged, BlobGone, BlobKeyWithheld, BlobTagsRefused
from shared.ports import Page
from tests.support.fakes.manual_clock import ManualClock
from tests.support.fakes.pages import page_of
from tests.support.fakes.seam import Seam

ACCOUNT, CONTAINER = "devstoreaccount1", "attachments"


@dataclass
class _Blob:
    content: bytes
    etag: str
    metadata: dict[str, str]
    modified_at: datetime
    tags: dict[str, str] = field(default_factory=dict)
    kind: BlobKind = BlobKind.BLOCK
    copy: CopyState = CopyState.NONE
    archived: bool = False
    key_withheld: bool = False  # encrypted under a key that came with the writer's request
    tags_locked: bool = False  # under a lease, a legal hold or an immutability policy


@dataclass
class MemoryBlobs:
    """`ports.Blobs`, and what a person does to the container."""

    clock: ManualClock
    seam: Seam = field(default_factory=Seam)
    blobs: dict[str, _Blob] = field(default_factory=dict)
    writes: int = 0
    page_size: int = 5000

    # -- the person --

    def write(self, name: str, content: bytes, metadata: Mapping[str, str]) -> BlobVersion:
        """Write a blob. The former version's tags are lost."""
        self.blobs[name] = _Blob(content, self._next_etag(), dict(metadata), self.clock.date())
        return self.version(name)

    def edit_metadata(self, name: str, metadata: Mapping[str, str]) -> BlobVersion:
        blob = self.blobs[name]
        blob.metadata, blob.etag, blob.modified_at = dict(metadata), self._next_etag(), self.clock.date()
        return self.version(name)

    def append(self, name: str, content: bytes, metadata: Mapping[str, str]) -> BlobVersion:
        """Add to an append blob. The first piece creates it."""
        if name not in self.blobs:
            self.write(name, b"", metadata)
            self.blobs[name].kind = BlobKind.APPEND
        blob = self.blobs[name]
        blob.content += content
        blob.etag, blob.modified_at = self._next_etag(), self.clock.date()
        return self.version(name)

    def copy(self, name: str, state: CopyState, content: bytes = b"") -> BlobVersion:
        """Write a blob that the service itself copies: the copy is in *state*, and has *content* so far."""
        blob = self.blobs[name]
        blob.copy, blob.content, blob.etag, blob.modified_at = state, content, self._next_etag(), self.clock.date()
        return self.version(name)

    def make_folder_stub(self, name: str) -> None:
        self.write(name, b"", {"hdi_isfolder": "true"})

    def archive(self, name: str) -> None:
        self.blobs[name].archived = True

    def lease(self, name: str) -> None:
        self.blobs[name].tags_locked = True

    def remove(self, name: str) -> None:
        del self.blobs[name]

    def version(self, name: str) -> BlobVersion:
        return BlobVersion(ACCOUNT, CONTAINER, name, self.blobs[name].etag)

    def _next_etag(self) -> str:
        self.writes += 1
        return f"0x{self.writes:015X}"

    # -- the port --

    def describe(self, name: str) -> BlobDescription | None:
        self.seam.enter("blobs.describe", changes=False)
        blob = self.blobs.get(name)
        if blob is None:
            return None
        if blob.key_withheld:
            raise BlobKeyWithheld(name)
        return self._described(name, blob)

    def read(self, blob: BlobVersion, part: ByteRange) -> bytes:
        self.seam.enter("blobs.read", changes=False)
        present = self._pinned(blob)
        if present.key_withheld:
            raise BlobKeyWithheld(blob.name)
        if present.archived:
            raise BlobArchived(blob.name)
        content = present.content
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
        present = self._pinned(blob)
        if present.tags_locked:
            raise BlobTagsRefused(blob.name)
        present.tags = dict(tags)
        self.seam.leave("blobs.set_tags", changes=True)

    def delete(self, blob: BlobVersion) -> None:
        self.seam.enter("blobs.delete", changes=True)
        if blob.name in self.blobs and self.blobs[blob.name].etag == blob.etag:
            del self.blobs[blob.name]
        self.seam.leave("blobs.delete", changes=True)

    def touch(self, blob: BlobVersion) -> None:
        self.seam.enter("blobs.touch", changes=True)
        present = self._pinned(blob)
        if present.key_withheld:
            raise BlobKeyWithheld(blob.name)
        if present.archived:
            raise BlobArchived(blob.name)
        present.etag, present.modified_at = self._next_etag(), self.clock.date()
        present.tags, present.copy = {}, CopyState.SUCCESS
        self.seam.leave("blobs.touch", changes=True)

    def listed(self, page: str) -> Page[BlobDescription]:
        self.seam.enter("blobs.listed", changes=False)
        names, following = page_of(sorted(self.blobs), page, self.page_size)
        return Page(tuple(each for name in names if (each := self._listed(name)) is not None), following)

    def tagged(self, tag: str, value: str, page: str) -> Page[str]:
        self.seam.enter("blobs.tagged", changes=False)
        found = sorted(name for name, blob in self.blobs.items() if blob.tags.get(tag) == value)
        return Page(*page_of(found, page, self.page_size))

    def _listed(self, name: str) -> BlobDescription | None:
        blob = self.blobs[name]
        described = self._described(name, blob)
        return described and replace(described, outcome=blob.tags.get(STATE, ""))

    def _described(self, name: str, blob: _Blob) -> BlobDescription | None:
        if is_folder_stub(blob.metadata, len(blob.content)):
            return None
        return BlobDescription(
            self.version(name),
            len(blob.content),
            dict(blob.metadata),
            self.clock.date(),
            kind=blob.kind,
            copy=blob.copy,
            modified_at=blob.modified_at,
        )

    def _pinned(self, blob: BlobVersion) -> _Blob:
        present = self.blobs.get(blob.name)
        if present is None:
            raise BlobGone(blob.name)
        if present.etag != blob.etag:
            raise BlobChanged(blob.name)
        return present
