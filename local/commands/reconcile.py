"""`reconcile`: finds files in the stack's container that no event announced, and starts their uploads.

The app does so by itself, some minutes after the event was due; this command does it at once.
"""

import argparse
import sys

from local.commands import exit_codes
from local.commands.options import add_data_option
from local.commands.running import NoStack, running_stack
from local.commands.uploads import Uploads
from shared.errors import StorageUnavailable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Find files in the container that no event announced, and start their uploads at once. Safe to run at any "
        "time, and again. With --only-look, exit status 1 where something is missing."
    )
    parser.add_argument("--only-look", action="store_true", help="say what is missing, and start nothing")
    add_data_option(parser, "the stack that keeps its data in DIR")


def run(_parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Returns 0 where nothing is missing any more; 1 where --only-look found something, or the search failed."""
    done = "missing" if options.only_look else "started"
    try:
        with Uploads(running_stack(options)) as uploads:
            missing = uploads.unknown(())
            for each in missing:
                if not options.only_look:
                    uploads.start(each)
                print(f"{done}  {each.name}")
    except (NoStack, StorageUnavailable) as error:
        print(f"todo-attach: {error}", file=sys.stderr)
        return exit_codes.FAILED
    print(f"{len(missing)} {done}")
    return exit_codes.FAILED if options.only_look and missing else exit_codes.OK
