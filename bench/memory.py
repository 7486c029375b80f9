"""The worker's memory: one small file, some large ones, many large ones."""

from dataclasses import dataclass

from bench.figures import Figure, Spread, ratio_of
from bench.latency import KIB, LARGEST, MIB
from bench.plain import SLICE_BYTES
from bench.processes import PeakMemory, is_measurable
from bench.stack import MeasuredStack

_MOST_SLICES = 2
_TINY_FILES = 20


@dataclass(frozen=True, slots=True)
class _Peak:
    bytes: int
    at_work: int


async def measure(stack: MeasuredStack, many: int) -> list[Figure]:
    """Measure on a stack that has done nothing else yet."""
    if not is_measurable():
        return []
    small = await _peak(stack, 1, MIB)
    # Small files first, so that the memory of threads and connections does not count as that of slices.
    tiny = await _peak(stack, _TINY_FILES, KIB)
    some = await _peak(stack, many // 4, LARGEST)
    most = await _peak(stack, many, LARGEST)
    slices = (most.bytes - tiny.bytes) / most.at_work / SLICE_BYTES
    return [
        ratio_of(
            f"worker's peak memory, {many} x 25 MiB against 1 x 1 MiB", "MiB", [most.bytes / MIB], [small.bytes / MIB]
        ),
        ratio_of(
            f"worker's peak memory, {many} x 25 MiB against {many // 4} x 25 MiB",
            "MiB",
            [most.bytes / MIB],
            [some.bytes / MIB],
        ),
        Figure(
            f"slices in memory per upload in flight ({most.at_work})",
            "",
            Spread.of([slices]),
            budget=f"at most {_MOST_SLICES}",
            met=slices <= _MOST_SLICES,
        ),
    ]


async def _peak(stack: MeasuredStack, count: int, size: int) -> _Peak:
    files = [await stack.write(size, stack.people[number % len(stack.people)]) for number in range(count)]
    stack.most_sending = 0
    async with PeakMemory(stack.pids.worker) as memory:
        stack.release()
        await stack.done(files)
    await stack.landed(files)
    await stack.delete(files)
    return _Peak(memory.peak, stack.most_sending)
