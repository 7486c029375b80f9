"""Everything that the host answers over HTTP: the app's own routes, the blob webhook, the admin pages.

Keys of the app's routes are not checked, as Core Tools does not check them locally. The webhook's key is: that URL is
given to a program, and a wrong one should fail here as it fails in Azure.
"""

import asyncio
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from aiohttp import web
from multidict import CIMultiDict

from local.stand_ins.functions.blob_bridge import BlobEvents, function_id
from local.stand_ins.functions.function import BlobTrigger, Function, HttpTrigger
from local.stand_ins.functions.invocation import Input, Invoker
from local.stand_ins.functions.timer_listener import TimerListener
from local.stand_ins.functions.worker.frames import Datum

_LARGEST_BODY = 100 * 1024 * 1024  # the real host's limit for a request
_SAME_SITE = {1: "Lax", 2: "Strict", 3: "None"}
WEBHOOK = "/runtime/webhooks/blobs"


def webhook_url(root: str, function: Function[BlobTrigger], key: str) -> str:
    return f"{root}{WEBHOOK}?functionName={function_id(function.name)}&code={quote(key, safe='')}"


class Front:
    """The host's web application."""

    def __init__(
        self,
        functions: Sequence[Function[HttpTrigger]],
        timers: Sequence[TimerListener],
        invoker: Invoker,
        *,
        route_prefix: str,
        status: Mapping[str, Any],
    ) -> None:
        self._functions = functions
        self._timers = {timer.function_name: timer for timer in timers}
        self._invoker = invoker
        self._prefix = f"/{route_prefix}" if route_prefix else ""
        self._status = status
        self._fired: set[asyncio.Task[None]] = set()

    def application(self, blob_events: BlobEvents, blobs_extension_key: str) -> web.Application:
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.router.add_post(WEBHOOK, _Webhook(blob_events, blobs_extension_key).answer)
        application.router.add_get("/admin/host/status", self._answer_status)
        application.router.add_post("/admin/functions/{name}", self._fire)
        application.router.add_route("*", "/{path:.*}", self._call)
        return application

    async def drain(self) -> None:
        if self._fired:
            await asyncio.wait(self._fired)

    async def _answer_status(self, _request: web.Request) -> web.Response:
        return web.json_response(self._status)

    async def _fire(self, request: web.Request) -> web.Response:
        timer = self._timers.get(request.match_info["name"])
        if timer is None:
            return web.json_response({"error": "no timer function of that name"}, status=404)
        task = asyncio.create_task(timer.fire())
        self._fired.add(task)
        task.add_done_callback(self._fired.discard)
        return web.Response(status=202)

    async def _call(self, request: web.Request) -> web.Response:
        path = request.raw_path.partition("?")[0]
        if not (path + "/").startswith(self._prefix + "/"):
            return web.Response(status=404)
        for function in self._functions:
            parameters = function.trigger.route.parameters(path.removeprefix(self._prefix))
            if parameters is not None and request.method in (function.trigger.methods or {request.method}):
                outcome = await self._invoker.invoke(function, await _input(request, parameters))
                return _response(outcome.return_value) if outcome.succeeded else web.Response(status=500)
        return web.Response(status=404)


class _Webhook:
    """What Event Grid talks to (HttpRequestProcessor): the handshake, and events, whatever they are about."""

    def __init__(self, blob_events: BlobEvents, key: str) -> None:
        self._blob_events = blob_events
        self._key = key

    async def answer(self, request: web.Request) -> web.Response:
        if not hmac.compare_digest(request.query.get("code", "").encode(), self._key.encode()):
            return web.Response(status=401)
        function = request.query.get("functionName")
        if not function:
            return web.Response(status=400, text="functionName is missing")
        try:
            events = _listed(await request.json())
            match request.headers.get("aeg-event-type"):
                case "SubscriptionValidation":
                    return web.json_response({"validationResponse": events[0]["data"]["validationCode"]})
                case "Notification":
                    await self._blob_events.accept(function, events)
                    return web.Response(status=202)
                case "Unsubscribe":
                    return web.Response(status=202)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            return web.Response(status=400, text=f"not an Event Grid delivery: {error}")
        return web.Response(status=400, text="aeg-event-type is missing or unknown")


def _listed(body: object) -> list[Any]:
    if not isinstance(body, list):
        raise TypeError("events come as an array")
    return body


async def _input(request: web.Request, parameters: Mapping[str, str]) -> Input:
    query: dict[str, str] = {name: ",".join(request.query.getall(name)) for name in request.query}
    headers = {name.lower(): ", ".join(request.headers.getall(name)) for name in request.headers}
    http = {
        "method": request.method,
        "url": str(request.url),
        "headers": headers,
        "params": dict(parameters),
        "query": query,
        "body": await request.read(),
    }
    return Input(("http", http), {})


def _response(value: Datum | None) -> web.Response:
    match value:
        case None:
            return web.Response(status=204)
        case "http", response:
            headers = CIMultiDict(response["headers"])
            for cookie in response["cookies"]:
                headers.add("Set-Cookie", _set_cookie(cookie))
            return web.Response(status=int(response["status_code"]), headers=headers, body=response["body"])
        case _, content:
            return web.Response(text=str(content))


def _set_cookie(cookie: Mapping[str, Any]) -> str:
    expires = cookie["expires"]
    attributes = {
        "Domain": cookie["domain"],
        "Path": cookie["path"],
        "Max-Age": None if cookie["max_age"] is None else int(cookie["max_age"]),
        "Expires": None if expires is None else format_datetime(datetime.fromtimestamp(expires, UTC), usegmt=True),
        "SameSite": _SAME_SITE.get(cookie["same_site"]),
    }
    parts = [f"{cookie['name']}={cookie['value']}"]
    parts += [f"{name}={value}" for name, value in attributes.items() if value not in {None, ""}]
    parts += [name for name, key in (("Secure", "secure"), ("HttpOnly", "http_only")) if cookie[key]]
    return "; ".join(parts)
