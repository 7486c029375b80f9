"""`scripts/reconcile.py` as an operator runs it, on real storage."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from local.stack.app_settings import Graph, app_settings
from local.stack.child import REPOSITORY
from shared.adapters.storage import clients as azure_clients
from shared.settings import Connection

pytestmark = pytest.mark.azurite
CONTAINER, QUEUE, TABLE, DEAD_LETTERS = "forgotten", "forgotten-ranges", "forgotten", "forgotten-letters"


@pytest.fixture(scope="module")
def settings(storage: Connection) -> Mapping[str, str]:
    """Of an app with a container, a queue, and a table of its own."""
    for name in (CONTAINER, DEAD_LETTERS):
        with azure_clients.container_client(storage, name) as container:
            container.create_container()
    with azure_clients.queue_client(storage, QUEUE) as queue, azure_clients.table_client(storage, TABLE) as table:
        queue.create_queue()
        table.create_table()
    graph = Graph("http://127.0.0.1:1/v1.0", {"sam": "token"})
    names = {"TODO_ATTACH_CONTAINER": CONTAINER, "TODO_ATTACH_QUEUE": QUEUE, "TODO_ATTACH_TABLE": TABLE}
    return app_settings(storage.connection_string, graph, lease_seconds=None) | names


def reconcile(settings: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/reconcile.py", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **settings},
        timeout=120,
    )


def test_a_blob_without_an_event_is_found_started_once_and_then_known(
    storage: Connection, settings: Mapping[str, str]
) -> None:
    with (
        azure_clients.container_client(storage, CONTAINER) as container,
        azure_clients.queue_client(storage, QUEUE) as queue,
        azure_clients.table_client(storage, TABLE) as table,
    ):
        container.upload_blob("forgotten/ü.txt", b"bytes", metadata={"task": "Receipts"})

        looked = reconcile(settings, "--only-look")
        assert (looked.returncode, looked.stderr) == (1, "")
        assert looked.stdout.splitlines() == ["missing  forgotten/ü.txt", "0 known, 1 missing, 0 gone"]
        assert list(table.list_entities()) == []

        started = reconcile(settings)
        assert (started.returncode, started.stdout.splitlines()[-1]) == (0, "0 known, 1 started, 0 gone")
        assert len(queue.peek_messages()) == 1
        assert {row["RowKey"] for row in table.query_entities("RowKey eq 'entry'")} == {"entry"}

        again = reconcile(settings, "--only-look")
        assert (again.returncode, again.stdout) == (0, "1 known, 0 missing, 0 gone\n")
        assert len(queue.peek_messages()) == 1


def test_dead_letters_are_read_and_what_they_name_is_told(storage: Connection, settings: Mapping[str, str]) -> None:
    subject = f"/blobServices/default/containers/{CONTAINER}/blobs/withdrawn.pdf"
    with azure_clients.container_client(storage, DEAD_LETTERS) as letters:
        letters.upload_blob("2026/11/letter.json", json.dumps([{"subject": subject}]).encode())
        looked = reconcile(settings, "--only-look", "--dead-letters", DEAD_LETTERS)
    assert looked.returncode == 0, looked.stderr
    assert "gone     withdrawn.pdf" in looked.stdout.splitlines()


def test_settings_that_cannot_be_used_are_named(settings: Mapping[str, str]) -> None:
    refused = reconcile({**settings, "TODO_ATTACH_TABLE": ""})
    assert refused.returncode == 2
    assert "TODO_ATTACH_TABLE is not set" in refused.stderr
