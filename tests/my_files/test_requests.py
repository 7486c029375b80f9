"""Which requests the page heeds at all: a person's visit, and what its own pages send."""

from collections.abc import Mapping

import pytest

from shared.sign_in.browser import BrowserRequest, Form
from tests.my_files.on_fakes import APP, OWN, SAM, VISIT, Browser, Site, said

CHANGES = ["sign", "sent", "send", "withdraw", "retry", "sign-out"]
PARTS = ["listing", "tasks"]
CHANGES_AND_PARTS = [*(("POST", each) for each in CHANGES), *(("GET", each) for each in PARTS)]
FOREIGN: Mapping[str, Mapping[str, str]] = {
    "another site's form": {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
    "a neighbouring host's": {"sec-fetch-site": "same-site", "origin": "https://other.example"},
    "an address that was typed": {"sec-fetch-site": "none"},
    "another site's, in an old browser": {"origin": "https://evil.example"},
    "a sandboxed frame's, in an old browser": {"origin": "null"},
    "one that does not say": {},
    "one that says both": {"sec-fetch-site": "cross-site", "origin": "https://app.example"},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize(("method", "action"), CHANGES_AND_PARTS)
def test_what_another_page_sends_with_the_person_s_cookie_comes_to_nothing(
    method: str, action: str, headers: Mapping[str, str]
) -> None:
    site = Site()
    browser = site.sign_in()

    def never() -> Form:
        raise AssertionError("a stranger's body was read as a form")

    before = dict(site.sessions.rows)
    given = {**headers, "content-type": "application/json"}
    answer = browser.ask(method, action, given, body=b"{}", read_form=never)
    assert answer.status == 403
    assert site.sessions.rows == before
    assert site.world.sent_files.rows == {}
    assert site.world.blobs.blobs == {}
    assert site.world.requests() == []


def test_an_old_browser_that_says_our_own_origin_is_heeded() -> None:
    browser = Site().sign_in()
    assert browser.ask("GET", "listing", {"origin": "https://app.example"}).status == 200


@pytest.mark.parametrize(
    ("app_url", "origin"),
    [
        ("https://Todo.Example.com/api", "https://todo.example.com"),
        ("https://app.example:443/api", "https://app.example"),
        ("https://app.example:8443/api", "https://app.example:8443"),
        ("http://localhost:7071/api", "http://localhost:7071"),
        ("http://[::1]:80/api", "http://[::1]"),
    ],
)
def test_our_own_origin_is_compared_as_browsers_write_it(app_url: str, origin: str) -> None:
    asked = BrowserRequest("GET", {}, {"origin": origin})
    assert asked.is_surely_from_own_page(app_url)
    assert asked.is_visit(app_url)
    for other in (f"{origin}.evil.example", "null", ""):
        assert not BrowserRequest("GET", {}, {"origin": other}).is_surely_from_own_page(app_url)


@pytest.mark.parametrize("action", [*PARTS, *CHANGES])
def test_who_is_not_signed_in_gets_nothing(action: str) -> None:
    site = Site()
    method = "GET" if action in PARTS else "POST"
    answer = Browser(site).ask(method, action, {**OWN, "content-type": "application/json"}, body=b"{}")
    if action == "sign-out":
        assert answer.status == 200
    else:
        assert answer.status == 401
        assert "Sign in again" in answer.body


@pytest.mark.parametrize("action", ["", "sign-in"])
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image", "sec-fetch-site": "cross-site"},
        {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe", "sec-fetch-site": "cross-site"},
        {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-purpose": "prefetch"},
        {"origin": "https://evil.example"},
    ],
)
def test_what_is_no_visit_of_a_person_shows_nothing_and_begins_nothing(action: str, headers: Mapping[str, str]) -> None:
    site = Site()
    answer = site.sign_in().ask("GET", action, headers)
    assert answer.status == 403
    assert SAM.name not in answer.body
    assert site.world.requests() == []


@pytest.mark.parametrize(
    ("method", "action"),
    [
        *(("GET", each) for each in CHANGES),
        *(("POST", each) for each in [*PARTS, "", "script", "sign-in"]),
        *(("GET", each) for each in ["nothing", "../connect", "Listing", "<script>", "\x00"]),
        ("DELETE", "withdraw"),
    ],
)
def test_what_there_is_not_is_not_found_and_not_repeated(method: str, action: str) -> None:
    answer = Site().sign_in().ask(method, action)
    assert answer.status == 404
    assert "<script>" not in answer.body


def test_the_script_is_there_for_anyone_and_is_not_sent_twice() -> None:
    site = Site()
    script = Browser(site).ask("GET", "script", {})
    assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
    again = Browser(site).ask("GET", "script", {"if-none-match": script.headers["ETag"]})
    assert (again.status, again.body) == (304, "")


def test_every_answer_has_the_security_headers_and_is_kept_by_no_cache() -> None:
    site = Site()
    browser = site.sign_in()
    answers = [
        browser.visit(),
        Browser(site).visit(),
        browser.listing(),
        browser.tasks(),
        browser.ask("POST", "sign", {**OWN, "content-type": "application/json"}, body=b"{}"),
        browser.ask("POST", "sign", {}),
        browser.press("withdraw", "f" * 32),
        browser.send(b"hello"),
        browser.ask("GET", "nothing"),
        browser.ask("POST", "sign-out"),
    ]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_only_the_page_itself_may_run_its_script_and_send_to_the_container() -> None:
    site = Site()
    assert f"script-src {APP}/files/script" in site.sign_in().visit().headers["Content-Security-Policy"]
    assert "connect-src 'self' https://storage.example" in site.sign_in().visit().headers["Content-Security-Policy"]
    for answer in (Browser(site).visit(), site.sign_in().ask("GET", "nothing", VISIT)):
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        assert "connect-src" not in answer.headers["Content-Security-Policy"]


def test_markup_in_names_stays_text_wherever_it_is_shown() -> None:
    site = Site()
    strange_list = site.world.todo.add_list(site.world.mailbox, "<img src=x>")
    site.world.todo.add_task(strange_list, "</label><script>")
    browser = site.sign_in()
    browser.put(b"hello", "\"><script>alert(1)&amp;'.pdf", task_title="</li><script>", list_name="<!--")
    site.world.run()
    for answer in (browser.visit(list=strange_list.id), browser.listing(), browser.tasks(strange_list.id)):
        assert not [markup for markup in ("<script>", "<img", "<!--") if markup in answer.body]
    assert "\"><script>alert(1)&amp;'.pdf Attached </li><script> , in <!--" in said(browser.listing())
