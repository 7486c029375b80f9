"""Ends a program together with the process that started it: `python -m local.stack.tether -- COMMAND...`.

It is for programs that do not watch their standard input themselves. Standard input is a pipe whose other end only the
starting process holds. When that process dies, however it dies, the pipe reads end of file, and this ends COMMAND. No
signal handler has to run in the starting process, so that even SIGKILL leaves no orphan.

COMMAND's output goes through this process and not straight to the starting process. If that has died, nothing reads the
output any more, and a program that logs while it saves its data would die of the broken pipe before it has saved them.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from types import FrameType

# How long COMMAND may take to save its data, before it is killed.
GRACE_SECONDS = 3.0
# How long to read output that is still in the pipes; a process that COMMAND left behind may hold them open.
LAST_WORDS_SECONDS = 1.0


def main(arguments: list[str]) -> int:
    """Returns the exit status of COMMAND; 128 + N where signal N ended it."""
    if arguments[:1] != ["--"] or len(arguments) < 2:
        print("usage: python -m local.stack.tether -- COMMAND...", file=sys.stderr)
        return 2
    return _Leash().hold(arguments[1:])


class _Leash:
    def __init__(self) -> None:
        self._command: subprocess.Popen[bytes] | None = None
        self._let_go = threading.Event()

    def hold(self, command: list[str]) -> int:
        signal.signal(signal.SIGTERM, self._on_terminate)
        # A Ctrl-C in the terminal is for the starting process, which ends everything in order.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._command = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except OSError as error:
            print(f"tether: {command[0]} cannot be started: {error.strerror}", file=sys.stderr)
            return 127
        if self._let_go.is_set():  # the signal came while the process was being made
            self._command.terminate()
        threading.Thread(target=self._wait_for_end_of_file, daemon=True).start()
        relays = [
            threading.Thread(target=_pass_on, args=(pipe.fileno(), to), daemon=True)
            for pipe, to in ((self._command.stdout, 1), (self._command.stderr, 2))
            if pipe is not None
        ]
        for relay in relays:
            relay.start()
        status = self._command.wait()
        for relay in relays:
            relay.join(LAST_WORDS_SECONDS)
        return status if status >= 0 else 128 - status

    def _on_terminate(self, _signal: int, _frame: FrameType | None) -> None:
        self._let_go.set()
        if self._command is not None:
            self._command.terminate()

    def _wait_for_end_of_file(self) -> None:
        # Not through sys.stdin: a thread that holds its lock while the interpreter ends is a fatal error.
        while os.read(0, 4096):
            pass
        if self._command is None:
            return
        self._command.terminate()
        try:
            self._command.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._command.kill()


def _pass_on(source: int, to: int) -> None:
    while data := os.read(source, 65536):
        # If the reader is gone, the source must still be emptied, or COMMAND would block on a full pipe.
        with suppress(OSError):
            while data:
                data = data[os.write(to, data) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
