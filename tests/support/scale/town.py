"""A town: people with mailboxes, instances of the application, and files that are put."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from local.stand_ins.functions.host_json import BlobOptions
from local.stand_ins.todo.behaviour import DOCUMENTED, Behaviour
from local.stand_ins.todo.throttle import PUBLISHED_LIMITS, Limits
from shared.core.attachment import BlobVersion
from shared.core.entry import Phase
from shared.core.ranges import MAX_SLICE_BYTES
from shared.wiring import assemble
from tests.support.fakes.world import MAILBOX_LIMITS, SAM, SLICE, World, content
from tests.support.scale.engine import Engine, Listener, Queue, TimedGraph, TimedSeam

SCALE = SLICE / MAX_SLICE_BYTES
MB_25 = int(25_000_000 * SCALE)
BUDGET = int(150_000_000 * SCALE)
# How many files of 25 MB fit into the budget.
FILES_PER_WINDOW = 6
# As deployed.
_QUEUES = json.loads((Path(__file__).parents[3] / "host.json").read_text(encoding="utf-8"))["extensions"]["queues"]
# The queue of blob events has the extension's own defaults.
_EVENTS = BlobOptions().queue_options()
STORAGE_SECONDS = 0.005
# Operations to wake an upload, without those of the pace: send, receive, delete, read, claim, and a read of the blob.
WAKE = 6
LIMITED = replace(PUBLISHED_LIMITS, upload_bytes=BUDGET)


def about(seconds: float, chance: random.Random) -> float:
    """*seconds*, varied by up to a fifth. Otherwise all requests would end at once, which never happens."""
    return seconds * chance.uniform(0.8, 1.2)


@dataclass
class Town:
    """*latency*: how many seconds a request takes, by the token of its person."""

    instances: int = 1
    published: Limits = LIMITED
    behaviour: Behaviour = DOCUMENTED
    requests: int = 10_000
    latency: Callable[[str], float] = lambda _token: 0.7
    batch: int = _QUEUES["batchSize"]
    threshold: int = _QUEUES["newBatchThreshold"]
    interval: float = float(_QUEUES["maxPollingInterval"].rpartition(":")[2])
    seed: int = 1
    ends: dict[str, datetime] = field(default_factory=dict)
    files: list[BlobVersion] = field(default_factory=list)

    def __post_init__(self) -> None:
        limits = replace(
            MAILBOX_LIMITS,
            bytes=replace(MAILBOX_LIMITS.bytes, amount=BUDGET),
            requests=replace(MAILBOX_LIMITS.requests, amount=self.requests),
        )
        self.world = world = World(behaviour=self.behaviour, published=self.published, mailbox_limits=limits)
        world.ledger.by_record = False
        self.engine = Engine(world.clock)
        self._random = random.Random(self.seed)
        self.seam = TimedSeam(self.engine, lambda: self._about(STORAGE_SECONDS))
        world.put_in(self.seam)
        self.graph = TimedGraph(world.todo, self.engine, lambda token: self._about(self.latency(token)))
        self.events, self.messages = Queue(self.engine), Queue(self.engine)
        ports = replace(world.application.ports, graph=self.graph, queue=self.messages)
        self.application = assemble(world.application.settings, ports)
        self.began = world.clock.now
        runner = self.application.runner
        for _ in range(self.instances):
            self._listen(self.messages, runner.send_range, self.batch, self.threshold)
            self._listen(self.events, self._open_upload, _EVENTS.batch_size, _EVENTS.new_batch_threshold)
        world.records.record = self._record  # type: ignore[method-assign]
        self._targets = {SAM: (world.list.id, world.task.id)}
        self.engine.at(300.0, self._sweep)

    def _about(self, seconds: float) -> float:
        return about(seconds, self._random)

    def _listen(self, queue: Queue, work: Callable[[bytes, int], object], batch: int, threshold: int) -> None:
        self.engine.at(0.0, Listener(self.engine, queue, work, batch, threshold, self.interval).listen)

    def _open_upload(self, body: bytes, _delivery_count: int) -> None:
        self.application.runner.open_upload(body.decode())

    def _record(self, event: str, **fields: object) -> None:
        if event == "outcome":
            self.ends[str(fields["upload_id"])] = self.world.clock.now

    def _sweep(self) -> None:
        # The sweep's calls do not count for files: they grow with the time that files wait, and not with their number.
        before = self.seam.calls.copy()
        self.application.sweep_live()
        self.seam.calls = before
        self.engine.at(300.0, self._sweep)

    # -- people --

    def person(self, name: str) -> str:
        token = f"token-of-{name}"
        mailbox = self.world.todo.add_mailbox(name, token)
        tasks = self.world.todo.add_list(mailbox, "Tasks", wellknown_name="defaultList")
        self._targets[name] = (tasks.id, self.world.todo.add_task(tasks, "Receipts").id)
        self.world.accounts.tokens[name] = token
        return name

    def drop(self, name: str, size: int, user: str = SAM, *, after: float = 0.0, filename: str = "") -> None:
        list_id, task_id = self._targets[user]
        metadata = {"listid": list_id, "taskid": task_id, "user": user}
        if filename:
            metadata["filename"] = filename

        def write() -> None:
            self.files.append(self.world.blobs.write(name, content(size, len(self.files) + 1), metadata))
            self.events.put(name.encode())

        self.wanted = getattr(self, "wanted", 0) + 1
        self.engine.at(after, write)

    def run(self, *, at_most: timedelta = timedelta(days=8)) -> None:
        self.engine.run(lambda: len(self.ends) >= self.wanted, at_most=at_most)

    # -- figures --

    @property
    def elapsed(self) -> float:
        return (max(self.ends.values(), default=self.world.clock.now) - self.began).total_seconds()

    def seconds_of(self, file: BlobVersion) -> float:
        entry = self.world.entry(file)
        return (self.ends[file.upload_id()] - entry.created_at).total_seconds()

    def median_of(self, user: str) -> float:
        mine = [file for file in self.files if self.world.entry(file).account == user]
        return median(self.seconds_of(file) for file in mine)

    @property
    def attached(self) -> float:
        phases = [self.world.phase(file) for file in self.files]
        return sum(phase is Phase.ATTACHED for phase in phases) / self.wanted

    @property
    def refused(self) -> float:
        return self.graph.requests[429] / max(self.graph.requests.total(), 1)

    @property
    def sessions(self) -> float:
        return sum(self.world.entry(file).sessions_opened for file in self.files) / self.wanted

    @property
    def pacing_operations(self) -> float:
        calls = self.seam.calls
        paces = sum(count for name, count in calls.items() if name.startswith("paces."))
        return (paces + WAKE * calls["paces.enqueue"]) / self.wanted

    @property
    def operations(self) -> float:
        return (self.seam.calls.total() - self.seam.calls["queue.send"] + self.messages.took) / self.wanted
