"""A browser's request, from the Functions worker's types to those of `sign_in`, and the response back."""

import azure.functions as func

from shared.sign_in.browser import BrowserRequest, BrowserResponse


def browser_request(request: func.HttpRequest) -> BrowserRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return BrowserRequest(request.method, dict(request.params), headers)


def http_response(response: BrowserResponse) -> func.HttpResponse:
    return func.HttpResponse(response.body, status_code=response.status, headers=dict(response.headers))
