"""HTTP triggers and the host's own pages."""

import json
import urllib.error
import urllib.request
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import quote, urlsplit

import pytest

from tests.local.functions.conftest import Place, Running, StartHost
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
    assert cookie == "seen=1; max-age=600; domain=; path=/; secure; samesite=lax; httponly"


def answer_of(running: Running, path: str, **headers: str) -> HTTPResponse:
    """The answer to a GET, whatever its status."""
    parts = urlsplit(running.host.ready()["url"])
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def told(headers: dict[str, str]) -> str:
    return "/api/orders/7?headers=" + quote(json.dumps(headers))


@pytest.mark.parametrize("value", ['"a b"', "a b", "a,b", "a\\b"])
def test_a_cookie_whose_value_needs_quotes_vanishes(running: Running, value: str) -> None:
    answer = answer_of(running, told({"Set-Cookie": f"seen={value}; Path=/"}))
    assert (answer.status, answer.getheader("Set-Cookie")) == (201, None)


def test_a_header_that_is_not_ascii_is_a_failure(running: Running) -> None:
    assert answer_of(running, told({"Location": "https://host/ä"})).status == 500


def test_an_answer_says_that_kestrel_gave_it(running: Running) -> None:
    assert answer_of(running, "/api/orders/7").getheader("Server") == "Kestrel"


def test_an_address_that_is_too_long_and_headers_that_are_too_long_are_refused(running: Running) -> None:
    assert answer_of(running, "/api/orders/7?x=" + "x" * 9_000).status == 414
    assert answer_of(running, "/api/orders/7", X="x" * 33_000).status == 431


def test_empty_values_of_a_query_are_dropped(running: Running) -> None:
    _, body, _ = ask(running, "/api/orders/7?a=&b=1&c")
    assert json.loads(body)["query"] == {"b": "1"}


@pytest.mark.parametrize("path", ["/API/Orders/7", "/api/orders/7/"])
def test_a_route_is_found_in_any_case_and_with_a_slash_behind_it(running: Running, path: str) -> None:
    assert ask(running, path)[0] == 201


def test_a_body_without_a_length_arrives_empty(running: Running) -> None:
    parts = urlsplit(running.host.ready()["url"])
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS)
    connection.request("POST", "/api/orders/7", iter([b"in ", b"chunks"]))
    body = connection.getresponse().read()
    connection.close()
    assert json.loads(body)["body"] == ""


def test_a_body_beyond_the_limit_is_a_failure_and_reaches_nobody(place: Place, start_host: StartHost) -> None:
    running = Running(start_host({"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1000"}), place)
    assert ask(running, "/api/orders/7", b"x" * 1000, "POST")[0] == 201
    assert ask(running, "/api/orders/7", b"x" * 1001, "POST")[:2] == (500, b"")
    assert len(running.host.seen(event="invocation_started")) == 1


@pytest.mark.parametrize(("setting", "status"), [("", 200), ("true", 204)])
def test_the_start_page_can_be_switched_off(place: Place, start_host: StartHost, setting: str, status: int) -> None:
    running = Running(start_host({"AzureWebJobsDisableHomepage": setting}), place)
    assert ask(running, "/")[0] == status


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/api/orders/seven", "GET"),
        ("/api/orders", "GET"),
        ("/orders/7", "GET"),
        *(("/api/orders/7", method) for method in ("DELETE", "HEAD", "OPTIONS")),
    ],
)
def test_what_no_route_takes_is_not_found(running: Running, path: str, method: str) -> None:
    assert ask(running, path, method=method)[:2] == (404, b"")


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


@pytest.mark.parametrize("headers", [{"Origin": "https://attacker.example"}, {"Host": "attacker.example"}], ids=str)
@pytest.mark.parametrize(
    "path", ["/admin/host/status", "/admin/functions", "/admin/functions/tick", "/ADMIN/functions"]
)
def test_a_web_page_does_not_reach_the_admin_pages(running: Running, path: str, headers: dict[str, str]) -> None:
    assert answer_of(running, path, **headers).status == 403
