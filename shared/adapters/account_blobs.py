"""Connected accounts in a private container.

    account/{hash of object id}   the account: sealed with its own key, then encrypted (client-side, version 2.0)
    name/{hash of sign-in name}   the object id of the account that the name leads to

Never set a blob's metadata alone: the metadata of an encrypted blob hold its wrapped key, which would be lost.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Protocol, Self

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobLeaseClient, ContainerClient

from shared.adapters.account_keys import AccountKeys, seal, unseal
from shared.adapters.azure_errors import describe, require_container
from shared.errors import Conflict, StorageUnavailable
from shared.sign_in import account as stored_form
from shared.sign_in.account import Account
from shared.sign_in.ports import StoredAccount

# The longest fixed lease that Azure gives. A refresh takes less.
_LEASE_SECONDS = 60
_WAIT_SECONDS = 20.0
_POLL_SECONDS = 0.25
_TRIES = 3
# An account has some 10 KB. But anyone with the right to write to the container can put a blob of any size there.
_LONGEST_BYTES = 256 * 1024
_OBJECT_ID_BYTES = 36


class NewId(Protocol):
    def __call__(self) -> str: ...


class KeyEncryptionKey(Protocol):
    """What azure-storage-blob needs of a key."""

    def wrap_key(self, key: bytes) -> bytes: ...
    def unwrap_key(self, key: bytes, algorithm: str) -> bytes: ...
    def get_kid(self) -> str: ...
    def get_key_wrap_algorithm(self) -> str: ...


class KeyRing(Protocol):
    """The key to wrap with, and those that earlier blobs were wrapped with. Raises StorageUnavailable."""

    def current(self) -> KeyEncryptionKey:
        """The key to wrap with now."""

    def by_id(self, kid: str) -> KeyEncryptionKey:
        """Raises ValueError for a key that is not of this ring: a blob's metadata names it, and may lie."""


class BlobAccountStore:
    """`sign_in.ports.AccountStore` on one container. Safe to share between threads.

    *keys* wrap the key that encrypts a blob. *own_keys* are the accounts' own, each destroyed with its account.
    """

    def __init__(self, container: ContainerClient, keys: KeyRing, own_keys: AccountKeys, new_id: NewId) -> None:
        self._container = container
        self._keys = keys
        self._own_keys = own_keys
        self._new_id = new_id

    # -- accounts --

    def version(self, object_id: str) -> str | None:
        with _storage_errors():
            try:
                return str(self._account(object_id).get_blob_properties().etag)
            except ResourceNotFoundError as error:
                require_container(error)
                return None

    def read(self, object_id: str) -> StoredAccount | None:
        with _storage_errors():
            blob, keys = self._encrypted(self._account(object_id))
            try:
                stream = blob.download_blob()
                if stream.size > _LONGEST_BYTES:
                    raise StorageUnavailable("a stored account is longer than any account can be")
                data = bytes(stream.readall())
            except ResourceNotFoundError as error:
                require_container(error)
                return None
            except HttpResponseError as error:
                if keys.failure is not None:
                    raise StorageUnavailable(keys.failure) from error
                if error.response is None:  # the SDK's way to say that what came cannot be decrypted
                    raise StorageUnavailable(f"a stored account cannot be decrypted: {_root(error)}") from error
                raise
        own_key = self._own_keys.find(object_id)
        if own_key is None:
            # The account was disconnected: its worker died before it deleted the blob, or the blob was restored since.
            return None
        try:
            return StoredAccount(stored_form.decode(unseal(data, own_key), object_id), str(stream.properties.etag))
        except ValueError as error:
            raise StorageUnavailable("the blob of an account holds another account, or none") from error

    def insert(self, account: Account) -> str:
        return self._write(account, overwrite=False)

    @contextmanager
    def lease(self, object_id: str) -> Iterator["_Lease | None"]:
        lease = self._acquire(self._account(object_id))
        if lease is None:
            yield None
            return
        try:
            yield _Lease(self, object_id, lease)
        finally:
            # A lease that cannot be given back runs out.
            with suppress(AzureError):
                lease.release()

    # -- names --

    def object_id_of(self, name: str) -> str | None:
        with _storage_errors():
            try:
                data = self._name(name).download_blob(offset=0, length=_OBJECT_ID_BYTES).readall()
            except ResourceNotFoundError as error:
                require_container(error)
                return None
            return bytes(data).decode("utf-8", "replace")

    def take_name(self, name: str, object_id: str) -> bool:
        with _storage_errors():
            try:
                self._name(name).upload_blob(object_id.encode(), overwrite=False)
            except ResourceExistsError:
                return False
            return True

    def free_name(self, name: str, object_id: str) -> None:
        with _storage_errors(), suppress(ResourceNotFoundError):
            stream = self._name(name).download_blob(offset=0, length=_OBJECT_ID_BYTES)
            if bytes(stream.readall()) != object_id.encode():
                return
            unchanged: dict[str, Any] = {
                "etag": stream.properties.etag,
                "match_condition": MatchConditions.IfNotModified,
            }
            try:
                self._name(name).delete_blob(delete_snapshots="include", **unchanged)
            except HttpResponseError as error:
                if error.status_code != 412:  # 412: another account has taken it meanwhile
                    raise

    # -- blobs --

    def _write(self, account: Account, *, overwrite: bool, **condition: Any) -> str:
        """Write under *condition*; the new version. Raises Conflict where the condition does not hold."""
        account = replace(account, write_id=self._new_id())
        blob, _ = self._encrypted(self._account(account.person.object_id))
        sealed = seal(stored_form.encode(account), self._own_keys.find_or_make(account.person.object_id))
        for left in reversed(range(_TRIES)):
            try:
                written = blob.upload_blob(sealed, overwrite=overwrite, **condition)
                return str(written["etag"])
            except AzureError as error:
                # The SDK repeats a write whose reply was lost: the first try may have succeeded, and so the second be
                # refused.
                with suppress(StorageUnavailable):
                    now = self.read(account.person.object_id)
                    if now is not None and now.account.write_id == account.write_id:
                        return now.version
                if isinstance(error, HttpResponseError) and error.status_code in {404, 409, 412}:
                    raise Conflict("the stored account was changed by another worker") from error
                if not left:
                    raise StorageUnavailable(f"an account cannot be written: {describe(error)}") from error
        raise AssertionError("unreachable")

    def _delete(self, object_id: str, lease: BlobLeaseClient) -> None:
        # The key first: in the other order, a death in between would leave the copies that storage keeps readable.
        self._own_keys.destroy(object_id)
        with _storage_errors(), suppress(ResourceNotFoundError):
            # Storage refuses to delete a blob that has snapshots, unless they are deleted with it.
            self._account(object_id).delete_blob(lease=lease.id, delete_snapshots="include")

    def _acquire(self, blob: BlobClient) -> BlobLeaseClient | None:
        """None where there is no blob. Raises StorageUnavailable where another worker holds it for too long."""
        give_up_at = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                return blob.acquire_lease(lease_duration=_LEASE_SECONDS)
            except ResourceNotFoundError as error:
                require_container(error)
                return None
            except AzureError as error:
                if getattr(error, "status_code", None) != 409:
                    raise StorageUnavailable(f"an account cannot be leased: {describe(error)}") from error
            if time.monotonic() > give_up_at:
                raise StorageUnavailable("another worker holds the account")
            time.sleep(_POLL_SECONDS)

    def _account(self, object_id: str) -> BlobClient:
        return self._container.get_blob_client(f"account/{_hash(object_id)}")

    def _name(self, name: str) -> BlobClient:
        return self._container.get_blob_client(f"name/{_hash(name)}")

    def _encrypted(self, blob: BlobClient) -> tuple[BlobClient, "_Keys"]:
        # With these settings the client refuses a blob that is not encrypted, or not with a key of ours.
        keys = _Keys(self._keys)
        blob.require_encryption = True
        blob.encryption_version = "2.0"
        blob.key_encryption_key = keys
        blob.key_resolver_function = keys.by_id
        return blob, keys


class _Keys:
    """The key of one blob's client: the one that the blob names, or the current one, fetched only to wrap with it.

    The SDK repeats a failed decryption twice, and in the end gives no reason. So a key that is out of reach is asked
    once, and *failure* keeps the reason. It is kept as a text: an exception raised again would be its own cause.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._key: KeyEncryptionKey | None = None
        self.failure: str | None = None

    def by_id(self, kid: str) -> Self:
        self._key = self._ring.by_id(kid)
        return self

    def wrap_key(self, key: bytes) -> bytes:
        return self._known().wrap_key(key)

    def unwrap_key(self, key: bytes, algorithm: str) -> bytes:
        if self.failure is not None:
            raise StorageUnavailable(self.failure)
        try:
            return self._known().unwrap_key(key, algorithm)
        except StorageUnavailable as error:
            self.failure = str(error)
            raise

    def get_kid(self) -> str:
        return self._known().get_kid()

    def get_key_wrap_algorithm(self) -> str:
        return self._known().get_key_wrap_algorithm()

    def _known(self) -> KeyEncryptionKey:
        self._key = self._key or self._ring.current()
        return self._key


class _Lease:
    """`sign_in.ports.AccountLease`, by a lease of the blob."""

    def __init__(self, store: BlobAccountStore, object_id: str, lease: BlobLeaseClient) -> None:
        self._store = store
        self._object_id = object_id
        self._lease = lease
        self._version: str | None = None

    def read(self) -> StoredAccount | None:
        found = self._store.read(self._object_id)
        self._version = found.version if found is not None else None
        return found

    def write(self, account: Account) -> str:
        try:
            return self._store._write(account, overwrite=True, lease=self._lease.id)  # noqa: SLF001 - one module
        except Conflict:
            # The lease ran out, for example while this process was paused. Where no worker has written since we read,
            # we may still write.
            if self._version is None:
                raise
            unchanged = {"etag": self._version, "match_condition": MatchConditions.IfNotModified}
            return self._store._write(account, overwrite=True, **unchanged)  # noqa: SLF001 - one module

    def delete(self) -> None:
        self._store._delete(self._object_id, self._lease)  # noqa: SLF001 - one module


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except AzureError as error:
        raise StorageUnavailable(f"the accounts' container: {describe(error)}") from error


def _root(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__
