"""Measures the table, and says which figures fall short."""

import argparse
import sys

from tests.support.scale.rows import ROWS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.scale", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tenth of the files")
    parser.add_argument("--only", default="", help="one of " + ", ".join(row.__name__ for row in ROWS))
    parser.add_argument("--seed", type=int, default=1, help="varies how long requests take")
    options = parser.parse_args()
    missed = 0
    for measure in ROWS:
        if options.only in {"", measure.__name__}:
            for row in measure(10 if options.small else 1, options.seed):
                print(row, flush=True)
                missed += not row.is_met
    print(f"{missed} fall short" if missed else "all are met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
