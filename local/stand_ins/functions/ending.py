"""What ends the whole host, as it ends the real one: with exit status 0, and without releasing messages.

Whatever is in flight stays leased for the rest of its ten minutes. The platform starts the host again.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError

# How long connections must be refused before the host ends. Storage that only hangs does not end it.
LONGEST_LOSS = timedelta(seconds=24.5)

_PASSING = frozenset({404, 409})
_SERVER_ERROR = 500


class HostEnd:
    """The reason why the host must end. It is set once, by the first part that finds that the host cannot go on."""

    def __init__(self) -> None:
        self._reason: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def because(self, reason: str) -> None:
        if not self._reason.done():
            self._reason.set_result(reason)

    async def reason(self) -> str:
        """Wait until there is a reason, and return it."""
        return await asyncio.shield(self._reason)


class StorageLoss:
    """Decides for one listener whether storage is lost. *now* counts seconds."""

    def __init__(self, longest: timedelta, now: Callable[[], float]) -> None:
        self._longest_seconds = longest.total_seconds()
        self._now = now
        self._since: float | None = None

    def polled(self) -> None:
        """Storage has answered a poll."""
        self._since = None

    def failed(self, error: AzureError, began: float) -> str | None:
        """A poll that *began* then ended in *error*. Returns why the host must end, or None."""
        if isinstance(error, HttpResponseError):
            self._since = None
            status = error.status_code or _SERVER_ERROR
            if status in _PASSING or status >= _SERVER_ERROR:
                return None
            return f"storage answered a poll with {status}"
        if not isinstance(error, ServiceRequestError):
            return None  # storage hangs, or a connection broke
        self._since = began if self._since is None else self._since
        if self._now() - self._since < self._longest_seconds:
            return None
        return f"storage refused connections for {self._longest_seconds:g} s"
