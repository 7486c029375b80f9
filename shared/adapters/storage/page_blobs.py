"""How a blob gets under the reserved prefix: by a URL that the app signs, or, if it is small, from the app itself."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import (
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContentSettings,
    UserDelegationKey,
    generate_blob_sas,
)

from shared.adapters.storage.blob_errors import blob_errors
from shared.errors import StorageUnavailable

# Of a user delegation key. By documentation a week is allowed; to revoke the key ends all that it signed.
_KEY_LIFETIME = timedelta(hours=4)
# A signature must end before its key does, and the two are judged by different clocks.
_KEY_MARGIN = timedelta(minutes=10)
# By documentation a key is valid from its start by the service's clock, which may be behind ours.
_KEY_STARTED = timedelta(minutes=15)


def origin_of(service: BlobServiceClient) -> str:
    """The origin of signed URLs: `https://ACCOUNT.blob.core.windows.net`."""
    parts = urlsplit(service.url)
    return f"{parts.scheme}://{parts.netloc}"


class SasSigner:
    """`my_files.ports.Signer`. With an account key it makes a service SAS, else a user delegation SAS.

    Safe to share between threads. The user delegation SAS has not been run against Azure, nor against Azurite, which
    gives a delegation key only with OAuth over https.
    """

    def __init__(
        self, service: BlobServiceClient, container: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._service = service
        self._container = container
        self._now = now
        self._account_key = str(getattr(service.credential, "account_key", ""))
        self._lock = threading.Lock()
        self._delegation: tuple[UserDelegationKey, datetime] | None = None

    def url(self, blob_name: str, *, until: datetime) -> str:
        signature = generate_blob_sas(
            str(self._service.account_name),
            self._container,
            blob_name,
            permission=BlobSasPermissions(create=True),
            # Without a start time: where the service's clock is behind ours, the browser would come too early.
            expiry=until,
            protocol="https" if self._service.url.startswith("https://") else "https,http",
            account_key=self._account_key or None,
            user_delegation_key=None if self._account_key else self._delegation_key(until),
        )
        return f"{self._service.get_blob_client(self._container, blob_name).url}?{signature}"

    def _delegation_key(self, until: datetime) -> UserDelegationKey:
        """A key that outlives *until*. One thread asks for a new one; the others wait for it."""
        with self._lock:
            if self._delegation is None or self._delegation[1] - _KEY_MARGIN < until:
                now = self._now()
                ends = max(now + _KEY_LIFETIME, until + 2 * _KEY_MARGIN)
                with blob_errors():
                    self._delegation = self._service.get_user_delegation_key(now - _KEY_STARTED, ends), ends
            return self._delegation[0]


class ContainerWriter:
    """`my_files.ports.BlobWriter`. Safe to share between threads."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    def create(self, blob_name: str, content: bytes) -> None:
        settings = ContentSettings(content_type="application/octet-stream")
        blob = self._container.get_blob_client(blob_name)
        try:
            with blob_errors():
                blob.upload_blob(content, overwrite=False, content_settings=settings)
        except StorageUnavailable as error:
            # No other program knows the name, so the blob is ours: the reply was lost, and the SDK has sent it again.
            if not isinstance(error.__cause__, ResourceExistsError):
                raise
