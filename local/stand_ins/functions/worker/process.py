"""One worker process, seen from the host: starts it, calls it, and notices when it dies."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from local.stand_ins.functions.worker.frames import (
    LENGTH_BYTES,
    Finished,
    FromWorker,
    Indexed,
    Invoke,
    Logged,
    Ready,
    Refused,
    Stop,
    length_of,
    pack,
    unpack,
)

# After our modules are loaded, our root is removed from the path: an app must find its own `shared`, not this
# repository's.
_BOOT = (
    "import sys; root, descriptor, app = sys.argv[1:]; sys.path.insert(0, root);"
    " from local.stand_ins.functions.worker.child import main; sys.path.remove(root); main(int(descriptor), app)"
)
_ROOT = Path(__file__).resolve().parents[4]
_STDERR = 2

type OnLog = Callable[[Logged], None]


class WorkerRefusedError(Exception):
    """The worker cannot load the app. The text is the library's own."""


class WorkerDiedError(Exception):
    """The worker ended before it answered."""


class WorkerProcess:
    """Make one with `spawn`."""

    def __init__(
        self, process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_log: OnLog
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._on_log = on_log
        self._calls: dict[str, asyncio.Future[Finished]] = {}
        self._dead = False
        self._answers_nobody = False
        self._watch: asyncio.Task[None] | None = None
        self.functions: tuple[Indexed, ...] = ()

    @classmethod
    async def spawn(cls, app_directory: Path, environment: Mapping[str, str], on_log: OnLog) -> Self:
        """Start a worker and wait until it has indexed the app. Raises WorkerRefusedError, WorkerDiedError."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-c", _BOOT, str(_ROOT), str(theirs.fileno()), str(app_directory)),
                stdin=DEVNULL,
                stdout=_STDERR,  # what the app prints is for people: stdout is the host's own line protocol
                cwd=app_directory,
                env=environment,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # a Ctrl-C is the host's to handle; and the group can be killed as one
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        worker = cls(process, reader, writer, on_log)
        try:
            worker.functions = await worker._first_word()
        except BaseException:
            await worker.kill()
            raise
        worker._watch = asyncio.create_task(worker._read())
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return not self._dead

    async def invoke(self, call: Invoke) -> Finished:
        """Run a function. Calls may overlap. The worker must be alive. Raises WorkerDiedError."""
        answer: asyncio.Future[Finished] = asyncio.get_running_loop().create_future()
        self._calls[call.invocation_id] = answer
        try:
            self._writer.write(pack(call))
            return await answer
        finally:
            del self._calls[call.invocation_id]

    async def died(self) -> int:
        """Wait for the end. Returns the exit status, negative for a signal.

        A worker that has closed its socket is of no use any more, and is killed.
        """
        exited = asyncio.ensure_future(self._process.wait())
        ends = [exited] if self._watch is None else [exited, self._watch]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        self._kill_group()
        await asyncio.wait(ends)
        return exited.result()

    async def stop(self, within_seconds: float) -> None:
        """Ask the worker to end, and kill it if it does not."""
        with suppress(OSError):
            self._writer.write(pack(Stop()))
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                await self._process.wait()
        await self.kill()

    async def kill_for_a_timeout(self) -> None:
        """Kill the worker. Its other runs get no answer: as on the real host, each hangs until its own time-out."""
        self._answers_nobody = True
        await self.kill()

    @property
    def was_killed_for_a_timeout(self) -> bool:
        return self._answers_nobody

    async def kill(self) -> None:
        self._kill_group()
        await self.died()
        self._writer.close()

    def _kill_group(self) -> None:
        # The whole process group, so that what the app started ends too, and with it the last copy of the socket.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _first_word(self) -> tuple[Indexed, ...]:
        while True:
            match await self._frame():
                case Ready(functions):
                    return functions
                case Refused(reason):
                    raise WorkerRefusedError(reason)
                case Logged() as record:
                    self._on_log(record)

    async def _read(self) -> None:
        with suppress(WorkerDiedError):
            while True:
                match await self._frame():
                    case Finished() as finished:
                        answer = self._calls.get(finished.invocation_id)
                        if answer is not None and not answer.done():
                            answer.set_result(finished)
                    case Logged() as record:
                        self._on_log(record)
        self._dead = True
        for answer in self._calls.values():
            if not answer.done() and not self._answers_nobody:
                answer.set_exception(WorkerDiedError("the worker died while the function ran"))

    async def _frame(self) -> FromWorker:
        try:
            size = length_of(await self._reader.readexactly(LENGTH_BYTES))
            frame: FromWorker = unpack(await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, OSError) as error:
            raise WorkerDiedError("the worker ended before it was ready") from error
        return frame
