"""The scripts that can ask the stack on this machine, against one that runs."""

import subprocess

import pytest

from local.stack.child import REPOSITORY
from shared.adapters.storage import clients as azure_clients
from shared.settings import Connection
from tests.local.processes import wait_until
from tests.local.terminal import Terminal, Up

pytestmark = pytest.mark.stack


def run(terminal: Terminal, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=REPOSITORY, env=terminal.environment, timeout=120
    )


def test_the_outcome_of_a_local_file_is_told_by_the_same_script(stack: Up, busy_terminal: Terminal) -> None:
    ready = stack.ready()
    name = "names a task that is not there.txt"
    with azure_clients.container_client(Connection(ready["storage"]), ready["container"]) as container:
        blob = container.upload_blob(name, b"hello", metadata={"task": "No such thing"})
        wait_until(lambda: "todo_state" in blob.get_blob_tags(), "the outcome")
    told = run(busy_terminal, "scripts/outcome.sh", "--local", "--name", name)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("rejected: ")
    missing = run(busy_terminal, "scripts/outcome.sh", "--local", "--name", "nowhere.txt")
    assert missing.returncode == 1
    assert "no blob is named nowhere.txt" in missing.stderr


def test_without_a_stack_it_says_how_to_start_one(terminal: Terminal) -> None:
    looked = run(terminal, "scripts/outcome.sh", "--local", "--name", "a.txt")
    assert looked.returncode == 1
    assert "no stack runs in" in looked.stderr
