"""The range queue on Azurite: what the host will find there."""

import uuid
from datetime import timedelta

import pytest
from azure.storage.queue import QueueClient

from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.queue import StorageRangeQueue
from shared.core.messages import RangeMessage, decode
from shared.errors import StorageUnavailable
from shared.settings import Connection

pytestmark = pytest.mark.azurite
MESSAGE = RangeMessage("0123456789abcdef" * 2, 3)


@pytest.fixture
def name(storage: Connection) -> str:
    name = f"q{uuid.uuid4().hex}"
    azure_clients.queue_client(storage, name).create_queue()
    return name


def _raw(storage: Connection, name: str) -> QueueClient:
    return QueueClient.from_connection_string(storage.connection_string, name)


def test_a_message_lies_there_as_plain_json_and_never_expires(storage: Connection, name: str) -> None:
    StorageRangeQueue(azure_clients.queue_client(storage, name)).send(MESSAGE)
    (message,) = _raw(storage, name).peek_messages()
    assert decode(message.content.encode()) == MESSAGE
    assert message.expires_on is not None
    assert message.expires_on.year == 9999


def test_a_delayed_message_is_there_and_not_yet_visible(storage: Connection, name: str) -> None:
    StorageRangeQueue(azure_clients.queue_client(storage, name)).send(MESSAGE, timedelta(minutes=5))
    raw = _raw(storage, name)
    assert raw.peek_messages() == []
    assert raw.get_queue_properties().approximate_message_count == 1


def test_a_queue_that_is_not_there_is_storage_being_unavailable(storage: Connection) -> None:
    with pytest.raises(StorageUnavailable):
        StorageRangeQueue(azure_clients.queue_client(storage, "never-made")).send(MESSAGE)
