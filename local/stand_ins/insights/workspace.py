"""The rows of a stack: one file of JSON lines for each table, and one OTLP document for each upload that has ended.

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

# Each kind of telemetry is sent in batches of its own: after an outcome, the upload's last spans may still come.
_QUIET_SECONDS = 2.0
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")

type OnTrace = Callable[[Trace, Path], None]


class Workspace:
    """It belongs to one event loop. *on_trace* is called for each upload that has ended, when no more rows come."""

    def __init__(self, directory: Path, on_trace: OnTrace) -> None:
        self.directory = directory
        self._on_trace = on_trace
        self._traces: dict[str, Trace] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        # For this user only, like all of the stack's files, although no row names a file or a task.
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (directory / "traces").mkdir(exist_ok=True)

    def forget(self) -> None:
        """Delete what an earlier run has left."""
        for old in (*self.directory.glob("*.jsonl"), *self.directory.glob("traces/*.json")):
            old.unlink()

    def add(self, table: str, row: Row) -> None:
        with (self.directory / f"{table}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        upload_id = row.get("OperationId", "")
        # The rows of a run that is for no upload have another trace id: there is no outcome to wait for.
        if _UPLOAD_ID.fullmatch(upload_id) and (upload_id in self._traces or _is_of_upload(row)):
            trace = self._traces.setdefault(upload_id, Trace(upload_id))
            trace.add(table, row)
            if trace.outcome is not None:
                self._wait_for_quiet(trace)

    def close(self) -> None:
        """Report the uploads that have ended, without waiting for more of their rows."""
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
        # A span that comes later is still written into its table.
        del self._traces[trace.upload_id]
        path = self.directory / "traces" / f"{trace.upload_id}.json"
        path.write_text(trace.otlp(), encoding="utf-8")
        self._on_trace(trace, path)


def _is_of_upload(row: Row) -> bool:
    return bool(row["Properties"].get("todo_attach.upload.id") == row["OperationId"])
