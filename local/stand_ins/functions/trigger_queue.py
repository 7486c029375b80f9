"""A queue with its leases: receive, renew, release, delete, bury.

A pop receipt proves the present lease, and every renewal makes a new one. A message or a lease that is gone is not an
error: another host has taken it over, or the function itself has deleted the message.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

_GONE = frozenset({"MessageNotFound", "QueueNotFound", "PopReceiptMismatch", "QueueBeingDeleted", "QueueDisabled"})


class UndecodableMessageError(Exception):
    """A message that is not Base64, though host.json says so."""


@dataclass(slots=True)
class LeasedMessage:
    """A message that is leased to this host. *content* is what is in the queue, byte for byte."""

    received: QueueMessage
    content: str
    dequeue_count: int
    pop_receipt: str

    def body(self, *, base64_encoded: bool) -> bytes:
        if not base64_encoded:
            return self.content.encode()
        try:
            return base64.b64decode(self.content, validate=True)
        except (binascii.Error, ValueError) as error:
            raise UndecodableMessageError(f"not Base64: {error}") from error


class TriggerQueue:
    """The queue that a function listens to."""

    def __init__(self, client: QueueClient, lease: timedelta) -> None:
        self._client = client
        self._lease_seconds = round(lease.total_seconds())

    @property
    def name(self) -> str:
        return self._client.queue_name

    async def receive(self, most: int) -> list[LeasedMessage]:
        """Receive and lease at most *most* messages. A queue that does not exist has none."""
        pages = self._client.receive_messages(
            messages_per_page=most, max_messages=most, visibility_timeout=self._lease_seconds
        ).by_page()
        try:
            return [_leased(message) async for message in await anext(pages)]
        except (ResourceNotFoundError, StopAsyncIteration):
            return []

    async def renew(self, message: LeasedMessage) -> bool:
        """Renew the lease. False where it is no longer ours."""
        return await self._unless_gone(lambda: self._set_visible_after(message, self._lease_seconds))

    async def release(self, message: LeasedMessage, after: timedelta) -> bool:
        """Let the message be delivered again *after* a while."""
        return await self._unless_gone(lambda: self._set_visible_after(message, round(after.total_seconds())))

    async def delete(self, message: LeasedMessage) -> bool:
        return await self._unless_gone(
            lambda: self._client.delete_message(message.received.id, pop_receipt=message.pop_receipt)
        )

    async def bury(self, message: LeasedMessage, poison: QueueClient) -> None:
        """Copy the message to *poison*, unchanged, then delete it: a death in between leaves two copies, never none."""
        await send_creating(poison, message.content)
        await self.delete(message)

    async def _set_visible_after(self, message: LeasedMessage, seconds: int) -> None:
        updated = await self._client.update_message(
            message.received.id, pop_receipt=message.pop_receipt, visibility_timeout=seconds
        )
        assert updated.pop_receipt is not None  # noqa: S101 - the service answers with the next receipt
        message.pop_receipt = updated.pop_receipt

    async def _unless_gone(self, request: Callable[[], Awaitable[None]]) -> bool:
        try:
            await request()
        except HttpResponseError as error:
            if getattr(error, "error_code", None) in _GONE:
                return False
            raise
        return True


async def send_creating(queue: QueueClient, content: str) -> None:
    """Send *content* as it is, and create the queue where it does not exist."""
    try:
        await queue.send_message(content)
    except ResourceNotFoundError:
        # The first two events of a host may come at once.
        with suppress(ResourceExistsError):
            await queue.create_queue()
        await queue.send_message(content)


def _leased(message: QueueMessage) -> LeasedMessage:
    assert message.pop_receipt is not None  # noqa: S101 - a received message has one
    return LeasedMessage(message, message.content, message.dequeue_count or 1, message.pop_receipt)
