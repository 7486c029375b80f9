"""Many schedules, on all processors, until the first failure."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context

from tests.support.simulation.schedule import run

BATCH = 250


def soak(first: int, schedules: int, processes: int) -> int:
    """Play *schedules* schedules from seed *first* on. Returns 1 at the first that fails, and prints its seed."""
    started, counts, played = time.monotonic(), Counter[str](), 0
    batches = [range(start, min(start + BATCH, first + schedules)) for start in range(first, first + schedules, BATCH)]
    with get_context("spawn").Pool(processes) as pool:
        for batch, part, failure in pool.imap_unordered(_play, batches):
            counts.update(part)
            played += len(batch)
            if failure:
                print(failure, file=sys.stderr)
                return 1
            if played % (BATCH * 20) < BATCH:
                print(f"{played} schedules, {counts['steps']} steps, {time.monotonic() - started:.0f} s", flush=True)
    print(f"{played} schedules in {time.monotonic() - started:.0f} s, {processes} processes")
    print(summary(counts))
    return 0


def _play(seeds: range) -> tuple[range, Counter[str], str]:
    counts: Counter[str] = Counter()
    for seed in seeds:
        try:
            counts.update(run(seed))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the result
            text = f"seed {seed}: {error!r}\nreplay it with: python -m tests.support.simulation --seed {seed}"
            return seeds, counts, text
    return seeds, counts, ""


def summary(counts: Counter[str]) -> str:
    return "\n".join(_lines(counts))


def _lines(counts: Counter[str]) -> Iterator[str]:
    for name, count in sorted(counts.items()):
        yield f"  {name:<40} {count:>12,}"
