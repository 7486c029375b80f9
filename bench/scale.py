"""What one small file costs: among ten, among thousands, and with a long history in the ledger.

The cost is counted in requests to storage and in processor time, and not in elapsed time, since a burst of ten and one
of thousands keep different numbers of threads busy. Azurite's own processor time is shown apart: its tables become
slower with more rows, and the cloud's do not.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import Figure, Spread
from bench.history import add_finished_entries
from bench.latency import KIB
from bench.processes import cpu_seconds, is_measurable, only_child
from bench.stack import MeasuredStack, until
from bench.tally import since

FEW = 10
# Ratios of counts are exact, but those of processor time are not, on a machine with other load.
_SAME_WITHIN = 1.2


@dataclass(frozen=True, slots=True)
class _Cost:
    """The cost of one file. Processor time and *elapsed* are in milliseconds."""

    requests: float
    worker: float
    storage: float
    elapsed: float


async def measure(stack: MeasuredStack, many: int, for_one: int, finished: int, rounds: int) -> list[Figure]:
    """*many* files for all people, *for_one* for one of them, and a few with *finished* entries in the ledger."""
    await _burst(stack, FEW)
    few = [await _burst(stack, FEW) for _ in range(rounds)]
    thousands = [await _burst(stack, many)]
    spread = await _burst(stack, for_one, size=4 * KIB)
    to_one = await _burst(stack, for_one, size=4 * KIB, people=1)
    after = [await _burst(stack, FEW) for _ in range(rounds)]
    empty_sweep = [await _sweep(stack) for _ in range(rounds)]
    await add_finished_entries(stack, finished)
    with_history = [await _burst(stack, FEW) for _ in range(rounds)]
    full_sweep = [await _sweep(stack) for _ in range(rounds)]
    return [
        # Files of one person go three at a time, and the others wait in line for a message: that costs more, and takes
        # longer.
        *_compare(f"{many:,} small files against {FEW}, each", thousands, few, same=False),
        *_compare(f"{FEW} small files after {many:,} others, each", after, few),
        *_compare(f"{FEW} small files with {finished:,} finished entries, each", with_history, few),
        *_compare(
            f"{for_one:,} x 4 KiB for one person against {len(stack.people)}, each", [to_one], [spread], same=False
        ),
        _held_against(f"one sweep with {finished:,} finished entries", "ms", full_sweep, empty_sweep),
    ]


async def _burst(stack: MeasuredStack, count: int, *, size: int = KIB, people: int | None = None) -> _Cost:
    """Send *count* files at once. *people*: for how many people; None: for all."""
    places = stack.people[:people]
    files = [await stack.write(size, places[number % len(places)]) for number in range(count)]
    await asyncio.sleep(1.0)
    before, deliveries, cpu = stack.tally.snapshot(), stack.deliveries, _cpu(stack)
    began = stack.release()
    await stack.done(files, within_seconds=60 + count)
    elapsed = max(await stack.landed(files)) - began
    worker, storage = (later - earlier for earlier, later in zip(cpu, _cpu(stack), strict=True))
    counts = since(before, stack.tally.snapshot())
    # Empty polls are not counted: they come with the time that passes, not with a file.
    requests = sum(number for kind, number in counts.items() if "poll" not in kind) + stack.deliveries - deliveries
    await stack.delete(files)
    return _Cost(requests / count, worker / count * 1000, storage / count * 1000, elapsed / count * 1000)


def _cpu(stack: MeasuredStack) -> tuple[float, float]:
    if not is_measurable():
        return 0.0, 0.0
    return cpu_seconds(stack.pids.worker), cpu_seconds(only_child(stack.pids.tether))


async def _sweep(stack: MeasuredStack) -> float:
    """Milliseconds from asking for a sweep until the live rows are read."""
    queries = stack.tally.counts["ledger query"]
    began = time.monotonic()
    await stack.sweep()
    await until(lambda: stack.tally.counts["ledger query"] > queries)
    return (time.monotonic() - began) * 1000


def _compare(name: str, ours: Sequence[_Cost], against: Sequence[_Cost], *, same: bool = True) -> list[Figure]:
    def each(what: str, unit: str, attribute: str, budget: float | None = None) -> Figure:
        mine, theirs = ([getattr(cost, attribute) for cost in costs] for costs in (ours, against))
        return _held_against(f"{name}: {what}", unit, mine, theirs, at_most=budget)

    figures = [each("requests to storage", "", "requests", 1.01 if same else None)]
    if is_measurable():
        figures += [
            each("worker's processor time", "ms", "worker", _SAME_WITHIN if same else None),
            each("Azurite's processor time", "ms", "storage"),
        ]
    return [*figures, each("elapsed", "ms", "elapsed")]


def _held_against(
    name: str, unit: str, ours: Sequence[float], against: Sequence[float], *, at_most: float | None = None
) -> Figure:
    """Compare without pairs: all of one before all of the other, since entries stay in the ledger."""
    usual = statistics.median(against)
    ratio = Spread.of([mine / usual for mine in ours]) if usual else None
    met = None if at_most is None or ratio is None else ratio.median <= at_most
    budget = "" if at_most is None else f"the same (ratio at most {at_most:g})"
    return Figure(name, unit, Spread.of(ours), Spread.of(against), ratio, budget, met)
