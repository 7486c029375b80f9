"""`show`: opens the emulator's page, which shows its tasks, their attachments, and the uploads under way."""

import argparse
import sys
import webbrowser

from local.commands import exit_codes
from local.commands.options import add_data_option
from local.commands.running import NoStack, running_stack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Open a page with the emulator's tasks, their attachments (sizes, hashes, times, downloads) and the uploads "
        "under way. Its address is printed, and holds a secret: everybody who has it can see all of that."
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    add_data_option(parser, "the stack that keeps its data in DIR")


def run(_parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Returns 0 where there is a page."""
    try:
        record = running_stack(options)
    except NoStack as error:
        print(f"todo-attach: {error}", file=sys.stderr)
        return exit_codes.FAILED
    if record.emulator is None:
        print("todo-attach: this stack uploads to the real To Do: look at https://to-do.office.com", file=sys.stderr)
        return exit_codes.FAILED
    print(record.emulator.page)
    if not options.no_browser:
        webbrowser.open(record.emulator.page)
    return exit_codes.OK
