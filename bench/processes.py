"""The memory and processor time of a process, as Linux reports them. On other systems they are left out."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")
_KIB = 1024


def is_measurable() -> bool:
    return Path("/proc/self/status").exists()


def resident_bytes(pid: int) -> int:
    """The memory that the process uses now."""
    return _status(pid, "VmRSS")


def cpu_seconds(pid: int) -> float:
    """User and system time of the process so far, all threads."""
    # Fields 14 and 15 of proc(5). The split begins at field 3, after the name in brackets, which may have spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def only_child(pid: int) -> int:
    """The only child of the process: Azurite itself, which its tether has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0])


class PeakMemory:
    """The most memory that a process uses while this is entered.

    The kernel records the peak, where it permits us to reset it. Samples are taken in any case.
    """

    def __init__(self, pid: int, *, every_seconds: float = 0.02) -> None:
        self._pid = pid
        self._every_seconds = every_seconds
        self.peak = 0

    async def __aenter__(self) -> Self:
        _forget_peak(self._pid)
        self.peak = resident_bytes(self._pid)
        self._sampling = asyncio.create_task(self._sample())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sampling.cancel()
        self.peak = max(self.peak, _status(self._pid, "VmHWM"))

    async def _sample(self) -> None:
        while True:
            self.peak = max(self.peak, resident_bytes(self._pid))
            await asyncio.sleep(self._every_seconds)


def _forget_peak(pid: int) -> None:
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * _KIB
    raise ValueError(f"{name} is not reported of process {pid}")
