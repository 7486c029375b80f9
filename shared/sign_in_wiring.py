"""Builds sign-in and the page of a person's own files.

It is imported only where sign-in is set, since its libraries take time at a worker's start.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from azure.core.credentials import TokenCredential
from azure.storage.blob import BlobServiceClient

from shared.adapters.account_blobs import BlobAccountStore, KeyRing
from shared.adapters.account_keys import AccountKeys
from shared.adapters.entra import Entra, Registration, assertion_of
from shared.adapters.key_file import FileKey
from shared.adapters.key_vault import VaultRing
from shared.adapters.page_session_rows import TablePageSessions
from shared.adapters.pending_sign_in_blobs import BlobPendingSignIns
from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.page_blobs import ContainerWriter, SasSigner, origin_of
from shared.app.intake import Intake
from shared.app.pacing import Pacing
from shared.app.sign_in_line import SignInLine
from shared.app.withdrawing import Withdrawing
from shared.my_files.endpoints import FilesEndpoints
from shared.my_files.own_uploads import OwnUploads
from shared.my_files.pages import FilesPages
from shared.my_files.sending import Sending
from shared.my_files.signed_in import SignedInBrowsers
from shared.my_files.task_choice import TaskChoices
from shared.ports import Accounts, Ports, Telemetry
from shared.settings import Settings, SignIn
from shared.sign_in.account_tokens import ConnectedAccounts
from shared.sign_in.browser import BrowserRequest, BrowserResponse
from shared.sign_in.endpoints import SignInEndpoints
from shared.sign_in.id_token import Expected
from shared.sign_in.pages import Destination, Pages
from shared.sign_in.pending_sign_in import Purpose
from shared.sign_in.resume import resume_uploads

# The largest file that may come through the app. The host accepts bodies of up to 2 MiB, and a form adds to the file.
MAX_FORM_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class WebPages:
    """All that browsers visit: the page of a person's own files, and the pages of sign-in."""

    sign_in: SignInEndpoints
    files: FilesEndpoints

    def respond(self, endpoint: str, request: BrowserRequest) -> BrowserResponse:
        """The response of *endpoint*, the first part of the path after the app's root."""
        return self.files.respond(request) if endpoint == "files" else self.sign_in.respond(endpoint, request)

    def clear(self) -> None:
        """Delete pending sign-ins and page sessions that have expired. Raises StorageUnavailable."""
        try:
            self.sign_in.clear_abandoned()
        finally:
            # They are in the table: a container that fails must not keep people's sessions there.
            self.files.clear_over()


@dataclass(frozen=True, slots=True)
class SignInParts:
    """What people connect with, and what uploads get their tokens from: both use one store and one provider."""

    settings: SignIn
    storage: BlobServiceClient
    store: BlobAccountStore
    pending: BlobPendingSignIns
    sessions: TablePageSessions
    provider: Entra
    accounts: Accounts

    @classmethod
    def of(
        cls, settings: Settings, sign_in: SignIn, new_id: Callable[[], str], credential: TokenCredential | None
    ) -> "SignInParts":
        storage = azure_clients.blob_service_client(settings.storage, credential)
        container = storage.get_container_client(sign_in.container)
        table = azure_clients.table_client(settings.storage, sign_in.table, credential)
        store = BlobAccountStore(container, key_ring(settings, sign_in, credential), AccountKeys(table), new_id)
        provider = identity_provider(settings, sign_in, credential)
        return cls(
            sign_in,
            storage,
            store,
            BlobPendingSignIns(container),
            TablePageSessions(table),
            provider,
            ConnectedAccounts(store, provider, f"{sign_in.url}/connect", time.monotonic),
        )

    def pages(self, settings: Settings, ports: Ports, intake: Intake, pacing: Pacing, line: SignInLine) -> WebPages:
        """The pages for browsers, on the parts of an application."""
        files_pages = FilesPages(
            self.settings.url,
            self.settings.authority,
            origin_of(self.storage),
            settings.limits.max_file_bytes,
            min(MAX_FORM_BYTES, settings.limits.max_file_bytes),
        )
        browsers = SignedInBrowsers(
            self.sessions,
            lambda object_id: self.store.version(object_id) is not None,
            files_pages,
            ports.telemetry,
            _now,
        )
        sign_in = self._sign_in(settings, ports.telemetry, line, browsers)
        assert ports.account_uploads is not None  # noqa: S101 - `wiring.build` sets it where sign-in is set
        uploads = OwnUploads(ports.account_uploads, ports.ledger, ports.blobs, Withdrawing(ports, intake).end, _now)
        sending = Sending(
            ports.sent_files,
            uploads,
            SasSigner(self.storage, settings.container),
            ContainerWriter(self.storage.get_container_client(settings.container)),
            ports.telemetry,
            _now,
        )
        files = FilesEndpoints(
            browsers,
            TaskChoices(ports, pacing, settings.graph_root, settings.mailbox_by_id),
            uploads,
            sending,
            files_pages,
            ports.telemetry,
            lambda: sign_in.begin(Purpose.FILES),
        )
        return WebPages(sign_in, files)

    def _sign_in(
        self, settings: Settings, telemetry: Telemetry, line: SignInLine, browsers: SignedInBrowsers
    ) -> SignInEndpoints:
        sign_in = self.settings
        destination = Destination(
            str(self.storage.account_name),
            settings.container,
            by_identity=not settings.storage.connection_string,
            path_accounts=settings.path_accounts,
        )
        return SignInEndpoints(
            self.store,
            self.pending,
            self.provider,
            Expected(sign_in.client_id, sign_in.authority, sign_in.tenant),
            Pages(sign_in.url, sign_in.authority, sign_in.client_id, destination),
            telemetry,
            _now,
            lambda person: resume_uploads(line, person),
            browsers.open,
            browsers.close_all_of,
        )


def key_ring(settings: Settings, sign_in: SignIn, credential: TokenCredential | None = None) -> KeyRing:
    """The keys that connected accounts are encrypted with."""
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


def _now() -> datetime:
    return datetime.now(UTC)
