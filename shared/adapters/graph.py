"""HTTP to Microsoft Graph, with `requests`: one exchange within one deadline, no retry, no redirect.

A read timeout does not bound a request: a reply that trickles in can last for ever, each byte in time. So a timer
closes the socket at the deadline, and the read or write in progress raises an error. After `send` has returned or
raised, no connection of this process carries the request any more, and another worker may take over the claim.
"""

import hashlib
import socket
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from shared.errors import GraphNoReply
from shared.graph.reply import GraphReply
from shared.graph.request import GraphRequest, is_within

_CONNECT_SECONDS = 10
# `_Watch` ends a request at its deadline; the socket's own timeout, a little later, is for the case that it cannot.
_SLACK_SECONDS = 5
_CHUNK_BYTES = 256 * 1024
# Graph's replies other than files are far smaller.
_MAX_BODY_BYTES = 8 * 1024 * 1024
# More than the threads of a worker, so that no upload waits for another one's connection.
_POOL_SIZE = 32


class RequestsGraph:
    """`ports.GraphTransport`: one pooled session per process. Safe to share between threads."""

    def __init__(self, root: str, deadline: timedelta) -> None:
        self._root = root
        self._seconds = deadline.total_seconds()
        self._session = requests.Session()
        # No proxy, no .netrc (its password would replace the bearer token), no CA bundle from the environment.
        self._session.trust_env = False
        self._session.headers.clear()
        adapter = _WatchedAdapter(pool_connections=2, pool_maxsize=_POOL_SIZE, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def send(self, request: GraphRequest, token: str) -> GraphReply:
        if not is_within(request.url, self._root):
            raise ValueError(f"{request.operation}: the token goes to the configured Graph host only")
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", **request.headers}
        headers["Authorization"] = f"Bearer {token}"
        with _Watch(self._seconds) as watch:
            try:
                response = self._session.request(
                    request.method,
                    request.url,
                    headers=headers,
                    data=request.body or None,
                    allow_redirects=False,
                    stream=True,
                    timeout=(min(_CONNECT_SECONDS, self._seconds), self._seconds + _SLACK_SECONDS),
                )
                with response:
                    reply = _reply(response, digest=request.digest)
                watch.check()
            except (requests.RequestException, OSError) as error:
                # The error's text may hold the URL, so only its type is repeated.
                why = "the deadline was over" if watch.is_over else type(error).__name__
                raise GraphNoReply(f"no reply to {request.operation}: {why}", sent=watch.sent) from None
        return reply


def _reply(response: requests.Response, *, digest: bool) -> GraphReply:
    headers = {name.lower(): value for name, value in response.headers.items()}
    received_at = datetime.now(UTC)
    if digest and response.status_code == 200:
        hashed = hashlib.sha256()
        for chunk in response.iter_content(_CHUNK_BYTES):
            hashed.update(chunk)
        return GraphReply(response.status_code, headers, sha256=hashed.hexdigest(), received_at=received_at)
    body = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise requests.exceptions.ContentDecodingError("a reply far too large")
    return GraphReply(response.status_code, headers, bytes(body), received_at=received_at)


class _Watch:
    """Bounds one exchange on the current thread: at the deadline it closes the connection that carries it."""

    _current = threading.local()

    def __init__(self, seconds: float) -> None:
        self.sent = False  # while it is False, no byte of the request has left
        self.is_over = False
        self._seconds = seconds
        self._lock = threading.Lock()
        # Not the connection: where a reply ends with its connection, http.client drops the connection's socket while
        # the reply is still being read.
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._close)
        self._timer.daemon = True

    @classmethod
    def current(cls) -> "_Watch | None":
        return getattr(cls._current, "watch", None)

    def __enter__(self) -> Self:
        self._current.watch = self
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._current.watch = None

    def bytes_leave(self, connection: HTTPConnection) -> None:
        """Called before each write: from then on Graph may apply the request."""
        with self._lock:
            if self.is_over:
                connection.close()
                raise TimeoutError("the deadline was over before anything was sent")
            self._socket = connection.sock
            self.sent = True
        # urllib3 writes with its connect timeout, which Python applies to the whole body: on a slow line it would cut a
        # slice off long before the deadline.
        connection.sock.settimeout(self._seconds + _SLACK_SECONDS)

    def check(self) -> None:
        """Raise where the watch has cut the connection: a body that ends with its connection would look complete."""
        if self.is_over:
            raise TimeoutError("the deadline was over while the reply came in")

    def _close(self) -> None:
        with self._lock:
            self.is_over = True
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)


def _leave(connection: HTTPConnection) -> None:
    if connection.sock is None:
        connection.connect()
    if (watch := _Watch.current()) is not None:
        watch.bytes_leave(connection)


class _WatchedHTTP(HTTPConnection):
    def send(self, data: Any) -> None:
        _leave(self)
        super().send(data)


class _WatchedHTTPS(HTTPSConnection):
    def send(self, data: Any) -> None:
        _leave(self)
        super().send(data)


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPS


class _WatchedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
