"""What this host runs: a function, and the one trigger that starts it."""

from dataclasses import dataclass

from local.stand_ins.functions.blob_path import BlobPath
from local.stand_ins.functions.http_route import Route
from local.stand_ins.functions.schedule import Schedule


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """A message on *queue*. *storage* is a connection string."""

    queue: str
    storage: str


@dataclass(frozen=True, slots=True)
class BlobTrigger:
    """An Event Grid event about a blob. The worker opens the blob itself, by the name of the *connection*."""

    path: BlobPath
    connection: str
    storage: str


@dataclass(frozen=True, slots=True)
class TimerTrigger:
    """A schedule."""

    schedule: Schedule
    run_on_startup: bool
    use_monitor: bool


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """A request over HTTP. No *methods* means all of them."""

    route: Route
    methods: frozenset[str]


type Trigger = QueueTrigger | BlobTrigger | TimerTrigger | HttpTrigger


@dataclass(frozen=True, slots=True)
class Function[T: Trigger]:
    """A function of the app. *argument* is its parameter for what the trigger brings."""

    name: str
    id: str
    argument: str
    trigger: T
