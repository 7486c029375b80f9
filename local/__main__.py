"""`python -m local COMMAND`: the embedded stack from a terminal."""

import argparse
import importlib
import os
import sys
import textwrap
from collections.abc import Sequence
from types import ModuleType

from local.commands import exit_codes

# By name: the module that has `add_arguments` and `run`, and what --help says of the command.
_COMMANDS = {
    "demo": ("local.commands.demo", "attach real files on a stack of its own, and show that they arrived"),
    "up": ("local.commands.up", "start everything and keep it running until Ctrl-C"),
    "attach": ("local.commands.attach", "attach files to a task: on the stack that runs, or on a temporary one"),
    "status": ("local.commands.status", "where each file is, and why"),
    "retry": ("local.commands.retry", "upload files again that were rejected or failed"),
    "withdraw": ("local.commands.withdraw", "take back files that are not attached yet"),
    "reconcile": ("local.commands.reconcile", "find files in the container that no event announced, and start them"),
    "lists": ("local.commands.lists", "the lists and tasks of To Do, with their ids"),
    "show": ("local.commands.show", "open a page with the emulator's tasks and attachments"),
    "todo": ("local.stand_ins.todo.cli", "the To Do emulator alone"),
}
_POINTS = "Everything listens on 127.0.0.1 only. Each command has its own --help."


def main(arguments: Sequence[str]) -> int:
    """The exit status; `exit_codes` says what each means."""
    if os.name != "posix":
        print("todo-attach: the embedded stack needs Linux, macOS or WSL", file=sys.stderr)
        return exit_codes.USAGE
    # Only the command's own module is imported: some of them take long to import.
    module = _module(arguments[0]) if arguments else None
    try:
        parser, command = _parser(arguments[0] if arguments else "", module)
        options = parser.parse_args(arguments)
        if command is None or module is None:
            parser.print_help(sys.stderr)
            return exit_codes.USAGE
        status: int = module.run(command, options)
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except SystemExit as exit_:  # argparse leaves this way
        return exit_.code if isinstance(exit_.code, int) else exit_codes.USAGE
    return status


def _module(name: str) -> ModuleType | None:
    return importlib.import_module(_COMMANDS[name][0]) if name in _COMMANDS else None


def _parser(asked: str, module: ModuleType | None) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser | None]:
    """The parser of the whole command line, and that of the command *asked*, if there is such a command."""
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description="The whole pipeline on this machine, for trying and for tests.",
        epilog=_POINTS,
    )
    commands = parser.add_subparsers(metavar="COMMAND", dest="command")
    found = None
    for name, (_, summary) in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=summary,
            allow_abbrev=False,
            epilog=exit_codes.TEXT,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == asked and module is not None:
            module.add_arguments(command)
            # The raw formatter, which the table of statuses needs, breaks no lines.
            command.description = textwrap.fill(command.description or "", 79)
            found = command
    return parser, found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
