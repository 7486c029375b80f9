"""Plays schedules: one, printed step by step, or many, until the first failure.

python -m tests.support.simulation --seed 17
python -m tests.support.simulation --schedules 100000 [--first 0] [--processes 2]
"""

import argparse
import os
import sys
import traceback

from tests.support.simulation.schedule import run
from tests.support.simulation.soak import soak, summary


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one, and tell every move")
    parser.add_argument("--schedules", type=int, default=1_000, help="how many to play")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if options.seed is not None:
        return _tell(options.seed)
    return soak(options.first, options.schedules, options.processes)


def _tell(seed: int) -> int:
    try:
        counts = run(seed, tell=print)
    except Exception:  # noqa: BLE001 - whatever it is, it is the result
        traceback.print_exc()
        return 1
    print(summary(counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
