"""The container that people put files into."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobProperties, ContainerClient, StorageErrorCode

from shared.adapters.storage.service_date import ServiceDate
from shared.core.attachment import BlobDescription, BlobKind, BlobVersion, CopyState, is_folder_stub
from shared.core.outcome import STATE
from shared.core.ranges import ByteRange
from shared.errors import (
    BlobArchived,
    BlobChanged,
    BlobGone,
    BlobKeyWithheld,
    BlobRefused,
    BlobTagsRefused,
    StorageUnavailable,
)

# Of the blob, the account or the identity, not of the moment: no retry helps.
_TAGS_REFUSED = {400, 401, 403, 409}
_REFUSALS: dict[str, tuple[type[BlobRefused], str]] = {
    "BlobArchived": (BlobArchived, "the blob is in the archive tier"),
    "BlobUsesCustomerSpecifiedEncryption": (BlobKeyWithheld, "the blob is encrypted under a key of its writer's"),
}
_WITH_MD5 = {"x-ms-range-get-content-md5": "true"}
_LISTED = ["metadata", "tags", "copy"]
_COPIES = {str(state): state for state in CopyState}
_KINDS = {"BlockBlob": BlobKind.BLOCK, "AppendBlob": BlobKind.APPEND, "PageBlob": BlobKind.PAGE}


class BlobStore:
    """`ports.Blobs` on one container."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    def describe(self, name: str) -> BlobDescription | None:
        date = ServiceDate()
        try:
            with _storage_errors():
                properties = self._container.get_blob_client(name).get_blob_properties(raw_response_hook=date)
        except BlobGone:
            return None
        return self._described(name, properties, date.value)

    def read(self, blob: BlobVersion, part: ByteRange) -> bytes:
        # A whole slice is one ranged GET, and the service's MD5 of it is compared (up to 4 MiB). Not by the SDK's
        # `validate_content`: that hashes three times over, and with it a slice costs thrice the processor time.
        # The stored bytes are the file: left to itself, the SDK would unpack them where the writer's Content-Encoding
        # says gzip, 1.5 MB into 1.5 GiB if need be.
        head = _RangeHead(len(part))
        with _storage_errors():
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
            raise StorageUnavailable(f"{len(body)} bytes came of a range of {len(part)}")
        if not head.md5_is_of(body):
            raise StorageUnavailable("a range came with other bytes than the service's MD5 says, or with no MD5")
        return bytes(body)

    def tags(self, blob: BlobVersion) -> dict[str, str]:
        with _tag_errors():
            return dict(self._client(blob).get_blob_tags())

    def set_tags(self, blob: BlobVersion, tags: Mapping[str, str]) -> None:
        with _tag_errors():
            self._client(blob).set_blob_tags(dict(tags), **_pinned(blob))

    def delete(self, blob: BlobVersion) -> None:
        try:
            with _storage_errors():
                self._client(blob).delete_blob(delete_snapshots="include", **_pinned(blob))
        except (BlobGone, BlobChanged):
            return  # ours is gone already, or what lies there is not ours

    def every(self) -> Iterator[BlobDescription]:
        """Every blob of the container, with the outcome that its tags tell."""
        date = ServiceDate()
        with _storage_errors():
            for blob in self._container.list_blobs(include=_LISTED, raw_response_hook=date):
                described = self._described(blob.name, blob, date.value)
                if described is not None:
                    yield replace(described, outcome=(blob.tags or {}).get(STATE, ""))

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

    What is announced to be longer than what was asked for is not read at all: a worker's memory is bounded by what it
    asked for, and the HTTP library reads no more than was announced.
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
            told = f"{announced} bytes" if announced else "bytes without end"
            raise StorageUnavailable(f"{told} were announced for a range of {self._length}")

    def md5_is_of(self, body: bytes) -> bool:
        return self._md5 == base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _pinned(blob: BlobVersion) -> dict[str, Any]:
    return {"etag": f'"{blob.etag}"', "match_condition": MatchConditions.IfNotModified}


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except ResourceNotFoundError as error:
        if error.error_code in {"ContainerNotFound", "ContainerBeingDeleted"}:  # type: ignore[attr-defined]
            raise StorageUnavailable("the container of the attachments does not exist") from error
        raise BlobGone("there is no such blob") from error
    except HttpResponseError as error:
        code = _code(error)
        if code in _REFUSALS:
            refusal, text = _REFUSALS[code]
            raise refusal(text) from error
        # A lease that somebody holds on the blob is a 412 too.
        if error.status_code == 412 and code != StorageErrorCode.LEASE_ID_MISSING.value:
            raise BlobChanged("the blob has another ETag by now") from error
        told = f"answered {error.status_code} {code}".rstrip() if error.status_code else "broke off its answer"
        raise StorageUnavailable(f"blob storage {told}") from error
    except AzureError as error:
        raise StorageUnavailable(f"blob storage gave no answer ({type(error).__name__})") from error


@contextmanager
def _tag_errors() -> Iterator[None]:
    try:
        with _storage_errors():
            yield
    except StorageUnavailable as error:
        cause = error.__cause__
        if isinstance(cause, HttpResponseError) and (
            cause.status_code in _TAGS_REFUSED or _code(cause) == StorageErrorCode.LEASE_ID_MISSING.value
        ):
            told = f"{cause.status_code} {_code(cause)}".rstrip()
            raise BlobTagsRefused(f"blob storage answered {told} to a request for tags") from error
        raise
    except BlobRefused as error:
        raise BlobTagsRefused(str(error)) from error


def _code(error: HttpResponseError) -> str:
    """The service's own error code; empty where the reply had none. The SDK gives some as members of an enum."""
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))
