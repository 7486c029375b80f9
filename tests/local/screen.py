"""A command at a real terminal: a pseudo-terminal of the system, and what a person would see on it."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyte

from local.stack.child import REPOSITORY
from tests.local.processes import wait_until

COLUMNS, ROWS = 80, 30


class Screen:
    """What was printed so far, as lines of 80 columns: those that have scrolled away, and those on the screen."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int) -> None:
        self._process = process
        self._terminal = terminal
        self._lock = threading.Lock()
        self._screen = pyte.HistoryScreen(COLUMNS, ROWS, history=10_000, ratio=1.0)
        self._stream = pyte.ByteStream(self._screen)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def lines(self) -> list[str]:
        with self._lock:
            above = ["".join(line[column].data for column in range(COLUMNS)) for line in self._screen.history.top]
            return [line.rstrip() for line in (*above, *self._screen.display)]

    def text(self) -> str:
        return "\n".join(self.lines())

    def wait_for(self, words: str) -> None:
        wait_until(lambda: words in self.text(), f"{words!r} on the screen")

    def press_ctrl_c(self) -> None:
        """As a person does: the terminal makes a signal of it."""
        os.write(self._terminal, b"\x03")

    def press_enter(self) -> None:
        os.write(self._terminal, b"\n")

    def status(self) -> int:
        """The exit status, once there is one; and all that was said is on the screen."""
        status = self._process.wait(120)
        self._reader.join()
        return status

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._terminal, 65536)
            except OSError:  # Linux: the other end is closed
                return
            if not data:
                return
            with self._lock:
                self._stream.feed(data)


@contextmanager
def screen(environment: Mapping[str, str], *arguments: str | Path) -> Iterator[Screen]:
    """`python -m local ARGUMENTS` at a terminal of its own; killed at the end, if it has not ended by itself."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    # The new session's leader opens the terminal, which makes it the session's own: only then does Ctrl-C reach it.
    start = "import os, sys; os.close(os.open(os.ttyname(0), os.O_RDWR)); os.execv(sys.executable, sys.argv[1:])"
    command = [sys.executable, "-m", "local", *map(str, arguments)]
    process = subprocess.Popen(
        [sys.executable, "-c", start, *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=REPOSITORY,
        env={**environment, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        shown = Screen(process, ours)
        yield shown
    finally:
        process.kill()
        shown.status()
        os.close(ours)
