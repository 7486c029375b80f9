"""Builds what sign-in consists of. Imported only where sign-in is set: its libraries take time at a worker's start."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from azure.core.credentials import TokenCredential

from shared.adapters.account_blobs import BlobAccountStore, KeyRing
from shared.adapters.account_keys import AccountKeys
from shared.adapters.entra import Entra, Registration, assertion_of
from shared.adapters.key_file import FileKey
from shared.adapters.key_vault import VaultRing
from shared.adapters.pending_sign_in_blobs import BlobPendingSignIns
from shared.adapters.storage import clients as azure_clients
from shared.app.sign_in_line import SignInLine
from shared.ports import Accounts, Telemetry
from shared.settings import Settings, SignIn
from shared.sign_in.account_tokens import ConnectedAccounts
from shared.sign_in.endpoints import SignInEndpoints
from shared.sign_in.id_token import Expected
from shared.sign_in.pages import Destination, Pages
from shared.sign_in.resume import resume_uploads


@dataclass(frozen=True, slots=True)
class SignInParts:
    """What people connect through, and what uploads get their tokens from: over one store and one provider."""

    settings: SignIn
    store: BlobAccountStore
    pending: BlobPendingSignIns
    provider: Entra
    accounts: Accounts
    destination: Destination

    @classmethod
    def of(
        cls, settings: Settings, sign_in: SignIn, new_id: Callable[[], str], credential: TokenCredential | None
    ) -> "SignInParts":
        container = azure_clients.container_client(settings.storage, sign_in.container, credential)
        files = azure_clients.container_client(settings.storage, settings.container, credential)
        own_keys = AccountKeys(azure_clients.table_client(settings.storage, sign_in.table, credential))
        store = BlobAccountStore(container, key_ring(settings, sign_in, credential), own_keys, new_id)
        provider = identity_provider(settings, sign_in, credential)
        return cls(
            sign_in,
            store,
            BlobPendingSignIns(container),
            provider,
            ConnectedAccounts(store, provider, f"{sign_in.url}/connect", time.monotonic),
            Destination(
                str(files.account_name),
                settings.container,
                by_identity=not settings.storage.connection_string,
                path_accounts=settings.path_accounts,
            ),
        )

    def endpoints(self, telemetry: Telemetry, line: SignInLine) -> SignInEndpoints:
        sign_in = self.settings
        return SignInEndpoints(
            self.store,
            self.pending,
            self.provider,
            Expected(sign_in.client_id, sign_in.authority, sign_in.tenant),
            Pages(sign_in.url, sign_in.authority, sign_in.client_id, self.destination),
            telemetry,
            lambda: datetime.now(UTC),
            lambda person: resume_uploads(line, person),
        )


def key_ring(settings: Settings, sign_in: SignIn, credential: TokenCredential | None = None) -> KeyRing:
    """What connected accounts are encrypted with."""
    if sign_in.key.startswith("https://"):
        return VaultRing(sign_in.key, credential or azure_clients.managed_identity(settings.storage))
    return FileKey.read(Path(sign_in.key))


def identity_provider(settings: Settings, sign_in: SignIn, credential: TokenCredential | None = None) -> Entra:
    """Entra, as this app is registered with it."""
    client_credential: str | Mapping[str, Any] | None = None
    if sign_in.client_credential == "client-secret":
        client_credential = sign_in.client_secret
    elif sign_in.client_credential == "managed-identity":
        client_credential = assertion_of(
            credential or azure_clients.managed_identity(settings.storage), sign_in.authority
        )
    return Entra(
        Registration(
            sign_in.client_id,
            sign_in.authority,
            sign_in.tenant,
            sign_in.scope,
            f"{sign_in.url}/connected",
            client_credential,
            ca_file=sign_in.ca_file,
        )
    )
