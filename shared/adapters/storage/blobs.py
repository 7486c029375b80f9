"""The container that people put files into."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.storage.blob import BlobClient, BlobProperties, ContainerClient

from shared.adapters.storage.blob_errors import blob_errors, tag_errors
from shared.adapters.storage.pages import PAGE_SIZE, page_of
from shared.adapters.storage.service_date import ServiceDate
from shared.core.attachment import BlobDescription, BlobKind, BlobVersion, CopyState, is_folder_stub
from shared.core.outcome import STATE
from shared.core.ranges import ByteRange
from shared.errors import BlobChanged, BlobGone, StorageUnavailable
from shared.ports import Page

_WITH_MD5 = {"x-ms-range-get-content-md5": "true"}
_LISTED = ["metadata", "tags", "copy"]
_COPIES = {str(state): state for state in CopyState}
_KINDS = {"BlockBlob": BlobKind.BLOCK, "AppendBlob": BlobKind.APPEND, "PageBlob": BlobKind.PAGE}


class BlobStore:
    """`ports.Blobs` on one container."""

    def __init__(self, container: ContainerClient, page_size: int = PAGE_SIZE) -> None:
        self._container = container
        self._page_size = page_size

    def describe(self, name: str) -> BlobDescription | None:
        date = ServiceDate()
        try:
            with blob_errors():
                properties = self._container.get_blob_client(name).get_blob_properties(raw_response_hook=date)
        except BlobGone:
            return None
        return self._described(name, properties, date.value)

    def read(self, blob: BlobVersion, part: ByteRange) -> bytes:
        # A whole slice is one ranged GET, for which the service gives an MD5 (up to 4 MiB). The SDK's
        # `validate_content` would check it too, but it hashes three times, which triples a slice's processor time.
        # `decompress=False`: the stored bytes are the file. Otherwise the SDK would unpack them where the writer's
        # Content-Encoding says gzip, and 1.5 MB can unpack to 1.5 GiB.
        head = _RangeHead(len(part))
        with blob_errors():
            stream = self._client(blob).download_blob(
                offset=part.start,
                length=len(part),
                headers=_WITH_MD5,
                raw_response_hook=head,
                decompress=False,
                **_pinned(blob),
            )
            body = stream.readall()
        if len(body) != len(part):
            raise StorageUnavailable(f"storage gave {len(body)} bytes for a range of {len(part)}")
        if not head.md5_is_of(body):
            raise StorageUnavailable("a range came with other bytes than the service's MD5 says, or with no MD5")
        return bytes(body)

    def tags(self, blob: BlobVersion) -> dict[str, str]:
        with tag_errors():
            return dict(self._client(blob).get_blob_tags())

    def set_tags(self, blob: BlobVersion, tags: Mapping[str, str]) -> None:
        with tag_errors():
            self._client(blob).set_blob_tags(dict(tags), **_pinned(blob))

    def delete(self, blob: BlobVersion) -> None:
        try:
            with blob_errors():
                self._client(blob).delete_blob(delete_snapshots="include", **_pinned(blob))
        except (BlobGone, BlobChanged):
            return  # this version is gone, or another version is there

    def touch(self, blob: BlobVersion) -> None:
        client = self._client(blob)
        with blob_errors():
            client.start_copy_from_url(client.url, **_pinned(blob))

    def listed(self, page: str) -> Page[BlobDescription]:
        date = ServiceDate()
        found, following = page_of(
            self._container.list_blobs(include=_LISTED, results_per_page=self._page_size, raw_response_hook=date), page
        )
        described = (self._listed(each, date.value) for each in found)
        return Page(tuple(each for each in described if each is not None), following)

    def tagged(self, tag: str, value: str, page: str) -> Page[str]:
        where = f"\"{tag}\"='{value}'"
        found, following = page_of(self._container.find_blobs_by_tags(where, results_per_page=self._page_size), page)
        return Page(tuple(each.name for each in found), following)

    def every(self) -> Iterator[BlobDescription]:
        """Every blob of the container, with the outcome that its tags say."""
        page = Page[BlobDescription]((), "")
        while True:
            page = self.listed(page.next)
            yield from page.items
            if not page.next:
                return

    def _listed(self, blob: BlobProperties, date: datetime) -> BlobDescription | None:
        described = self._described(blob.name, blob, date)
        return described and replace(described, outcome=(blob.tags or {}).get(STATE, ""))

    def _described(self, name: str, blob: BlobProperties, date: datetime) -> BlobDescription | None:
        metadata: Mapping[str, str] = blob.metadata or {}
        if is_folder_stub(metadata, blob.size):
            return None
        return BlobDescription(
            self._version(name, blob.etag),
            blob.size,
            metadata,
            date,
            kind=_KINDS.get(blob.blob_type or "", BlobKind.BLOCK),
            copy=_COPIES.get(blob.copy.status or "", CopyState.NONE),
            modified_at=blob.last_modified,
        )

    def _client(self, blob: BlobVersion) -> BlobClient:
        return self._container.get_blob_client(blob.name)

    def _version(self, name: str, etag: str) -> BlobVersion:
        account = self._container.account_name or ""
        return BlobVersion(account, self._container.container_name, name, etag.strip('"'))


class _RangeHead:
    """A `raw_response_hook` that looks at the head of a range's reply before any of its bytes are read.

    A reply whose Content-Length is not the length of the range is not read at all. The HTTP library reads no more than
    Content-Length says, so a worker never has more in memory than the range that it asked for.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._md5: str | None = None

    def __call__(self, response: Any) -> None:
        reply = response.http_response
        self._md5 = reply.headers.get("Content-MD5")
        announced = reply.headers.get("Content-Length", "")
        if reply.status_code in {200, 206} and announced != str(self._length):
            reply.close()
            length = f"{announced} bytes" if announced else "an unknown number of bytes"
            raise StorageUnavailable(f"{length} were announced for a range of {self._length}")

    def md5_is_of(self, body: bytes) -> bool:
        return self._md5 == base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _pinned(blob: BlobVersion) -> dict[str, Any]:
    return {"etag": f'"{blob.etag}"', "match_condition": MatchConditions.IfNotModified}
