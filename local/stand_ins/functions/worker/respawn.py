"""Starts a new worker when one dies, or when a function exceeds its time.

When a worker dies, the host counts its runs as failed, and their messages go back to their queue. (When the *host*
dies, no message is released: each stays leased for the rest of its ten minutes.) The third death within half an hour
ends the host. A time-out fails only the run that exceeded its time: the other runs of that worker hang until their own
time-out. All of this was seen on a real host.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from local.stand_ins.functions.ending import HostEnd
from local.stand_ins.functions.event_stream import EventStream
from local.stand_ins.functions.worker.frames import Finished, Indexed, Invoke
from local.stand_ins.functions.worker.process import WorkerDiedError, WorkerProcess, WorkerRefusedError

_PAUSE_SECONDS = 1.0
_DEATHS = 3
_WITHIN_SECONDS = 30 * 60.0

type Spawn = Callable[[], Awaitable[WorkerProcess]]


class TimedOutError(Exception):
    """A function ran longer than host.json's functionTimeout, and its worker was killed."""


class RespawningWorker:
    """Use `start`, then `invoke` as often as you like, then `stop`.

    *held*: for how long a message is held after its function exceeded its time.
    """

    def __init__(
        self, spawn: Spawn, function_timeout: timedelta | None, events: EventStream, end: HostEnd, *, held: timedelta
    ) -> None:
        self._spawn = spawn
        self._timeout_seconds = None if function_timeout is None else function_timeout.total_seconds()
        self._held_seconds = held.total_seconds()
        self._events = events
        self._end = end
        self._deaths: list[float] = []
        self._worker: WorkerProcess | None = None
        self._present = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> tuple[Indexed, ...]:
        """Raises WorkerRefusedError or WorkerDiedError: the first worker must come up."""
        worker = self._worker = await self._spawn()
        self._present.set()
        self._keeping = asyncio.create_task(self._keep())
        return worker.functions

    @property
    def pid(self) -> int | None:
        return self._worker.pid if self._worker is not None else None

    async def invoke(self, call: Invoke) -> Finished:
        """Raises WorkerDiedError, TimedOutError. Waits while there is no worker."""
        worker = await self._living()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await worker.invoke(call)
        except TimeoutError:
            self._events.emit("function_timeout", function=call.function, invocation_id=call.invocation_id)
            if worker.is_alive:
                await worker.kill_for_a_timeout()
            await asyncio.sleep(self._held_seconds)
            raise TimedOutError(f"{call.function} ran longer than functionTimeout") from None
        except WorkerDiedError:
            if len(self._recent_deaths()) >= _DEATHS - 1:
                # This death ends the host, which releases no messages.
                await asyncio.Event().wait()
            raise

    def _recent_deaths(self) -> list[float]:
        now = asyncio.get_running_loop().time()
        return [death for death in self._deaths if now - death < _WITHIN_SECONDS]

    async def stop(self, within_seconds: float) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        if self._worker is not None:
            await self._worker.stop(within_seconds)

    async def _living(self) -> WorkerProcess:
        while True:
            await self._present.wait()
            worker = self._worker
            assert worker is not None  # noqa: S101 - what *present* means
            if worker.is_alive:
                return worker
            # The worker is dead, and `_keep` has not noticed yet. A call now would fail without having run.
            self._present.clear()

    async def _keep(self) -> None:
        while True:
            worker = self._worker
            assert worker is not None  # noqa: S101 - set by start, replaced below
            status = await worker.died()
            self._present.clear()
            self._events.emit("worker_died", pid=worker.pid, status=status)
            await worker.kill()
            if not worker.was_killed_for_a_timeout:
                self._deaths = [*self._recent_deaths(), asyncio.get_running_loop().time()]
                if len(self._deaths) >= _DEATHS:
                    self._end.because("the worker died three times within half an hour")
                    return
            self._worker = await self._respawned()
            self._present.set()
            self._events.emit("worker_respawned", pid=self._worker.pid)

    async def _respawned(self) -> WorkerProcess:
        while True:
            try:
                return await self._spawn()
            except (WorkerDiedError, WorkerRefusedError) as error:
                self._events.emit("worker_refused", reason=str(error))
                await asyncio.sleep(_PAUSE_SECONDS)
