"""`up`: starts everything and keeps it running."""

import argparse
import asyncio
import os
import shlex
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from local.commands import exit_codes, interruptible
from local.commands.log_lines import line_of
from local.commands.options import (
    add_data_option,
    add_graph_options,
    add_host_option,
    add_sign_in_options,
    graph_of,
    host_of,
    sign_in_of,
    text,
)
from local.commands.progress import terminal
from local.commands.wording import clock_text, utc_now
from local.stack import azurite
from local.stack.app_settings import LONGEST_LEASE_SECONDS, SHORTEST_LEASE_SECONDS
from local.stack.child import ChildFailed
from local.stack.emulator import Emulator, Mailbox
from local.stack.plan import CORE_TOOLS, Plan
from local.stack.stack import Stack
from local.stack.state_dir import RunningRecord, StateDir, StateDirError, default_directory
from local.stand_ins.functions.event_stream import EventStream
from local.stand_ins.insights.trace import Trace
from local.stand_ins.todo.behaviour import DOCUMENTED
from local.stand_ins.todo.faults import EXAMPLE, parse_rule
from local.stand_ins.todo.switches import change, read_assignment

_DEFAULT_ACCOUNT = "you"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Start Azurite, a To Do emulator and a Functions host that runs this application, and keep them running until "
        "Ctrl-C. Exit status 0 after Ctrl-C, where everything ended in order."
    )
    add_data_option(parser, "keep all data in DIR, so that the next `up` goes on there; without it, it is in memory")
    add_graph_options(parser)
    add_sign_in_options(parser)
    parser.add_argument(
        "--account",
        type=text,
        metavar="NAME",
        help=f"with --graph-root: whose token it is (default: {_DEFAULT_ACCOUNT})",
    )
    parser.add_argument(
        "--trace",
        action="store_true",
        help="telemetry as in Azure, to a stand-in for Application Insights: the spans of each upload as a tree",
    )
    parser.add_argument(
        "--ports",
        type=_ports,
        metavar="BLOB,QUEUE,TABLE",
        help="fixed ports for the storage, such as 10000,10001,10002, for clients that know nothing else "
        "(UseDevelopmentStorage=true, rclone's use_emulator, Storage Explorer). They know no key either but Azurite's "
        "published one, so the storage is then open to every user of this machine",
    )
    parser.add_argument(
        "--lease",
        type=_lease,
        metavar="SECONDS",
        help="a shorter queue lease than the cloud's, which is always 600 s; deadlines and claims shrink with it. "
        "For crash tests: waiting for a dead worker's message takes one lease",
    )
    parser.add_argument(
        "--duplicate-events", type=_count, default=0, metavar="N", help="deliver each blob event N more times"
    )
    parser.add_argument(
        "--json", action="store_true", help="lines of JSON: one per event, and one with `ready` when all is up"
    )
    parser.add_argument("--tether", action="store_true", help="end when standard input does: for tests")
    add_host_option(parser)
    emulator = parser.add_argument_group("the To Do emulator")
    emulator.add_argument("--port-todo", type=_port, default=0, metavar="N", help="its port (default: any)")
    emulator.add_argument(
        "--published-limits", action="store_true", help="throttle as the published limits of Outlook say"
    )
    emulator.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="JSON",
        help=f"something that goes wrong, such as {EXAMPLE}; may be given several times",
    )
    emulator.add_argument(
        "--behaviour",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a switch, such as session_get=404; may be given several times (local/stand_ins/todo/behaviour.py)",
    )


def run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Returns 0 after Ctrl-C or SIGTERM, if everything ended in order; 1 where a piece failed."""
    if options.account and not options.graph_root:
        parser.error("--account is for another Graph: it needs --graph-root")
    plan = Plan(
        graph=graph_of(parser, options, options.account or _DEFAULT_ACCOUNT),
        durable=options.data is not None,
        lease_seconds=options.lease,
        duplicate_events=options.duplicate_events,
        host=host_of(parser, options),
        todo_port=options.port_todo,
        storage_ports=options.ports,
        published_limits=options.published_limits,
        faults=options.fault,
        behaviours=options.behaviour,
        sign_in=sign_in_of(parser, options),
    )
    _refuse_mistakes(parser, plan)
    return interruptible.run(_up(plan, options))


def _refuse_mistakes(parser: argparse.ArgumentParser, plan: Plan) -> None:
    """Report mistakes now: the emulator would report them only after everything else has been started for nothing."""
    if plan.host == CORE_TOOLS and plan.lease_seconds is not None:
        parser.error(f"--lease is the stand-in's: with --host {CORE_TOOLS} it is {LONGEST_LEASE_SECONDS} s, always")
    of_the_emulator = plan.faults or plan.behaviours or plan.todo_port or plan.published_limits
    if plan.graph is not None and of_the_emulator:
        parser.error(
            "--fault, --behaviour, --port-todo and --published-limits are the emulator's, which --graph-root replaces"
        )
    try:
        change(DOCUMENTED, dict(map(read_assignment, plan.behaviours)))
        for fault in plan.faults:
            parse_rule(fault)
    except ValueError as error:
        parser.error(str(error))


async def _up(plan: Plan, options: argparse.Namespace) -> int:
    # It writes from a thread of its own: a reader that stops reading must not stop the stack.
    stream = EventStream() if options.json else None

    def tell(event: Mapping[str, Any]) -> None:
        if stream is None:
            _print_line(event)
        else:
            stream.emit(**event)

    def on_trace(trace: Trace, path: Path) -> None:
        if stream is None:
            terminal(stderr=True).print(trace.tree())
        else:
            stream.emit("trace", source="insights", upload_id=trace.upload_id, spans=len(trace), otlp=str(path))

    if options.tether:
        _end_with_standard_input()
    try:
        async with StateDir(options.data or default_directory()) as state:
            stack = Stack(plan, state, tell=tell, say=_say, on_trace=on_trace if options.trace else None)
            return await _keep(stack, state, options, stream)
    except (ChildFailed, StateDirError) as error:
        _say(f"todo-attach: {error}")
        return exit_codes.FAILED
    finally:
        if stream is not None:
            stream.close()


def _end_with_standard_input() -> None:
    """Cancel the current task when standard input ends: it ends however the process at its other end dies."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()

    def wait() -> None:
        # Not through sys.stdin: a thread that holds its lock while the interpreter ends is a fatal error.
        while os.read(0, 4096):
            pass
        if task is not None:
            with suppress(RuntimeError):  # the loop has ended already
                loop.call_soon_threadsafe(task.cancel)

    threading.Thread(target=wait, daemon=True).start()


async def _keep(stack: Stack, state: StateDir, options: argparse.Namespace, stream: EventStream | None) -> int:
    _say("starting Azurite, the Functions host" + ("" if options.graph_root else " and the To Do emulator"))
    status = exit_codes.INTERRUPTED
    try:
        async with stack:
            state.announce(stack.record)
            if stream is not None:
                _announce(stack.record, stream)
                _announce_sign_in(stack, stream)
            files_url = stack.sign_in.files_url if stack.sign_in is not None else ""
            welcome = await asyncio.to_thread(lambda: list(_welcome(stack.record, state, options, files_url)))
            _say("\n".join(welcome))
            status = exit_codes.OK
            return await _until_failure(stack)
    except asyncio.CancelledError:
        # Ctrl-C is the usual end of this command.
        return status if stack.ended_in_order else exit_codes.FAILED


async def _until_failure(stack: Stack) -> int:
    try:
        _say(f"todo-attach: {await stack.failure()}")
    except asyncio.CancelledError:
        _say("ending in order; Ctrl-C again ends at once")
        raise
    return exit_codes.FAILED


def _announce(record: RunningRecord, stream: EventStream) -> None:
    stream.ready(storage=record.storage, container=record.container, graph=record.graph, functions=record.functions)
    if record.emulator is not None:
        token = record.tokens.get(record.account, "")
        stream.emit("emulator", source="stack", user=record.account, token=token, **asdict(record.emulator))


def _announce_sign_in(stack: Stack, stream: EventStream) -> None:
    if stack.sign_in is not None and stack.sign_in.stand_in is not None:
        entra = stack.sign_in.stand_in
        stream.emit(
            "sign_in",
            source="stack",
            connect=stack.sign_in.connect_url,
            files=stack.sign_in.files_url,
            entra=entra.origin,
            entra_control=entra.control,
            ca=str(entra.certificate.authority),
        )


def _welcome(record: RunningRecord, state: StateDir, options: argparse.Namespace, files_url: str) -> Iterator[str]:
    """Lines that say where everything is, and what to type next. *files_url*: the page of a person's own files."""
    mailbox = Emulator(record.emulator).mailbox_of(record.account) if record.emulator is not None else None
    where = f" --data {shlex.quote(str(options.data))}" if options.data else ""
    place = _first_place(mailbox) if mailbox is not None else ("NAME", "NAME")
    program = f"{os.path.relpath(sys.executable)} -m local"
    yield ""
    yield f'  storage    Azurite, container "{record.container}"'
    yield f"  functions  {record.functions}"
    yield f"  To Do      {record.graph}{' (an emulator)' if mailbox else ''}, as {record.account}"
    yield from _tasks(mailbox)
    yield f"  data       {options.data or 'in memory, gone when this ends'}"
    if options.lease:
        yield f"  lease      {options.lease} s, to try crashes with; the cloud's is 600 s, always"
    if options.trace:
        yield f"  telemetry  {state.path / 'telemetry'}: a file per table, and traces for any viewer of OTLP"
    if options.ports is not None:
        yield "  warning    fixed ports imply Azurite's published key: every user of this machine can read the storage"
    yield ""
    yield "In another terminal, attach a file and see where it is:"
    yield ""
    yield f"  {program} attach FILE --list {place[0]} --task {place[1]}{where}"
    yield f"  {program} status{where}"
    if mailbox is not None:
        yield f"  {program} show{where}"
    yield ""
    yield "Or put it into the container, as any program could; the first line tells az where the storage is:"
    yield ""
    yield f"  . {shlex.quote(_short_path(state.env_file))}"
    metadata = f"list={place[0]} task={place[1]}"
    yield f"  az storage blob upload -f FILE -n FILE -c {record.container} --metadata {metadata}"
    yield ""
    if record.connect_url:
        yield "No account is connected yet. Connect one in a browser, at"
        yield f"  {record.connect_url}"
        yield "which leads on to a stand-in for Entra. It asks for no password, and the browser does not know its"
        yield "certificate: go on. Then send files, and see what becomes of them, at"
        yield f"  {files_url}"
        yield ""
    yield "Ctrl-C ends everything."
    yield ""


def _tasks(mailbox: Mailbox | None) -> Iterator[str]:
    for task_list in mailbox.lists if mailbox is not None else ():
        tasks = ", ".join(task.name for task in task_list.tasks) or "no tasks"
        yield f'             list "{task_list.name}": {tasks}'


def _first_place(mailbox: Mailbox) -> tuple[str, str]:
    """A list and one of its tasks, quoted for a shell."""
    for task_list in mailbox.lists:
        for task in task_list.tasks:
            return shlex.quote(task_list.name), shlex.quote(task.name)
    return "NAME", "NAME"


def _short_path(path: Path) -> str:
    """The path, or the relative one where that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)


def _print_line(event: Mapping[str, object]) -> None:
    if line := line_of(event):
        _say(f"{clock_text(utc_now())}  {line}")


def _say(text: str) -> None:
    # The reader may be gone (`| head`); the stack must go on all the same.
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _lease(value: str) -> int:
    if not value.isdecimal() or not SHORTEST_LEASE_SECONDS <= int(value) <= LONGEST_LEASE_SECONDS:
        raise argparse.ArgumentTypeError(f"use {SHORTEST_LEASE_SECONDS} to {LONGEST_LEASE_SECONDS} seconds")
    return int(value)


def _count(value: str) -> int:
    if not value.isdecimal():
        raise argparse.ArgumentTypeError("use 0 or more")
    return int(value)


def _port(value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise argparse.ArgumentTypeError(f"{value!r} is not a port: use a number from 1 to 65535")
    return int(value)


def _ports(value: str) -> azurite.Ports:
    ports = [_port(each) for each in value.split(",")]
    if len(ports) != 3 or len(set(ports)) != 3:
        raise argparse.ArgumentTypeError(f"{value!r} are not three different ports, such as 10000,10001,10002")
    return azurite.Ports(*ports)
