"""A browser's request, from the Functions worker's types to the desk's and back."""

import azure.functions as func

from shared.sign_in.pages import Answer
from shared.sign_in.ports import Asked


def asked(request: func.HttpRequest) -> Asked:
    """What the desk looks at."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Asked(request.method, dict(request.params), headers)


def response(answer: Answer) -> func.HttpResponse:
    """What the browser gets."""
    return func.HttpResponse(answer.body, status_code=answer.status, headers=dict(answer.headers))
