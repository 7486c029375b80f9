"""The To Do service over HTTP/1.1 on loopback, with connections that really break, trickle and fall silent.

The service decides what happens to a connection, and this module does it. When a client goes away, the service is told
at once, and the work on its request may still go on: aiohttp cancels the handler, and another task does the rest.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from local.stand_ins.loopback import why_refused
from local.stand_ins.todo.control import PREFIX, handle_control
from local.stand_ins.todo.exchange import Exchange
from local.stand_ins.todo.page import handle_page
from local.stand_ins.todo.secrets import Secrets
from local.stand_ins.todo.service import TodoService
from local.stand_ins.todo.wire import CutOff, Headers, Late, Never, Outcome, Request, Reset, Response, Trickle

HOST = "127.0.0.1"

# The size of a range, so that aiohttp does not pause and resume sixty times while it reads one.
_READ_BUFFER = 4 * 1024 * 1024
# How often a trickled reply sends something; a short one is sent byte by byte.
_MOST_DROPS_PER_SECOND = 50
# With this option, to close a socket sends RST instead of FIN: struct linger {on, 0 seconds}.
_LINGER_ZERO = struct.pack("ii", 1, 0)


def listen(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 stands for any free one."""
    listener = socket.create_server((HOST, port), backlog=1024)
    listener.setblocking(False)
    return listener


def origin_of(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"


def control_path(secrets: Secrets) -> str:
    """The path of the emulator's own endpoints. It is a secret: a program that has it can change everything."""
    return f"{PREFIX}{secrets.control}"


def page_path(secrets: Secrets) -> str:
    """The path of the page for people. It is a secret: a program that has it can see everything."""
    return f"/_page/{secrets.page}/"


@asynccontextmanager
async def serving(service: TodoService, listener: socket.socket, secrets: Secrets) -> AsyncIterator[None]:
    """Serve *service* on *listener* for as long as the context lasts."""
    shell = _Shell(service, secrets)
    server = web.Server(
        shell.handle, handler_cancellation=True, read_bufsize=_READ_BUFFER, access_log=None, keepalive_timeout=75.0
    )
    runner = web.ServerRunner(server, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield
    finally:
        await runner.cleanup()
        await shell.stop()


class _Shell:
    def __init__(self, service: TodoService, secrets: Secrets) -> None:
        self._service = service
        self._control = f"{control_path(secrets)}/"
        self._page = page_path(secrets)
        # Requests whose clients have gone, and on which the work goes on.
        self._zombies: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        for zombie in self._zombies:
            zombie.cancel()
        await asyncio.gather(*self._zombies, return_exceptions=True)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        target = request.raw_path
        refused = why_refused(request.headers.get("Host", ""), request.headers.get("Origin"), self._service.root)
        if refused is not None:
            return web.json_response({"error": refused}, status=403)
        if target.startswith(self._control):
            body = await request.read()
            what = PREFIX + target.removeprefix(self._control)
            return _plain(handle_control(self._service, Request(request.method, what, body=body)))
        if target.startswith(self._page):
            return _plain(handle_page(self._service, Request(request.method, target.removeprefix(self._page))))
        if target.startswith((PREFIX, "/_page/")):
            return web.json_response({"error": "the secret in this path is not this emulator's"}, status=403)
        exchange = self._service.begin(Request(request.method, target, Headers(request.headers.items())))
        chunks: list[bytes] = []
        try:
            await _read_body(request, exchange, chunks)
            if exchange.latency:
                await asyncio.sleep(exchange.latency)
            return await self._enact(request, exchange, self._service.complete(exchange, b"".join(chunks)))
        except (asyncio.CancelledError, ConnectionError, HttpProcessingError):
            self._hang_up(exchange, b"".join(chunks))
            raise

    async def _enact(self, request: web.BaseRequest, exchange: Exchange, outcome: Outcome) -> web.StreamResponse:
        match outcome:
            case Response():
                return _plain(outcome)
            case Late(response, seconds):
                await asyncio.sleep(seconds)
                self._service.delivered(exchange)
                return _plain(response)
            case Trickle(response, seconds):
                await _trickle(request, _on_the_wire(response), seconds)
                self._service.delivered(exchange)
            case CutOff(response):
                raw = _on_the_wire(response)
                _write(request, raw[: len(raw) // 2])
            case Reset():
                _reset(request)
            case Never():
                await asyncio.Event().wait()
        if request.transport is not None:
            request.transport.close()
        # Nothing more can be written; aiohttp finds that out and lets the connection go.
        return web.Response()

    def _hang_up(self, exchange: Exchange, body: bytes) -> None:
        self._service.hang_up(exchange)
        if exchange.completed:
            return
        whole = len(body) >= exchange.declared_length
        if not whole:
            self._service.complete(exchange, body)
        elif self._service.behaviour.abandoned_request == "applied":
            zombie = asyncio.get_running_loop().create_task(self._complete_later(exchange, body))
            self._zombies.add(zombie)
            zombie.add_done_callback(self._zombies.discard)

    async def _complete_later(self, exchange: Exchange, body: bytes) -> None:
        await asyncio.sleep(exchange.latency)
        self._service.complete(exchange, body)


async def _read_body(request: web.BaseRequest, exchange: Exchange, chunks: list[bytes]) -> None:
    """Read as much of the body as the service takes. *chunks* has what came, even where the body breaks off."""
    if exchange.intake == "none":
        return
    if request.headers.get("expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    half = exchange.declared_length // 2 if exchange.intake == "half" else None
    arrived = 0
    async for chunk in request.content.iter_any():
        chunks.append(chunk if half is None else chunk[: half - arrived])
        arrived += len(chunk)
        if half is not None and arrived >= half:
            return


def _plain(response: Response) -> web.Response:
    return web.Response(status=response.status, headers=dict(response.headers), body=response.body)


def _on_the_wire(response: Response) -> bytes:
    headers = {**response.headers, "Content-Length": str(len(response.body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {response.status} {_reason(response.status)}", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + response.body


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


async def _trickle(request: web.BaseRequest, raw: bytes, seconds: float) -> None:
    drops = max(1, min(len(raw), int(seconds * _MOST_DROPS_PER_SECOND)))
    for index in range(drops):
        await asyncio.sleep(seconds / drops)
        _write(request, raw[index * len(raw) // drops : (index + 1) * len(raw) // drops])


def _write(request: web.BaseRequest, data: bytes) -> None:
    if request.transport is None or request.transport.is_closing():
        raise ConnectionResetError("the client went away")
    request.transport.write(data)


def _reset(request: web.BaseRequest) -> None:
    if request.transport is None:
        return
    connection = request.transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    request.transport.abort()
