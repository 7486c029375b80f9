"""Error answers: status, code, and a body in one of the forms that clients have got from Graph."""

import json
from collections.abc import Mapping
from datetime import datetime

from local.stand_ins.todo.behaviour import ErrorForm, GoneStatus

_PAGE = "<!DOCTYPE html><html><head><title>Our services aren't available right now</title></head><body></body></html>"

# The codes that the error page documents for a status; a live server may use others.
CODE_OF_STATUS: Mapping[int, str] = {
    400: "invalidRequest",
    401: "InvalidAuthenticationToken",
    403: "ErrorAccessDenied",
    404: "ErrorItemNotFound",
    405: "notAllowed",
    409: "nameAlreadyExists",
    410: "resyncRequired",
    411: "lengthRequired",
    413: "requestEntityTooLarge",
    415: "unsupportedMediaType",
    416: "invalidRange",
    423: "resourceLocked",
    429: "TooManyRequests",
    500: "generalException",
    501: "notImplemented",
    503: "serviceNotAvailable",
    507: "quotaLimitReached",
    509: "activityLimitReached",
}


class Refusal(Exception):  # noqa: N818 - a server's answer, not a fault of this program
    """An answer other than success. *inner_code* is the more specific code within `innerError`."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str = "",
        inner_code: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or CODE_OF_STATUS.get(status, "UnknownError")
        self.message = message
        self.inner_code = inner_code
        self.headers = dict(headers or {})


def session_gone(status: GoneStatus, why: str) -> Refusal:
    return Refusal(status, f"The upload session {why}.", inner_code="uploadSessionNotFound" if status == 404 else "")


def bad_range(inner_code: str, message: str) -> Refusal:
    return Refusal(416, message, inner_code=inner_code)


def error_body(refusal: Refusal, form: ErrorForm, ids: Mapping[str, str], now: datetime) -> tuple[str, bytes]:
    """The content type and the body. *ids* are request-id and, where the client sent one, client-request-id."""
    if form == "empty":
        return "", b""
    if form == "html":
        return "text/html; charset=utf-8", _PAGE.encode()
    # In Microsoft's samples the date has no time zone.
    inner: dict[str, str] = {"date": f"{now:%Y-%m-%dT%H:%M:%S}", **ids}
    if refusal.inner_code:
        inner["code"] = refusal.inner_code
    error: dict[str, object] = {"code": refusal.code, "message": refusal.message}
    match form:
        case "inner_error":
            error["innerError"] = inner
        case "innererror":
            error["innererror"] = inner
        case "empty_message":
            error |= {"code": "UnknownError", "message": "", "innerError": inner}
        case "no_inner_error":
            pass
    return "application/json", json.dumps({"error": error}).encode()
