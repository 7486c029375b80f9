"""`attach`: attaches files to a task, and reports how it went."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from local.commands import exit_codes, interruptible
from local.commands.options import (
    add_data_option,
    add_graph_options,
    add_host_option,
    add_place_options,
    graph_of,
    host_of,
    place_of,
    seconds,
)
from local.commands.progress import terminal
from local.commands.put import PutError, files_in, why_unfit
from local.commands.sending import Outcome, Parcel, Sending, StackGone, facts_of, lines_of, table_of
from local.commands.target import OpenStack, Target, choose, opened
from local.commands.todo_lists import GraphTrouble, TodoLists
from local.commands.wording import doing, sign_in_advice, utc_now
from local.stack.child import ChildFailed
from local.stack.state_dir import RunningRecord, StateDirError
from shared.core.attachment import Reference
from shared.core.lookup import Named, find_list, find_task
from shared.core.observations import Refused, TargetMissing
from shared.core.size_text import size_text

_DEFAULT_TIMEOUT_SECONDS = 600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Attach files to a Microsoft To Do task, through the whole pipeline on this machine. Without a list and a "
        "task: to a task of the emulator."
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="at most 25 MiB each")
    parser.add_argument(
        "--recursive", action="store_true", help="of a directory, attach every file in it and below, but hidden ones"
    )
    add_place_options(parser)
    add_graph_options(parser)
    add_host_option(parser)
    add_data_option(parser, "the stack that keeps its data in DIR: the one that runs, or a new one")
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=_DEFAULT_TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="when to stop waiting (default: %(default)g)",
    )
    parser.add_argument("--dry-run", action="store_true", help="say where the files would go, and start nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object about all files, for programs")


def run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Returns 0 only where every file is attached, or with --dry-run could be."""
    graph = graph_of(parser, options, options.user or "you")
    files = [each for file in options.files for each in _expanded(parser, file, recursive=options.recursive)]
    try:
        target = choose(options.data, graph)
    except StateDirError as error:
        parser.error(str(error))
    place = _place(parser, options, target)
    if problems := [problem for file in files if (problem := why_unfit(file))]:
        parser.error("\n".join(problems))
    parcels = [Parcel(file, place) for file in files]
    if options.dry_run:
        return _dry_run(parcels, target, options)
    return interruptible.run(_attach(parcels, target, options, host_of(parser, options)))


def _expanded(parser: argparse.ArgumentParser, file: Path, *, recursive: bool) -> list[Path]:
    if not (recursive and file.is_dir()):
        return [file]
    return files_in(file) or parser.error(f"{file} has no files in it")


def _place(parser: argparse.ArgumentParser, options: argparse.Namespace, target: Target) -> Mapping[str, str]:
    """The metadata that names the task that the command line names. Empty: the emulator's first task."""
    place = place_of(options)
    if "task" in place or "taskid" in place:
        return place
    if place or not target.has_emulator:
        parser.error("which task? Say --task NAME, or --task-id ID; `lists` shows what there is")
    return place


async def _attach(parcels: Sequence[Parcel], target: Target, options: argparse.Namespace, host: str) -> int:
    console = terminal(stderr=True)
    try:
        if target.running is None and target.graph is not None:
            await asyncio.to_thread(_check_graph, target)
        if target.is_thrown_away:
            _say(console, "no stack runs, so this starts one, and its To Do is thrown away when this command ends")
        async with opened(target, console, host=host) as stack:
            sending = Sending(stack.record, [_addressed(parcel, stack.record) for parcel in parcels])
            try:
                await sending.run(console, gone=stack.gone, within_seconds=options.timeout)
            except asyncio.CancelledError:
                _report_interruption(console, sending, target)
                _tell(sending, options, stack, interrupted=True)
                return exit_codes.INTERRUPTED
            _report(console, sending, options, stack)
    except (ChildFailed, StateDirError, StackGone, PutError, GraphTrouble) as error:
        _say(console, f"todo-attach: {error}")
        return exit_codes.FAILED
    if target.is_thrown_away:
        _say(console, "the stack has ended, and what was attached is gone with it; `up` starts one that stays")
    return _status(sending.outcomes)


def _check_graph(target: Target) -> None:
    """Report a Graph that is out of reach, or does not accept the token, at once, before anything is started."""
    if target.graph is not None:
        TodoLists(target.graph.root, target.graph.tokens[target.graph.default_account]).check()


def _addressed(parcel: Parcel, record: RunningRecord) -> Parcel:
    """*parcel* with the emulator's first task, where it names none."""
    if parcel.metadata or record.emulator is None:
        return parcel
    return Parcel(parcel.file, {"listid": record.emulator.list_id, "taskid": record.emulator.task_id})


def _report(console: Console, sending: Sending, options: argparse.Namespace, stack: OpenStack) -> None:
    outcomes = sending.outcomes
    if not all(outcome.has_ended for outcome in outcomes):
        _say(console, f"stopped waiting after {options.timeout:g} s")
    _tell(sending, options, stack, interrupted=False)
    for account in sorted({each.entry.account for each in outcomes if each.needs_sign_in and each.entry}):
        _say(console, sign_in_advice(account, stack.record))


def _report_interruption(console: Console, sending: Sending, target: Target) -> None:
    """Say which files are on their way, which were never put, and how to look."""
    _say(console, "interrupted")
    outcomes = sending.outcomes
    if on_its_way := [each for each in outcomes if not each.has_ended]:
        if target.is_temporary:
            _say(console, "given up, since their stack ends with this command:")
        else:
            _say(console, "on their way, without this command:")
        for each in on_its_way:
            _say(console, f"  {each.file.name}: {doing(each.entry, now=utc_now())}")
    if sending.never_put:
        _say(console, "never put into the container:")
        for file in sending.never_put:
            _say(console, f"  {file}")
    if on_its_way and target.running is not None:
        _say(console, f"to see where they are: {_program()} status{target.data_option}")
    elif on_its_way and not target.is_temporary:
        _say(console, f"they go on with the next: {_program()} up{target.data_option}")


def _tell(sending: Sending, options: argparse.Namespace, stack: OpenStack, *, interrupted: bool) -> None:
    """Print the outcomes on standard output."""
    outcomes = sending.outcomes
    if options.json:
        record = {
            "files": [facts_of(each) | {"advice": _advice(each, stack.record)} for each in outcomes],
            "never_put": [str(file) for file in sending.never_put],
            "interrupted": interrupted,
        }
        print(json.dumps(record, indent=2, ensure_ascii=False))
    elif not interrupted:
        console = terminal(stderr=False)
        if console.is_terminal:
            console.print(table_of(outcomes))
        else:
            print("\n".join(lines_of(outcomes)))


def _advice(outcome: Outcome, record: RunningRecord) -> str:
    return sign_in_advice(outcome.entry.account, record) if outcome.needs_sign_in and outcome.entry else ""


def _status(outcomes: Sequence[Outcome]) -> int:
    bad = [outcome for outcome in outcomes if not outcome.is_good]
    if bad and all(outcome.needs_sign_in for outcome in bad):
        return exit_codes.SIGN_IN_NEEDED
    return exit_codes.FAILED if bad else exit_codes.OK


# -- a dry run --


def _dry_run(parcels: Sequence[Parcel], target: Target, options: argparse.Namespace) -> int:
    try:
        where = _where(parcels[0].metadata, target)
    except GraphTrouble as error:
        print(f"todo-attach: {error}", file=sys.stderr)
        return exit_codes.FAILED
    account = options.user or (target.running.account if target.running is not None else "the default account")
    problem = "" if isinstance(where, str) else where.detail
    if options.json:
        files = [{"file": str(each.file), "bytes": each.file.stat().st_size} for each in parcels]
        print(
            json.dumps(
                {"files": files, "to": where if isinstance(where, str) else "", "account": account, "problem": problem},
                indent=2,
            )
        )
    elif problem:
        print(f"this would be rejected: {problem}")
    else:
        for each in parcels:
            size = size_text(each.file.stat().st_size)
            print(f"{each.file} ({size}) would go to {where}, as {account}, {_on(target)}")
    return exit_codes.FAILED if problem else exit_codes.OK


def _where(place: Mapping[str, str], target: Target) -> str | Refused | TargetMissing:
    """The task in words, looked up in To Do where one is in reach; or why there is no such task."""
    wanted_list = Reference(place.get("listid", ""), place.get("list", ""))
    wanted_task = Reference(place.get("taskid", ""), place.get("task", ""))
    todo = _todo_of(target, place.get("user"))
    if not (wanted_task.id or wanted_task.name):
        return "the emulator's first task"
    if todo is None:
        named = str(wanted_list) if wanted_list.id or wanted_list.name else "the default list"
        return f"the task {wanted_task} of {named}"
    list_id, list_name = wanted_list.id, f"id {wanted_list.id}"
    if not list_id:
        found = find_list(wanted_list, todo.lists())
        if not isinstance(found, Named):
            return found
        list_id, list_name = found.id, f'"{found.name}"'
    if not wanted_task.id:
        task = find_task(wanted_task, todo.tasks(list_id))
        if not isinstance(task, Named):
            return task
    return f"the task {wanted_task} of the list {list_name}"


def _todo_of(target: Target, user: str | None) -> TodoLists | None:
    """The To Do that the files would go to, if it runs now and there is a token for it."""
    if target.running is not None:
        token = target.running.tokens.get(user or target.running.account)
        return TodoLists(target.running.graph, token) if token else None
    if target.graph is not None:
        return TodoLists(target.graph.root, target.graph.tokens[target.graph.default_account])
    return None


def _on(target: Target) -> str:
    if target.running is not None:
        return f"on the stack that runs (process {target.running.pid})"
    if target.graph is not None:
        return f"at {target.graph.root}"
    return "on an emulator that is thrown away when the command ends"


def _program() -> str:
    return f"{os.path.relpath(sys.executable)} -m local"


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
