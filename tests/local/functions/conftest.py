"""One Azurite for all; a queue, a container and a host of its own for each test."""

import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueClient, QueueServiceClient, TextBase64EncodePolicy

from tests.local.functions import access_log
from tests.local.functions.access_log import ObservedAzurite
from tests.local.functions.hosted import Hosted

APPS = Path(__file__).parent / "apps"


@pytest.fixture(scope="session")
def observed_azurite() -> Iterator[ObservedAzurite]:
    with access_log.running() as running:
        yield running


@dataclass(frozen=True, slots=True)
class Place:
    """What one test has of the storage account."""

    azurite: ObservedAzurite
    name: str
    queues: QueueServiceClient
    blobs: BlobServiceClient

    @property
    def queue(self) -> QueueClient:
        """The queue of the app; sends as host.json says."""
        policy = TextBase64EncodePolicy()
        return self.queues.get_queue_client(self.name, message_encode_policy=policy)

    @property
    def poison_queue(self) -> QueueClient:
        return self.queues.get_queue_client(f"{self.name}-poison")

    @property
    def container(self) -> ContainerClient:
        return self.blobs.get_container_client(self.name)

    def settings(self) -> dict[str, str]:
        connection = self.azurite.connection_string
        return {
            "AzureWebJobsStorage": connection,
            "ToyStorage": connection,
            "TOY_QUEUE": self.name,
            "TOY_CONTAINER": self.name,
            "TOY_SCHEDULE": "0 0 0 1 1 *",
            "AzureFunctionsWebHost__hostid": self.name,
            # The poison queue's own function is in the way of most tests.
            "AzureWebJobs_bury_Disabled": "1",
        }


def count(queue: QueueClient) -> int:
    """How many messages lie in *queue*, visible or not; none where there is no queue."""
    try:
        return queue.get_queue_properties().approximate_message_count or 0
    except ResourceNotFoundError:
        return 0


@contextmanager
def new_place(azurite: ObservedAzurite) -> Iterator[Place]:
    connection = azurite.connection_string
    name = f"toy-{uuid.uuid4().hex[:12]}"
    with (
        QueueServiceClient.from_connection_string(connection) as queues,
        BlobServiceClient.from_connection_string(connection) as blobs,
    ):
        place = Place(azurite, name, queues, blobs)
        place.queue.create_queue()
        place.container.create_container()
        yield place


@pytest.fixture
def place(observed_azurite: ObservedAzurite) -> Iterator[Place]:
    with new_place(observed_azurite) as place:
        yield place


type StartHost = Callable[..., Hosted]


@contextmanager
def hosting(place: Place, directory: Path) -> Iterator[StartHost]:
    """Start the contract app, with settings over the usual ones, and wait until it is ready."""
    hosts: list[Hosted] = []
    app = directory / "app"
    shutil.copytree(APPS / "contract", app)

    def start(settings: Mapping[str, str] | None = None, *arguments: str) -> Hosted:
        host = Hosted(app, {**place.settings(), **(settings or {})}, arguments)
        hosts.append(host)
        host.ready()
        return host

    try:
        yield start
    finally:
        for host in hosts:
            host.end()


@pytest.fixture
def start_host(place: Place, tmp_path: Path) -> Iterator[StartHost]:
    with hosting(place, tmp_path) as start:
        yield start


@dataclass(frozen=True, slots=True)
class Running:
    """A host that several tests share, and where it looks."""

    host: Hosted
    place: Place


@pytest.fixture(scope="session")
def shared_host(observed_azurite: ObservedAzurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with new_place(observed_azurite) as place, hosting(place, tmp_path_factory.mktemp("shared")) as start:
        yield Running(start({}, "--lease", "2"), place)


@pytest.fixture
def running(shared_host: Running) -> Iterator[Running]:
    """The shared host, with nothing in its queues and nothing said."""
    shared_host.host.forget()
    yield shared_host
    shared_host.place.queue.clear_messages()
    with suppress(ResourceNotFoundError):
        shared_host.place.poison_queue.delete_queue()
