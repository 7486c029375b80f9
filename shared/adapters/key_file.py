"""The accounts' key in a file, for a stack on one machine: only the file's owner may read it."""

import hashlib
import os
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

_KEY_BYTES = 32


class FileKey:
    """`account_blobs.KeyRing` with one key, which is in a file of mode 0600."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def read(cls, path: Path) -> Self:
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

    def current(self) -> Self:
        return self

    def by_id(self, kid: str) -> Self:
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
