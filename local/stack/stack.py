"""The whole stack: starts its pieces, keeps them running, and ends them in order.

Event Grid's stand-in ends first, then the Functions host (which finishes what it has begun), then the To Do emulator,
and Azurite last, since all of them need it.
"""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from local.stack import azurite
from local.stack.app_settings import CONTAINER, QUEUE, SOON, TABLE, Graph, app_settings, environment, telemetry_settings
from local.stack.child import REPOSITORY, Child, ChildFailed, Command, OnLine
from local.stack.known_ports import KnownPorts, free_port, port_of
from local.stack.plan import CORE_TOOLS, STAND_IN, Plan, SignInPlan
from local.stack.provision import provision
from local.stack.state_dir import EmulatorRecord, RunningRecord, StateDir
from local.stack.supervised import Supervised
from local.stand_ins.entra.people import RESIDENTS
from local.stand_ins.event_grid import EventGridStandIn
from local.stand_ins.insights.endpoint import Endpoint
from local.stand_ins.insights.rows import host_failure
from local.stand_ins.insights.workspace import OnTrace, Workspace
from local.stand_ins.todo.secrets import SECRETS_VARIABLE

if TYPE_CHECKING:
    from local.stack.sign_in import SignInHere

# `Tell` takes facts for programs, `Say` sentences for people.
type Tell = Callable[[Mapping[str, object]], None]
type Say = Callable[[str], None]

_START_SECONDS = 120.0
# At their first start they download the bundle of extensions.
_FIRST_START_OF_CORE_TOOLS_SECONDS = 600.0
# The module that starts each kind of host.
_HOSTS = {STAND_IN: "local.stand_ins.functions", CORE_TOOLS: "local.stack.core_tools"}
# What Azurite and the emulator get to save their data, and the host to end.
_GRACE_SECONDS = 10.0
# What running functions get to finish, before the host itself ends.
_DRAIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Pids:
    """Process ids. *tether* is the process that runs Azurite, its only child."""

    worker: int
    host: int
    tether: int
    emulator: int


class Stack:
    """All pieces, while this is entered. Entering raises ChildFailed where a piece does not start."""

    def __init__(
        self,
        plan: Plan,
        state: StateDir,
        *,
        tell: Tell,
        say: Say,
        on_trace: OnTrace | None = None,
        on_access: OnLine | None = None,
    ) -> None:
        """*on_access* gets the lines of Azurite's access log, and passes them on to `observe`. None: they go there."""
        self._plan = plan
        self._state = state
        self._tell = tell
        self._say = say
        asked = {"todo": plan.todo_port} if plan.todo_port else {}
        asked |= asdict(plan.storage_ports) if plan.storage_ports is not None else {}
        self._ports = KnownPorts(state if plan.durable else None, asked)
        self._secrets = state.secrets(lambda: _new_secrets(plan.people))
        self._on_access = on_access or self.observe
        self._worker_pid = 0
        self._key = self._secrets["storage"] if plan.storage_ports is None else azurite.PUBLISHED_KEY
        self._storage = ""
        self._emulator: EmulatorRecord | None = None
        self._event_grid: EventGridStandIn | None = None
        self._in_a_hurry = False
        self._on_trace = on_trace
        self._insights: Endpoint | None = None
        self._workspace: Workspace | None = None
        self.sign_in: SignInHere | None = None
        self.ended_in_order = True
        # A process with its data in memory has lost them when it dies: to start it again would be of no use.
        self._azurite = Supervised("Azurite", self._launch_azurite, restartable=plan.durable, report=self._on_restart)
        self._todo = Supervised(
            "the To Do emulator", self._launch_todo, restartable=plan.durable, report=self._on_restart
        )
        self._functions = Supervised(
            "the Functions host", self._launch_functions, restartable=True, report=self._on_restart
        )

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as ending:
            await self._start(ending)
            self._ending = ending.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._ending.__aexit__(kind, error, trace)

    @property
    def record(self) -> RunningRecord:
        """Where everything is."""
        return RunningRecord(
            pid=os.getpid(),
            storage=self._storage,
            container=CONTAINER,
            queue=QUEUE,
            table=TABLE,
            graph=self._graph.root,
            functions=self._functions_url,
            account=self._graph.default_account,
            accounts=self._accounts(),
            tokens=self._graph.tokens if self.sign_in is None else {},
            connect_url=self._connect_url(),
            durable=self._plan.durable,
            emulator=self._emulator,
        )

    def _accounts(self) -> tuple[str, ...]:
        """The names of the accounts for which this stack can attach files."""
        if self._connect_url():
            return tuple(name for resident in RESIDENTS for name in (resident.name, resident.oid))
        return tuple(self._graph.tokens)

    def _connect_url(self) -> str:
        if self.sign_in is None or self.sign_in.stand_in is None:
            return ""
        return self.sign_in.connect_url

    @property
    def pids(self) -> Pids:
        """The ids of the processes that run now."""
        return Pids(self._worker_pid, self._functions.pid, self._azurite.pid, self._todo.pid)

    def observe(self, line: str) -> None:
        """Pass a line of Azurite's access log to Event Grid's stand-in."""
        if self._event_grid is not None:
            self._event_grid.observe(line)

    async def failure(self) -> ChildFailed:
        """Wait until a piece is given up. Returns why."""
        pieces = [self._azurite.failed, self._todo.failed, self._functions.failed]
        done, _ = await asyncio.wait(pieces, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()

    # -- in order --

    async def _start(self, ending: AsyncExitStack) -> None:
        self._ports.check()
        ending.push_async_callback(self._end, self._azurite, _GRACE_SECONDS)
        ending.push_async_callback(self._end, self._todo, _GRACE_SECONDS)
        await self._start_storage_and_graph()
        await asyncio.to_thread(provision, self._storage)
        if self._plan.sign_in is not None:
            await self._start_sign_in(self._plan.sign_in, ending)
        if self._on_trace is not None:
            await self._start_insights(self._on_trace, ending)
        ending.push_async_callback(self._end, self._functions, _DRAIN_SECONDS + _GRACE_SECONDS)
        await self._functions.start()
        self._event_grid = EventGridStandIn(
            self._storage,
            self._webhook,
            containers=[CONTAINER],
            state_file=self._durable_path("event-grid.json"),
            duplicate_events=self._plan.duplicate_events,
            report=lambda event: self._tell({"source": "event grid", **event}),
        )
        await ending.enter_async_context(self._event_grid)

    async def _start_storage_and_graph(self) -> None:
        try:
            async with asyncio.TaskGroup() as together:
                together.create_task(self._azurite.start())
                if self._plan.graph is None:
                    together.create_task(self._todo.start())
        except* ChildFailed as failures:
            raise failures.exceptions[0] from None
        if self._plan.graph is not None:
            self._graph = self._plan.graph

    async def _start_sign_in(self, plan: SignInPlan, ending: AsyncExitStack) -> None:
        # Imported here: what it needs takes half a second to import.
        from local.stack.sign_in import SignInHere  # noqa: PLC0415

        # The identity provider sends browsers back to the app's address, so it must be known before the app starts.
        self._ports.learn(functions=self._ports.of("functions") or free_port())
        self.sign_in = SignInHere(plan, self._state.path, self._ports.of("functions"))
        ending.callback(self.sign_in.close)
        control = self._emulator.control if self._emulator is not None else ""
        self._graph = await asyncio.to_thread(self.sign_in.start, self._storage, self._graph, control, self._say)

    async def _start_insights(self, on_trace: OnTrace, ending: AsyncExitStack) -> None:
        self._workspace = Workspace(self._state.path / "telemetry", on_trace)
        if not self._plan.durable:
            self._workspace.forget()
        ending.callback(self._workspace.close)
        self._insights = await ending.enter_async_context(Endpoint(self._workspace.add))

    async def _end(self, piece: Supervised, grace_seconds: float) -> None:
        try:
            in_order = await piece.end(0 if self._in_a_hurry else grace_seconds)
            self.ended_in_order = self.ended_in_order and in_order
        except asyncio.CancelledError:
            # A second Ctrl-C: wait for nothing any more.
            self._in_a_hurry, self.ended_in_order = True, False
            raise

    # -- the pieces --

    async def _launch_azurite(self) -> Child:
        known = azurite.Ports(*(self._ports.of(name) for name in ("blob", "queue", "table")))
        child, ports = await azurite.start(
            known,
            key=self._key,
            directory=self._durable_path("azurite"),
            environment=environment({}),
            held=(self._state.lock,),
            on_access=self._on_access,
        )
        if self._storage:
            self._say("what Azurite took in its last five seconds may be lost: it saves no more often")
        self._ports.learn(blob=ports.blob, queue=ports.queue, table=ports.table)
        self._storage = ports.connection_string(self._key)
        return child

    async def _launch_todo(self) -> Child:
        directory = self._durable_path("todo")
        arguments = [
            *("-m", "local.stand_ins.todo", "--tether", "--port", str(self._ports.of("todo"))),
            *(("--data", str(directory)) if directory is not None else ()),
            *(("--published-limits",) if self._plan.published_limits else ()),
            *(() if self._plan.keep_content else ("--no-keep-content",)),
            *(part for behaviour in self._plan.behaviours for part in ("--behaviour", behaviour)),
            *(part for fault in self._plan.faults for part in ("--fault", fault)),
        ]
        tokens = {name: self._secrets[name] for name in self._plan.people}
        # In the environment, since other users can read a command line.
        given = {SECRETS_VARIABLE: json.dumps({"control": self._secrets["control"], "tokens": tokens})}
        child, ready = await self._python("the To Do emulator", arguments, environment(given), say=_nothing)
        self._graph = Graph(ready["graph"], tokens)
        self._emulator = EmulatorRecord(ready["control"], ready["list_id"], ready["task_id"], ready["page"])
        self._ports.learn(todo=port_of(ready["graph"]))
        return child

    async def _launch_functions(self) -> Child:
        lease = self._plan.lease_seconds
        arguments = [
            *("-m", _HOSTS[self._plan.host], "--tether", "--app", str(REPOSITORY)),
            *("--port", str(self._ports.of("functions"))),
            *("--drain-seconds", f"{_DRAIN_SECONDS:g}"),
            *(("--lease", str(lease)) if lease is not None else ()),
        ]
        settings = app_settings(self._storage, self._graph, lease_seconds=lease)
        if self.sign_in is not None:
            settings = self.sign_in.over(settings)
        if self._insights is not None:
            settings |= telemetry_settings(self._insights.connection_string) | SOON
        settings |= self._plan.settings
        within = _FIRST_START_OF_CORE_TOOLS_SECONDS if self._plan.host == CORE_TOOLS else _START_SECONDS
        child, ready = await self._python(
            "the Functions host", arguments, environment(settings), within=within, say=self._say
        )
        self._functions_url = ready["url"]
        self._worker_pid = int(ready["worker_pid"])
        (self._webhook,) = ready["blob_webhooks"].values()
        if self._event_grid is not None:
            self._event_grid.deliver_to(self._webhook)  # the address has a key, which each host makes anew
        self._ports.learn(functions=port_of(ready["url"]))
        return child

    async def _python(
        self,
        name: str,
        arguments: Sequence[str],
        variables: Mapping[str, str],
        *,
        within: float = _START_SECONDS,
        say: Say,
    ) -> tuple[Child, dict[str, Any]]:
        command = Command(
            name=name,
            arguments=[sys.executable, *arguments],
            environment=variables,
            held=(self._state.lock,),
            on_output=self._on_host_event,
            on_error=say,
        )
        return await Child.start(command, _read_ready, within_seconds=within)

    def _durable_path(self, name: str) -> Path | None:
        """Where a piece keeps its data; None: in memory."""
        return self._state.path / name if self._plan.durable else None

    # -- what the pieces say --

    def _on_host_event(self, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            self._say(line)
            return
        if self._workspace is not None and event.get("event") == "invocation_ended" and event["status"] != "succeeded":
            for table, row in host_failure(event, datetime.now(UTC)):
                self._workspace.add(table, row)
        self._tell({"source": "functions", **event})

    def _on_restart(self, text: str) -> None:
        self._say(text)
        self._tell({"source": "stack", "event": "restart", "text": text})


def _new_secrets(people: Sequence[str]) -> dict[str, str]:
    """The secrets of a stack: the storage account's key, the emulator's control, and the tokens of its people."""
    return {"storage": azurite.new_key(), **{name: secrets.token_urlsafe(24) for name in ("control", *people)}}


def _nothing(_text: str) -> None: ...


def _read_ready(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and record.get("ready") is True else None
