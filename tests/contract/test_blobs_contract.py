"""`ports.Blobs`: the adapter on Azurite, and the fake, keep the same promises."""

import uuid
from collections.abc import Mapping
from typing import Protocol

import pytest
from azure.storage.blob import ContainerClient

from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.blobs import BlobStore
from shared.core.attachment import BlobVersion
from shared.core.ranges import MAX_SLICE_BYTES, ByteRange
from shared.errors import BlobChanged, BlobGone, StorageUnavailable
from shared.ports import Blobs
from shared.settings import Connection
from tests.support.fakes.manual_clock import ManualClock
from tests.support.fakes.memory_blobs import MemoryBlobs

NAME = "2026/ü #%?+ .pdf"


class Person(Protocol):
    """What people do to the container, in both worlds."""

    def write(self, name: str, content: bytes, metadata: Mapping[str, str]) -> BlobVersion: ...
    def edit_metadata(self, name: str, metadata: Mapping[str, str]) -> BlobVersion: ...
    def remove(self, name: str) -> None: ...


class AzuritePerson:
    def __init__(self, container: ContainerClient, blobs: Blobs) -> None:
        self._container, self._blobs = container, blobs

    def write(self, name: str, content: bytes, metadata: Mapping[str, str]) -> BlobVersion:
        self._container.upload_blob(name, content, metadata=dict(metadata), overwrite=True)
        return self._version(name)

    def edit_metadata(self, name: str, metadata: Mapping[str, str]) -> BlobVersion:
        self._container.get_blob_client(name).set_blob_metadata(dict(metadata))
        return self._version(name)

    def remove(self, name: str) -> None:
        self._container.delete_blob(name)

    def _version(self, name: str) -> BlobVersion:
        described = self._blobs.describe(name)
        assert described is not None
        return described.version


@pytest.fixture(params=["memory", pytest.param("azurite", marks=pytest.mark.azurite)])
def world(request: pytest.FixtureRequest) -> tuple[Blobs, Person]:
    if request.param == "memory":
        fake = MemoryBlobs(ManualClock())
        return fake, fake
    storage: Connection = request.getfixturevalue("storage")
    container = azure_clients.container_client(storage, f"c{uuid.uuid4().hex}")
    container.create_container()
    blobs = BlobStore(container)
    return blobs, AzuritePerson(container, blobs)


def test_a_blob_that_is_not_there_is_described_as_none(world: tuple[Blobs, Person]) -> None:
    blobs, _ = world
    assert blobs.describe(NAME) is None


def test_a_description_has_size_metadata_and_an_etag_without_quotes(world: tuple[Blobs, Person]) -> None:
    blobs, person = world
    version = person.write(NAME, b"hello", {"taskid": "T=", "filename": "%C3%BC.pdf"})
    described = blobs.describe(NAME)
    assert described is not None
    assert (described.version, described.size) == (version, 5)
    assert dict(described.metadata) == {"taskid": "T=", "filename": "%C3%BC.pdf"}
    assert version.etag.strip('"') == version.etag != ""
    assert version.name == NAME


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (3, 10), (9, 10), (0, 10)])
def test_a_read_is_exactly_the_range(world: tuple[Blobs, Person], start: int, stop: int) -> None:
    blobs, person = world
    version = person.write(NAME, b"0123456789", {})
    assert blobs.read(version, ByteRange(start, stop)) == b"0123456789"[start:stop]


def test_a_whole_slice_is_read_with_its_md5_checked(world: tuple[Blobs, Person]) -> None:
    blobs, person = world
    content = bytes(range(256)) * (MAX_SLICE_BYTES // 256) + b"tail"
    version = person.write(NAME, content, {})
    assert blobs.read(version, ByteRange(0, MAX_SLICE_BYTES)) == content[:MAX_SLICE_BYTES]
    assert blobs.read(version, ByteRange(MAX_SLICE_BYTES, len(content))) == b"tail"


def test_a_read_of_a_version_that_was_written_over_is_refused(world: tuple[Blobs, Person]) -> None:
    blobs, person = world
    older = person.write(NAME, b"older", {})
    person.write(NAME, b"newer", {})
    with pytest.raises(BlobChanged):
        blobs.read(older, ByteRange(0, 5))


def test_a_metadata_edit_makes_another_version(world: tuple[Blobs, Person]) -> None:
    blobs, person = world
    before = person.write(NAME, b"bytes", {"a": "1"})
    after = person.edit_metadata(NAME, {"a": "2"})
    assert after.etag != before.etag
    with pytest.raises(BlobChanged):
        blobs.read(before, ByteRange(0, 5))


def test_a_deleted_blob_can_neither_be_read_nor_tagged(world: tuple[Blobs, Person]) -> None:
    blobs, person = world
    version = person.write(NAME, b"bytes", {})
    person.remove(NAME)
    for use in (
        lambda: blobs.read(version, ByteRange(0, 5)),
        lambda: blobs.tags(version),
        lambda: blobs.set_tags(version, {"a": "b"}),
    ):
        with pytest.raises((BlobGone, BlobChanged)):
            use()


def test_tags_are_replaced_whole_and_leave_the_version_alone(world: tuple[Blobs, Person]) -> None:
    blobs, person = world
    version = person.write(NAME, b"bytes", {})
    assert blobs.tags(version) == {}
    blobs.set_tags(version, {"mine": "1", "todo_state": "attached"})
    blobs.set_tags(version, {"todo_state": "failed: a+b-c.d/e:f=g_h"})
    assert blobs.tags(version) == {"todo_state": "failed: a+b-c.d/e:f=g_h"}
    described = blobs.describe(NAME)
    assert described is not None
    assert described.version == version


def test_tags_are_not_written_on_another_version(world: tuple[Blobs, Person], request: pytest.FixtureRequest) -> None:
    """The cloud and the fake honour the condition. Azurite ignores it: this is the one known difference."""
    blobs, person = world
    older = person.write(NAME, b"older", {})
    person.write(NAME, b"newer", {})
    if not isinstance(blobs, MemoryBlobs):
        request.applymarker(pytest.mark.xfail(reason="Azurite ignores conditions on Set Blob Tags", strict=True))
    with pytest.raises(BlobChanged):
        blobs.set_tags(older, {"todo_state": "attached"})


def test_deleting_spares_another_version(world: tuple[Blobs, Person]) -> None:
    blobs, person = world
    older = person.write(NAME, b"older", {})
    newer = person.write(NAME, b"newer", {})
    blobs.delete(older)
    assert blobs.read(newer, ByteRange(0, 5)) == b"newer"
    blobs.delete(newer)
    blobs.delete(newer)
    assert blobs.describe(NAME) is None


@pytest.mark.azurite
def test_a_missing_container_is_storage_being_unavailable_and_not_a_missing_blob(storage: Connection) -> None:
    blobs = BlobStore(azure_clients.container_client(storage, "never-made"))
    version = BlobVersion("devstoreaccount1", "never-made", NAME, "0x1")
    with pytest.raises(StorageUnavailable):
        blobs.read(version, ByteRange(0, 1))


@pytest.mark.azurite
def test_a_listing_tells_the_outcome_that_the_tags_tell(storage: Connection) -> None:
    container = azure_clients.container_client(storage, f"c{uuid.uuid4().hex}")
    container.create_container()
    blobs = BlobStore(container)
    person = AzuritePerson(container, blobs)
    person.write("new.pdf", b"bytes", {"taskid": "T="})
    blobs.set_tags(person.write(NAME, b"bytes", {}), {"todo_state": "attached"})
    listed = {each.version.name: (each.outcome, dict(each.metadata)) for each in blobs.every()}
    assert listed == {"new.pdf": ("", {"taskid": "T="}), NAME: ("attached", {})}


@pytest.mark.azurite
def test_a_leased_blob_is_neither_deleted_nor_taken_for_another_version(storage: Connection) -> None:
    container = azure_clients.container_client(storage, f"c{uuid.uuid4().hex}")
    container.create_container()
    blobs = BlobStore(container)
    version = AzuritePerson(container, blobs).write(NAME, b"bytes", {})
    container.get_blob_client(NAME).acquire_lease()
    with pytest.raises(StorageUnavailable):
        blobs.delete(version)
    assert blobs.describe(NAME) is not None
