"""The container that people put files into."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobClient, ContainerClient, StorageErrorCode

from shared.adapters.storage.service_date import ServiceDate
from shared.core.attachment import BlobDescription, BlobVersion
from shared.core.outcome import STATE
from shared.core.ranges import ByteRange
from shared.errors import BlobChanged, BlobGone, BlobTagsRefused, StorageUnavailable

# Of the account or the identity, not of the moment: no retry helps.
_TAGS_REFUSED = {400, 401, 403, 409}
_WITH_MD5 = {"x-ms-range-get-content-md5": "true"}


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
        return BlobDescription(self._version(name, properties.etag), properties.size, properties.metadata, date.value)

    def read(self, blob: BlobVersion, part: ByteRange) -> bytes:
        # A whole slice is one ranged GET, and the service's MD5 of it is compared (up to 4 MiB). Not by the SDK's
        # `validate_content`: that hashes three times over, and with it a slice costs thrice the processor time.
        md5 = _RangeMd5()
        with _storage_errors():
            stream = self._client(blob).download_blob(
                offset=part.start, length=len(part), headers=_WITH_MD5, raw_response_hook=md5, **_pinned(blob)
            )
            body = stream.readall()
        if len(body) != len(part):
            raise StorageUnavailable(f"{len(body)} bytes came of a range of {len(part)}")
        if not md5.is_of(body):
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
            for blob in self._container.list_blobs(include=["metadata", "tags"], raw_response_hook=date):
                version, outcome = self._version(blob.name, blob.etag), (blob.tags or {}).get(STATE, "")
                yield BlobDescription(version, blob.size, blob.metadata or {}, date.value, outcome)

    def _client(self, blob: BlobVersion) -> BlobClient:
        return self._container.get_blob_client(blob.name)

    def _version(self, name: str, etag: str) -> BlobVersion:
        account = self._container.account_name or ""
        return BlobVersion(account, self._container.container_name, name, etag.strip('"'))


class _RangeMd5:
    """A `raw_response_hook` that keeps the service's MD5 of a range."""

    def __init__(self) -> None:
        self._value: str | None = None

    def __call__(self, response: Any) -> None:
        self._value = response.http_response.headers.get("Content-MD5")

    def is_of(self, body: bytes) -> bool:
        return self._value == base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


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
        # A lease that somebody holds on the blob is a 412 too.
        if error.status_code == 412 and getattr(error, "error_code", None) != StorageErrorCode.LEASE_ID_MISSING:
            raise BlobChanged("the blob has another ETag by now") from error
        raise StorageUnavailable(f"blob storage answered {error.status_code}") from error
    except AzureError as error:
        raise StorageUnavailable(f"blob storage gave no answer ({type(error).__name__})") from error


@contextmanager
def _tag_errors() -> Iterator[None]:
    try:
        with _storage_errors():
            yield
    except StorageUnavailable as error:
        status = getattr(error.__cause__, "status_code", None)
        if status in _TAGS_REFUSED:
            raise BlobTagsRefused(f"blob storage answered {status} to a request for tags") from error
        raise
