"""A test run that dies leaves no stack behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from local.stack.child import REPOSITORY
from tests.local.processes import descendants, wait_for_end_of, wait_until

pytestmark = pytest.mark.stack

_RUN = """
import pathlib, sys
from tests.local.terminal import Terminal
with Terminal(pathlib.Path(sys.argv[1])).up() as up:
    up.ready()
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_killed_test_run_leaves_no_stack_behind(tmp_path: Path) -> None:
    """Killed outright, so that no fixture and no signal handler of its own can clean up."""
    command = [sys.executable, "-c", _RUN, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        started = wait_until(lambda: descendants(run.pid), "the stack's processes")
        run.kill()
        wait_for_end_of(started)
