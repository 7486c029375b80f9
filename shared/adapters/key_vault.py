"""The accounts' key in Azure Key Vault: it wraps the key of each account's blob, and never leaves the vault."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import HttpTransport
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm

from shared.adapters.azure_errors import describe
from shared.errors import StorageUnavailable

_VERSION = re.compile(r"[0-9a-f]{32}")
# A key that is rotated once a month has 60 versions after five years.
_MOST_VERSIONS = 64


class VaultKey:
    """One version of a key in Key Vault. Raises StorageUnavailable where it cannot be used, for whatever reason."""

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


# While a worker asks Key Vault it may hold an account's lease, for a minute at most. The client's defaults (five
# minutes for a reply, ten tries, and any Retry-After in full) would outlast the lease. The queue is the retry.
_PATIENCE: Mapping[str, Any] = {
    "connection_timeout": 5,
    "read_timeout": 10,
    "retry_total": 1,
    "retry_status": 0,
    "retry_backoff_factor": 0.5,
}


class VaultRing:
    """`account_blobs.KeyRing` with all versions of one key in Key Vault. Safe to share between threads.

    *kid*: the key's identifier. With a version, that version wraps; without one, the newest. *transport* is for tests.
    """

    def __init__(self, kid: str, credential: TokenCredential, transport: HttpTransport[Any, Any] | None = None) -> None:
        self._name = "/".join(kid.split("/")[:5])  # https://VAULT/keys/NAME
        vault, _, self._key = self._name.partition("/keys/")
        self._version = kid.removeprefix(self._name).removeprefix("/")
        options = dict(_PATIENCE) if transport is None else {**_PATIENCE, "transport": transport}
        self._client = KeyClient(vault, credential, **options)
        # One client for each version: it fetches the public half once, and wraps in this process.
        self._versions: dict[str, VaultKey] = {}

    def current(self) -> VaultKey:
        # Asked before each write, so that a rotated key is used from the next write on. And a disabled key must not
        # wrap: what it wraps could not be unwrapped. A blob names the version that it was wrapped with.
        with _key_errors():
            key = self._client.get_key(self._key, self._version or None)
        if key.properties.enabled is False:
            raise StorageUnavailable("the accounts' key in Key Vault is disabled")
        return self.by_id(str(key.id))

    def by_id(self, kid: str) -> VaultKey:
        # Only a version is taken from *kid*, never the vault: otherwise a blob could make the app send its token to
        # another vault.
        version = kid.removeprefix(f"{self._name}/")
        if not _VERSION.fullmatch(version):
            raise ValueError("wrapped with a key that is not this deployment's")
        found = self._versions.get(version)
        if found is None:
            if len(self._versions) >= _MOST_VERSIONS:
                # Blobs name versions, and anyone with the right to write blobs can name any number of them.
                self._versions.clear()
            found = VaultKey(self._client.get_cryptography_client(self._key, key_version=version), kid)
            self._versions[version] = found
        return found


@contextmanager
def _key_errors() -> Iterator[None]:
    """Turn failures into StorageUnavailable, a delay: a disabled, forbidden or deleted key may become usable again."""
    try:
        yield
    except AzureError as error:
        raise StorageUnavailable(f"the accounts' key in Key Vault: {describe(error)}") from error
    except ValueError as error:  # outside the key's validity, or a challenge that names another domain
        raise StorageUnavailable("the accounts' key in Key Vault cannot be used") from error
