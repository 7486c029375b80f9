"""The simulated world: storage, host, Graph and people, and the moves that a scheduler can make in it.

Nothing here decides what happens next: `schedule` does so by a seed, `tests/properties/test_upload_machine.py` by
Hypothesis. After each move, `watch` checks the invariants.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from heapq import heappop, heappush
from typing import Any

from local.stand_ins.todo.behaviour import DOCUMENTED, Behaviour
from local.stand_ins.todo.faults import NO_FAULT, Effect
from local.stand_ins.todo.mailbox import Task
from shared.core.attachment import BlobVersion
from shared.core.catching_up import EVENT_IS_DUE
from shared.core.pacing import MailboxLimits
from shared.errors import Conflict, StorageUnavailable
from shared.graph.reply import GraphReply
from shared.graph.request import GraphRequest
from shared.wiring import assemble
from tests.support.fakes.memory_queue import MemoryQueue, QueuedMessage
from tests.support.fakes.seam import Crash
from tests.support.fakes.world import LEASE, MAILBOX_LIMITS, MAX_DEQUEUES, RELEASE, ROOT, SWEEP_EVERY, World
from tests.support.simulation.graph import Flight, Hooks, SimulatedGraph
from tests.support.simulation.watch import Version, Watch
from tests.support.simulation.workers import StoppingSeam, Worker, present

# An SDK retries after a time-out, and then gives up: no call of storage takes longer than this.
LONGEST_STORAGE_CALL = timedelta(seconds=60)

# host.json's functionTimeout, and how long the host holds the message of a run that exceeded it.
TIMEOUT = timedelta(minutes=5)
# Runs that are for no particular upload.
TIMERS = {"sweep", "catch up"}
HELD_AFTER_A_TIMEOUT = timedelta(seconds=10)

# Calls that change something, and that may be applied after their caller has given up.
_LATE = {
    "replace",
    "insert",
    "mark_live",
    "clear_live",
    "own_attachment",
    "take_slot",
    "pass_slot",
    "uploads_of",
    "remember",
    "send",
    "store",
    "enqueue",
    "dequeue",
}


class Stage:
    """One simulated world. *tell* is called with a text for every move."""

    def __init__(
        self,
        seed: int,
        *,
        behaviour: Behaviour = DOCUMENTED,
        delete_attached: bool = False,
        mailbox_limits: MailboxLimits = MAILBOX_LIMITS,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.chance = random.Random(seed)
        self.world = World(
            behaviour=behaviour,
            delete_attached=delete_attached,
            mailbox_limits=mailbox_limits,
            jitter=self.chance.random,
        )
        self.world.ledger.by_record = False
        self.mailbox_limits = mailbox_limits
        self.clock = self.world.clock
        self.todo = self.world.todo
        self.workers: list[Worker] = []
        self.counts: Counter[str] = Counter()
        self.tell = tell
        self.out_until = self.clock.now
        self.late_writes = False
        self.sweeping = True
        self._later: list[tuple[Any, int, str, Callable[[], None]]] = []
        self._number = 0
        self._swept_at = self.clock.now
        self.trouble: Callable[[GraphRequest], Effect | None] = lambda _request: None
        hooks = Hooks(self._present_trouble, self._request_begun, self._request_completed, self._request_answered)
        self.graph = SimulatedGraph(
            self.todo, self.clock, ROOT, self.world.graph.deadline, self.chance, self.later, hooks
        )
        self.watch = Watch(self)
        self.world.put_in(StoppingSeam(lambda: self.clock.now))
        ports = self.world.application.ports
        ledger, queue = _Port(self, self.world.ledger), _Port(self, self.world.range_queue)
        ports = replace(ports, graph=self.graph, ledger=ledger, paces=_Port(self, self.world.paces), queue=queue)
        self.world.application = assemble(self.world.application.settings, ports)
        self.runner = self.world.application.runner

    # -- time --

    def later(self, wait: timedelta, what: str, act: Callable[[], None]) -> None:
        self._number += 1
        heappush(self._later, (self.clock.now + wait, self._number, what, act))

    def advance(self, by: timedelta) -> None:
        """Let time pass. Deadlines, zombies and late arrivals happen exactly at their time."""
        target = self.clock.now + by
        while True:
            ends = min((flight.ends for flight in self.graph.flights), default=None)
            due = self._later[0][0] if self._later else None
            if ends is not None and ends <= target and (due is None or ends <= due):
                self.clock.now = max(self.clock.now, ends)
                for flight in [each for each in self.graph.flights if each.ends <= ends]:
                    self.say(f"deadline of {flight.request.operation} of worker {flight.worker.number}")
                    self.graph.give_up(flight)
            elif due is not None and due <= target:
                when, _, what, act = heappop(self._later)
                self.clock.now = max(self.clock.now, when)
                self.say(what)
                act()
            else:
                break
        self.clock.now = target

    def advance_to_next(self) -> bool:
        """Let time pass until something can happen. False where nothing will ever happen."""
        times = [when for when, *_ in self._later[:1]]
        times += [flight.ends for flight in self.graph.flights]
        times += [worker.ready_at for worker in self.workers if worker.ready_at is not None]
        times += [when for queue in self._queues() if (when := queue.next_visible_at()) is not None]
        if self.sweeping and self.world.ledger.live_rows and not self._being_swept():
            times.append(self._swept_at + SWEEP_EVERY)
        if not times:
            return False
        self.advance(max(min(times) - self.clock.now, timedelta()))
        return True

    # -- the host --

    def _queues(self) -> tuple[MemoryQueue, ...]:
        return (self.world.events, self.world.messages, self.world.poison)

    def ready(self) -> list[Worker]:
        return [each for each in self.workers if each.ready_at is not None and each.ready_at <= self.clock.now]

    def deliverable(self) -> list[tuple[str, MemoryQueue, QueuedMessage]]:
        if self.clock.now < self.out_until:
            return []
        kinds = zip(("event", "message", "poison"), self._queues(), strict=True)
        return [(kind, queue, message) for kind, queue in kinds for message in queue.visible()]

    def deliver(self, kind: str, queue: MemoryQueue, message: QueuedMessage) -> None:
        """A new worker gets the message, under a lease. None does if workers have died of it too often."""
        if kind == "message" and message.dequeue_count >= MAX_DEQUEUES:
            self.poison(message)
            return
        queue.receive(LEASE, lambda _visible: message)
        receipt, count, body = message.receipt, message.dequeue_count, message.body

        def finish(worker: Worker) -> None:
            if isinstance(worker.result, Exception):
                if kind == "message" and count >= MAX_DEQUEUES:
                    if message.receipt == receipt:
                        self.poison(message)
                else:
                    queue.release(message, receipt, RELEASE)
            elif worker.result is True:
                queue.delete(message, receipt)

        work: Mapping[str, Callable[[], object]] = {
            "event": lambda: self.runner.open_upload(body.decode()),
            "message": lambda: self.runner.send_range(body, count),
            "poison": lambda: self.runner.park_range(body),
        }
        worker = self._employ(f"{kind} {message.number} (delivery {count})", work[kind], finish)
        worker.message = message

    def poison(self, message: QueuedMessage) -> None:
        """The host moves a message to the poison queue, whatever its failures were."""
        if message in self.world.messages.messages:
            self.counts["poisoned"] += 1
            # In a schedule without sweeps, messages alone must be enough; but a parked entry has no message.
            self.sweeping = True
            self.say(f"message {message.number} is poison")
            self.world.messages.messages.remove(message)
            self.world.poison.put(message.body)

    def put_strange(self, body: bytes) -> None:
        """A message on the range queue that is not ours."""
        self.watch.strange.add(body)
        self.world.messages.put(body)

    def sweep_is_due(self) -> bool:
        due = self.sweeping and bool(self.world.ledger.live_rows) and self.clock.now >= self._swept_at + SWEEP_EVERY
        return due and not self._being_swept()

    def _being_swept(self) -> bool:
        return any(worker.kind == "sweep" for worker in self.workers)

    def sweep(self) -> None:
        self._swept_at = self.clock.now
        self.counts["sweeps"] += 1
        self._employ("sweep", self.world.application.sweep_live, lambda _worker: None)

    def catch_up(self) -> None:
        """Run the other timer. Its host never runs it twice at once, but even that must do no harm."""
        self.counts["runs that catch up"] += 1
        self._employ("catch up", self.world.application.catch_up_with_missed, lambda _worker: None)

    def _employ(self, kind: str, work: Callable[[], object], finish: Callable[[Worker], None]) -> Worker:
        self.counts["workers"] += 1
        worker = Worker(self.counts["workers"], kind, self.clock.now, finish, ready_at=self.clock.now)
        worker.begin(work)
        self.workers.append(worker)
        self.say(f"worker {worker.number}: {kind}")
        return worker

    # -- a worker's next step --

    def resume(self, worker: Worker, fault: Exception | None = None) -> None:
        """Let the worker go on to its next call. *fault*: what its present call raises."""
        self.counts["steps"] += 1
        fault = fault or self._natural_fault(worker)
        if fault is not None:
            self.counts["storage faults"] += 1
            self.watch.storage_failed(worker)
        moment, end = "after " if worker.applied else "", f" fails: {fault}" if fault else ""
        self.say(f"worker {worker.number}: {moment}{worker.at}{end}")
        worker.go_on(fault)
        self._look_at(worker)

    def _natural_fault(self, worker: Worker) -> Exception | None:
        if not self.is_storage(worker) or worker.ready_at is None:
            return None
        if self.clock.now < self.out_until:
            return StorageUnavailable("storage is away")
        if self.clock.now - worker.ready_at > LONGEST_STORAGE_CALL:
            return StorageUnavailable("storage did not answer in time")
        return None

    @staticmethod
    def is_storage(worker: Worker) -> bool:
        return worker.at.split(".")[0] in {"ledger", "paces", "queue", "blobs", "places", "dead_letters"}

    def kill(self, worker: Worker) -> None:
        self.counts["kills"] += 1
        self.say(f"worker {worker.number} dies {'after' if worker.applied else 'before'} {worker.at}")
        worker.die()
        self._look_at(worker)

    def time_out(self, timed_out: Worker) -> None:
        """A function exceeds its time: the host ends the process, and with it every run in it.

        Only that run counts as failed. For the host, the others hang until their own time-out: until then their leases
        are renewed, and no worker acts on their messages.
        """
        self.counts["time-outs"] += 1
        for worker in list(self.workers):
            left = max(worker.started_at + TIMEOUT - self.clock.now, timedelta()) + HELD_AFTER_A_TIMEOUT
            self.kill(worker)
            self.later(left, f"the host gives up worker {worker.number}", partial(self._fail, worker))
        assert timed_out not in self.workers

    def _fail(self, worker: Worker) -> None:
        worker.result = TimeoutError()
        worker.finish(worker)

    def _look_at(self, worker: Worker) -> None:
        if worker.is_over:
            self.workers.remove(worker)
            if not isinstance(worker.result, Crash):
                self.say(f"worker {worker.number}: {'done' if worker.result is True else f'failed: {worker.result}'}")
            worker.finish(worker)
            self.watch.worker_over(worker)

    # -- people --

    def write(
        self, name: str, content: bytes, metadata: Mapping[str, str], *, events: tuple[float, ...] = (0.0,)
    ) -> BlobVersion:
        """Write a blob, with one event for each of *events*, that many seconds later."""
        version = self.world.blobs.write(name, content, metadata)
        self._written(version, content, metadata, edited=False)
        for seconds in events:
            self.world.events.put(name.encode(), timedelta(seconds=seconds))
        return version

    def edit_metadata(self, name: str, metadata: Mapping[str, str]) -> BlobVersion:
        content = self.world.blobs.blobs[name].content
        version = self.world.blobs.edit_metadata(name, metadata)
        self._written(version, content, metadata, edited=True)
        return version

    def _written(self, version: BlobVersion, content: bytes, metadata: Mapping[str, str], *, edited: bool) -> None:
        self.say(
            f"{'edits' if edited else 'writes'} {version.name}: upload {version.upload_id()[:6]}, {len(content)} bytes"
        )
        self.watch.versions[version.upload_id()] = Version(version, content, dict(metadata), self.clock.now, edited)

    def delete(self, name: str) -> None:
        self.say(f"deletes {name}")
        self.watch.deleted.add(self.world.blobs.version(name).upload_id())
        self.world.blobs.remove(name)

    def remove_attachment(self, tasks: Iterable[Task], chance: random.Random) -> None:
        """A person removes an attachment in To Do, one whose outcome was reported to them."""
        told = {entry.attachment_id for entry in self.world.ledger.entries()}
        living = [task for task in tasks if not task.deleted]
        there = [(task, each) for task in living for each in task.attachments.values() if each.id in told]
        if there:
            task, attachment = chance.choice(there)
            self.say(f"removes attachment {attachment.id[:6]}")
            self.watch.removed[attachment.id] = self.clock.now
            self.todo.store.delete_attachment(task, attachment)

    # -- the end --

    def settle(self, *, at_most: int = 20_000) -> None:
        """Run on without faults, in turns, until nothing is left to do."""
        self.say("-- no more faults --")
        self.out_until = self.clock.now
        self.late_writes = False
        self.graph.unreachable = False
        self.trouble = lambda _request: None
        self.todo.faults.clear()
        for upn, token in self.watch.tokens.items():
            self.todo.add_mailbox(upn, token)
            self.world.accounts.tokens[upn] = token
        entered, in_vain = 0, 0
        for _ in range(at_most):
            if self.play_on():
                continue
            # The timer finds files that no event announced, once their event is overdue. A run that finds
            # none may only be the last one of a round.
            in_vain = in_vain + 1 if entered == len(self.world.ledger.entries()) else 0
            if in_vain > 2:
                return
            entered = len(self.world.ledger.entries())
            self.advance(EVENT_IS_DUE)
            self.catch_up()
        raise AssertionError(f"still busy: {[(e.phase, e.detail) for e in self.world.ledger.entries()]}")

    def play_on(self) -> bool:
        """Make the most ordinary move. False where nothing is left to do."""
        if ready := self.ready():
            self.resume(ready[0])
        elif deliverable := self.deliverable():
            self.deliver(*deliverable[0])
        elif self.sweep_is_due():
            self.sweep()
        else:
            return self.advance_to_next()
        return True

    # -- observing --

    def say(self, text: str) -> None:
        if self.tell is not None:
            self.tell(f"{self.clock.now:%d %H:%M:%S.%f} {text}")

    def _present_trouble(self, request: GraphRequest) -> Effect | None:
        return self.trouble(request)

    def _request_begun(self, flight: Flight) -> None:
        self.counts["requests"] += 1
        if flight.exchange.plan is not NO_FAULT:
            self.counts["graph faults"] += 1
            self.watch.faults += 1
        self.watch.request_begun(flight)

    def _request_completed(self, flight: Flight) -> None:
        self.counts["zombies"] += flight.given_up
        self.watch.request_completed(flight)

    def _request_answered(self, flight: Flight, reply: GraphReply) -> None:
        self.say(f"worker {flight.worker.number}: {flight.request.operation} is answered {reply.status}")
        self.watch.request_answered(flight, reply)


@dataclass
class _Port:
    """A port of storage whose changes may be applied after the caller has given up."""

    stage: Stage
    port: Any

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.port, name)

        def call(*arguments: Any) -> Any:
            worker = present()
            if worker is not None and name == "get" and not worker.upload_id and worker.kind not in TIMERS:
                worker.upload_id = arguments[0]
            if name in _LATE and self.stage.late_writes and worker is not None and self.stage.chance.random() < 0.02:
                self._apply_late(worker, name, partial(method, *arguments))
            return method(*arguments)

        return call

    def _apply_late(self, worker: Worker, name: str, apply: Callable[[], object]) -> None:
        def apply_unseen() -> None:
            with suppress(Conflict):  # nobody is there to be told
                apply()

        self.stage.counts["late writes"] += 1
        worker.storage_faults += 1
        self.stage.later(timedelta(seconds=self.stage.chance.uniform(0, 45)), f"late {name}", apply_unseen)
        raise StorageUnavailable(f"{name} gave no answer")
