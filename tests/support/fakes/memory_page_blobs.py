"""Blobs under the reserved prefix, in memory: signed URLs, a browser that uses them, and the app that writes itself."""

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from tests.support.fakes.memory_blobs import CONTAINER, MemoryBlobs
from tests.support.fakes.seam import Seam

ORIGIN = "https://storage.example"


@dataclass
class MemoryPageBlobs:
    """`my_files.ports.Signer` and `my_files.ports.BlobWriter`, over the container."""

    blobs: MemoryBlobs
    seam: Seam = field(default_factory=Seam)

    def url(self, blob_name: str, *, until: datetime) -> str:
        self.seam.enter("signer.url", changes=False)
        return f"{ORIGIN}/{CONTAINER}/{blob_name}?sp=c&se={until.timestamp()}&sig=canary-signature"

    def create(self, blob_name: str, content: bytes) -> None:
        self.seam.enter("writer.create", changes=True)
        if blob_name not in self.blobs.blobs:
            self.blobs.write(blob_name, content, {})
        self.seam.leave("writer.create", changes=True)

    def put(self, url: str, content: bytes) -> int:
        """A browser's Put Blob at a signed URL. Returns the status that it gets."""
        parts = urlsplit(url)
        name = parts.path.removeprefix(f"/{CONTAINER}/")
        is_over = float(parse_qs(parts.query)["se"][0]) <= self.blobs.clock.now.timestamp()
        if is_over or name in self.blobs.blobs:
            return 403
        self.blobs.write(name, content, {})
        return 201
