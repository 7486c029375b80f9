"""A browser's request, from the Functions worker's types to those of `sign_in`, and the response back."""

from io import BytesIO

import azure.functions as func
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from shared.sign_in.browser import BrowserRequest, BrowserResponse, Form, FormFile

# No form of ours has more than three parts. The host bounds the size of the whole body.
_MOST_PARTS = 20
# For all fields together. The parser counts what it reads ahead, 64 KB and a part of a line, as well.
_LONGEST_FIELDS = 512 * 1024


def browser_request(request: func.HttpRequest) -> BrowserRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return BrowserRequest(
        request.method,
        dict(request.params),
        headers,
        request.route_params.get("action", ""),
        request.get_body(),
        lambda: _form(headers.get("content-type", ""), request.get_body()),
    )


def http_response(response: BrowserResponse) -> func.HttpResponse:
    return func.HttpResponse(response.body, status_code=response.status, headers=dict(response.headers))


def _form(content_type: str, body: bytes) -> Form:
    """The body as a form; empty where it is no form, or one of far more parts than ours."""
    mimetype, options = parse_options_header(content_type)
    parser = FormDataParser(_in_memory, max_form_parts=_MOST_PARTS, max_form_memory_size=_LONGEST_FIELDS)
    try:
        _, fields, files = parser.parse(BytesIO(body), mimetype, len(body), options)
    except RequestEntityTooLarge:
        return Form()
    return Form(dict(fields), {name: FormFile(part.filename or "", part.stream.read()) for name, part in files.items()})


def _in_memory(*_: object, **__: object) -> BytesIO:
    """A part of a form stays in memory: a temporary file could be read by others, and would never be deleted."""
    return BytesIO()
