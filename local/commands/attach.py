"""`attach`: files become attachments of a task, and this says when."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.commands import interruptible
from local.commands.at_hand import at_hand
from local.commands.drop import DropError, what_keeps_from_dropping
from local.commands.journey import Outcome, Parcel, StackGone, lines_of, send, table_of
from local.commands.options import add_graph_options, add_state_option, graph_of
from local.commands.progress import terminal
from local.stack.app_settings import Graph
from local.stack.child import ChildFailed
from local.stack.state_dir import RunningRecord, StateDirError

_DEFAULT_TIMEOUT_SECONDS = 600.0


def main(arguments: Sequence[str]) -> int:
    """0 only where every file is attached."""
    parser = _parser()
    options = parser.parse_args(arguments)
    graph = graph_of(parser, options, options.user or "you")
    problems = [problem for file in options.files if (problem := what_keeps_from_dropping(file))]
    if problems:
        print("\n".join(f"todo-attach: {problem}" for problem in problems), file=sys.stderr)
        return 2
    return interruptible.run(_attach(options, graph))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local attach",
        description="Attach files to a Microsoft To Do task, through the whole pipeline on this machine. "
        "Without a list and a task: to a task of the emulator.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="at most 25 MiB each")
    to_list = parser.add_mutually_exclusive_group()
    to_list.add_argument("--list-id", metavar="ID", help="the list, by its id in Graph")
    to_list.add_argument("--list", metavar="NAME", help="the list, by its name; without either, the default list")
    to_task = parser.add_mutually_exclusive_group()
    to_task.add_argument("--task-id", metavar="ID", help="the task, by its id in Graph")
    to_task.add_argument("--task", metavar="NAME", help="the task, by its title")
    parser.add_argument(
        "--user",
        metavar="NAME",
        help="whose To Do; without it, the stack's default account. The emulator also has kim@example.com",
    )
    add_graph_options(parser)
    add_state_option(parser, "the stack that keeps its data in DIR: the one that runs, or a new one")
    parser.add_argument(
        "--timeout",
        type=float,
        default=_DEFAULT_TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="when to stop waiting (default: %(default)g)",
    )
    return parser


async def _attach(options: argparse.Namespace, graph: Graph | None) -> int:
    progress = terminal(stderr=True)
    try:
        async with at_hand(options.state, graph, progress) as stack:
            metadata = _metadata(options, stack.record)
            parcels = [Parcel(file, metadata) for file in options.files]
            outcomes = await send(stack.record, parcels, progress, gone=stack.gone, within_seconds=options.timeout)
            if not all(outcome.has_ended for outcome in outcomes):
                progress.print(f"stopped waiting after {options.timeout:g} s", highlight=False)
            _tell(outcomes)
    except (ChildFailed, StateDirError, StackGone, DropError, _NoTaskError) as error:
        progress.print(f"todo-attach: {error}", markup=False, highlight=False, soft_wrap=True)
        return 1
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


class _NoTaskError(Exception):
    """Nothing says where the files belong."""


def _metadata(options: argparse.Namespace, record: RunningRecord) -> Mapping[str, str]:
    given = {
        "listid": options.list_id,
        "list": options.list,
        "taskid": options.task_id,
        "task": options.task,
        "user": options.user,
    }
    asked = {key: value for key, value in given.items() if value}
    if options.task_id or options.task:
        return asked
    if record.emulator is None or asked:
        raise _NoTaskError("which task? Say --task-id ID, or --task NAME")
    return {"listid": record.emulator.list_id, "taskid": record.emulator.task_id}


def _tell(outcomes: Sequence[Outcome]) -> None:
    console = terminal(stderr=False)
    if console.is_terminal:
        console.print(table_of(outcomes))
    else:
        print("\n".join(lines_of(outcomes)))
