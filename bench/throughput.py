"""Twenty large files at once, for several people, compared with the plain script, which attaches one after another."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.baseline import Baseline
from bench.figures import Figure, ratio_of
from bench.latency import FAR_AWAY, FAR_AWAY_SECONDS, LARGEST, SLICES
from bench.processes import cpu_seconds, is_measurable, only_child
from bench.stack import MeasuredStack, Written

FILES = 20


async def measure(stack: MeasuredStack, plain: Baseline, rounds: int) -> list[Figure]:
    ours, theirs = await _compare(stack, plain, rounds)
    figures = [_seconds(stack, ours, theirs, "until all are attached", at_most=1.0)]
    if is_measurable():
        # All that the machine has to do, including the servers: with two cores busy, this determines the time.
        name = "  processor time per slice, all processes"
        figures.append(ratio_of(name, "ms", [one.cpu for one in ours], [one.cpu for one in theirs]))
    return figures


async def measure_far_away(stack: MeasuredStack, plain: Baseline, rounds: int) -> list[Figure]:
    """The same, with a Graph that is not on this machine."""
    async with stack.slow_graph(FAR_AWAY_SECONDS):
        return [_seconds(stack, *await _compare(stack, plain, rounds), FAR_AWAY)]


@dataclass(frozen=True, slots=True)
class _Run:
    """*seconds* until all files were attached; *cpu*: milliseconds of processor time per slice."""

    seconds: float
    cpu: float


async def _compare(stack: MeasuredStack, plain: Baseline, rounds: int) -> tuple[list[_Run], list[_Run]]:
    ours: list[_Run] = []
    theirs: list[_Run] = []
    for number in range(rounds):
        files = [await stack.write(LARGEST, stack.people[index % len(stack.people)]) for index in range(FILES)]
        # All blobs are there before either clock starts. The two take turns to go first.
        if number % 2 == 1:
            theirs.append(await _by_script(stack, plain, files))
        ours.append(await _by_application(stack, files))
        if number % 2 == 0:
            theirs.append(await _by_script(stack, plain, files))
        await stack.delete(files)
    return ours, theirs


async def _by_application(stack: MeasuredStack, files: Sequence[Written]) -> _Run:
    pids = (stack.pids.worker, stack.pids.host, *_servers(stack))
    before = _cpu(pids)
    began = stack.release()
    await stack.done(files)
    return _Run(max(await stack.landed(files)) - began, _per_slice(_cpu(pids) - before))


async def _by_script(stack: MeasuredStack, plain: Baseline, files: Sequence[Written]) -> _Run:
    pids = (plain.pid, *_servers(stack))
    before = _cpu(pids)
    attached = await plain.attach(files)
    return _Run(attached.seconds, _per_slice(_cpu(pids) - before))


def _servers(stack: MeasuredStack) -> tuple[int, ...]:
    return (only_child(stack.pids.tether), stack.pids.emulator) if is_measurable() else ()


def _seconds(
    stack: MeasuredStack, ours: Sequence[_Run], theirs: Sequence[_Run], name: str, *, at_most: float | None = None
) -> Figure:
    return ratio_of(
        f"{FILES} x 25 MiB for {len(stack.people)} people, {name}",
        "s",
        [one.seconds for one in ours],
        [one.seconds for one in theirs],
        at_most=at_most,
    )


def _cpu(pids: Sequence[int]) -> float:
    return sum(map(cpu_seconds, pids)) if is_measurable() else 0.0


def _per_slice(seconds: float) -> float:
    return seconds / FILES / SLICES * 1000
