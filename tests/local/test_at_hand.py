import asyncio
import os
from pathlib import Path

import pytest
from rich.console import Console

from local.commands.at_hand import at_hand
from local.commands.journey import Parcel, StackGone, send
from local.stack.app_settings import Graph
from local.stack.provision import provision
from local.stack.state_dir import RunningRecord, StateDir, StateDirError
from shared.settings import Connection

_QUIET = Console(quiet=True)


def record(storage: str = "") -> RunningRecord:
    return RunningRecord(
        pid=os.getpid(),
        storage=storage,
        container="attachments",
        queue="upload-ranges",
        table="uploads",
        graph="http://127.0.0.1:1/v1.0",
        functions="http://127.0.0.1:2",
        account="sam@example.com",
        emulator=None,
    )


def test_the_stack_that_runs_is_used_until_it_ends(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with StateDir(tmp_path) as state:
            state.announce(record())
            async with at_hand(tmp_path, Graph(record().graph, {"you": "token"}), _QUIET) as stack:
                assert stack.record == record()
                going = asyncio.ensure_future(stack.gone())
                await asyncio.sleep(0)
                assert not going.done()
                (tmp_path / "running.json").unlink()
                assert "has ended" in await asyncio.wait_for(going, 30)

    asyncio.run(scenario())


def test_a_stack_that_talks_to_another_graph_is_not_used(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with StateDir(tmp_path) as state:
            state.announce(record())
            with pytest.raises(StateDirError, match=r"talks to http://127\.0\.0\.1:1/v1\.0"):
                async with at_hand(tmp_path, Graph("http://127.0.0.1:3", {"you": "token"}), _QUIET):
                    pass

    asyncio.run(scenario())


@pytest.mark.azurite
def test_files_under_way_are_not_waited_for_when_their_stack_has_gone(storage: Connection, tmp_path: Path) -> None:
    async def gone() -> str:
        return "Azurite died"

    provision(storage.connection_string)
    file = tmp_path / "file"
    file.write_bytes(b"contents")
    sending = send(
        record(storage.connection_string), [Parcel(file, {"task": "any"})], _QUIET, gone=gone, within_seconds=30
    )
    with pytest.raises(StackGone, match="Azurite died"):
        asyncio.run(sending)
