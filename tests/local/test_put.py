import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient

from local.commands.put import PutError, put, why_unfit
from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.blobs import BlobStore
from shared.core.attachment import AttachmentRequest, Reference, parse_metadata
from shared.settings import MAX_FILE_BYTES, Connection


@pytest.fixture
def container(storage: Connection) -> Iterator[ContainerClient]:
    with azure_clients.container_client(storage, uuid.uuid4().hex) as container:
        container.create_container()
        yield container


@pytest.mark.azurite
@pytest.mark.parametrize("name", ["report.pdf", "Größe 50% + 見積書.txt", "a&b=c?d#e;f.txt", "100%.pdf", "%41.txt"])
def test_a_file_keeps_its_name_and_says_where_it_belongs(container: ContainerClient, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"contents")
    dropped = put(container, file, {"listid": "AAMk=", "task": "Überweisung", "user": "sam@example.com"})
    found = BlobStore(container).describe(dropped.blob.name)
    assert found is not None
    assert found.version.upload_id() == dropped.upload_id
    assert found.size == dropped.size == 8
    assert parse_metadata(found.metadata, found.version.name) == AttachmentRequest(
        Reference(id="AAMk="), Reference(name="Überweisung"), "sam@example.com", name
    )


@pytest.mark.azurite
def test_a_name_that_is_no_text_is_no_obstacle(container: ContainerClient, tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"caf\xe9.txt")
    try:
        file.write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes no such name")
    assert put(container, file, {"task": "Receipts"}).size == 0


def test_what_cannot_be_attached_is_said_before_anything_is_started(tmp_path: Path) -> None:
    too_large = tmp_path / "large"
    with too_large.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    whole = tmp_path / "whole"
    with whole.open("wb") as file:
        file.truncate(MAX_FILE_BYTES)
    assert why_unfit(whole) is None
    assert "26214401 bytes; Microsoft To Do takes 26214400" in str(why_unfit(too_large))
    assert "is a directory" in str(why_unfit(tmp_path))
    assert "no such file" in str(why_unfit(tmp_path / "missing"))


@pytest.mark.azurite
def test_what_keeps_a_file_out_of_the_container_is_said(container: ContainerClient, tmp_path: Path) -> None:
    with pytest.raises(PutError, match="missing cannot be read: No such file"):
        put(container, tmp_path / "missing", {})
    container.delete_container()
    (tmp_path / "file").write_bytes(b"contents")
    with pytest.raises(PutError, match=r"the container does not take .*file: ResourceNotFoundError"):
        put(container, tmp_path / "file", {})
