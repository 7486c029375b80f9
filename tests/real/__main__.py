"""`python -m tests.real --rounds N [--seed S]`: plays rounds, and stops at the first broken promise."""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.real.rounds import play


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.real", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; the next has the next")
    options = parser.parse_args()
    killed: Counter[str] = Counter()
    for seed in range(options.seed, options.seed + options.rounds):
        with tempfile.TemporaryDirectory(prefix="todo-attach-") as directory:
            result = play(seed, Path(directory))
        killed.update(result.killed)
        print(f"round {seed}: {result.seconds:5.1f} s, killed {', '.join(result.killed) or 'nobody'}", flush=True)
        if result.broken:
            log = Path(tempfile.gettempdir()) / f"todo-attach-round-{seed}.log"
            log.write_text("".join(result.said))
            print("\n".join(f"  BROKEN: {each}" for each in result.broken))
            print(f"  what the stack said is in {log}")
            return 1
    deaths = ", ".join(f"{victim} {count}" for victim, count in sorted(killed.items()))
    print(f"{options.rounds} rounds, every file attached once and whole; killed: {deaths}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
