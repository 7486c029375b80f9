"""What telemetry costs at a worker's start and for each file, compared in pairs with the same without telemetry."""

import time
from dataclasses import dataclass

from bench.figures import Figure, ratio_of
from bench.latency import LARGEST, MIB
from bench.processes import cpu_seconds, is_measurable, resident_bytes
from bench.stack import MeasuredStack
from local.stack.app_settings import Graph, app_settings, environment, telemetry_settings
from local.stack.child import REPOSITORY
from local.stand_ins.functions.worker.process import WorkerProcess
from local.stand_ins.insights.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class _Started:
    seconds: float
    cpu_seconds: float
    bytes: int


async def measure(rounds: int) -> list[Figure]:
    """Measure starts: until the worker has loaded the application and named its functions.

    Its first run imports nothing more.
    """
    if not is_measurable():
        return []
    async with Endpoint(lambda _table, _row: None) as insights:
        return [
            *await _starts(rounds, insights.connection_string),
            await _files(rounds, insights.connection_string),
        ]


async def _starts(rounds: int, connection_string: str) -> list[Figure]:
    plain = app_settings("UseDevelopmentStorage=true", Graph("http://127.0.0.1:9", {"nobody": "x"}), lease_seconds=None)
    watched = plain | telemetry_settings(connection_string)
    # The first of each fills the machine's caches.
    pairs = [(await _start(watched), await _start(plain)) for _ in range(rounds + 1)][1:]
    with_it, without = zip(*pairs, strict=True)
    return [
        ratio_of("a worker's start with telemetry", "s", [e.seconds for e in with_it], [e.seconds for e in without]),
        ratio_of(
            "its processor time", "s", [each.cpu_seconds for each in with_it], [each.cpu_seconds for each in without]
        ),
        ratio_of("its memory", "MiB", [each.bytes / MIB for each in with_it], [each.bytes / MIB for each in without]),
    ]


async def _start(settings: dict[str, str]) -> _Started:
    began = time.perf_counter()
    worker = await WorkerProcess.spawn(REPOSITORY, environment(settings), lambda _record: None)
    seconds = time.perf_counter() - began
    started = _Started(seconds, cpu_seconds(worker.pid), resident_bytes(worker.pid))
    await worker.kill()
    return started


async def _files(rounds: int, connection_string: str) -> Figure:
    """The worker's processor time for a file of 25 MiB, which takes nine runs of a function."""
    async with MeasuredStack(1, telemetry=connection_string) as watched, MeasuredStack(1) as plain:
        pairs = [(await _file(watched), await _file(plain)) for _ in range(rounds + 1)][1:]
    with_it, without = zip(*pairs, strict=True)
    return ratio_of("the worker's processor time for 25 MiB with telemetry", "ms", with_it, without)


async def _file(stack: MeasuredStack) -> float:
    began = cpu_seconds(stack.pids.worker)
    file = await stack.write(LARGEST, stack.people[0])
    stack.release()
    await stack.done([file])
    await stack.delete([file])
    return (cpu_seconds(stack.pids.worker) - began) * 1000
