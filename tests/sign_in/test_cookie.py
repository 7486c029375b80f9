"""Our cookie on its way through the Functions worker's library, which parses it and lets the host write it anew."""

import random
import secrets
from http.cookies import SimpleCookie
from types import SimpleNamespace

import azure.functions as func
import pytest
from azure.functions.http import HttpResponseConverter
from azure_functions_runtime.bindings.datumdef import parse_to_rpc_http_cookie_list

from local.stand_ins.functions.worker import protos
from shared.adapters.functions.web import http_response
from shared.sign_in.browser import BadCookie, BrowserRequest, BrowserResponse, sign_in_cookie
from shared.sign_in.pages import Destination, Pages
from shared.sign_in.pending_sign_in import is_cookie, slot_of

ROOTS = {"https://app.example/api": "__Host-todo-attach", "http://127.0.0.1:7071/api": "todo-attach"}


def as_rewritten(headers: dict[str, str]) -> list[SimpleNamespace]:
    """The cookies of a response, as the worker hands them to the host."""
    response = http_response(BrowserResponse(303, headers))
    assert isinstance(response, func.HttpResponse)
    datum = HttpResponseConverter.encode(response, expected_type=None)
    rewritten: list[SimpleNamespace] = parse_to_rpc_http_cookie_list(datum.value["cookies"], protos)
    return rewritten


@pytest.mark.parametrize(("root", "name"), ROOTS.items())
def test_no_cookie_of_ours_needs_quotes_or_gets_lost_on_the_way(root: str, name: str) -> None:
    """The real host drops a value that needs quotes, without a word."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    seeded = random.Random(43)
    values = ["-" * 43, "_" * 43, *("".join(seeded.choices(alphabet, k=43)) for _ in range(200))]
    for value in values:
        header = sign_in_cookie(root).set(value)["Set-Cookie"]
        assert '"' not in header
        (cookie,) = as_rewritten({"Set-Cookie": header})
        assert (cookie.name, cookie.value) == (name, value)
        back = BrowserRequest("GET", {}, {"cookie": f"{cookie.name}={cookie.value}"})
        assert sign_in_cookie(root).find(back) == value


def test_a_value_that_needs_quotes_would_be_lost_and_is_never_ours() -> None:
    """The reason for the test above: this is what the library makes of one."""
    assert not is_cookie('a"b' + "A" * 40)
    assert not is_cookie("a b" + "A" * 40)
    assert SimpleCookie("todo-attach=a b").get("todo-attach") is None


@pytest.mark.parametrize("root", ROOTS)
def test_what_is_set_and_deleted_keeps_its_attributes_on_the_way(root: str) -> None:
    for header, seconds in ((sign_in_cookie(root).set("A" * 43), 3600.0), (sign_in_cookie(root).delete(), 0.0)):
        (cookie,) = as_rewritten(dict(header))
        assert cookie.max_age.value == seconds
        assert cookie.path.value == "/"
        assert cookie.http_only.value
        assert cookie.secure.value == root.startswith("https")
        assert cookie.same_site == protos.RpcHttpCookie.SameSite.Lax


def test_a_deleted_cookie_is_none_of_ours_even_where_a_host_drops_its_attributes() -> None:
    (cookie,) = as_rewritten(dict(sign_in_cookie("https://app.example/api").delete()))
    back = BrowserRequest("GET", {}, {"cookie": f"{cookie.name}={cookie.value}"})
    assert sign_in_cookie("https://app.example/api").find(back) is BadCookie.NONE


def test_a_response_has_one_cookie_at_most() -> None:
    """Two in one header: the real host breaks the first one's path."""
    pages = Pages("https://app.example/api", "https://login.example", "id", Destination("a", "b", by_identity=True))
    cookie = sign_in_cookie(pages.app_url)
    response = (
        pages.redirect("https://login.example/x").with_headers(cookie.set("A" * 43)).with_headers(cookie.delete())
    )
    assert len(as_rewritten(dict(response.headers))) == 1


def test_new_cookies_are_of_the_form_that_is_looked_for_and_spread_over_the_slots() -> None:
    cookies = [secrets.token_urlsafe(32) for _ in range(500)]
    assert all(is_cookie(each) for each in cookies)
    assert len({slot_of(each) for each in cookies}) > 450
