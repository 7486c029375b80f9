"""A host as a black box: a process, its JSON lines, its signals."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_REPOSITORY = Path(__file__).resolve().parents[3]
# A bound for everything that a test waits for; nothing is measured by it.
PATIENCE_SECONDS = 60.0

type Event = dict[str, Any]


class Hosted:
    """A host process. Every wait is for an event, and is bounded."""

    def __init__(self, app: Path, environment: Mapping[str, str], arguments: Sequence[str] = ()) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local.stand_ins.functions", "--app", str(app), "--tether", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment},
            cwd=_REPOSITORY,
            text=True,
        )
        self._events: list[Event] = []
        self._first: list[Event] = []
        self._changed = threading.Condition()
        self._ended = False
        self._stderr: list[str] = []
        self._readers = [threading.Thread(target=self._read_stdout), threading.Thread(target=self._read_stderr)]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stderr(self) -> str:
        return "".join(self._stderr)

    def ready(self) -> Event:
        return self._first[0] if self._first else self.wait_for(ready=True)

    def wait_for(self, **facts: object) -> Event:
        """The first event with these facts."""
        return self.wait_for_several(1, **facts)[0]

    def wait_for_several(self, count: int, **facts: object) -> list[Event]:
        """The first *count* events with these facts."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or len(self._matching(facts)) >= count, PATIENCE_SECONDS)
            found = self._matching(facts)
            assert len(found) >= count, f"{count} of {facts} expected in {self._events}\n{self.stderr}"
            return found[:count]

    def forget(self) -> None:
        """Begin anew: what was said so far counts no more, but for the first line."""
        with self._changed:
            self._first = self._first or self._events[:1]
            self._events.clear()

    def seen(self, **facts: object) -> list[Event]:
        """All events with these facts, so far."""
        with self._changed:
            return self._matching(facts)

    def logged(self, message: str) -> Event:
        return self.wait_for(event="log", message=message)

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self._process.kill()
        self.exit_status()

    def let_go(self) -> None:
        """Close the tether."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def exit_status(self) -> int:
        status = self._process.wait(PATIENCE_SECONDS)
        for reader in self._readers:
            reader.join()
        return status

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self.exit_status()
        self.let_go()

    def _matching(self, facts: Mapping[str, object]) -> list[Event]:
        return [event for event in self._events if facts.items() <= event.items()]

    def _read_stdout(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with self._changed:
                    self._events.append(json.loads(line))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            self._stderr.extend(lines)
