"""Builds the adapters from the settings, once per worker process, when the first invocation needs them.

It does not do so at import: an error there would leave the host with no functions at all, and the log would not say
why.
"""

import os
import random
import time
import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

import azure.functions as func
from azure.core.credentials import TokenCredential

from shared.adapters import package
from shared.adapters.allocator import give_slices_back
from shared.adapters.functions import invocations
from shared.adapters.functions.blob_events import blob_of
from shared.adapters.graph import RequestsGraph
from shared.adapters.static_accounts import StaticAccounts
from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.account_uploads import TableAccountUploads
from shared.adapters.storage.blobs import BlobStore
from shared.adapters.storage.dead_letters import DeadLetterBlobs
from shared.adapters.storage.ledger import TableLedger
from shared.adapters.storage.paces import TablePaces
from shared.adapters.storage.places import TablePlaces
from shared.adapters.storage.queue import StorageRangeQueue
from shared.adapters.storage.sent_files import TableSentFiles
from shared.app.catch_up import CaughtUp, catch_up
from shared.app.effects.perform import Effects
from shared.app.intake import Intake
from shared.app.pacing import Pacing
from shared.app.runner import Runner
from shared.app.sign_in_line import SignInLine
from shared.app.sweep import Swept, sweep
from shared.core.admission import Defaults
from shared.errors import MessageError
from shared.ports import Ports, Release
from shared.settings import Settings
from shared.telemetry.log import LogTelemetry

if TYPE_CHECKING:
    from shared.sign_in_wiring import WebPages


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that the bindings call."""

    settings: Settings
    ports: Ports
    intake: Intake
    pacing: Pacing
    sign_in_line: SignInLine
    runner: Runner
    pages: "WebPages | None" = None  # what browsers visit; None with static tokens
    release: Release = field(default_factory=package.release)

    def open_upload(self, blob_name: str, context: func.Context) -> None:
        """A blob was written."""
        with self._run(invocations.BLOB_EVENT, context):
            self.runner.open_upload(blob_name)

    def reopen_upload(self, message: func.QueueMessage, context: func.Context) -> None:
        """A blob event failed too often. The message has the host's own format.

        A message that cannot be read, or belongs to another app, is recorded and dropped: if it raised, the host would
        deliver it every ten minutes for ever.
        """
        with self._run(invocations.QUEUE, context, message):
            try:
                blob_name = blob_of(message.get_body(), self.settings.container)
            except MessageError as error:
                self.ports.telemetry.record("foreign", why=str(error))
                return
            self.runner.open_upload(blob_name)

    def send_range(self, message: func.QueueMessage, context: func.Context) -> None:
        """The range queue delivers a message."""
        with self._run(invocations.QUEUE, context, message):
            self.runner.send_range(message.get_body(), message.dequeue_count or 1)

    def park_range(self, message: func.QueueMessage, context: func.Context) -> None:
        """A range message was delivered too often."""
        with self._run(invocations.QUEUE, context, message):
            self.runner.park_range(message.get_body())

    def sweep(self, context: func.Context) -> None:
        """The timer of the sweep is due."""
        with self._run(invocations.TIMER, context):
            self.sweep_live()
            if self.pages is not None:
                # Last, so that a failure of storage here does not keep the uploads from being swept.
                self.pages.clear()

    def catch_up(self, context: func.Context) -> None:
        """The timer that looks for files without an event is due."""
        with self._run(invocations.TIMER, context):
            self.catch_up_with_missed()

    def respond(self, endpoint: str, request: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        """The answer to a browser at *endpoint*. With static tokens there is no sign-in, so the answer is 404."""
        if self.pages is None:
            return func.HttpResponse("sign-in is not configured", status_code=404)
        # Imported here, because it imports a part of sign-in: without sign-in a worker's start does not pay for it.
        from shared.adapters.functions import web  # noqa: PLC0415

        with self._run(invocations.HTTP, context):
            return web.http_response(self.pages.respond(endpoint, web.browser_request(request)))

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
    sign_in = None
    if settings.sign_in is not None:
        # Imported here: with static tokens, a worker's start does not pay for Entra's and Key Vault's libraries.
        from shared.sign_in_wiring import SignInParts  # noqa: PLC0415

        sign_in = SignInParts.of(settings, settings.sign_in, _new_id, credential)
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
        sent_files=TableSentFiles(table),
        account_uploads=TableAccountUploads(table) if sign_in is not None else None,
        telemetry=LogTelemetry(),
        monotonic=time.monotonic,
        jitter=random.random,
        new_id=_new_id,
    )
    if settings.telemetry:
        # Imported here: without telemetry, a worker's start does not pay for OpenTelemetry.
        from shared.telemetry.otel.telemetry import traced  # noqa: PLC0415

        ports = traced(ports, settings.queue)
    application = assemble(settings, ports)
    if sign_in is None:
        return application
    pages = sign_in.pages(settings, ports, application.intake, application.pacing, application.sign_in_line)
    return replace(application, pages=pages)


def assemble(settings: Settings, ports: Ports) -> Application:
    """The application on any ports: the real ones, or a test's."""
    defaults = Defaults(
        settings.default_account,
        settings.delete_attached,
        settings.read_back,
        settings.paths,
        settings.path_accounts,
        settings.delete_sent,
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


@cache
def application() -> Application:
    """The application of this process, built from its environment."""
    give_slices_back()
    return build(Settings.from_environ(os.environ))


def _new_id() -> str:
    return uuid.uuid4().hex
