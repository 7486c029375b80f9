"""Listens to one queue: polls, renews leases while functions run, and decides what becomes of each message.

The decisions are those of the extension's QueueListener and QueueProcessor:

    received more often than maxDequeueCount   to the poison queue, without a run (its worker died each time)
    succeeded                                  deleted
    failed, dequeue count below the maximum    visible again after visibilityTimeout
    failed, at the maximum                     to the poison queue
    undecodable                                to the poison queue at once: no run, no further try
    failed or undecodable, no poison queue     left as it is, invisible until the lease ends

A batch is received as soon as no more than newBatchThreshold messages are in flight. When the host is asked to end, the
listener waits for what runs, and then takes and runs one more message.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum

from azure.core.exceptions import AzureError
from azure.storage.queue.aio import QueueClient

from local.stand_ins.functions.ending import LONGEST_LOSS, HostEnd, StorageLoss
from local.stand_ins.functions.event_stream import EventStream
from local.stand_ins.functions.host_json import QueueOptions
from local.stand_ins.functions.polling import PollInterval
from local.stand_ins.functions.trigger_queue import LeasedMessage, TriggerQueue


class Fate(StrEnum):
    """What became of a message."""

    DONE = "done"
    FAILED = "failed"
    UNDECODABLE = "undecodable"


type Run = Callable[[LeasedMessage], Awaitable[Fate]]
type Renew = Callable[[LeasedMessage], Awaitable[bool]]
type PoisonFor = Callable[[LeasedMessage], QueueClient | None]
type Wake = Callable[[str], None]


def no_poison(_message: LeasedMessage) -> None:
    """For a queue that has no poison queue."""


class QueueListener:
    """One queue's listener. *run* acts on a message and returns what became of it; it must not raise."""

    def __init__(
        self,
        queue: TriggerQueue,
        run: Run,
        *,
        options: QueueOptions,
        lease: timedelta,
        poison_for: PoisonFor,
        wake: Wake,
        events: EventStream,
        end: HostEnd,
        longest_loss: timedelta = LONGEST_LOSS,
    ) -> None:
        self._queue = queue
        self._run = run
        self._options = options
        self._renew_seconds = lease.total_seconds() / 2
        self._poison_for = poison_for
        self._wake_others = wake
        self._events = events
        self._end = end
        self._loss = StorageLoss(longest_loss, time.monotonic)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._stopping = False
        self._listening: asyncio.Task[None] | None = None

    @property
    def queue_name(self) -> str:
        return self._queue.name

    def start(self) -> None:
        self._listening = asyncio.create_task(self._listen(), name=f"listen {self.queue_name}")

    def wake(self) -> None:
        """Poll now. As in Azure, only the host's own messages (poison copies, blob events) cause this."""
        self._woken.set()

    async def drain(self) -> None:
        """Let what is in flight end, take one more message, and stop polling.

        A receive under way is awaited, and its messages are run: if it were cancelled, they would stay leased for ten
        minutes without a worker.
        """
        self._stopping = True
        self._woken.set()
        if self._listening is not None:
            await self._listening
        await self._nothing_in_flight()
        for message in await self._received(1):
            self._begin(message)
        await self._nothing_in_flight()

    async def _nothing_in_flight(self) -> None:
        while self._in_flight:
            await asyncio.wait(self._in_flight)

    async def abandon(self) -> None:
        """Stop at once, like a killed host: what is in flight stays leased."""
        tasks = [task for task in (self._listening, *self._in_flight) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        interval = PollInterval(self._options.max_polling_interval, lambda: random.uniform(0.8, 1.2))  # noqa: S311
        while not self._stopping:
            self._woken.clear()
            messages = await self._received(self._options.batch_size)
            for message in messages:
                self._begin(message)
            if messages:
                interval.found_messages()
                await self._room_for_a_batch()
            else:
                await self._pause(interval.after_empty_poll())

    async def _received(self, most: int) -> list[LeasedMessage]:
        began = time.monotonic()
        try:
            messages = await self._queue.receive(most)
        except AzureError as error:
            self._events.emit("poll_failed", queue=self.queue_name, error=str(error).partition("\n")[0])
            if (reason := self._loss.failed(error, began)) is not None:
                self._end.because(reason)
            return []
        self._loss.polled()
        return messages

    def _begin(self, message: LeasedMessage) -> None:
        task = asyncio.create_task(self._deliver(message))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _room_for_a_batch(self) -> None:
        while len(self._in_flight) > self._options.new_batch_threshold and not self._stopping:
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)

    async def _pause(self, duration: timedelta) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(duration.total_seconds()):
                await self._woken.wait()

    async def _deliver(self, message: LeasedMessage) -> None:
        try:
            if message.dequeue_count > self._options.max_dequeue_count:
                await self._bury_if_possible(message)
                return
            async with _Renewal(self._renew, message, self._renew_seconds):
                fate = await self._run(message)
            await self._complete(message, fate)
        except AzureError as error:
            # The message keeps its lease, which ends by itself, and is then delivered again.
            self._events.emit("completion_failed", queue=self.queue_name, error=str(error).partition("\n")[0])
            self._end.because("storage did not let a message be completed")

    async def _complete(self, message: LeasedMessage, fate: Fate) -> None:
        if fate is Fate.DONE:
            if not await self._queue.delete(message):
                self._events.emit("lease_lost", queue=self.queue_name, message_id=message.received.id)
        elif fate is Fate.UNDECODABLE or message.dequeue_count >= self._options.max_dequeue_count:
            await self._bury_if_possible(message)
        elif self._poison_for(message) is not None:
            await self._queue.release(message, self._options.visibility_timeout)
            if self._options.retry_pause is not None:
                asyncio.get_running_loop().call_later(self._options.retry_pause.total_seconds(), self.wake)

    async def _bury_if_possible(self, message: LeasedMessage) -> None:
        if (poison := self._poison_for(message)) is None:
            return
        await self._queue.bury(message, poison)
        self._events.emit(
            "poison",
            queue=self.queue_name,
            poison_queue=poison.queue_name,
            message_id=message.received.id,
            dequeue_count=message.dequeue_count,
        )
        self._wake_others(poison.queue_name)

    async def _renew(self, message: LeasedMessage) -> bool:
        """Renew the lease. False where it is no longer ours."""
        try:
            renewed = await self._queue.renew(message)
        except AzureError as error:
            self._events.emit("renewal_failed", queue=self.queue_name, error=str(error).partition("\n")[0])
            return True
        if renewed:
            self._events.emit("lease_renewed", queue=self.queue_name, message_id=message.received.id)
        return renewed


class _Renewal:
    """Renews the lease of one message while the block runs.

    A renewal that is under way when the block ends is awaited and never cancelled: the service may have issued the next
    pop receipt already, and without that the message could not be deleted.
    """

    def __init__(self, renew: Renew, message: LeasedMessage, every_seconds: float) -> None:
        self._renew = renew
        self._message = message
        self._every_seconds = every_seconds
        self._renewing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._keep())

    async def __aexit__(self, *_failure: object) -> None:
        assert self._task is not None  # noqa: S101 - entered
        async with self._renewing:
            self._task.cancel()

    async def _keep(self) -> None:
        held = True
        while held:
            await asyncio.sleep(self._every_seconds)
            async with self._renewing:
                held = await self._renew(self._message)
