"""A queue that does not exist yet is made by whoever comes first."""

import asyncio
from typing import cast

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient

from local.stand_ins.functions.trigger_queue import send_creating


class NewQueue:
    """Answers as the service does, and each answer takes its time."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self._exists = False

    async def create_queue(self) -> None:
        await asyncio.sleep(0)
        if self._exists:
            raise ResourceExistsError
        self._exists = True

    async def send_message(self, content: str) -> None:
        await asyncio.sleep(0)
        if not self._exists:
            raise ResourceNotFoundError
        self.messages.append(content)


def test_two_first_messages_that_come_at_once_are_both_taken() -> None:
    """Refused, an event would come again only after ten seconds."""
    queue = NewQueue()

    async def send_both() -> None:
        await asyncio.gather(*(send_creating(cast("QueueClient", queue), each) for each in ("one", "two")))

    asyncio.run(send_both())
    assert sorted(queue.messages) == ["one", "two"]
