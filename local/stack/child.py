"""One child process: starts it, waits until it says that it is ready, and ends it.

A child's standard input is a pipe whose write end only this process holds, and the child ends at end of file: so it
cannot outlive this process, however that dies. A child leads a session of its own, so a Ctrl-C in the terminal reaches
only this process, which ends everything in order.
"""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

_TAIL_LINES = 12
# A line longer than this breaks asyncio's reader; a journal line with a traceback may be long.
_LONGEST_LINE = 16 * 1024 * 1024
# How long to read output that is still in the pipes; a process that the child left behind may hold them open.
_DRAIN_SECONDS = 2.0

type OnLine = Callable[[str], None]


class ChildFailed(Exception):  # noqa: N818 - the name says what is the case
    """A child did not get ready, or died. The text ends with the last lines of its output."""


def _ignore(_line: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to start. *on_output* and *on_error* get every line after readiness, and every line, respectively.

    *held*: file descriptors that stay open for as long as the child lives.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    held: tuple[int, ...] = ()
    on_output: OnLine = _ignore
    on_error: OnLine = _ignore


class Child:
    """A running process. Make one with `start`."""

    def __init__(self, command: Command, process: Process) -> None:
        self._command = command
        self._process = process
        self._on_output = command.on_output
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._pumps = [
            asyncio.create_task(_pump(process.stdout, self._take_output)),
            asyncio.create_task(_pump(process.stderr, self._take_error)),
        ]

    @classmethod
    async def start[Ready](
        cls, command: Command, read_ready: Callable[[str], Ready | None], *, within_seconds: float
    ) -> tuple["Child", Ready]:
        """Start *command*, and wait until *read_ready* returns something for a line of its output. Returns both.

        Raises ChildFailed.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *command.arguments,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=command.environment,
                cwd=REPOSITORY,
                limit=_LONGEST_LINE,
                start_new_session=True,
                pass_fds=command.held,
            )
        except OSError as error:
            raise ChildFailed(f"{command.name} cannot be started: {error.strerror} ({command.arguments[0]})") from error
        child = cls(command, process)
        try:
            return child, await child._ready(read_ready, within_seconds)
        except BaseException:
            await child.kill()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    async def exited(self) -> int:
        """Wait for the end. Returns the exit status, negative for a signal. Ends the processes that it left behind."""
        status = await self._process.wait()
        self._kill_group()
        await asyncio.wait(self._pumps, timeout=_DRAIN_SECONDS)
        for pump in self._pumps:
            pump.cancel()
        return status

    def failure(self, what: str) -> ChildFailed:
        """An exception that says *what* happened, with the last lines on standard error, or before readiness."""
        said = "".join(f"\n  | {line}" for line in self._tail) or "\n  (it said nothing)"
        return ChildFailed(f"{self._command.name} {what}{said}")

    async def end(self, grace_seconds: float) -> bool:
        """Ask the child to end, and kill it if it does not in time. Returns whether it ended with status 0."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace_seconds):
                await self._process.wait()
        except TimeoutError:
            self._kill_group()
        except asyncio.CancelledError:
            await self.kill()
            raise
        return await self.exited() == 0

    async def kill(self) -> None:
        self._kill_group()
        await self.exited()

    async def _ready[Ready](self, read_ready: Callable[[str], Ready | None], within_seconds: float) -> Ready:
        ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()

        def look_for_it(line: str) -> None:
            self._tail.append(line)
            if (value := read_ready(line)) is not None:
                self._on_output = self._command.on_output
                ready.set_result(value)

        self._on_output = look_for_it
        # The pump of the output ends with the process, after it has read the last line.
        await asyncio.wait((ready, self._pumps[0]), timeout=within_seconds, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            return ready.result()
        if not self._pumps[0].done():
            raise self.failure(f"was not ready within {within_seconds:g} s")
        await asyncio.wait(self._pumps, timeout=_DRAIN_SECONDS)
        raise self.failure("ended before it was ready")

    def _take_output(self, line: str) -> None:
        self._on_output(line)

    def _take_error(self, line: str) -> None:
        self._tail.append(line)
        self._command.on_error(line)

    def _kill_group(self) -> None:
        # The child leads its process group, so the group is all that the child has started.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


async def _pump(stream: asyncio.StreamReader | None, on_line: OnLine) -> None:
    assert stream is not None  # noqa: S101 - both were asked for as pipes
    while data := await stream.readline():
        on_line(data.decode(errors="replace").rstrip())
