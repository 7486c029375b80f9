"""Finds the stack that runs, for commands that never start one."""

import argparse

from local.stack.state_dir import RunningRecord, default_directory, find_running


class NoStack(Exception):  # noqa: N818 - the name says what is the case
    """No stack runs where one was expected."""


def running_stack(options: argparse.Namespace) -> RunningRecord:
    """The stack of --data, or by default the one without --data. Raises NoStack."""
    directory = options.data or default_directory()
    record = find_running(directory)
    if record is None:
        data = f" --data {options.data}" if options.data is not None else ""
        raise NoStack(f"no stack runs in {directory}: start one with `python -m local up{data}`")
    return record
