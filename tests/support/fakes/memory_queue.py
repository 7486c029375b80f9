"""A Storage queue in memory: visibility, leases, dequeue counts; and the range queue that sends to it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.core.messages import RangeMessage, encode
from tests.support.fakes.manual_clock import ManualClock
from tests.support.fakes.seam import Seam


@dataclass
class QueuedMessage:
    """One message. A pop receipt is valid only until the message is received or updated again."""

    number: int
    body: bytes
    visible_at: datetime
    dequeue_count: int = 0
    receipt: int = 0


@dataclass
class MemoryQueue:
    """What the host does with a queue: receive under a lease, delete, release."""

    clock: ManualClock
    messages: list[QueuedMessage] = field(default_factory=list)
    sent: int = 0
    bodies: list[bytes] = field(default_factory=list)  # of every message there ever was

    def put(self, body: bytes, delay: timedelta = timedelta()) -> QueuedMessage:
        self.sent += 1
        self.bodies.append(body)
        message = QueuedMessage(self.sent, body, self.clock.now + delay)
        self.messages.append(message)
        return message

    def visible(self) -> list[QueuedMessage]:
        return [message for message in self.messages if message.visible_at <= self.clock.now]

    def receive(
        self, lease: timedelta, choose: Callable[[list[QueuedMessage]], QueuedMessage] = lambda visible: visible[0]
    ) -> QueuedMessage | None:
        """Receive a visible message. It is invisible for *lease* from now on."""
        visible = self.visible()
        if not visible:
            return None
        message = choose(visible)
        message.dequeue_count += 1
        message.receipt += 1
        message.visible_at = self.clock.now + lease
        return message

    def delete(self, message: QueuedMessage, receipt: int) -> None:
        """Delete with the receipt of that delivery. Does nothing where the message was received again meanwhile."""
        if message.receipt == receipt and message in self.messages:
            self.messages.remove(message)

    def release(self, message: QueuedMessage, receipt: int, delay: timedelta) -> None:
        if message.receipt == receipt:
            message.visible_at = self.clock.now + delay

    def next_visible_at(self) -> datetime | None:
        return min((message.visible_at for message in self.messages), default=None)


@dataclass
class MemoryRangeQueue:
    """`ports.RangeQueue` that sends to a MemoryQueue."""

    queue: MemoryQueue
    seam: Seam = field(default_factory=Seam)

    def send(self, message: RangeMessage, delay: timedelta = timedelta()) -> None:
        self.seam.enter("queue.send", changes=True)
        self.queue.put(encode(message).encode(), timedelta(seconds=math.ceil(delay.total_seconds())))
        self.seam.leave("queue.send", changes=True)
