"""Builds the adapters from the settings, once per worker process, when the first invocation needs them.

Not at import: an error there would leave the host with no functions at all, and no word in the log about why.
"""

import os
import random
import time
import uuid
from dataclasses import dataclass
from functools import cache

from azure.core.credentials import TokenCredential

from shared.adapters import azure_clients
from shared.adapters.blob_store import BlobStore
from shared.adapters.graph_transport import RequestsGraph
from shared.adapters.range_queue import StorageRangeQueue
from shared.adapters.static_accounts import StaticAccounts
from shared.adapters.table_ledger import TableLedger
from shared.admission import Defaults
from shared.effects import Effects
from shared.intake import Intake
from shared.ports import Ports
from shared.runner import Runner
from shared.settings import Settings
from shared.sweep import Swept, sweep
from shared.telemetry import LogTelemetry


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that the bindings call."""

    settings: Settings
    ports: Ports
    intake: Intake
    runner: Runner

    def sweep(self) -> Swept:
        return sweep(self.ports, self.intake, stalled_after=self.settings.stalled_after)


def build(settings: Settings, credential: TokenCredential | None = None) -> Application:
    """The application on real storage and a real Graph; *credential* in place of the app's own identity."""
    storage = settings.storage
    ports = Ports(
        blobs=BlobStore(azure_clients.container_client(storage, settings.container, credential)),
        graph=RequestsGraph(settings.graph_root, settings.limits.deadline),
        accounts=StaticAccounts(settings.tokens),
        ledger=TableLedger(azure_clients.table_client(storage, settings.table, credential), _new_id),
        queue=StorageRangeQueue(azure_clients.queue_client(storage, settings.queue, credential)),
        telemetry=LogTelemetry(),
        monotonic=time.monotonic,
        jitter=random.random,
        new_id=_new_id,
    )
    return assemble(settings, ports)


def assemble(settings: Settings, ports: Ports) -> Application:
    """The application on any ports: the real ones, or a test's."""
    intake = Intake(ports, Defaults(settings.default_account, settings.delete_attached), settings.limits)
    effects = Effects(ports, intake, settings.graph_root, settings.mailbox_by_id, settings.limits.deadline)
    return Application(settings, ports, intake, Runner(ports, intake, effects, settings.limits))


@cache
def application() -> Application:
    """The application of this process, by its environment."""
    return build(Settings.from_environ(os.environ))


def _new_id() -> str:
    return uuid.uuid4().hex
