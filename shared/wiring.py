"""Builds the adapters from the settings, once per worker process, when the first invocation needs them.

Not at import: an error there would leave the host with no functions at all, and no word in the log about why.
"""

import os
import random
import time
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import azure.functions as func
from azure.core.credentials import TokenCredential

from shared.adapters import package
from shared.adapters.account_blobs import BlobAccountStore, KeyRing
from shared.adapters.account_keys import AccountKeys
from shared.adapters.allocator import give_slices_back
from shared.adapters.entra import Entra, Registration, assertion_of
from shared.adapters.functions import invocations, web
from shared.adapters.functions.blob_events import blob_of
from shared.adapters.graph import RequestsGraph
from shared.adapters.key_file import FileKey
from shared.adapters.key_vault import VaultRing
from shared.adapters.pending_sign_in_blobs import BlobPendingSignIns
from shared.adapters.static_accounts import StaticAccounts
from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.blobs import BlobStore
from shared.adapters.storage.dead_letters import DeadLetterBlobs
from shared.adapters.storage.ledger import TableLedger
from shared.adapters.storage.paces import TablePaces
from shared.adapters.storage.places import TablePlaces
from shared.adapters.storage.queue import StorageRangeQueue
from shared.app.catch_up import CaughtUp, catch_up
from shared.app.effects.perform import Effects
from shared.app.intake import Intake
from shared.app.pacing import Pacing
from shared.app.runner import Runner
from shared.app.sign_in_line import SignInLine
from shared.app.sweep import Swept, sweep
from shared.core.admission import Defaults
from shared.errors import MessageError
from shared.ports import Accounts, Ports, Release
from shared.settings import Settings, SignIn
from shared.sign_in.account_tokens import ConnectedAccounts
from shared.sign_in.endpoints import SignInEndpoints
from shared.sign_in.id_token import Expected
from shared.sign_in.pages import Destination, Pages
from shared.sign_in.resume import resume_uploads
from shared.telemetry.log import LogTelemetry


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that the bindings call."""

    settings: Settings
    ports: Ports
    intake: Intake
    pacing: Pacing
    sign_in_line: SignInLine
    runner: Runner
    sign_in: SignInEndpoints | None = None  # where people connect their To Do; None with static tokens
    release: Release = field(default_factory=package.release)

    def open_upload(self, blob_name: str, context: func.Context) -> None:
        """A blob was written."""
        with self._run(invocations.BLOB_EVENT, context):
            self.runner.open_upload(blob_name)

    def reopen_upload(self, message: func.QueueMessage, context: func.Context) -> None:
        """A blob event failed too often. The message is the host's own.

        One that cannot be read, or is another app's, is noted and over: it would be tried every ten minutes for ever.
        """
        with self._run(invocations.QUEUE, context, message):
            try:
                blob_name = blob_of(message.get_body(), self.settings.container)
            except MessageError as error:
                self.ports.telemetry.record("foreign", why=str(error))
                return
            self.runner.open_upload(blob_name)

    def send_range(self, message: func.QueueMessage, context: func.Context) -> None:
        """The range queue delivers."""
        with self._run(invocations.QUEUE, context, message):
            self.runner.send_range(message.get_body(), message.dequeue_count or 1)

    def park_range(self, message: func.QueueMessage, context: func.Context) -> None:
        """A range message failed too often."""
        with self._run(invocations.QUEUE, context, message):
            self.runner.park_range(message.get_body())

    def sweep(self, context: func.Context) -> None:
        """Time to look for uploads that no message names."""
        with self._run(invocations.TIMER, context):
            self.sweep_live()
            if self.sign_in is not None:
                # After the uploads: storage that fails here has cost them nothing.
                self.sign_in.clear_abandoned()

    def catch_up(self, context: func.Context) -> None:
        """Time to look for files that no event announced."""
        with self._run(invocations.TIMER, context):
            self.catch_up_with_missed()

    def respond(self, endpoint: str, request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        """What a browser gets at *endpoint*. With static tokens there is no sign-in, and no such page."""
        if self.sign_in is None:
            return func.HttpResponse("sign-in is not configured", status_code=404)
        with self._run(invocations.HTTP, context):
            return web.http_response(self.sign_in.respond(endpoint, web.browser_request(request)))

    def _run(
        self, trigger: str, context: func.Context, message: func.QueueMessage | None = None
    ) -> AbstractContextManager[None]:
        return self.ports.telemetry.invocation(invocations.invocation_of(trigger, context, message))

    def sweep_live(self) -> Swept:
        return sweep(
            self.ports,
            self.intake,
            self.pacing,
            self.sign_in_line,
            self.release,
            stalled_after=self.settings.stalled_after,
        )

    def catch_up_with_missed(self) -> CaughtUp:
        settings = self.settings
        return catch_up(
            self.ports,
            self.intake,
            container=settings.container,
            budget=settings.catch_up_time,
            keep_finished=settings.keep_finished,
        )


def build(settings: Settings, credential: TokenCredential | None = None) -> Application:
    """The application on real storage and a real Graph; *credential* in place of the app's own identity."""
    storage = settings.storage
    sign_in = _SignInParts.of(settings, settings.sign_in, credential) if settings.sign_in is not None else None
    table = azure_clients.table_client(storage, settings.table, credential)
    letters = (
        azure_clients.container_client(storage, settings.dead_letters, credential) if settings.dead_letters else None
    )
    ports = Ports(
        blobs=BlobStore(azure_clients.container_client(storage, settings.container, credential)),
        graph=RequestsGraph(settings.graph_root, settings.limits.deadline),
        accounts=sign_in.accounts if sign_in is not None else StaticAccounts(settings.tokens),
        ledger=TableLedger(table, _new_id),
        paces=TablePaces(table, _new_id),
        queue=StorageRangeQueue(azure_clients.queue_client(storage, settings.queue, credential)),
        places=TablePlaces(table, _new_id),
        dead_letters=DeadLetterBlobs(letters) if letters is not None else None,
        telemetry=LogTelemetry(),
        monotonic=time.monotonic,
        jitter=random.random,
        new_id=_new_id,
    )
    if settings.telemetry:
        # Only now: without telemetry, OpenTelemetry is not even imported.
        from shared.telemetry.otel.telemetry import traced  # noqa: PLC0415

        ports = traced(ports, settings.queue)
    application = assemble(settings, ports)
    return application if sign_in is None else replace(application, sign_in=sign_in.endpoints(application))


def assemble(settings: Settings, ports: Ports) -> Application:
    """The application on any ports: the real ones, or a test's."""
    defaults = Defaults(
        settings.default_account,
        settings.delete_attached,
        settings.read_back,
        settings.paths,
        settings.path_accounts,
    )
    intake = Intake(ports, defaults, settings.limits)
    pacing = Pacing(
        ports.paces, ports.ledger, ports.queue, settings.mailbox_limits, of_the_app=settings.pace_of_the_app
    )
    line = SignInLine(ports.paces, ports.ledger, intake)
    effects = Effects(
        ports,
        intake,
        pacing,
        line,
        settings.graph_root,
        settings.mailbox_by_id,
        settings.limits.deadline,
        settings.names_others,
    )
    runner = Runner(ports, intake, effects, pacing, line, settings.limits)
    return Application(settings, ports, intake, pacing, line, runner)


@dataclass(frozen=True, slots=True)
class _SignInParts:
    """What people connect through, and what uploads get their tokens from: over one store and one provider."""

    settings: SignIn
    store: BlobAccountStore
    pending: BlobPendingSignIns
    provider: Entra
    accounts: Accounts
    destination: Destination

    @classmethod
    def of(cls, settings: Settings, sign_in: SignIn, credential: TokenCredential | None) -> "_SignInParts":
        container = azure_clients.container_client(settings.storage, sign_in.container, credential)
        files = azure_clients.container_client(settings.storage, settings.container, credential)
        own_keys = AccountKeys(azure_clients.table_client(settings.storage, sign_in.table, credential))
        store = BlobAccountStore(container, key_ring(settings, sign_in, credential), own_keys, _new_id)
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

    def endpoints(self, application: Application) -> SignInEndpoints:
        sign_in = self.settings
        return SignInEndpoints(
            self.store,
            self.pending,
            self.provider,
            Expected(sign_in.client_id, sign_in.authority, sign_in.tenant),
            Pages(sign_in.url, sign_in.authority, sign_in.client_id, self.destination),
            application.ports.telemetry,
            lambda: datetime.now(UTC),
            lambda person: resume_uploads(application.sign_in_line, person),
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


@cache
def application() -> Application:
    """The application of this process, by its environment."""
    give_slices_back()
    return build(Settings.from_environ(os.environ))


def _new_id() -> str:
    return uuid.uuid4().hex
