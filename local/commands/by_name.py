"""Runs a command that does one thing to each file it is given by name."""

import argparse
import sys
from collections.abc import Callable

from local.commands import exit_codes
from local.commands.running import NoStack, running_stack
from local.commands.uploads import NotOne, Uploads
from local.stack.state_dir import RunningRecord
from shared.errors import StorageUnavailable

# Acts on the file that a name means. Returns what to print. Raises NotOne, Refused or StorageUnavailable.
type Act = Callable[[Uploads, RunningRecord, str], str]


class Refused(Exception):  # noqa: N818 - an answer, no error
    """A file that is not retried or withdrawn. The text says why."""


def for_each_name(options: argparse.Namespace, act: Act) -> int:
    """Call *act* for each NAME, and print the result of each. Returns 0 where all went well."""
    status = exit_codes.OK
    try:
        record = running_stack(options)
        with Uploads(record) as uploads:
            for name in options.names:
                try:
                    print(act(uploads, record, name))
                except (NotOne, Refused) as error:
                    print(f"todo-attach: {error}", file=sys.stderr)
                    status = exit_codes.FAILED
    except (NoStack, StorageUnavailable) as error:
        print(f"todo-attach: {error}", file=sys.stderr)
        return exit_codes.FAILED
    return status
