"""What ends the whole host, as it ends the real one: exit status 0, nothing released. The platform starts it again.

Whatever is in flight stays leased, for the rest of its ten minutes.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError

# Of connections that are refused. Storage that hangs does not end the host.
LONGEST_LOSS = timedelta(seconds=24.5)

_PASSING = frozenset({404, 409})
_SERVER_ERROR = 500


class HostEnd:
    """Set once, by the first part that finds that the host cannot go on."""

    def __init__(self) -> None:
        self._reason: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def because(self, reason: str) -> None:
        if not self._reason.done():
            self._reason.set_result(reason)

    async def reason(self) -> str:
        """Wait for it."""
        return await asyncio.shield(self._reason)


class StorageLoss:
    """Of one listener: whether storage is lost for good. *now* counts seconds."""

    def __init__(self, longest: timedelta, now: Callable[[], float]) -> None:
        self._longest_seconds = longest.total_seconds()
        self._now = now
        self._since: float | None = None

    def polled(self) -> None:
        """Storage answered."""
        self._since = None

    def failed(self, error: AzureError, began: float) -> str | None:
        """A poll that *began* then came to *error*: why the host ends, if it does."""
        if isinstance(error, HttpResponseError):
            self._since = None
            status = error.status_code or _SERVER_ERROR
            if status in _PASSING or status >= _SERVER_ERROR:
                return None
            return f"storage answered a poll with {status}"
        if not isinstance(error, ServiceRequestError):
            return None  # it hangs, or a connection broke
        self._since = began if self._since is None else self._since
        if self._now() - self._since < self._longest_seconds:
            return None
        return f"storage refused connections for {self._longest_seconds:g} s"
