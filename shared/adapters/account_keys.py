"""A key for each connected account, in a table: what ends with it is ended for good.

Storage keeps blobs for days after they were deleted or written over, so former blobs of an account outlive its
disconnection. A table keeps nothing: it has neither soft delete nor versions. So what is stored of an account is sealed
with the account's own key before it becomes a blob, and disconnecting destroys the key first. The key alone opens
nothing either: around what is sealed is the encryption whose key is in the vault.
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
# Random nonces cannot meet: a key seals once an hour at most.
_NONCE_BYTES = 12


class AccountKeys:
    """The keys, by object id. Safe to share between threads. Every method may raise StorageUnavailable."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def find(self, object_id: str) -> bytes | None:
        """The account's key; None where it has none, so that nothing that was sealed for it can be read."""
        with accounts_table_errors():
            try:
                key = self._table.get_entity(_PARTITION, _row(object_id)).get("Key")
            except ResourceNotFoundError as error:
                require_accounts_table(error)
                return None
        if not isinstance(key, bytes) or len(key) * 8 != _KEY_BITS:
            raise StorageUnavailable("what is stored in the place of an account's key is none")
        return key

    def find_or_make(self, object_id: str) -> bytes:
        """The account's key, made if it has none."""
        found = self.find(object_id)
        if found is not None:
            return found
        made = AESGCM.generate_key(_KEY_BITS)
        with accounts_table_errors():
            try:
                self._table.create_entity({"PartitionKey": _PARTITION, "RowKey": _row(object_id), "Key": made})
            except ResourceExistsError:
                # Another worker's, or our own whose reply was lost and which the SDK has sent again.
                found = self.find(object_id)
                if found is None:
                    raise StorageUnavailable("an account's key is made and destroyed at once") from None
                return found
        return made

    def destroy(self, object_id: str) -> None:
        """Destroy the key, and with it all that was ever sealed for the account."""
        with accounts_table_errors(), suppress(ResourceNotFoundError):
            self._table.delete_entity(_PARTITION, _row(object_id))


def seal(content: bytes, key: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, None)


def unseal(sealed: bytes, key: bytes) -> bytes:
    """Raises ValueError for what was not sealed with this key."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
    except InvalidTag as error:
        raise ValueError("sealed with another key") from error


def _row(object_id: str) -> str:
    return hashlib.sha256(object_id.encode("utf-8", "surrogatepass")).hexdigest()


def require_accounts_table(error: ResourceNotFoundError) -> None:
    """An account without a key is disconnected; a table that is missing says nothing of any account."""
    if getattr(error, "error_code", "") == "TableNotFound":
        raise StorageUnavailable("the accounts' table does not exist") from error


@contextmanager
def accounts_table_errors() -> Iterator[None]:
    """Failures of the accounts' table, as StorageUnavailable."""
    try:
        yield
    except AzureError as error:
        raise StorageUnavailable(f"the accounts' table: {describe(error)}") from error
