"""The stack that a command works on: the one that runs, or one of its own for the time being."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from local.stack.app_settings import Graph
from local.stack.stack import Plan, Stack
from local.stack.state_dir import RunningRecord, StateDir, StateDirError, default_directory, find_running

_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class AtHand:
    """A stack that runs. *gone* returns, with the reason, when it does not any more."""

    record: RunningRecord
    gone: Callable[[], Awaitable[str]]


@asynccontextmanager
async def at_hand(state: Path | None, graph: Graph | None, console: Console) -> AsyncIterator[AtHand]:
    """The stack that runs in *state* (or without a state) and talks to *graph* (or to any); else a new one."""
    directory = state or default_directory()
    found = find_running(directory)
    if found is not None and (graph is None or graph.root == found.graph):
        console.print(f"on the stack that runs (process {found.pid})", style="dim", highlight=False)
        yield AtHand(found, lambda: _until_gone(directory))
        return
    if found is not None and state is not None:
        raise StateDirError(f"the stack that runs in {state} (process {found.pid}) talks to {found.graph}")
    async with new_stack(Plan(graph=graph, durable=state is not None), state, console) as own:
        yield own


@asynccontextmanager
async def new_stack(plan: Plan, directory: Path | None, console: Console) -> AsyncIterator[AtHand]:
    """A stack that lives as long as this context; without a *directory*, so do its data."""

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

        yield AtHand(stack.record, gone)


async def _until_gone(directory: Path) -> str:
    while find_running(directory) is not None:  # noqa: ASYNC110 - no event tells of another process's end
        await asyncio.sleep(_LOOK_SECONDS)
    return "the stack has ended; its uploads go on when it is started again, if it has a --state"
