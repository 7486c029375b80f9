"""Processes as the system sees them, and waiting for conditions with a bound; nothing sleeps for luck."""

import subprocess
import time
from collections.abc import Callable

PATIENCE_SECONDS = 120.0


def wait_until[Found](look: Callable[[], Found | None], what: str) -> Found:
    """What *look* finds, as soon as it finds anything."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < give_up_at, f"{what}: not within {PATIENCE_SECONDS:g} s"
        time.sleep(0.02)
    return found


def alive(pids: set[int]) -> set[int]:
    """Those of *pids* that run. One that ended and only waits to be reaped does not."""
    return pids & _parents().keys()


def descendants(pid: int) -> set[int]:
    """Every process that *pid* started, and that those started."""
    parents = _parents()
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= more
    return found


def find(pids: set[int], words: str) -> int:
    """The one of *pids* whose command line has *words*."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], check=True, capture_output=True, text=True)
    rows = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
    (found,) = [int(pid) for pid, *command in rows if int(pid) in pids and words in " ".join(command)]
    return found


def wait_for_end_of(pids: set[int]) -> None:
    wait_until(lambda: not alive(pids), f"the end of processes {sorted(pids)}")


def _parents() -> dict[int, int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], check=True, capture_output=True, text=True)
    rows = [line.split() for line in listed.stdout.splitlines()]
    return {int(pid): int(parent) for pid, parent, state, *_ in rows if not state.startswith("Z")}
