"""`lists`: prints the lists and tasks of a To Do with their ids, for use in metadata."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from local.commands import exit_codes
from local.commands.options import add_data_option, add_graph_options, add_sign_in_options, graph_of, sign_in_of, text
from local.commands.running import NoStack, running_stack
from local.commands.todo_lists import GraphTrouble, TodoLists
from local.stack.child import ChildFailed
from local.stack.emulator import Emulator, Mailbox
from shared.errors import AttachError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "The lists and tasks of the stack that runs, with their ids, as metadata takes them; or with --graph-root "
        "those of the real To Do, with a token or a sign-in."
    )
    parser.add_argument("--user", type=text, metavar="NAME", help="only this account's; by default all that are known")
    parser.add_argument("--json", action="store_true", help="for programs")
    add_graph_options(parser)
    add_sign_in_options(parser)
    add_data_option(parser, "the stack that keeps its data in DIR")


def run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Returns 0 where the lists could be read."""
    graph, sign_in = graph_of(parser, options, options.user or "you"), sign_in_of(parser, options)
    if options.sign_in and graph is None:
        parser.error("--sign-in is for the real To Do: it needs --graph-root")
    try:
        if graph is not None:
            token = graph.tokens[graph.default_account]
            if sign_in is not None:
                # Only now: what it needs takes half a second to import.
                from local.stack.sign_in import token_by_code  # noqa: PLC0415

                token = token_by_code(sign_in, graph, lambda line: print(line, file=sys.stderr, flush=True))
            mailboxes = [Mailbox(graph.default_account, TodoLists(graph.root, token).everything())]
        else:
            mailboxes = _of_the_stack(options)
    except (NoStack, GraphTrouble, ChildFailed, AttachError) as error:
        print(f"todo-attach: {error}", file=sys.stderr)
        return exit_codes.FAILED
    if options.json:
        print(json.dumps([asdict(mailbox) for mailbox in mailboxes], indent=2, ensure_ascii=False))
    else:
        print("\n".join(_lines(mailboxes)))
    return exit_codes.OK


def _of_the_stack(options: argparse.Namespace) -> list[Mailbox]:
    record = running_stack(options)
    if record.emulator is not None:
        found = [
            mailbox
            for mailbox in Emulator(record.emulator).mailboxes()
            if options.user is None or mailbox.account.casefold() == options.user.casefold()
        ]
        if not found:
            raise NoStack(f"this stack's emulator has no account {options.user}")
        return found
    wanted = options.user or record.account
    token = record.tokens.get(wanted)
    if token is None:
        raise NoStack(f"this stack has no token for {wanted}: ask the real To Do, with --graph-root {record.graph}")
    return [Mailbox(wanted, TodoLists(record.graph, token).everything())]


def _lines(mailboxes: Sequence[Mailbox]) -> Iterator[str]:
    """A name and its id have a line each: ids are longer than a terminal is wide, and are to be copied whole."""
    for mailbox in mailboxes:
        yield mailbox.account
        for task_list in mailbox.lists:
            yield f'  list "{task_list.name}"{", the default list" if task_list.is_default else ""}'
            yield f"    listid={task_list.id}"
            for task in task_list.tasks:
                yield f'    task "{task.name}"'
                yield f"      taskid={task.id}"
