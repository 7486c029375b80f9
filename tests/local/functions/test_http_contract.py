"""HTTP triggers and the host's own pages."""

import json
import urllib.error
import urllib.request
from http.client import HTTPResponse

import pytest

from tests.local.functions.conftest import Running
from tests.local.functions.hosted import PATIENCE_SECONDS

pytestmark = pytest.mark.azurite


def ask(running: Running, path: str, body: bytes | None = None, method: str = "GET") -> tuple[int, bytes, str]:
    """Status, body, cookie."""
    request = urllib.request.Request(running.host.ready()["url"] + path, body, method=method)
    try:
        answer: HTTPResponse
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read(), answer.headers.get("Set-Cookie", "")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), ""


def test_a_request_reaches_its_function_whole_and_the_answer_comes_back(running: Running) -> None:
    status, body, cookie = ask(running, "/api/orders/7/a%20b?x=1&x=2&y=%C3%BC", "größe".encode(), "POST")

    assert status == 201
    assert json.loads(body) == {
        "route": {"number": "7", "part": "a b"},
        "query": {"x": "1,2", "y": "ü"},
        "body": "größe",
    }
    assert cookie == "seen=1; Path=/; HttpOnly"


@pytest.mark.parametrize(
    ("path", "method"),
    [("/api/orders/seven", "GET"), ("/api/orders", "GET"), ("/orders/7", "GET"), ("/api/orders/7", "DELETE")],
)
def test_what_no_route_takes_is_not_found(running: Running, path: str, method: str) -> None:
    assert ask(running, path, method=method)[0] == 404


def test_an_exception_is_an_empty_500(running: Running) -> None:
    status, body, _ = ask(running, "/api/orders/7?fail=1")

    assert (status, body) == (500, b"")
    running.host.wait_for(event="invocation_ended", function="order", status="failed")


def test_the_status_page_names_what_runs(running: Running) -> None:
    status, body, _ = ask(running, "/admin/host/status")

    page = json.loads(body)
    assert (status, page["state"]) == (200, "Running")
    assert sorted(page["functions"]) == ["dropped", "order", "tick", "work"]
    assert running.host.ready()["disabled"] == ["bury"]
