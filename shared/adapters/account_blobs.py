"""Connected accounts in a private container.

    account/{hash of object id}   the record, encrypted here (client-side encryption, version 2.0)
    name/{hash of sign-in name}   the object id: an index. The record it leads to must itself have that name
    sign-in/{hash of cookie}      a sign-in under way, sealed by its own cookie

Metadata is never set by itself: an encrypted blob's metadata hold its wrapped key, and setting them destroys it.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol, Self

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobClient, BlobLeaseClient, ContainerClient

from shared.adapters.key_vault import KeyEncryptionKey, KeyRing
from shared.errors import Conflict, StorageUnavailable
from shared.sign_in import account as record
from shared.sign_in.account import Account
from shared.sign_in.pending_sign_in import COOKIE_FOR, USED
from shared.sign_in.ports import Kept

# The longest that Azure gives for a fixed time, and more than one refresh takes.
_LEASE_SECONDS = 60
_WAIT_SECONDS = 20.0
_POLL_SECONDS = 0.25
_TRIES = 3
# How many abandoned sign-ins one new one clears away.
_CLEARED_AT_ONCE = 20


class NewId(Protocol):
    def __call__(self) -> str: ...


class BlobAccountStore:
    """`sign_in.ports.AccountStore` on one container. Safe to share between threads."""

    def __init__(self, container: ContainerClient, keys: KeyRing, new_id: NewId) -> None:
        self._container = container
        self._keys = keys
        self._new_id = new_id

    # -- accounts --

    def find(self, name: str) -> str | None:
        with _storage_errors():
            try:
                return bytes(self._name(name).download_blob().readall()).decode("utf-8", "replace")
            except ResourceNotFoundError:
                return None

    def version(self, object_id: str) -> str | None:
        with _storage_errors():
            try:
                return str(self._account(object_id).get_blob_properties().etag)
            except ResourceNotFoundError:
                return None

    def read(self, object_id: str) -> Kept | None:
        with _storage_errors():
            blob, keys = self._encrypted(self._account(object_id))
            try:
                stream = blob.download_blob()
                data = bytes(stream.readall())
            except ResourceNotFoundError:
                return None
            except HttpResponseError as error:
                if keys.failure is not None:
                    raise StorageUnavailable(keys.failure) from error
                if error.response is None:  # the SDK's way to say that what came cannot be decrypted
                    raise StorageUnavailable(f"an account's record cannot be decrypted: {_root(error)}") from error
                raise
        try:
            return Kept(record.from_bytes(data, object_id), str(stream.properties.etag))
        except ValueError as error:
            raise StorageUnavailable("what lies in an account's place is not its record") from error

    @contextmanager
    def hold(self, object_id: str) -> Iterator["_Hold | None"]:
        blob = self._account(object_id)
        lease = self._lease(blob)
        if lease is None:
            yield None
            return
        try:
            yield _Hold(self, object_id, lease)
        finally:
            # A lease that cannot be given back runs out.
            with suppress(AzureError):
                lease.release()

    def connect(self, account: Account) -> bool:
        for _ in range(_TRIES):
            with self.hold(account.person.object_id) as held:
                try:
                    if held is not None:
                        held.write(account)
                    else:
                        self.write(account, overwrite=False)
                except Conflict:
                    continue
            return self._take_name(account.person.name, account.person.object_id)
        raise StorageUnavailable("the account's record changes all the time")

    def forget_name(self, name: str, object_id: str) -> None:
        if self.find(name) == object_id:
            with _storage_errors(), suppress(ResourceNotFoundError):
                self._name(name).delete_blob()

    def write(self, account: Account, *, overwrite: bool, **condition: Any) -> str:
        """Write under *condition*; the new version. Raises Conflict where the condition does not hold."""
        account = replace(account, write_id=self._new_id())
        blob, _ = self._encrypted(self._account(account.person.object_id))
        for left in reversed(range(_TRIES)):
            try:
                written = blob.upload_blob(record.to_bytes(account), overwrite=overwrite, **condition)
                return str(written["etag"])
            except AzureError as error:
                # The SDK repeats a write whose reply was lost: the refusal may be the answer to our own repetition.
                with suppress(StorageUnavailable):
                    now = self.read(account.person.object_id)
                    if now is not None and now.account.write_id == account.write_id:
                        return now.version
                if isinstance(error, HttpResponseError) and error.status_code in {404, 409, 412}:
                    raise Conflict("the account's record was changed by somebody else") from error
                if not left:
                    raise StorageUnavailable(f"an account's record cannot be written: {_told(error)}") from error
        raise AssertionError("unreachable")

    def _take_name(self, name: str, object_id: str) -> bool:
        """First come, first served: a second account of that name can be named by its object id only."""
        blob = self._name(name)
        for _ in range(_TRIES):
            holder = self.find(name)
            if holder == object_id:
                return True
            if holder is not None:
                other = self.read(holder) if self.version(holder) is not None else None
                if other is not None and other.account.person.is_called(name):
                    return False
            with _storage_errors(), suppress(ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
                if holder is None:
                    blob.upload_blob(object_id.encode(), overwrite=False)
                else:
                    self.forget_name(name, holder)
        raise StorageUnavailable("the index of names changes all the time")

    def _lease(self, blob: BlobClient) -> BlobLeaseClient | None:
        """None where there is no blob. Raises StorageUnavailable where another holder has it for too long."""
        give_up_at = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                return blob.acquire_lease(lease_duration=_LEASE_SECONDS)
            except ResourceNotFoundError:
                return None
            except AzureError as error:
                if getattr(error, "status_code", None) != 409:
                    raise StorageUnavailable(f"an account's record cannot be held: {_told(error)}") from error
            if time.monotonic() > give_up_at:
                raise StorageUnavailable("another worker holds the account's record")
            time.sleep(_POLL_SECONDS)

    # -- sign-ins under way --

    def put_ceremony(self, name: str, data: bytes) -> None:
        with _storage_errors():
            self._ceremony(name).upload_blob(data, overwrite=False)
            self._clear_abandoned()

    def ceremony(self, name: str) -> tuple[bytes, str] | None:
        with _storage_errors():
            try:
                stream = self._ceremony(name).download_blob()
                return bytes(stream.readall()), str(stream.properties.etag)
            except ResourceNotFoundError:
                return None

    def use_up(self, name: str, version: str) -> bool:
        with _storage_errors():
            try:
                self._ceremony(name).upload_blob(
                    USED, overwrite=True, etag=version, match_condition=MatchConditions.IfNotModified
                )
            except (ResourceModifiedError, ResourceNotFoundError):
                return False
            return True

    def _clear_abandoned(self) -> None:
        now = datetime.now(UTC)
        pages = self._container.list_blobs(name_starts_with="sign-in/", results_per_page=_CLEARED_AT_ONCE).by_page()
        for blob in next(pages, []):
            if now - blob.last_modified > COOKIE_FOR:
                with suppress(ResourceNotFoundError):
                    self._container.delete_blob(blob.name)

    # -- blobs --

    def _account(self, object_id: str) -> BlobClient:
        return self._container.get_blob_client(f"account/{_hash(object_id)}")

    def _name(self, name: str) -> BlobClient:
        return self._container.get_blob_client(f"name/{_hash(name)}")

    def _ceremony(self, name: str) -> BlobClient:
        return self._container.get_blob_client(f"sign-in/{name}")

    def _encrypted(self, blob: BlobClient) -> tuple[BlobClient, "_Keys"]:
        # On this one client: what is not encrypted, or not by a key of ours, is refused.
        keys = _Keys(self._keys)
        blob.require_encryption = True
        blob.encryption_version = "2.0"
        blob.key_encryption_key = keys
        blob.key_resolver_function = keys.by_id
        return blob, keys


class _Keys:
    """The keys of one blob's client: the present one, asked for only when something is to be wrapped; or the blob's.

    The SDK repeats a decryption that failed, twice, and tells no reason in the end: a key that is out of reach is asked
    once, and *failure* has the reason: in words, since the same exception raised again would be its own cause.
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
        self._key = self._key or self._ring.present()
        return self._key


class _Hold:
    """`sign_in.ports.Hold`, by a lease of the blob."""

    def __init__(self, store: BlobAccountStore, object_id: str, lease: BlobLeaseClient) -> None:
        self._store = store
        self._object_id = object_id
        self._lease = lease
        self._version: str | None = None

    def read(self) -> Kept | None:
        found = self._store.read(self._object_id)
        self._version = found.version if found is not None else None
        return found

    def write(self, account: Account) -> str:
        try:
            return self._store.write(account, overwrite=True, lease=self._lease.id)
        except Conflict:
            # The lease ran out, say in a long pause. Nobody has written since we read: then nothing is lost.
            if self._version is None:
                raise
            unchanged = {"etag": self._version, "match_condition": MatchConditions.IfNotModified}
            return self._store.write(account, overwrite=True, **unchanged)

    def delete(self) -> None:
        with _storage_errors(), suppress(ResourceNotFoundError):
            self._store._account(self._object_id).delete_blob(lease=self._lease.id)  # noqa: SLF001 - one module


def _hash(text: str) -> str:
    return hashlib.sha256(text.casefold().encode("utf-8", "surrogatepass")).hexdigest()


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except AzureError as error:
        raise StorageUnavailable(f"the accounts' container: {_told(error)}") from error


def _root(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__


def _told(error: AzureError) -> str:
    status = getattr(error, "status_code", None)
    return f"HTTP {status}" if status else type(error).__name__
