"""The storage clients, on one connection pool.

Measured against Azurite: the asynchronous SDK costs about half a millisecond less per request than the synchronous
one, and no thread changes hands.
"""

from typing import Any

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

# By default Azurite closes an idle connection after 5 s. If it is used again at that very moment, a receive fails whose
# messages are then leased and lost to every worker; so this side closes idle connections first.
_KEEP_ALIVE_SECONDS = 3.0
# The SDK's own default waits 15 s before it tries again.
_RETRIES: dict[str, Any] = {"initial_backoff": 1, "increment_base": 1, "random_jitter_range": 0, "retry_total": 3}


class Storage:
    """Makes clients. Close this, not the clients."""

    def __init__(self) -> None:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS)
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )
        self._queues: dict[str, QueueServiceClient] = {}
        self._blobs: dict[str, BlobServiceClient] = {}

    async def close(self) -> None:
        await self._session.close()

    def queues(self, connection_string: str) -> QueueServiceClient:
        if connection_string not in self._queues:
            self._queues[connection_string] = QueueServiceClient.from_connection_string(
                connection_string, transport=self._transport(), **_RETRIES
            )
        return self._queues[connection_string]

    def blobs(self, connection_string: str) -> BlobServiceClient:
        if connection_string not in self._blobs:
            self._blobs[connection_string] = BlobServiceClient.from_connection_string(
                connection_string, transport=self._transport(), **_RETRIES
            )
        return self._blobs[connection_string]

    def _transport(self) -> AioHttpTransport:
        return AioHttpTransport(session=self._session, session_owner=False)
