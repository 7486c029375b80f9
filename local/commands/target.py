"""The stack that a command works on: one that runs already, or one that the command starts and ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from local.stack.app_settings import Graph
from local.stack.plan import STAND_IN, Plan
from local.stack.state_dir import RunningRecord, StateDir, StateDirError, default_directory, find_running

_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Target:
    """Which stack. Where *running* is None, a stack is started, with its data in *directory*, or in memory."""

    directory: Path | None
    graph: Graph | None
    running: RunningRecord | None

    @property
    def is_temporary(self) -> bool:
        """Whether what the stack stores is gone when the command ends."""
        return self.running is None and self.directory is None

    @property
    def has_emulator(self) -> bool:
        return self.running.emulator is not None if self.running is not None else self.graph is None

    @property
    def is_thrown_away(self) -> bool:
        """Whether the attachments themselves are gone when the command ends."""
        return self.is_temporary and self.has_emulator

    @property
    def data_option(self) -> str:
        """The option that other commands need to find this stack."""
        return f" --data {self.directory}" if self.directory is not None else ""


@dataclass(frozen=True, slots=True)
class OpenStack:
    """A stack that runs. *gone* returns when it has ended, with the reason."""

    record: RunningRecord
    gone: Callable[[], Awaitable[str]]


def choose(directory: Path | None, graph: Graph | None) -> Target:
    """The stack that runs in *directory* (None: the one without --data) and talks to *graph* (None: any); else a new.

    Starts nothing. Raises StateDirError where the stack that runs in *directory* talks to another Graph.
    """
    found = find_running(directory or default_directory())
    if found is None or graph is None or graph.root == found.graph:
        return Target(directory, graph, found)
    if directory is not None:
        raise StateDirError(f"the stack that runs in {directory} (process {found.pid}) talks to {found.graph}")
    return Target(None, graph, None)


@asynccontextmanager
async def opened(target: Target, console: Console, *, host: str = STAND_IN) -> AsyncIterator[OpenStack]:
    """The stack of *target*: the one that runs; or a new one, on *host*, which ends with this context."""
    if target.running is not None:
        console.print(f"on the stack that runs (process {target.running.pid})", style="dim", highlight=False)
        yield OpenStack(target.running, lambda: _until_gone(target.directory or default_directory()))
        return
    plan = Plan(graph=target.graph, durable=not target.is_temporary, host=host)
    async with new_stack(plan, target.directory, console) as own:
        yield own


@asynccontextmanager
async def new_stack(plan: Plan, directory: Path | None, console: Console) -> AsyncIterator[OpenStack]:
    """A stack that lives as long as this context. Without a *directory*, its data do too."""
    # Imported here: it takes a while, and a command on a stack that runs already does not need it.
    from local.stack.stack import Stack  # noqa: PLC0415

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    async with AsyncExitStack() as ending:
        place = directory or Path(ending.enter_context(TemporaryDirectory(prefix="todo-attach-")))
        state = await ending.enter_async_context(StateDir(place))
        with console.status("starting Azurite, the To Do emulator and the Functions host"):
            stack = await ending.enter_async_context(Stack(plan, state, tell=lambda _event: None, say=say))
        state.announce(stack.record)

        async def gone() -> str:
            return str(await stack.failure())

        yield OpenStack(stack.record, gone)


async def _until_gone(directory: Path) -> str:
    while find_running(directory) is not None:  # noqa: ASYNC110 - no event tells of another process's end
        await asyncio.sleep(_LOOK_SECONDS)
    return "the stack has ended; its uploads go on when it is started again, if it has a --data directory"
