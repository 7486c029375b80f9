"""Files become attachments, on a stack that runs and on one for the time being."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.commands.put import put
from local.stack.child import REPOSITORY
from local.stack.emulator import Emulator
from local.stack.state_dir import EmulatorRecord
from shared.adapters.storage import clients as azure_clients
from shared.settings import Connection
from tests.local.control import control
from tests.local.processes import wait_until
from tests.local.terminal import Terminal, Up

pytestmark = pytest.mark.stack


def table(output: str) -> dict[str, dict[str, str]]:
    """What `attach` wrote for programs, by file."""
    heading, *rows = [line.split("\t") for line in output.splitlines()]
    return {row[0]: dict(zip(heading, row, strict=True)) for row in rows}


def test_files_of_all_sizes_and_names_are_attached_once_though_every_event_comes_three_times(
    stack: Up, busy_terminal: Terminal, files: list[Path]
) -> None:
    emulator = stack.emulator()
    to = ("--list-id", emulator["list_id"], "--task-id", emulator["task_id"])
    attached = busy_terminal.run("attach", *files, *to)
    assert attached.returncode == 0, attached.stderr
    outcomes = table(attached.stdout)
    assert [outcomes[file.name]["outcome"] for file in files] == ["attached"] * 3
    counted = Emulator(EmulatorRecord(emulator["control"], "", ""))
    assert counted.offences() == {}, "a second attachment of the same file would be one"
    held = counted.attachments()
    assert [held[outcomes[file.name]["attachment id"]].name for file in files] == [file.name for file in files]


def test_list_and_task_may_be_named_and_so_may_the_person(
    stack: Up, busy_terminal: Terminal, files: list[Path]
) -> None:
    attached = busy_terminal.run(
        "attach", files[1], "--list", "Household", "--task", "Insurance", "--user", "kim@example.com"
    )
    assert attached.returncode == 0, attached.stderr


def test_a_file_that_cannot_be_attached_makes_the_status_1_and_has_its_reason(
    stack: Up, busy_terminal: Terminal, files: list[Path]
) -> None:
    refused = busy_terminal.run("attach", files[1], "--task", "No such thing")
    assert refused.returncode == 1
    outcome = table(refused.stdout)[files[1].name]
    assert outcome["outcome"] == "rejected"
    assert 'no-such-task: no task is named "No such thing"' in outcome["reason"]


@contextmanager
def another_server(behaviour: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """A server that speaks the documented protocol, and is no part of a stack."""
    switches = [f"{name}={value}" for name, value in behaviour.items()]
    with subprocess.Popen(
        [sys.executable, "-m", "local", "todo", "--tether", "--behaviour", *switches],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=REPOSITORY,
    ) as server:
        assert server.stdout is not None
        yield json.loads(server.stdout.readline())
        server.terminate()


def in_casing(casing: str) -> dict[str, str]:
    return dict.fromkeys(("create_casing", "progress_casing", "status_casing"), casing)


def test_any_server_that_speaks_the_protocol_will_do(terminal: Terminal, files: list[Path]) -> None:
    """As documented in one place, in PascalCase: on a stack that `attach` starts for itself."""
    with another_server(in_casing("pascal")) as server:
        attached = terminal.run(
            *("attach", *files, "--graph-root", server["graph"], "--token", server["token"]),
            *("--list-id", server["list_id"], "--task-id", server["task_id"]),
        )
        assert attached.returncode == 0, attached.stderr
        emulator = Emulator(EmulatorRecord(server["control"], "", ""))
        assert sorted(held.name for held in emulator.attachments().values()) == sorted(file.name for file in files)
        assert emulator.offences() == {}


def test_the_other_casing_will_do_as_well(stack: Up, busy_terminal: Terminal, files: list[Path]) -> None:
    """As documented in the other place, in camelCase: on the stack that runs, since it talks to that server."""
    server = stack.emulator()
    before = control(server, "GET", "behaviour")
    control(server, "PATCH", "behaviour", in_casing("camel"))
    attached = busy_terminal.run("attach", *files, "--graph-root", stack.ready()["graph"], "--token", "any")
    control(server, "PATCH", "behaviour", {name: before[name] for name in in_casing("")})
    assert attached.returncode == 0, attached.stderr
    assert f"on the stack that runs (process {stack.pid})" in attached.stderr


@pytest.mark.parametrize("scope", ["mailbox", "all"])
def test_files_for_more_requests_at_once_than_are_allowed_all_arrive(stack: Up, tmp_path: Path, scope: str) -> None:
    """Counted per mailbox, or over all of them: what is over the limit is refused, and comes when it was told to."""
    server, storage = stack.emulator(), Connection(stack.ready()["storage"])
    emulator = Emulator(EmulatorRecord(server["control"], "", ""))
    # Other tests leave some.
    seen, offences = len(control(server, "GET", "journal")), emulator.offences()
    control(server, "POST", "faults", {"count": None, "effect": {"kind": "delay", "seconds": 0.3}})
    control(server, "PATCH", "limits", {"concurrent_requests": 1, "concurrency_scope": scope})
    try:
        with azure_clients.container_client(storage, stack.ready()["container"]) as container:
            for mailbox in control(server, "GET", "mailboxes") * 3:
                at = {"mailbox": mailbox["upn"], "list_id": mailbox["lists"][0]["id"]}
                task = control(server, "POST", "tasks", {**at, "title": "One of many"})
                (tmp_path / task["id"]).write_bytes(b"one of many")
                where = {"listid": at["list_id"], "taskid": task["id"], "user": at["mailbox"]}
                put(container, tmp_path / task["id"], where)
        names = {file.name for file in tmp_path.iterdir()}
        wait_until(lambda: names <= {held.name for held in emulator.attachments().values()}, "all attachments")
        assert 429 in [entry["status"] for entry in control(server, "GET", "journal")[seen:]]
        assert emulator.offences() == offences, "a request before its Retry-After was over would be one"
    finally:
        control(server, "PATCH", "limits", {"concurrent_requests": None})
        control(server, "DELETE", "faults")
