"""`python -m local ...` as a person starts it: real processes, in a runtime directory of the test's own."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.stack.child import REPOSITORY
from tests.local.processes import descendants, wait_for_end_of, wait_until

_COMMAND_SECONDS = 240.0
# An idle stack takes a quarter of a core with the ten looks a second of host.json, and tests run beside several.
_LESS_OFTEN = {"AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.200"}


class Terminal:
    """Commands that find each other's stacks, and nobody else's."""

    def __init__(self, runtime: Path) -> None:
        self._runtime = runtime
        self.environment = {**os.environ, **_LESS_OFTEN, "XDG_RUNTIME_DIR": str(runtime)}

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """One command, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "local", *map(str, arguments)],
            check=False,
            capture_output=True,
            text=True,
            cwd=REPOSITORY,
            env=self.environment,
            timeout=_COMMAND_SECONDS,
        )

    @contextmanager
    def started(self, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
        """One command, which is killed when this is over."""
        with subprocess.Popen(
            [sys.executable, "-m", "local", *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env=self.environment,
        ) as process:
            yield process
            process.kill()

    @contextmanager
    def up(self, *arguments: str | Path) -> Iterator["Up"]:
        """`up --json`, which is over, with all that it started, when this is."""
        with (self._runtime / "stderr").open("w+") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "local", "up", "--json", "--tether", *map(str, arguments)],
                # Nothing is ever written to it. Its end tells the stack that this test run has gone, however it died.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=REPOSITORY,
                env=self.environment,
                # The terminal's foreground group: what Ctrl-C reaches.
                start_new_session=True,
            )
            with process:
                up = Up(process, Path(stderr.name))
                try:
                    yield up
                finally:
                    up.kill()


class Up:
    """A stack under a terminal."""

    def __init__(self, process: subprocess.Popen[bytes], stderr: Path) -> None:
        self._process = process
        self._stderr = stderr
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ready(self) -> dict[str, Any]:
        """The first line, once it is there."""

        def look() -> bool:
            assert self._process.poll() is None, self.stderr()
            return bool(self.lines)

        wait_until(look, "the ready line")
        return self.events()[0]

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in tuple(self.lines)]

    def emulator(self) -> dict[str, Any]:
        """The second line: where the emulator's own endpoints are, and its ids."""
        wait_until(lambda: len(self.lines) > 1, "the emulator's line")
        return self.events()[1]

    def welcome(self) -> str:
        """What it says once everything runs, whole."""
        wait_until(lambda: "Ctrl-C ends everything." in self.stderr(), "the welcome")
        return self.stderr()

    def stderr(self) -> str:
        return self._stderr.read_text()

    def pids(self) -> set[int]:
        """The process and all that it started."""
        return {self._process.pid} | descendants(self._process.pid)

    def press_ctrl_c(self) -> None:
        os.killpg(self._process.pid, signal.SIGINT)

    def terminate(self) -> None:
        self._process.terminate()

    def status(self) -> int:
        """The exit status, once there is one."""
        return self._process.wait(_COMMAND_SECONDS)

    def kill(self) -> None:
        """The hard way, which leaves nothing behind either."""
        pids = self.pids()
        self._process.kill()
        wait_for_end_of(pids)
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.decode())
