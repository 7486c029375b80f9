"""Fires one timer function: at start, if it is due or `runOnStartup` is set, then by its schedule, one run at a time.

A failed run does not stop the schedule. The next time counts from the time that was scheduled: if the wait ends a
little early, the timer does not fire twice.
"""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime

from azure.core.exceptions import AzureError

from local.stand_ins.functions.event_stream import EventStream
from local.stand_ins.functions.function import Function, TimerTrigger
from local.stand_ins.functions.invocation import Input, Invoker
from local.stand_ins.functions.schedule import Schedule
from local.stand_ins.functions.timer_status import TimerStatus, TimerStatusBlob

# asyncio's clock stops while the machine sleeps, so the wall clock is read at least this often.
_LONGEST_SLEEP_SECONDS = 30.0


def is_past_due(status: TimerStatus, schedule: Schedule, now: datetime) -> bool:
    """Whether a run was missed while no host ran.

    False where the schedule has been changed since: the time in the status is then that of the old schedule.
    """
    expected = schedule.after(status.last or status.last_updated)
    return expected == status.next and now > status.next


class TimerListener:
    """One function's timer. *status_blob* is None where the timer is not monitored."""

    def __init__(
        self,
        function: Function[TimerTrigger],
        invoker: Invoker,
        status_blob: TimerStatusBlob | None,
        events: EventStream,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._function = function
        self._schedule = function.trigger.schedule
        self._invoker = invoker
        self._status_blob = status_blob
        self._events = events
        self._now = now
        self._status: TimerStatus | None = None
        self._firing = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def function_name(self) -> str:
        return self._function.name

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"timer {self.function_name}")

    async def drain(self) -> None:
        self._stopping.set()
        if self._task is not None:
            await self._task
        async with self._firing:
            pass

    async def fire(self, *, past_due: bool = False) -> None:
        """Run the function now, after a run that is under way."""
        async with self._firing:
            await self._invoker.invoke(self._function, _input(self._status, past_due=past_due))

    async def _run(self) -> None:
        past_due = await self._was_missed()
        if past_due or self._function.trigger.run_on_startup:
            await self._fire_and_record(self._now(), past_due=past_due)
        following = self._schedule.after(self._now())
        while not await self._stopped_before(following):
            await self._fire_and_record(following, past_due=False)
            following = self._schedule.after(following)
            if following < self._now():
                # The run took longer than its period: the missed tick fires at once. Several missed ticks, for example
                # after the machine slept, fire once.
                await self._fire_and_record(following, past_due=False)
                following = self._schedule.after(max(following, self._now()))

    async def _was_missed(self) -> bool:
        if self._status_blob is None:
            return False
        now = self._now()
        try:
            self._status = await self._status_blob.read()
            if self._status is not None and is_past_due(self._status, self._schedule, now):
                return True
            last = None if self._status is None else self._status.last
            self._status = TimerStatus(last, self._schedule.after(now), now)
            await self._status_blob.write(self._status)
        except (AzureError, ValueError) as error:
            self._events.emit("timer_status_failed", function=self.function_name, error=str(error))
        return False

    async def _fire_and_record(self, scheduled: datetime, *, past_due: bool) -> None:
        await self.fire(past_due=past_due)
        if self._status_blob is None:
            return
        self._status = TimerStatus(scheduled, self._schedule.after(scheduled), self._now())
        try:
            await self._status_blob.write(self._status)
        except AzureError as error:
            self._events.emit("timer_status_failed", function=self.function_name, error=str(error))

    async def _stopped_before(self, moment: datetime) -> bool:
        while (left := (moment - self._now()).total_seconds()) > 0:
            try:
                async with asyncio.timeout(min(left, _LONGEST_SLEEP_SECONDS)):
                    await self._stopping.wait()
            except TimeoutError:
                continue
            return True
        return self._stopping.is_set()


def _input(status: TimerStatus | None, *, past_due: bool) -> Input:
    info = {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": None if status is None else status.as_json(),
        "IsPastDue": past_due,
    }
    return Input(("json", json.dumps(info)), {})
