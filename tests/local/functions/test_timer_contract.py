"""The timer trigger: by hand, by its schedule, and after a time in which no host ran."""

import asyncio
import io
import json
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import ResourceExistsError

from local.stand_ins.functions.event_stream import EventStream
from local.stand_ins.functions.function import Function, TimerTrigger
from local.stand_ins.functions.schedule import Schedule
from local.stand_ins.functions.timer_listener import TimerListener
from local.stand_ins.functions.timer_status import CONTAINER, TimerStatus
from tests.local.functions.conftest import Place, Running, StartHost
from tests.local.functions.hosted import PATIENCE_SECONDS

pytestmark = pytest.mark.azurite


def test_a_timer_is_fired_by_hand(running: Running) -> None:
    url = f"{running.host.ready()['url']}/admin/functions/tick"
    request = urllib.request.Request(url, b"{}", method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        assert answer.status == 202

    logged = running.host.logged("tick past_due=False")

    assert logged["function"] == "tick"
    running.host.wait_for(event="invocation_ended", function="tick", status="succeeded")


def test_a_run_that_was_missed_is_made_up_for_at_start(place: Place, start_host: StartHost) -> None:
    schedule = Schedule.parse("0 0 0 1 1 *")
    last = datetime(2024, 1, 1, tzinfo=UTC)
    status = TimerStatus(last, schedule.after(last), last)
    blob = f"timers/{place.name}/Host.Functions.tick/status"
    container = place.blobs.get_container_client(CONTAINER)
    with suppress(ResourceExistsError):
        container.create_container()
    container.upload_blob(blob, json.dumps(status.as_json()))

    host = start_host({"AzureWebJobs_work_Disabled": "1"})

    host.logged("tick past_due=True")
    host.terminate()
    assert host.exit_status() == 0
    recorded = TimerStatus.from_json(json.loads(container.download_blob(blob).readall()))
    assert recorded.next > datetime.now(UTC)


class SlowOnce:
    """Stands in for the invoker: the first run takes longer than a period."""

    def __init__(self) -> None:
        self.runs = 0
        self.second = asyncio.Event()

    async def invoke(self, _function: object, _given: object) -> None:
        self.runs += 1
        if self.runs == 1:
            await asyncio.sleep(1.5 * PERIOD.total_seconds())
        else:
            self.second.set()


class Kept:
    """Stands in for the status blob."""

    def __init__(self) -> None:
        self.written: list[TimerStatus] = []

    async def read(self) -> TimerStatus | None:
        return self.written[-1] if self.written else None

    async def write(self, status: TimerStatus) -> None:
        self.written.append(status)


PERIOD = timedelta(seconds=0.4)


def test_a_tick_that_was_missed_by_a_long_run_fires_at_once_afterwards() -> None:
    """Its scheduled time is the one right after the long run's, which was over by the time that run ended."""
    trigger = TimerTrigger(Schedule(None, PERIOD), run_on_startup=False, use_monitor=True)
    kept = Kept()

    async def live() -> None:
        invoker = SlowOnce()
        function = Function("tick", "1", "timer", trigger)
        listener = TimerListener(function, invoker, kept, EventStream(io.StringIO()))  # type: ignore[arg-type]
        listener.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await invoker.second.wait()
        await listener.drain()

    asyncio.run(live())
    first, second = [status.last for status in kept.written if status.last is not None][:2]
    assert second - first == PERIOD


def test_a_schedule_fires_again_and_again(place: Place, start_host: StartHost) -> None:
    host = start_host({"TOY_SCHEDULE": "* * * * * *"})

    host.wait_for_several(2, event="invocation_ended", function="tick", status="succeeded")
