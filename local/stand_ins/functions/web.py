"""Everything that the host answers over HTTP: the app's own routes, the blob webhook, the admin pages.

Keys of the app's routes are not checked, as Core Tools do not check them either. The master key of the admin pages is
not checked; instead, requests of web pages are refused there. The key of the webhook is checked: a program is given
that URL, and a wrong one should fail here as it fails in Azure.
"""

import asyncio
import hmac
import re
from collections.abc import Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler
from azure.core.exceptions import AzureError
from multidict import CIMultiDict

from local.stand_ins.functions.app_settings import AppSettings
from local.stand_ins.functions.blob_bridge import BlobEvents, BlobRun, function_id
from local.stand_ins.functions.function import BlobTrigger, Function, HttpTrigger
from local.stand_ins.functions.invocation import Input
from local.stand_ins.functions.timer_listener import TimerListener
from local.stand_ins.functions.worker.frames import Datum
from local.stand_ins.loopback import why_refused

_LONGEST_URL = 8 * 1024
_LONGEST_HEADERS = 32 * 1024
_SAME_SITE = {1: "lax", 2: "strict", 3: "none"}
# The characters that .NET writes into a cookie without quotes. With any other character it sets no cookie at all.
_COOKIE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")
WEBHOOK = "/runtime/webhooks/blobs"


def webhook_url(root: str, function: Function[BlobTrigger], key: str) -> str:
    return f"{root}{WEBHOOK}?functionName={function_id(function.name)}&code={quote(key, safe='')}"


class Front:
    """The host's web application."""

    def __init__(
        self,
        functions: Sequence[Function[HttpTrigger]],
        timers: Sequence[TimerListener],
        blob_run: BlobRun,
        *,
        settings: AppSettings,
        route_prefix: str,
        status: Mapping[str, Any],
        listed: Sequence[Mapping[str, Any]],
    ) -> None:
        self._functions = functions
        self._timers = {timer.function_name: timer for timer in timers}
        self._blob_run = blob_run
        self._invoker = blob_run.invoker
        self._largest_body = settings.largest_body()
        self._has_homepage = not settings.is_on("AzureWebJobsDisableHomepage")
        self._prefix = f"/{route_prefix}".lower() if route_prefix else ""
        self._status = status
        self._listed = listed
        self._fired: set[asyncio.Task[object]] = set()

    def runner(self, blob_events: BlobEvents, blobs_extension_key: str | None) -> web.AppRunner:
        application = web.Application(
            client_max_size=self._largest_body, middlewares=[_within_limits, _admin_for_programs]
        )
        application.on_response_prepare.append(_as_kestrel)
        application.router.add_post(WEBHOOK, _Webhook(blob_events, blobs_extension_key).answer)
        application.router.add_get("/admin/host/status", self._answer_status)
        application.router.add_get("/admin/functions", self._answer_listed)
        application.router.add_post("/admin/functions/{name}", self._fire)
        application.router.add_get("/", self._homepage)
        application.router.add_route("*", "/{path:.*}", self._call)
        # Longer than the limits at which a request is refused here, with the status that the real host gives.
        return web.AppRunner(
            application, access_log=None, max_line_size=2 * _LONGEST_URL, max_field_size=2 * _LONGEST_HEADERS
        )

    async def drain(self) -> None:
        if self._fired:
            await asyncio.wait(self._fired)

    async def _answer_status(self, _request: web.Request) -> web.Response:
        return web.json_response(self._status)

    async def _answer_listed(self, _request: web.Request) -> web.Response:
        return web.json_response(self._listed)

    async def _homepage(self, request: web.Request) -> web.Response:
        if not self._prefix:
            return await self._call(request)
        return web.Response(text="the start page of a host") if self._has_homepage else web.Response(status=204)

    async def _fire(self, request: web.Request) -> web.Response:
        """Run a timer's function now, or a blob trigger's for one blob: `{"input": "CONTAINER/NAME"}`."""
        name = request.match_info["name"]
        if (timer := self._timers.get(name)) is not None:
            run: Coroutine[Any, Any, object] = timer.fire()
        elif (function := self._blob_run.functions.get(function_id(name))) is not None:
            try:
                container, _, blob = (await request.json())["input"].partition("/")
            except (ValueError, LookupError, TypeError, AttributeError):
                return web.json_response({"error": 'say which blob: {"input": "CONTAINER/NAME"}'}, status=400)
            run = self._blob_run.on_blob(function, container, blob)
        else:
            return web.json_response({"error": "no timer and no blob function of that name"}, status=404)
        task = asyncio.create_task(run)
        self._fired.add(task)
        task.add_done_callback(self._fired.discard)
        return web.Response(status=202)

    async def _call(self, request: web.Request) -> web.Response:
        path = request.raw_path.partition("?")[0]
        if not (path + "/").lower().startswith(self._prefix + "/"):
            return web.Response(status=404)
        for function in self._functions:
            parameters = function.trigger.route.parameters(path[len(self._prefix) :])
            if parameters is not None and request.method in (function.trigger.methods or {request.method}):
                if (request.content_length or 0) > self._largest_body:
                    return web.Response(status=500)
                outcome = await self._invoker.invoke(function, await _input(request, parameters))
                return _response(outcome.return_value) if outcome.succeeded else web.Response(status=500)
        return web.Response(status=404)


@web.middleware
async def _within_limits(request: web.Request, handler: Handler) -> web.StreamResponse:
    if len(request.raw_path) > _LONGEST_URL:
        return web.Response(status=414)
    if sum(len(name) + len(value) for name, value in request.raw_headers) > _LONGEST_HEADERS:
        return web.Response(status=431)
    return await handler(request)


@web.middleware
async def _admin_for_programs(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path.lower().startswith("/admin/"):
        refused = why_refused(request.headers.get("Host", ""), request.headers.get("Origin"), "")
        if refused is not None:
            return web.json_response({"error": refused}, status=403)
    return await handler(request)


async def _as_kestrel(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "Kestrel"


class _Webhook:
    """The address that Event Grid posts to (HttpRequestProcessor): the handshake, and events, whatever they are about.

    A malformed event gets a 500, and Event Grid tries again; the events before it in the delivery are accepted, and so
    doubled. It does not look whether the function exists.
    """

    def __init__(self, blob_events: BlobEvents, key: str | None) -> None:
        self._blob_events = blob_events
        self._key = key

    async def answer(self, request: web.Request) -> web.Response:
        given = request.query.get("code", "").encode()
        if self._key is not None and not hmac.compare_digest(given, self._key.encode()):
            return web.Response(status=401)
        function = request.query.get("functionName", "")
        kind = request.headers.get("aeg-event-type")
        try:
            match kind:
                case "SubscriptionValidation":
                    events = _listed(await request.json())
                    return web.json_response({"validationResponse": events[0]["data"]["validationCode"]})
                case "Notification":
                    await self._blob_events.accept(function, _listed(await request.json()))
                    return web.Response(status=202)
                case "Unsubscribe":
                    return web.Response(status=202)
        except (ValueError, LookupError, TypeError, AttributeError, AzureError):
            return web.Response(status=500)
        return web.Response(status=400)


def _listed(body: object) -> list[Any]:
    if not isinstance(body, list):
        raise TypeError("events come as an array")
    return body


async def _input(request: web.Request, parameters: Mapping[str, str]) -> Input:
    query = {name: ",".join(request.query.getall(name)) for name in request.query if any(request.query.getall(name))}
    # As in the real host, a body without Content-Length arrives empty.
    body = await request.read() if request.content_length is not None else b""
    headers = {name.lower(): ", ".join(request.headers.getall(name)) for name in request.headers}
    http = {
        "method": request.method,
        "url": str(request.url),
        "headers": headers,
        "params": dict(parameters),
        "query": query,
        "body": body,
    }
    return Input(("http", http), {})


def _response(value: Datum | None) -> web.Response:
    match value:
        case None:
            return web.Response(status=204)
        case "http", response:
            headers = CIMultiDict(response["headers"])
            if not all(value.isascii() for value in headers.values()):
                return web.Response(status=500)
            for cookie in response["cookies"]:
                if _COOKIE_VALUE.fullmatch(cookie["value"]):
                    headers.add("Set-Cookie", _set_cookie(cookie))
            return web.Response(status=int(response["status_code"]), headers=headers, body=response["body"])
        case _, content:
            return web.Response(text=str(content))


def _set_cookie(cookie: Mapping[str, Any]) -> str:
    """The cookie as .NET rewrites it, with an empty domain where none was given."""
    expires = cookie["expires"]
    attributes = {
        "expires": None if expires is None else format_datetime(datetime.fromtimestamp(expires, UTC), usegmt=True),
        "max-age": None if cookie["max_age"] is None else int(cookie["max_age"]),
        "domain": cookie["domain"] or "",
        "path": cookie["path"] or None,
        "secure": "" if cookie["secure"] else None,
        "samesite": _SAME_SITE.get(cookie["same_site"]),
        "httponly": "" if cookie["http_only"] else None,
    }
    flags = {"secure", "httponly"}
    shown = [name if name in flags else f"{name}={value}" for name, value in attributes.items() if value is not None]
    return "; ".join([f"{cookie['name']}={cookie['value']}", *shown])
