"""Simulated time: invocations are greenlets, and each request is a sleep."""

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

from local.stand_ins.todo.service import TodoService
from local.stand_ins.todo.wire import Headers, Request, Response
from shared.core.messages import RangeMessage, encode
from shared.graph.reply import GraphReply
from shared.graph.request import GraphRequest
from tests.support.fakes.manual_clock import ManualClock
from tests.support.fakes.seam import Seam
from tests.support.fakes.todo_graph import reply_to


class Engine:
    """Runs what is planned, in the order of time."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self._events: list[tuple[Any, int, Callable[[], object]]] = []
        self._numbers = itertools.count()

    def at(self, seconds: float, act: Callable[[], object]) -> None:
        when = self.clock.now + timedelta(seconds=seconds)
        heapq.heappush(self._events, (when, next(self._numbers), act))

    def start(self, work: Callable[[], object]) -> None:
        greenlet(work).switch()

    def sleep(self, seconds: float) -> None:
        """Suspend the running invocation for some seconds. Outside of an invocation it does nothing."""
        here = getcurrent()
        if here.parent is None:
            return
        self.at(seconds, here.switch)
        here.parent.switch()

    def run(self, until: Callable[[], bool], *, at_most: timedelta) -> None:
        end = self.clock.now + at_most
        while self._events and not until() and self.clock.now < end:
            when, _, act = heapq.heappop(self._events)
            self.clock.now = max(self.clock.now, when)
            act()


class TimedSeam(Seam):
    """Each call of storage takes *seconds*, and is counted."""

    def __init__(self, engine: Engine, seconds: Callable[[], float]) -> None:
        self._engine, self._seconds = engine, seconds
        self.calls: Counter[str] = Counter()

    def enter(self, operation: str, *, changes: bool) -> None:
        self.calls[operation] += 1
        self._engine.sleep(self._seconds())

    def leave(self, operation: str, *, changes: bool) -> None:
        pass


@dataclass
class TimedGraph:
    """`ports.GraphTransport`: each request takes as long as its mailbox is set to take."""

    service: TodoService
    engine: Engine
    latency: Callable[[str], float]
    requests: Counter[int] = field(default_factory=Counter)
    sent: int = 0

    def send(self, request: GraphRequest, token: str) -> GraphReply:
        headers = {"Authorization": f"Bearer {token}", **request.headers}
        exchange = self.service.begin(Request(request.method, request.url, Headers(headers), request.body))
        self.engine.sleep(self.latency(token))
        response = self.service.complete(exchange)
        if not isinstance(response, Response):
            raise AssertionError("no fault was asked for")
        self.service.delivered(exchange)
        self.requests[response.status] += 1
        self.sent += len(request.body) if request.operation == "put_slice" else 0
        return reply_to(request, response)


class Queue:
    """A queue whose messages become visible as time passes. *took* counts its storage operations."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.visible: deque[tuple[bytes, int]] = deque()
        self.took = 0

    def put(self, body: bytes, delay: float = 0.0, count: int = 1) -> None:
        if delay:
            self._engine.at(delay, lambda: self.visible.append((body, count)))
        else:
            self.visible.append((body, count))

    def send(self, message: RangeMessage, delay: timedelta = timedelta()) -> None:
        """`ports.RangeQueue`."""
        self.took += 1
        self._engine.sleep(0.005)
        self.put(encode(message).encode(), float(-(-delay.total_seconds() // 1)))


@dataclass
class Listener:
    """One instance listens to one queue.

    It takes *batch* messages at a time, and more when no more than *threshold* are in progress.
    """

    engine: Engine
    queue: Queue
    work: Callable[[bytes, int], object]
    batch: int
    threshold: int
    interval: float
    running: int = 0
    idle: float = 0.1
    raised: Counter[str] = field(default_factory=Counter)

    def listen(self) -> None:
        """Poll as the extension does: at once after a batch, and more and more rarely while none comes."""
        if self.running <= self.threshold:
            taken = [self.queue.visible.popleft() for _ in range(min(self.batch, len(self.queue.visible)))]
            self.idle = 0.1 if taken else min(self.idle * 2, self.interval)
            for body, count in taken:
                self.queue.took += 2  # receive, and delete
                self.running += 1
                self.engine.start(partial(self._handle, body, count))
            self.engine.at(0.01 if taken and self.running <= self.threshold else self.idle, self.listen)
        else:
            self.engine.at(0.02, self.listen)

    def _handle(self, body: bytes, count: int) -> None:
        try:
            self.work(body, count)
        except Exception as error:  # noqa: BLE001 - the host's view: it failed, and comes back
            self.raised[f"{type(error).__name__}: {error}"] += 1
            self.queue.put(body, 30.0, count + 1)
        self.running -= 1
