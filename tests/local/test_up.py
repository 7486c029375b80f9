"""A whole stack, from its first line to the end of its last process."""

import hashlib
import os
import signal
from pathlib import Path

import pytest

from local.commands.put import put
from local.stack.emulator import Emulator
from local.stack.state_dir import EmulatorRecord
from shared.adapters.storage import clients as azure_clients
from shared.settings import Connection
from tests.local.processes import find, wait_for_end_of, wait_until
from tests.local.terminal import Terminal, Up

pytestmark = pytest.mark.stack


def test_the_first_line_says_where_everything_is(stack: Up) -> None:
    ready = stack.ready()
    assert set(ready) == {"ready", "storage", "container", "graph", "functions"}
    assert ready["ready"] is True


def test_every_further_line_is_json_and_people_read_standard_error(stack: Up) -> None:
    assert all(isinstance(event, dict) for event in stack.events())
    assert "az storage blob upload" in stack.welcome()


def test_a_second_stack_is_refused_by_the_process_that_has_the_place(stack: Up, busy_terminal: Terminal) -> None:
    second = busy_terminal.run("up")
    assert second.returncode == 1
    assert f"(process {stack.pid})" in second.stderr


def test_the_functions_host_is_started_again_when_it_dies(
    stack: Up, busy_terminal: Terminal, files: list[Path]
) -> None:
    os.kill(find(stack.pids(), "-m local.stand_ins.functions"), signal.SIGKILL)
    wait_until(lambda: "the Functions host runs again" in stack.stderr(), "another host")
    attached = busy_terminal.run("attach", files[1])
    assert attached.returncode == 0, attached.stderr


def test_ctrl_c_ends_everything_in_order(terminal: Terminal) -> None:
    with terminal.up() as up:
        up.ready()
        pids = up.pids()
        up.press_ctrl_c()
        assert up.status() == 0, up.stderr()
        wait_for_end_of(pids)
        assert terminal.run("status").returncode == 1


def test_without_azurite_a_stack_that_keeps_nothing_ends_and_says_why(terminal: Terminal) -> None:
    with terminal.up() as up:
        up.ready()
        pids = up.pids()
        os.kill(find(pids, "local.stack.tether"), signal.SIGKILL)
        assert up.status() == 1
        assert "Azurite died with signal 9, and with it what it had in memory" in up.stderr()
        wait_for_end_of(pids)


def test_a_killed_stack_leaves_no_orphan_and_the_next_goes_on_where_it_was(
    terminal: Terminal, tmp_path: Path, files: list[Path]
) -> None:
    state = tmp_path / "state"
    with terminal.up("--data", state, "--lease", "5") as up:
        ready, emulator = up.ready(), up.emulator()
        metadata = {"listid": emulator["list_id"], "taskid": emulator["task_id"]}
        with azure_clients.container_client(Connection(ready["storage"]), ready["container"]) as container:
            sent = put(container, files[2], metadata)
        up.kill()  # asserts that every process ends
    with terminal.up("--data", state, "--lease", "5") as up:
        again = up.ready()
        assert {**again, "functions": ""} == {**ready, "functions": ""}, "the ports are the same"
        record = EmulatorRecord(up.emulator()["control"], "", "")
        held = wait_until(lambda: Emulator(record).attachments().values(), "the attachment")
        assert [each.sha256 for each in held] == [hashlib.sha256(files[2].read_bytes()).hexdigest()] == [sent.sha256]
        pids = up.pids()
        up.terminate()
        assert up.status() == 0, up.stderr()
        wait_for_end_of(pids)
