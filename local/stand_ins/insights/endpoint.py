"""The addresses that a connection string names, on loopback: for telemetry, and for live metrics."""

import gzip
import json
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.typedefs import Handler

from local.stand_ins.insights.rows import Row, row_of
from local.stand_ins.loopback import why_refused

_MOST_BYTES = 64 * 1024 * 1024

type OnRow = Callable[[str, Row], None]


@web.middleware
async def _programs_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    # No web page has a reason to post here, so a request with any origin is refused.
    refused = why_refused(request.headers.get("Host", ""), request.headers.get("Origin"), "")
    return await handler(request) if refused is None else web.json_response({"error": refused}, status=403)


class Endpoint:
    """Accepts what is posted, while it is entered. It refuses what it cannot read, as the service does."""

    def __init__(self, on_row: OnRow) -> None:
        self._on_row = on_row
        app = web.Application(client_max_size=_MOST_BYTES, middlewares=[_programs_only])
        app.router.add_post("/{slashes:/*}v2.1/track", self._track)
        app.router.add_post("/{slashes:/*}QuickPulseService.svc/ping", self._no_live_metrics)
        self._runner = web.AppRunner(app, access_log=None)
        # New for each run: the exporter stores what it could not send under this key, and a later run must not send it.
        self._key = uuid.uuid4()

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @property
    def connection_string(self) -> str:
        root = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return f"InstrumentationKey={self._key};IngestionEndpoint={root};LiveEndpoint={root}"

    async def _track(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip" and body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        try:
            envelopes: list[dict[str, Any]] = json.loads(body)
        except ValueError:
            return web.json_response({"error": "the body is not JSON"}, status=400)
        refused = []
        for index, envelope in enumerate(envelopes):
            try:
                table, row = row_of(envelope)
            except (KeyError, ValueError, TypeError) as error:
                refused.append({"index": index, "statusCode": 400, "message": repr(error)})
            else:
                self._on_row(table, row)
        taken = len(envelopes) - len(refused)
        answer = {"itemsReceived": len(envelopes), "itemsAccepted": taken, "errors": refused}
        return web.json_response(answer, status=206 if refused else 200)

    async def _no_live_metrics(self, _request: web.Request) -> web.Response:
        return web.json_response({}, headers={"x-ms-qps-subscribed": "false"})
