"""`up`: starts everything and keeps it running."""

import argparse
import asyncio
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from local.commands import interruptible
from local.commands.log_lines import line_of
from local.commands.options import add_graph_options, add_sign_in_options, add_state_option, graph_of, sign_in_of
from local.commands.progress import terminal
from local.commands.wording import clock_text, utc_now
from local.stack.app_settings import LONGEST_LEASE_SECONDS, SHORTEST_LEASE_SECONDS
from local.stack.child import ChildFailed
from local.stack.stack import LOCAL_TOKENS, Plan, Stack
from local.stack.state_dir import RunningRecord, StateDir, StateDirError, default_directory
from local.stand_ins.functions.event_stream import EventStream
from local.stand_ins.insights.trace import Trace
from local.stand_ins.todo.behaviour import DOCUMENTED
from local.stand_ins.todo.faults import EXAMPLE, parse_rule
from local.stand_ins.todo.switches import change, read_assignment


def main(arguments: Sequence[str]) -> int:
    """0 after Ctrl-C or SIGTERM, if everything ended in order; 1 where a piece failed."""
    parser = _parser()
    options = parser.parse_args(arguments)
    plan = Plan(
        graph=graph_of(parser, options, options.account),
        durable=options.state is not None,
        lease_seconds=options.lease,
        duplicate_events=options.duplicate_events,
        todo_port=options.port_todo,
        faults=options.fault,
        behaviours=options.behaviour,
        sign_in=sign_in_of(parser, options),
    )
    _refuse_mistakes(parser, plan)
    return interruptible.run(_up(plan, options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local up",
        description="Start Azurite, a To Do emulator and a Functions host that runs this application, and keep them "
        "running until Ctrl-C.",
    )
    add_state_option(parser, "keep all data in DIR, so that the next `up` goes on there; without it, it is in memory")
    add_graph_options(parser)
    add_sign_in_options(parser)
    parser.add_argument("--account", default="you", metavar="NAME", help="whose token that is (default: %(default)s)")
    parser.add_argument(
        "--trace",
        action="store_true",
        help="telemetry as in Azure, to a stand-in for Application Insights: the spans of each upload as a tree",
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
    parser.add_argument("--port-todo", type=int, default=0, metavar="N", help="the emulator's port (default: any)")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="JSON",
        help=f"something that goes wrong at the emulator, such as {EXAMPLE}; may be given several times",
    )
    parser.add_argument(
        "--behaviour",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a switch of the emulator, such as session_get=404 (several: again; local/stand_ins/todo/behaviour.py)",
    )
    return parser


def _refuse_mistakes(parser: argparse.ArgumentParser, plan: Plan) -> None:
    """Said now: the emulator would say it too, once everything else has been started for nothing."""
    if plan.graph is not None and (plan.faults or plan.behaviours or plan.todo_port):
        parser.error("--fault, --behaviour and --port-todo are the emulator's, which --graph-root replaces")
    try:
        change(DOCUMENTED, dict(map(read_assignment, plan.behaviours)))
        for fault in plan.faults:
            parse_rule(fault)
    except ValueError as error:
        parser.error(str(error))


async def _up(plan: Plan, options: argparse.Namespace) -> int:
    # Written by a thread of its own: a reader that stops reading must not stop the stack.
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

    try:
        async with StateDir(options.state or default_directory()) as state:
            stack = Stack(plan, state, tell=tell, say=_say, on_trace=on_trace if options.trace else None)
            return await _keep(stack, state, options, stream)
    except (ChildFailed, StateDirError) as error:
        _say(f"todo-attach: {error}")
        return 1
    finally:
        if stream is not None:
            stream.close()


async def _keep(stack: Stack, state: StateDir, options: argparse.Namespace, stream: EventStream | None) -> int:
    _say("starting Azurite, the Functions host" + ("" if options.graph_root else " and the To Do emulator"))
    status = interruptible.INTERRUPTED
    try:
        async with stack:
            state.announce(stack.record)
            if stream is not None:
                _announce(stack.record, stream)
                _announce_sign_in(stack, stream)
            _say(_where_everything_is(stack.record, options))
            if stack.sign_in is not None and stack.sign_in.stand_in is not None:
                _say(_how_to_connect(stack.sign_in.connect_url))
            status = 0
            return await _until_failure(stack)
    except asyncio.CancelledError:
        # Ctrl-C is how this is meant to end.
        return status if stack.ended_in_order else 1


async def _until_failure(stack: Stack) -> int:
    try:
        _say(f"todo-attach: {await stack.failure()}")
    except asyncio.CancelledError:
        _say("ending in order; Ctrl-C again ends at once")
        raise
    return 1


def _announce(record: RunningRecord, stream: EventStream) -> None:
    stream.ready(storage=record.storage, container=record.container, graph=record.graph, functions=record.functions)
    if record.emulator is not None:
        token = LOCAL_TOKENS[record.account]
        stream.emit("emulator", source="stack", user=record.account, token=token, **asdict(record.emulator))


def _announce_sign_in(stack: Stack, stream: EventStream) -> None:
    if stack.sign_in is not None and stack.sign_in.stand_in is not None:
        entra = stack.sign_in.stand_in
        authority = str(entra.certificate.authority)
        stream.emit("sign_in", source="stack", connect=stack.sign_in.connect_url, entra=entra.origin, ca=authority)


def _where_everything_is(record: RunningRecord, options: argparse.Namespace) -> str:
    state = f" --state {shlex.quote(str(options.state))}" if options.state else ""
    ids = ("LIST-ID", "TASK-ID") if record.emulator is None else (record.emulator.list_id, record.emulator.task_id)
    task = " --list NAME --task NAME" if record.emulator is None else ""
    program = f"{os.path.relpath(sys.executable)} -m local"
    lease = (
        f"\n  lease      {options.lease} s, to try crashes with; the cloud's is 600 s, always" if options.lease else ""
    )
    telemetry = (options.state or default_directory()) / "telemetry"
    trace = f"\n  telemetry  {telemetry}: a file per table, and traces for any viewer of OTLP" if options.trace else ""
    return f"""
  storage    Azurite, container "{record.container}"
  functions  {record.functions}
  To Do      {record.graph}{"" if record.emulator is None else " (an emulator)"}, as {record.account}
  data       {options.state or "in memory, gone when this ends"}{lease}{trace}

Attach a file from another terminal, and see it arrive; and see what is under way:

  {program} attach FILE{task}{state}
  {program} status{state}

Or put it into the container, as any program could:

  az storage blob upload --file FILE --name FILE --container-name {record.container} \\
    --metadata listid={ids[0]} taskid={ids[1]} \\
    --connection-string {shlex.quote(record.storage)}

Ctrl-C ends everything.
"""


def _how_to_connect(url: str) -> str:
    return f"""Nobody is connected yet. Connect in a browser, at
  {url}
which leads on to a stand-in for Entra. It asks for no password, and the browser does not know its certificate: go on.
"""


def _print_line(event: Mapping[str, object]) -> None:
    if line := line_of(event):
        _say(f"{clock_text(utc_now())}  {line}")


def _say(text: str) -> None:
    # Whoever read this may be gone (`| head`); the stack goes on all the same.
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _lease(text: str) -> int:
    if not text.isdecimal() or not SHORTEST_LEASE_SECONDS <= int(text) <= LONGEST_LEASE_SECONDS:
        raise argparse.ArgumentTypeError(f"use {SHORTEST_LEASE_SECONDS} to {LONGEST_LEASE_SECONDS} seconds")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("use 0 or more")
    return int(text)
