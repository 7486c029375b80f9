"""Runs in .venv-az: command lines of `az` on stdin, as a JSON list of lists; on stdout what the CLI's own parser says.

Nothing is sent anywhere: the parser only. An answer is "" for a line that parses, else the complaint.
"""

import json
import os
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO
from typing import Any, NoReturn


class _Refused(Exception):  # noqa: N818 - a finding, not an error of this program
    """The parser does not take the line."""


def _refuse(_parser: object, message: str) -> NoReturn:
    raise _Refused(message)


def complaint(cli: Any, argv: list[str]) -> str:
    """What the Azure CLI has against *argv*, which begins after `az`."""
    invocation = cli.invocation_cls(
        cli_ctx=cli, commands_loader_cls=cli.commands_loader_cls, parser_cls=cli.parser_cls, help_cls=cli.help_cls
    )
    cli.invocation = invocation
    invocation.data.update(command_string="", completer_active=False, query_active=False)
    table = invocation.commands_loader.load_command_table(argv)
    names = [" ".join(argv[:count]) for count in range(1, len(argv) + 1)]
    command = next((name for name in reversed(names) if name in table), "")
    if not command:
        return f"there is no command az {' '.join(argv[:4])}"
    # What the CLI does itself before it parses: some modules ask for the command's name when they add arguments.
    loader = invocation.commands_loader
    loader.command_table = {command: table[command]}
    loader.command_name = command
    invocation.data["command_string"] = command
    cli.raise_event("CommandInvoker.OnPreArgumentLoad", commands_loader=loader)
    loader.load_arguments(command)
    cli.raise_event("CommandInvoker.OnPostArgumentLoad", commands_loader=loader)
    cli.raise_event("CommandInvoker.OnPostCommandTableCreate", commands_loader=loader)
    invocation.parser.cli_ctx = cli
    invocation.parser.load_command_table(loader)
    type(invocation.parser).error = _refuse
    said = StringIO()
    try:
        with redirect_stderr(said), redirect_stdout(said):
            invocation.parser.parse_args(list(argv))
    except _Refused as refused:
        return str(refused)
    except SystemExit as left:
        return said.getvalue().strip() or f"the parser left with {left.code}"
    return ""


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        os.environ.update(
            AZURE_CONFIG_DIR=scratch,
            AZURE_EXTENSION_DIR=f"{scratch}/extensions",
            AZURE_EXTENSION_USE_DYNAMIC_INSTALL="no",
            AZURE_CORE_COLLECT_TELEMETRY="no",
        )
        # Only now, since it reads them; and by name, since it is not there for the type checker.
        core = import_module("azure.cli.core")
        # The index of commands comes with the CLI. Of one that is not in it, the CLI would import all that it has, for
        # half a minute, unless the whole index is strange to it.
        core.CommandIndex.get_packaged_core_index = lambda _index: {}
        cli = core.get_default_cli()
        lines: list[list[str]] = json.load(sys.stdin)
        json.dump([complaint(cli, line) for line in lines], sys.stdout)


if __name__ == "__main__":
    main()
