"""`reconcile`: finds files in the container of the stack that runs that no event announced, and starts them.

The same as scripts/reconcile.py does for an app in Azure.
"""

import argparse
import sys
from collections import Counter

from local.commands import exit_codes
from local.commands.options import add_data_option
from local.commands.running import NoStack, running_stack
from local.commands.uploads import Uploads
from shared.errors import StorageUnavailable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Find files in the container that no event announced, and start their uploads. Safe to run at any time, and "
        "again. With --only-look, exit status 1 where something is missing."
    )
    parser.add_argument("--only-look", action="store_true", help="say what is missing, and start nothing")
    add_data_option(parser, "the stack that keeps its data in DIR")


def run(_parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """0: nothing is missing any more. 1: something is, and was only looked for; or it could not be found out."""
    counts: Counter[str] = Counter()
    try:
        with Uploads(running_stack(options)) as uploads:
            for each in uploads.reconciled(None, only_look=options.only_look):
                counts[each.state] += 1
                if each.state != "known":
                    print(f"{each.state:8} {each.name}")
    except (NoStack, StorageUnavailable) as error:
        print(f"todo-attach: {error}", file=sys.stderr)
        return exit_codes.FAILED
    print(f"{counts['known']} known, {counts['missing']} {'missing' if options.only_look else 'started'}")
    return exit_codes.FAILED if options.only_look and counts["missing"] else exit_codes.OK
