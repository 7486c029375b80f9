"""Key encryption keys: what the key of each account's blob is wrapped with.

In Azure a key in Key Vault, which never leaves it; on one machine a file that only its owner may read.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import HttpTransport
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from shared.errors import StorageUnavailable

_KEY_BYTES = 32
_VERSION = re.compile(r"[0-9a-f]{32}")


class KeyEncryptionKey(Protocol):
    """What azure-storage-blob asks of a key."""

    def wrap_key(self, key: bytes) -> bytes: ...
    def unwrap_key(self, key: bytes, algorithm: str) -> bytes: ...
    def get_kid(self) -> str: ...
    def get_key_wrap_algorithm(self) -> str: ...


class KeyRing(Protocol):
    """The key to wrap with, and those that earlier blobs were wrapped with. Raises StorageUnavailable."""

    def present(self) -> KeyEncryptionKey: ...
    def by_id(self, kid: str) -> KeyEncryptionKey:
        """Raises ValueError for a key that is not of this ring: a blob's metadata names it, and may lie."""


class FileKey:
    """A key in a file (mode 0600), and a ring of nothing else."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def read(cls, path: Path) -> "FileKey":
        """Raises ValueError for a file that others may read, or that holds no key."""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & 0o077:
                raise ValueError(f"the key file {path} can be read by others: chmod 600 {path}")
            key = file.read(_KEY_BYTES + 1)
        if len(key) != _KEY_BYTES:
            raise ValueError(f"the key file {path} does not hold {_KEY_BYTES} bytes")
        return cls(key)

    @staticmethod
    def make(path: Path) -> None:
        """A new key, unless there is one."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(_KEY_BYTES))

    def present(self) -> KeyEncryptionKey:
        return self

    def by_id(self, kid: str) -> KeyEncryptionKey:
        if kid != self.get_kid():
            raise ValueError("wrapped with another key file's key")
        return self

    def wrap_key(self, key: bytes) -> bytes:
        return aes_key_wrap(self._key, key)

    def unwrap_key(self, key: bytes, algorithm: str) -> bytes:
        if algorithm != self.get_key_wrap_algorithm():
            raise ValueError("wrapped by an unknown algorithm")
        try:
            return aes_key_unwrap(self._key, key)
        except InvalidUnwrap as error:
            raise ValueError("not wrapped with this key") from error

    def get_kid(self) -> str:
        return f"file:{hashlib.sha256(b'kid' + self._key).hexdigest()[:16]}"

    def get_key_wrap_algorithm(self) -> str:
        return "A256KW"


class VaultKey:
    """One version of a key in Key Vault. Whatever keeps it from being used is StorageUnavailable, and passes."""

    def __init__(self, client: CryptographyClient, kid: str) -> None:
        self._client = client
        self._kid = kid

    def wrap_key(self, key: bytes) -> bytes:
        with _key_errors():
            return self._client.wrap_key(KeyWrapAlgorithm.rsa_oaep_256, key).encrypted_key

    def unwrap_key(self, key: bytes, algorithm: str) -> bytes:
        if algorithm != self.get_key_wrap_algorithm():
            raise ValueError("wrapped by an unknown algorithm")
        with _key_errors():
            return self._client.unwrap_key(KeyWrapAlgorithm.rsa_oaep_256, key).key

    def get_kid(self) -> str:
        return self._kid

    def get_key_wrap_algorithm(self) -> str:
        return KeyWrapAlgorithm.rsa_oaep_256.value


# A worker holds an account's record for a minute at most, and asks Key Vault meanwhile: the client's own patience
# (five minutes for an answer, ten tries, and whatever Retry-After says) would outlast that. The queue is the retry.
_PATIENCE: Mapping[str, Any] = {
    "connection_timeout": 5,
    "read_timeout": 10,
    "retry_total": 1,
    "retry_status": 0,
    "retry_backoff_factor": 0.5,
}


class VaultRing:
    """All versions of one key in Key Vault. *kid* with a version: that one wraps. Safe to share between threads.

    *transport*: how requests travel, where it is not the usual way.
    """

    def __init__(self, kid: str, credential: TokenCredential, transport: HttpTransport[Any, Any] | None = None) -> None:
        self._name = "/".join(kid.split("/")[:5])  # https://VAULT/keys/NAME
        vault, _, self._key = self._name.partition("/keys/")
        self._version = kid.removeprefix(self._name).removeprefix("/")
        options = dict(_PATIENCE) if transport is None else {**_PATIENCE, "transport": transport}
        self._client = KeyClient(vault, credential, **options)
        # One for each version: it fetches the public half once, and wraps with it here.
        self._versions: dict[str, VaultKey] = {}

    def present(self) -> KeyEncryptionKey:
        # Asked for each write: a rotated key is used from the next one on, and what a disabled one wraps cannot be
        # unwrapped. What was wrapped before names its version itself.
        with _key_errors():
            key = self._client.get_key(self._key, self._version or None)
        if key.properties.enabled is False:
            raise StorageUnavailable("the accounts' key in Key Vault is disabled")
        return self.by_id(str(key.id))

    def by_id(self, kid: str) -> KeyEncryptionKey:
        # Else a blob could send this identity's token to a vault of somebody else's.
        version = kid.removeprefix(f"{self._name}/")
        if not _VERSION.fullmatch(version):
            raise ValueError("wrapped with a key that is not this deployment's")
        found = self._versions.get(version)
        if found is None:
            found = VaultKey(self._client.get_cryptography_client(self._key, key_version=version), kid)
            self._versions[version] = found
        return found


@contextmanager
def _key_errors() -> Iterator[None]:
    """A key that cannot be used now (disabled, forbidden, deleted, not yet valid) may be usable again: a delay."""
    try:
        yield
    except AzureError as error:
        raise StorageUnavailable(f"the accounts' key in Key Vault: {_told(error)}") from error
    except ValueError as error:  # outside of the key's validity, or a challenge that names another domain
        raise StorageUnavailable("the accounts' key in Key Vault cannot be used") from error


def _told(error: AzureError) -> str:
    """Status and code, such as 403 Forbidden; never the text, which names the caller."""
    status = getattr(error, "status_code", None)
    if status is None:
        return f"no answer ({type(error).__name__})"
    code = str(getattr(getattr(error, "error", None), "code", ""))
    return f"HTTP {status} {code}".strip() if code.isalnum() else f"HTTP {status}"
