"""`ports.DeadLetters`: the adapter on Azurite, and the fake, keep the same promises."""

import uuid
from collections.abc import Mapping
from typing import Protocol

import pytest
from azure.storage.blob import ContainerClient

from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.dead_letters import DeadLetterBlobs
from shared.errors import StorageUnavailable
from shared.ports import DeadLetters
from shared.settings import Connection
from tests.support.fakes.memory_dead_letters import MemoryDeadLetters

LETTERS: Mapping[str, bytes] = {f"topic/SUBSCRIPTION/2026/3/1/{hour}/a.json": b"[]" for hour in (1, 10, 2)}
NAMES = sorted(LETTERS)


class Made(Protocol):
    def __call__(self, letters: Mapping[str, bytes]) -> DeadLetters: ...


@pytest.fixture(params=["memory", pytest.param("azurite", marks=pytest.mark.azurite)])
def made(request: pytest.FixtureRequest) -> Made:
    """Pages have two letters."""
    if request.param == "memory":
        return lambda letters: MemoryDeadLetters(letters=dict(letters), page_size=2)
    storage: Connection = request.getfixturevalue("storage")
    container: ContainerClient = azure_clients.container_client(storage, f"c{uuid.uuid4().hex}")

    def on_azurite(letters: Mapping[str, bytes]) -> DeadLetters:
        container.create_container()
        for name, body in letters.items():
            container.upload_blob(name, body)
        return DeadLetterBlobs(container, page_size=2)

    return on_azurite


def test_letters_are_listed_page_by_page(made: Made) -> None:
    letters = made(LETTERS)
    first = letters.listed("")
    assert first.items == tuple(NAMES[:2])
    second = letters.listed(first.next)
    assert (second.items, second.next) == (tuple(NAMES[2:]), "")


def test_where_no_event_was_given_up_there_is_one_empty_page(made: Made) -> None:
    page = made({}).listed("")
    assert (page.items, page.next) == ((), "")


@pytest.mark.parametrize("body", [b'[{"subject": "x"}]', b""], ids=["events", "empty"])
def test_a_letter_is_read_as_it_lies(made: Made, body: bytes) -> None:
    assert made({"a": body}).read("a") == body


def test_a_letter_that_is_gone_is_read_as_none_and_may_be_deleted_again(made: Made) -> None:
    letters = made(LETTERS)
    letters.delete(NAMES[0])
    letters.delete(NAMES[0])
    assert letters.read(NAMES[0]) is None
    assert letters.listed("").items == tuple(NAMES[1:])


@pytest.mark.azurite
def test_what_is_far_longer_than_events_are_is_not_read(storage: Connection) -> None:
    container = azure_clients.container_client(storage, f"c{uuid.uuid4().hex}")
    container.create_container()
    container.upload_blob("a", bytes(3 * 1024 * 1024))
    assert DeadLetterBlobs(container).read("a") == b""


@pytest.mark.azurite
def test_a_letter_of_which_someone_took_a_snapshot_is_deleted_with_it(storage: Connection) -> None:
    """Otherwise it would be read again in every run, and its event announced each time."""
    container = azure_clients.container_client(storage, f"c{uuid.uuid4().hex}")
    container.create_container()
    container.upload_blob("a", b"[]").create_snapshot()
    letters = DeadLetterBlobs(container)
    letters.delete("a")
    assert letters.read("a") is None


@pytest.mark.azurite
def test_a_missing_container_is_storage_being_unavailable(storage: Connection) -> None:
    letters = DeadLetterBlobs(azure_clients.container_client(storage, "never-made"))
    for use in (lambda: letters.listed(""), lambda: letters.read("a"), lambda: letters.delete("a")):
        with pytest.raises(StorageUnavailable):
            use()
