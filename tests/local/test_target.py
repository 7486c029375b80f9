import asyncio
import os
from pathlib import Path

import pytest
from rich.console import Console

from local.commands.sending import Parcel, Sending, StackGone
from local.commands.target import choose, opened
from local.stack.app_settings import Graph
from local.stack.provision import provision
from local.stack.state_dir import StateDir, StateDirError
from shared.adapters.storage import clients as azure_clients
from shared.settings import Connection
from tests.local.records import a_record

_QUIET = Console(quiet=True)


def test_the_stack_that_runs_is_used_until_it_ends(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with StateDir(tmp_path) as state:
            state.announce(a_record())
            target = choose(tmp_path, Graph(a_record().graph, {"you": "token"}))
            async with opened(target, _QUIET) as stack:
                assert stack.record == a_record()
                going = asyncio.ensure_future(stack.gone())
                await asyncio.sleep(0)
                assert not going.done()
                (tmp_path / "running.json").unlink()
                assert "has ended" in await asyncio.wait_for(going, 30)

    asyncio.run(scenario())


def test_a_stack_that_talks_to_another_graph_is_not_used(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with StateDir(tmp_path) as state:
            state.announce(a_record())
            with pytest.raises(StateDirError, match=r"talks to http://127\.0\.0\.1:1/v1\.0"):
                choose(tmp_path, Graph("http://127.0.0.1:3", {"you": "token"}))

    asyncio.run(scenario())


@pytest.mark.azurite
def test_files_under_way_are_not_waited_for_when_their_stack_has_gone(storage: Connection, tmp_path: Path) -> None:
    async def gone() -> str:
        return "Azurite died"

    provision(storage.connection_string)
    file = tmp_path / "file"
    file.write_bytes(b"contents")
    sending = Sending(a_record(storage.connection_string), [Parcel(file, {"task": "any"})])
    with pytest.raises(StackGone, match="Azurite died"):
        asyncio.run(sending.run(_QUIET, gone=gone, within_seconds=30))
    assert [outcome.word for outcome in sending.outcomes] == ["not seen"]


@pytest.mark.azurite
def test_what_was_put_before_an_interruption_and_what_was_not_is_known(storage: Connection, tmp_path: Path) -> None:
    async def never() -> str:
        return await asyncio.Future()

    provision(storage.connection_string)
    files = [tmp_path / f"{number}.bin" for number in range(4)]
    for file in files:
        file.write_bytes(os.urandom(20_000_000))
    sending = Sending(a_record(storage.connection_string), [Parcel(file, {"task": "any"}) for file in files])

    async def scenario() -> None:
        running = asyncio.ensure_future(sending.run(_QUIET, gone=never, within_seconds=60))
        while not sending.outcomes:  # noqa: ASYNC110 - the first file is in the container
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(scenario())
    with azure_clients.container_client(storage, "attachments") as container:
        names = {blob.name: blob.metadata["filename"] for blob in container.list_blobs(include=["metadata"])}
    put = [outcome.file for outcome in sending.outcomes]
    assert [names[file.blob.name] for file in put] == [file.name for file in put]
    assert [file.name for file in put] + [file.name for file in sending.never_put] == [file.name for file in files]
    assert not {file.name for file in sending.never_put} & set(names.values())
