"""The rows of a stack: one file of JSON lines per table, and one OTLP document per upload that has ended.

telemetry/AppEvents.jsonl            a row per line, as the workspace's table would have it
telemetry/traces/UPLOAD-ID.json      the spans of that upload; any viewer of OTLP JSON opens it
"""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

from local.stand_ins.insights.rows import Row
from local.stand_ins.insights.trace import Trace

# Each kind of telemetry is sent in batches of its own: after the outcome, its last spans may still be on their way.
_QUIET_SECONDS = 2.0
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")

type OnTrace = Callable[[Trace, Path], None]


class Workspace:
    """Belongs to one event loop. *on_trace* hears of each upload that has ended, once it is quiet."""

    def __init__(self, directory: Path, on_trace: OnTrace) -> None:
        self.directory = directory
        self._on_trace = on_trace
        self._traces: dict[str, Trace] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        # Readable by this user only, as all of the stack's files, though no row names a file or a task.
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (directory / "traces").mkdir(exist_ok=True)

    def forget(self) -> None:
        """Begin anew: what is there is another run's."""
        for old in (*self.directory.glob("*.jsonl"), *self.directory.glob("traces/*.json")):
            old.unlink()

    def add(self, table: str, row: Row) -> None:
        with (self.directory / f"{table}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        upload_id = row.get("OperationId", "")
        # A run for no upload has its rows in the host's trace; it is nothing to wait for.
        if _UPLOAD_ID.fullmatch(upload_id) and (upload_id in self._traces or _is_of_upload(row)):
            trace = self._traces.setdefault(upload_id, Trace(upload_id))
            trace.add(table, row)
            if trace.outcome is not None:
                self._wait_for_quiet(trace)

    def close(self) -> None:
        """Tell of what has ended and was only waited for."""
        for upload_id in list(self._timers):
            self._timers[upload_id].cancel()
            self._tell(self._traces[upload_id])

    def _wait_for_quiet(self, trace: Trace) -> None:
        if (timer := self._timers.pop(trace.upload_id, None)) is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._timers[trace.upload_id] = loop.call_later(_QUIET_SECONDS, self._tell, trace)

    def _tell(self, trace: Trace) -> None:
        self._timers.pop(trace.upload_id, None)
        # Kept no longer: a late span of an upload that has ended is in its table all the same.
        del self._traces[trace.upload_id]
        path = self.directory / "traces" / f"{trace.upload_id}.json"
        path.write_text(trace.otlp(), encoding="utf-8")
        self._on_trace(trace, path)


def _is_of_upload(row: Row) -> bool:
    return bool(row["Properties"].get("todo_attach.upload.id") == row["OperationId"])
