"""Pending sign-ins: blobs `sign-in/{slot}` in the accounts' container, each sealed with its browser's cookie."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobClient, ContainerClient

from shared.adapters.azure_errors import describe, require_container
from shared.errors import StorageUnavailable

_PREFIX = "sign-in/"
# A pending sign-in has some 2 KB.
_LONGEST_BYTES = 64 * 1024
# The most that one call of `clear` deletes: other work waits behind it.
_MOST_CLEARED = 500


class BlobPendingSignIns:
    """`sign_in.ports.PendingSignIns` on one container. Safe to share between threads."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    def put(self, slot: str, data: bytes) -> None:
        with _storage_errors():
            self._blob(slot).upload_blob(data, overwrite=True)

    def get(self, slot: str) -> tuple[bytes, str] | None:
        with _storage_errors():
            try:
                stream = self._blob(slot).download_blob(offset=0, length=_LONGEST_BYTES)
                return bytes(stream.readall()), str(stream.properties.etag)
            except ResourceNotFoundError as error:
                require_container(error)
                return None

    def replace(self, slot: str, version: str, data: bytes) -> bool:
        with _storage_errors():
            try:
                self._blob(slot).upload_blob(
                    data, overwrite=True, etag=version, match_condition=MatchConditions.IfNotModified
                )
            except (ResourceModifiedError, ResourceNotFoundError):
                # Perhaps this was the SDK's repetition of our own write, whose reply was lost. It counts as a failure,
                # and the person starts again: if it counted as success, two requests could redeem one code, which ends
                # the grant.
                return False
            return True

    def clear(self, older_than: timedelta) -> int:
        cleared = 0
        with _storage_errors():
            # By this machine's clock: a difference of minutes does not matter here.
            written_before = datetime.now(UTC) - older_than
            for blob in self._container.list_blobs(name_starts_with=_PREFIX):
                if cleared == _MOST_CLEARED:
                    break
                if blob.last_modified < written_before:
                    # By its ETag, since a new sign-in may have taken the slot meanwhile.
                    cleared += self._delete(blob.name, blob.etag)
        return cleared

    def _delete(self, name: str, etag: str) -> bool:
        try:
            self._container.delete_blob(name, etag=etag, match_condition=MatchConditions.IfNotModified)
        except (ResourceModifiedError, ResourceNotFoundError):
            return False
        return True

    def _blob(self, slot: str) -> BlobClient:
        return self._container.get_blob_client(f"{_PREFIX}{slot}")


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except AzureError as error:
        raise StorageUnavailable(f"the pending sign-ins: {describe(error)}") from error
