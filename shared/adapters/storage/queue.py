"""The queue of range messages, sent with azure-storage-queue: the output binding cannot delay a message."""

import math
from datetime import timedelta

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueClient

from shared.core.messages import RangeMessage, encode
from shared.errors import StorageUnavailable

# With a message that expires, its upload would stop until the sweep finds it.
_NEVER = -1


class StorageRangeQueue:
    """`ports.RangeQueue` on one Storage queue."""

    def __init__(self, queue: QueueClient) -> None:
        self._queue = queue

    def send(self, message: RangeMessage, delay: timedelta = timedelta()) -> None:
        seconds = math.ceil(delay.total_seconds())
        try:
            self._queue.send_message(encode(message), visibility_timeout=seconds, time_to_live=_NEVER)
        except AzureError as error:
            raise StorageUnavailable(f"the range queue took no message ({type(error).__name__})") from error
