"""A browser's request, from the Functions worker's types to those of `sign_in`, and the response back."""

from io import BytesIO

import azure.functions as func
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from shared.sign_in.browser import BrowserRequest, BrowserResponse, Form, FormFile

# Of our forms none has more than three. The whole body is bounded by the host.
_MOST_PARTS = 20
# Of all fields together; and of what the parser looks ahead, 64 KB and a part of a line.
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
    """Empty where the body is no form, or one of far more parts than ours."""
    mimetype, options = parse_options_header(content_type)
    parser = FormDataParser(_in_memory, max_form_parts=_MOST_PARTS, max_form_memory_size=_LONGEST_FIELDS)
    try:
        _, fields, files = parser.parse(BytesIO(body), mimetype, len(body), options)
    except RequestEntityTooLarge:
        return Form()
    return Form(dict(fields), {name: FormFile(part.filename or "", part.stream.read()) for name, part in files.items()})


def _in_memory(*_: object, **__: object) -> BytesIO:
    """Where a part of a form is put: never into a file, which others might read, and nobody would delete."""
    return BytesIO()
