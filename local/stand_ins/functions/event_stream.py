"""The host's events on stdout: one JSON object per line, for a program to read.

A thread of its own writes them. A reader that is slow, or has stopped reading, must not hold up the event loop, which
renews the leases.
"""

import json
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import IO

_FLUSH_SECONDS = 2.0


class EventStream:
    """Writes events until closed."""

    def __init__(self, out: IO[str] | None = None) -> None:
        self._out = out or sys.stdout
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="event stream", daemon=True)
        self._writer.start()

    def emit(self, event: str, **facts: object) -> None:
        self._put({"event": event, "at": datetime.now(UTC).isoformat(timespec="milliseconds"), **facts})

    def ready(self, **facts: object) -> None:
        """Write the first line, which says that the host is ready."""
        self._put({"ready": True, **facts})

    def close(self) -> None:
        self._lines.put(None)
        self._writer.join(_FLUSH_SECONDS)

    def _put(self, line: dict[str, object]) -> None:
        self._lines.put(json.dumps(line, default=str))

    def _write(self) -> None:
        # The reader of our stdout may be gone; the host must drain all the same.
        with suppress(OSError, ValueError):
            while (line := self._lines.get()) is not None:
                self._out.write(line + "\n")
                self._out.flush()
