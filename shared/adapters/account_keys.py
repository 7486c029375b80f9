"""A key for each connected account, in a table, so that to disconnect an account makes its copies unreadable for good.

Storage keeps blobs for days after they were deleted or overwritten, so old blobs of an account outlive its
disconnection. A table has neither soft delete nor versions, and keeps nothing. So an account is sealed with its own key
before it becomes a blob, and to disconnect it destroys that key first. The key alone opens nothing: the sealed account
is encrypted once more, with a key in Key Vault.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableClient
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.adapters.azure_errors import describe
from shared.errors import StorageUnavailable

_PARTITION = "key"
_KEY_BITS = 256
# Random nonces suffice: a key seals about once an hour, so two of them never meet.
_NONCE_BYTES = 12


class AccountKeys:
    """The keys, by object id. Safe to share between threads. Every method may raise StorageUnavailable."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def find(self, object_id: str) -> bytes | None:
        """The account's key. None where it has none: then nothing that was sealed for it can be read."""
        with accounts_table_errors():
            try:
                key = self._table.get_entity(_PARTITION, _row(object_id)).get("Key")
            except ResourceNotFoundError as error:
                require_accounts_table(error)
                return None
        if not isinstance(key, bytes) or len(key) * 8 != _KEY_BITS:
            raise StorageUnavailable("the row of an account's key holds no key")
        return key

    def find_or_make(self, object_id: str) -> bytes:
        """The account's key. It is made where there is none."""
        found = self.find(object_id)
        if found is not None:
            return found
        made = AESGCM.generate_key(_KEY_BITS)
        with accounts_table_errors():
            try:
                self._table.create_entity({"PartitionKey": _PARTITION, "RowKey": _row(object_id), "Key": made})
            except ResourceExistsError:
                # Another worker has made it; or we have, the reply was lost, and the SDK has sent the request again.
                found = self.find(object_id)
                if found is None:
                    raise StorageUnavailable("an account's key was destroyed while it was made") from None
                return found
        return made

    def destroy(self, object_id: str) -> None:
        """Destroy the key: nothing that was ever sealed for the account can be read from then on."""
        with accounts_table_errors(), suppress(ResourceNotFoundError):
            self._table.delete_entity(_PARTITION, _row(object_id))


def seal(content: bytes, key: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, None)


def unseal(sealed: bytes, key: bytes) -> bytes:
    """Raises ValueError where *sealed* was not sealed with *key*."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
    except InvalidTag as error:
        raise ValueError("sealed with another key") from error


def _row(object_id: str) -> str:
    return hashlib.sha256(object_id.encode("utf-8", "surrogatepass")).hexdigest()


def require_accounts_table(error: ResourceNotFoundError) -> None:
    """Raise StorageUnavailable where the table is missing: only a missing row says that an account is disconnected."""
    if getattr(error, "error_code", "") == "TableNotFound":
        raise StorageUnavailable("the accounts' table does not exist") from error


@contextmanager
def accounts_table_errors() -> Iterator[None]:
    """Failures of the accounts' table, as StorageUnavailable."""
    try:
        yield
    except AzureError as error:
        raise StorageUnavailable(f"the accounts' table: {describe(error)}") from error
