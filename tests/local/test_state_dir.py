import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.stack import state_dir
from local.stack.child import REPOSITORY
from local.stack.state_dir import (
    EmulatorRecord,
    RunningRecord,
    StateDir,
    StateDirError,
    default_directory,
    find_running,
)

_HOLDER = """
import fcntl, os, sys
lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
input()
"""

_RECORD = RunningRecord(
    pid=os.getpid(),
    storage="UseDevelopmentStorage=true",
    container="attachments",
    queue="upload-ranges",
    table="uploads",
    graph="http://127.0.0.1:1/v1.0",
    functions="http://127.0.0.1:2",
    account="sam@example.com",
    accounts=("sam@example.com", "kim@example.com"),
    tokens={"sam@example.com": "token"},
    connect_url="",
    durable=False,
    emulator=EmulatorRecord("http://127.0.0.1:1/_emulator/secret", "list", "task", "http://127.0.0.1:1/_page/other/"),
)


@contextmanager
def lock_held_by_a_child(directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """As the children of a killed stack hold it, until standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(directory / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child
        child.kill()


def test_a_running_stack_is_found(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with StateDir(tmp_path) as state:
            assert find_running(tmp_path) is None, "it has not said that it is ready"
            state.announce(_RECORD)
            assert find_running(tmp_path) == _RECORD

    asyncio.run(scenario())


def test_a_stack_that_ended_is_not_found(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with StateDir(tmp_path) as state:
            state.announce(_RECORD)

    asyncio.run(scenario())
    assert find_running(tmp_path) is None
    assert find_running(tmp_path / "never") is None


def test_what_a_killed_stack_left_behind_is_recognised(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with StateDir(tmp_path) as state:
            state.announce(_RECORD)
            (tmp_path / "left").hardlink_to(tmp_path / "running.json")

    asyncio.run(scenario())
    (tmp_path / "left").rename(tmp_path / "running.json")
    assert find_running(tmp_path) is None


def test_two_stacks_never_share_a_directory(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with StateDir(tmp_path):
            with pytest.raises(StateDirError, match=f"process {os.getpid()}"):
                async with StateDir(tmp_path):
                    pass

    asyncio.run(scenario())


def test_a_new_stack_waits_for_the_children_of_a_killed_one(tmp_path: Path) -> None:
    async def scenario(child: subprocess.Popen[bytes]) -> None:
        async def enter() -> None:
            async with StateDir(tmp_path):
                pass

        entering = asyncio.create_task(enter())
        await asyncio.sleep(0)  # up to its first look at the lock
        assert not entering.done()
        child.kill()
        await asyncio.wait_for(entering, 30)

    with lock_held_by_a_child(tmp_path) as child:
        asyncio.run(scenario(child))


def test_children_that_do_not_end_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_dir, "_WAIT_FOR_THE_DYING_SECONDS", 0.0)

    async def scenario() -> None:
        with pytest.raises(StateDirError, match="does not end"):
            async with StateDir(tmp_path):
                pass

    with lock_held_by_a_child(tmp_path):
        asyncio.run(scenario())


def test_ports_are_remembered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with StateDir(tmp_path) as state:
            assert state.ports() == {}
            state.remember_ports({"blob": 1, "todo": 2})
            state.remember_ports({"blob": 3})
        async with StateDir(tmp_path) as state:
            assert state.ports() == {"blob": 3, "todo": 2}

    asyncio.run(scenario())


def test_nobody_else_can_read_the_directory(tmp_path: Path) -> None:
    directory = tmp_path / "state"

    async def scenario() -> None:
        async with StateDir(directory) as state:
            state.announce(_RECORD)
            assert directory.stat().st_mode & 0o077 == 0
            assert (directory / "running.json").stat().st_mode & 0o077 == 0

    asyncio.run(scenario())


def test_without_state_the_directory_is_this_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert default_directory() == tmp_path / "todo-attach"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert default_directory() == REPOSITORY / ".local" / "run"
