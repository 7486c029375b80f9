"""Makes a response of an answer: error bodies, and the headers of every reply (ids, Date)."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from local.stand_ins.todo.behaviour import ErrorForm
from local.stand_ins.todo.callers import challenge
from local.stand_ins.todo.exchange import Exchange
from local.stand_ins.todo.faults import Answer
from local.stand_ins.todo.refusals import Refusal, error_body
from local.stand_ins.todo.throttle import http_date_in
from local.stand_ins.todo.wire import Headers, Response


def signed(exchange: Exchange, status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Response:
    """The response, with the headers of every reply."""
    return Response(status, Headers({**headers, **_ids(exchange), "Date": _date(now.replace(microsecond=0))}), body)


def refused(exchange: Exchange, refusal: Refusal, form: ErrorForm, now: datetime) -> Response:
    content_type, body = error_body(refusal, form, _ids(exchange), now)
    typed = {"Content-Type": content_type} if content_type else {}
    return signed(exchange, refusal.status, {**typed, **refusal.headers}, body, now)


def injected(exchange: Exchange, answer: Answer, now: datetime) -> tuple[Response, float | None]:
    """The response of a rule, and the seconds that it asks the client to wait."""
    headers, wait = dict(answer.headers), None
    if isinstance(answer.retry_after, str):
        headers["Retry-After"] = answer.retry_after
    elif answer.retry_after is not None:
        text, wait = str(answer.retry_after), float(answer.retry_after)
        if answer.retry_after_as_date:
            text, wait = http_date_in(wait, now)
        headers["Retry-After"] = text
    if answer.status == 401:
        headers["WWW-Authenticate"] = challenge(claims=answer.claims)
    refusal = Refusal(answer.status, answer.message, code=answer.code, headers=headers)
    return refused(exchange, refusal, answer.body, now), wait


def _ids(exchange: Exchange) -> dict[str, str]:
    # It looks like a GUID, and is the same in each run.
    sequence = exchange.entry.sequence
    request_id = f"{sequence:08x}-0000-4000-8000-{sequence:012x}"
    return {
        "request-id": request_id,
        "client-request-id": exchange.request.headers.get("client-request-id", request_id),
    }


@lru_cache(maxsize=64)
def _date(second: datetime) -> str:
    return format_datetime(second, usegmt=True)
