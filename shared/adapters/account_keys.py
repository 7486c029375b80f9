"""Key encryption keys: what the key of each account's blob is wrapped with.

In Azure a key in Key Vault, which never leaves it; on one machine a file that only its owner may read.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from azure.core.credentials import TokenCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

_KEY_BYTES = 32


class KeyEncryptionKey(Protocol):
    """What azure-storage-blob asks of a key."""

    def wrap_key(self, key: bytes) -> bytes: ...
    def unwrap_key(self, key: bytes, algorithm: str) -> bytes: ...
    def get_kid(self) -> str: ...
    def get_key_wrap_algorithm(self) -> str: ...


class KeyRing(Protocol):
    """The key to wrap with, and those that earlier blobs were wrapped with."""

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
    """One version of a key in Key Vault."""

    def __init__(self, client: CryptographyClient, kid: str) -> None:
        self._client = client
        self._kid = kid

    def wrap_key(self, key: bytes) -> bytes:
        return self._client.wrap_key(KeyWrapAlgorithm.rsa_oaep_256, key).encrypted_key

    def unwrap_key(self, key: bytes, algorithm: str) -> bytes:
        if algorithm != self.get_key_wrap_algorithm():
            raise ValueError("wrapped by an unknown algorithm")
        return self._client.unwrap_key(KeyWrapAlgorithm.rsa_oaep_256, key).key

    def get_kid(self) -> str:
        return self._kid

    def get_key_wrap_algorithm(self) -> str:
        return KeyWrapAlgorithm.rsa_oaep_256.value


class VaultRing:
    """All versions of one key in Key Vault. *kid* with a version: that one wraps."""

    def __init__(
        self, kid: str, credential: TokenCredential, newest_version: Callable[[str, TokenCredential], str]
    ) -> None:
        self._name = "/".join(kid.split("/")[:5])  # https://VAULT/keys/NAME
        self._kid = kid
        self._credential = credential
        self._newest_version = newest_version

    def present(self) -> KeyEncryptionKey:
        # A rotated key is used from the next write on; what was wrapped before names its version itself.
        kid = self._kid if self._kid != self._name else self._newest_version(self._name, self._credential)
        return self.by_id(kid)

    def by_id(self, kid: str) -> KeyEncryptionKey:
        # Else a blob could send this identity's token to a vault of somebody else's.
        if not kid.startswith(f"{self._name}/"):
            raise ValueError("wrapped with a key that is not this deployment's")
        return VaultKey(CryptographyClient(kid, self._credential), kid)


def newest_version(name: str, credential: TokenCredential) -> str:
    """The identifier, with its version, of the key's present version. *name*: https://VAULT/keys/NAME."""
    vault, _, key = name.partition("/keys/")
    with KeyClient(vault, credential) as client:
        kid = client.get_key(key).id
    if kid is None:
        raise ValueError("Key Vault names no version of the key")
    return kid
