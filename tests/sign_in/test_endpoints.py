"""A person connects and disconnects; what goes wrong has a page that says what to do; attacks come to nothing."""

import re
import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape, unescape
from itertools import pairwise
from types import SimpleNamespace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from local.stand_ins.entra.people import ALEX, CLIENT_ID, KIM, SAM
from shared.errors import SignInNeeded, StorageUnavailable
from shared.my_files.page_session import GOOD_FOR
from shared.sign_in import pending_sign_in
from shared.sign_in.browser import BrowserRequest, BrowserResponse
from shared.sign_in.look import STYLE
from shared.sign_in.pending_sign_in import Purpose
from shared.sign_in.person import Person
from shared.sign_in_wiring import WebPages
from shared.telemetry.records import pseudonym
from tests.my_files.on_fakes import Site
from tests.sign_in.office import CONNECT, ROOT, Office, cookie_of, goes_to
from tests.support.fakes.world import World
from tests.support.web_page import Page, contrast

pytestmark = pytest.mark.azurite


NO_SIGN_IN = "There is no sign-in to finish in this browser"


def title_of(response: BrowserResponse) -> str:
    found = re.search(r"<h1>(.*?)</h1>", response.body)
    assert found is not None
    return unescape(found[1])


# Where a person takes a permission back.
MICROSOFTS = ("https://myapps.microsoft.com/", "https://account.live.com/consent/Manage")


def assert_safe(response: BrowserResponse) -> None:
    headers = response.headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    page = Page(response)
    assert {"script", "img", "link", "iframe", "object"}.isdisjoint(page.tags)
    assert all(address.startswith((f"{ROOT}/", *MICROSOFTS)) for address in page.addresses)
    assert "Set-Cookie" not in headers or headers["Set-Cookie"].count("todo-attach=") == 1
    assert page.tags.count("main") == page.tags.count("h1") == page.tags.count("title") == 1
    assert '<html lang="en">' in response.body


def test_connecting_shows_who_is_connected_what_to_write_and_how_to_disconnect(office: Office) -> None:
    page = office.connect(SAM)
    assert page.status == 200
    assert title_of(page) == "Your To Do is connected"
    assert f"<code>user={SAM.name}</code>" in page.body
    assert f"<code>user={SAM.oid}</code>" in page.body
    assert f'<form method="post" action="{ROOT}/disconnect">' in page.body
    assert f'<a href="{ROOT}/disconnect">{ROOT}/disconnect</a>' in page.body
    assert_safe(page)
    assert [person.object_id for person in office.resumed] == [SAM.oid]


def test_the_request_has_pkce_state_nonce_and_asks_which_account(office: Office) -> None:
    begun = office.begin()
    assert begun.status == 303
    assert goes_to(begun, office.entra.origin)
    asked = parse_qs(urlsplit(begun.headers["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["prompt"] == ["select_account"]
    assert asked["redirect_uri"] == [f"{ROOT}/connected"]
    assert "offline_access" in asked["scope"][0]
    assert all(len(asked[name][0]) >= 16 for name in ("state", "nonce", "code_challenge"))


def test_the_cookie_is_as_strict_as_the_way_back_allows(office: Office) -> None:
    on_loopback = office.begin().headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(on_loopback.split("; "))
    in_the_cloud = office.endpoints_at("https://app.example/api").respond("connect", BrowserRequest("GET", {}, {}))
    assert in_the_cloud.headers["Set-Cookie"].startswith("__Host-")
    assert "Secure" in in_the_cloud.headers["Set-Cookie"].split("; ")
    assert "Strict-Transport-Security" in in_the_cloud.headers


def test_what_lies_in_storage_of_a_sign_in_does_not_help_its_readers(office: Office) -> None:
    begun = office.begin()
    cookie = cookie_of(begun).partition("=")[2]
    state = parse_qs(urlsplit(begun.headers["Location"]).query)["state"][0]
    (name,) = office.container.list_blob_names()
    data = office.container.download_blob(name).readall()
    assert cookie not in name
    assert state.encode() not in data
    assert b"code_verifier" not in data
    assert pending_sign_in.unseal(data, "A" * 43) is None
    assert pending_sign_in.unseal(data, cookie) is not None


@pytest.mark.parametrize(
    ("how", "title"), [("declined", "You declined"), ("admin", "Your organisation must agree first")]
)
def test_a_refusal_has_a_page_that_says_what_to_do(office: Office, how: str, title: str) -> None:
    begun = office.begin()
    page = office.come_back(begun, office.visitor().refuse(begun.headers["Location"], how))
    assert (page.status, title_of(page)) == (403, title)
    assert CONNECT in page.body
    assert (f"<code>{CLIENT_ID}</code>" in page.body) == (how == "admin"), "what an administrator has to look for"
    assert_safe(page)
    assert office.store.version(SAM.oid) is None


def test_an_account_of_another_tenant_is_refused_and_nothing_is_kept(office: Office) -> None:
    page = office.connect(ALEX)
    assert (page.status, title_of(page)) == (403, "This account is not accepted here")
    assert office.store.version(ALEX.oid) is None
    assert_safe(page)


def test_who_comes_after_ten_minutes_is_told_so(office: Office) -> None:
    begun = office.begin()
    reply = office.visitor().sign_in(begun.headers["Location"], SAM)
    office.elapsed += 601
    page = office.come_back(begun, reply)
    assert (page.status, title_of(page)) == (410, "This sign-in took too long")
    assert_safe(page)


def test_a_link_works_once(office: Office) -> None:
    begun = office.begin()
    reply = office.visitor().sign_in(begun.headers["Location"], SAM)
    assert office.come_back(begun, reply).status == 200
    page = office.come_back(begun, reply)
    assert (page.status, title_of(page)) == (410, "This link was used already")
    assert_safe(page)
    assert office.worker().token(SAM.name), "the code was not redeemed twice, which would end the grant"


def test_a_reply_in_another_browser_is_worth_nothing(office: Office) -> None:
    """Code injection: the attacker's code in a browser that has no sign-in under way, or one of its own."""
    attackers = office.begin()
    reply = office.visitor().sign_in(attackers.headers["Location"], KIM)
    without = office.come_back(attackers, reply, cookie="")
    assert (without.status, title_of(without)) == (400, NO_SIGN_IN)
    victims = office.begin()
    with_own = office.come_back(victims, reply)
    assert (with_own.status, title_of(with_own)) == (400, "This is not the sign-in that is under way")
    mixed = {**reply, "state": parse_qs(urlsplit(victims.headers["Location"]).query)["state"][0]}
    with_own_state = office.come_back(victims, mixed)
    assert with_own_state.status == 403, "the code does not fit the PKCE verifier"
    assert office.store.version(KIM.oid) is None


def test_a_forged_reply_does_not_end_the_sign_in_that_is_under_way(office: Office) -> None:
    begun = office.begin()
    for state in ("", "forged", "A" * 22, "\u00e9"):
        forged = office.come_back(begun, {"code": "forged", "state": state})
        assert title_of(forged) == "This is not the sign-in that is under way"
    declined = office.come_back(begun, {"error": "access_denied", "state": "forged"})
    assert title_of(declined) == "This is not the sign-in that is under way"
    assert office.come_back(begun, office.visitor().sign_in(begun.headers["Location"], SAM)).status == 200


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "todo-attach=",
        "todo-attach=short",
        "todo-attach=" + "A" * 43,
        "todo-attach=../../account/x",
        "a;b;;=;\x00",
        "x" * 100_000,
    ],
)
def test_hostile_cookies_are_no_sign_in(office: Office, cookie: str) -> None:
    page = office.endpoints.respond("connected", BrowserRequest("GET", {"code": "x", "state": "y"}, {"cookie": cookie}))
    assert title_of(page) == NO_SIGN_IN
    assert_safe(page)


def test_hostile_parameters_are_never_repeated(office: Office) -> None:
    hostile = "<script>alert(1)</script>\r\nSet-Cookie: a=b"
    begun = office.begin()
    state = parse_qs(urlsplit(begun.headers["Location"]).query)["state"][0]
    for reply in (
        {"code": hostile, "state": hostile},
        {"code": "x" * 10_000, "state": state},
        {"error": hostile, "error_description": f"AADSTS{hostile}", "state": state},
    ):
        page = office.come_back(begun, reply)
        assert "script" not in page.body
        assert "alert" not in str(page.headers)
        assert_safe(page)
    assert "script" not in str(office.records.lines)


def test_nowhere_can_a_visitor_say_where_to_go_next(office: Office) -> None:
    """No open redirect: the only Location is the identity provider's, whatever is asked."""
    request = BrowserRequest(
        "POST",
        dict.fromkeys(("redirect_uri", "return", "next", "url", "state"), "https://evil.example/"),
        {"host": "evil.example", "x-forwarded-host": "evil.example", "referer": "https://evil.example/"},
    )
    for endpoint in ("connect", "disconnect"):
        response = office.endpoints.respond(endpoint, request)
        assert goes_to(response, office.entra.origin)
        assert "evil" not in str(response)
        sent = parse_qs(urlsplit(response.headers["Location"]).query)
        assert sent["redirect_uri"] == [f"{ROOT}/connected"], "of the settings, never of the request"


def test_disconnecting_needs_that_persons_own_fresh_sign_in(office: Office) -> None:
    office.connect(SAM)
    office.connect(KIM)
    begun = office.begin_to_disconnect()
    assert parse_qs(urlsplit(begun.headers["Location"]).query)["prompt"] == ["login"]
    assert "offline_access" not in begun.headers["Location"]
    page = office.come_back(begun, office.visitor().sign_in(begun.headers["Location"], KIM))
    assert title_of(page) == "Your To Do is disconnected"
    assert_safe(page)
    with pytest.raises(SignInNeeded):
        office.worker().token(KIM.name)
    assert office.worker().token(SAM.name), "of Sam's, nothing was touched"


def test_an_older_session_of_the_browser_is_not_enough_to_disconnect(office: Office) -> None:
    """Somebody at an unlocked screen takes prompt=login out of the address."""
    office.connect(SAM)
    visitor = office.visitor()
    connect = office.begin()
    office.come_back(connect, visitor.sign_in(connect.headers["Location"], SAM))
    office.elapsed += 3600
    begun = office.begin_to_disconnect()
    page = office.come_back(begun, visitor.sign_in(begun.headers["Location"], SAM))
    assert title_of(page) == "Please enter your password again"
    assert office.store.version(SAM.oid) is not None


def test_who_is_not_connected_is_told_so(office: Office) -> None:
    assert title_of(office.disconnect(SAM)) == "Nothing to disconnect"


def test_another_site_cannot_begin_a_disconnection(office: Office) -> None:
    for site in ("cross-site", "same-site"):
        page = office.begin_to_disconnect({"sec-fetch-site": site})
        assert (page.status, title_of(page)) == (403, "Please open this page yourself")
    assert office.begin_to_disconnect({"sec-fetch-site": "same-origin"}).status == 303


def test_an_identity_provider_that_does_not_response_is_a_page_too(office: Office) -> None:
    begun = office.begin()
    reply = office.visitor().sign_in(begun.headers["Location"], SAM)
    office.entra.turn(token_status=503)
    page = office.come_back(begun, reply)
    assert (page.status, title_of(page)) == (503, "Not possible right now")


def age(office: Office, monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Later":
            return cls.fromtimestamp((datetime.now(UTC) + by).timestamp(), UTC)

    monkeypatch.setattr("shared.adapters.pending_sign_in_blobs.datetime", Later)


def test_abandoned_sign_ins_age_out(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        office.begin()
    assert office.endpoints.clear_abandoned() == 0
    assert len(list(office.container.list_blob_names())) == 3
    age(office, monkeypatch, timedelta(minutes=61))
    assert office.endpoints.clear_abandoned() == 3
    assert not list(office.container.list_blob_names())


def test_the_sweep_clears_abandoned_sign_ins_after_the_uploads(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.begin()
    age(office, monkeypatch, timedelta(minutes=61))
    world = World()
    pages = WebPages(office.endpoints, Site().endpoints)
    application = replace(world.application, pages=pages)
    context = SimpleNamespace(function_name="sweep", invocation_id="1", trace_context=SimpleNamespace(trace_parent=""))
    application.sweep(context)  # type: ignore[arg-type]
    assert not list(office.container.list_blob_names())
    assert world.records.events("sweep")


def test_page_sessions_are_cleared_although_the_container_of_sign_ins_fails(office: Office) -> None:
    site = Site()
    site.sign_in()
    site.world.clock.advance(GOOD_FOR)
    office.container.delete_container()
    with pytest.raises(StorageUnavailable):
        WebPages(office.endpoints, site.endpoints).clear()
    assert not site.sessions.rows


def test_a_flood_of_sign_ins_takes_no_more_space_than_the_slots(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anyone on the internet can begin one; with four slots, the fifth overwrites another."""
    monkeypatch.setattr(pending_sign_in, "SLOTS", 4)
    begun = [office.begin() for _ in range(24)]
    assert all(each.status == 303 for each in begun)
    assert 1 <= len(list(office.container.list_blob_names())) <= 4
    last = office.come_back(begun[-1], office.visitor().sign_in(begun[-1].headers["Location"], SAM))
    assert last.status == 200, "the newest is there"
    overwritten = [office.come_back(each, {"code": "x", "state": "y"}) for each in begun[:-1]]
    pages = {title_of(page) for page in overwritten}
    assert pages <= {NO_SIGN_IN, "This is not the sign-in that is under way"}
    assert NO_SIGN_IN in pages, "a person whose sign-in was overwritten is asked to start again"


@pytest.mark.parametrize(
    "around",
    [
        'prefs={{"theme":"dark","list":[1,2]}}; {ours}; more={{}}',
        "flag; {ours}; other flag",
        "a b=c d; {ours}",
        "list[0]=(x); {ours}; {{}}",
        "caf\u00e9=cr\u00e8me; {ours}",
        '{ours}; q="unbalanced',
        ";;=;;  {ours}  ;",
        "todo-attach-other=x; {ours}; x-todo-attach=y; TODO-ATTACH=z",
        "=; {ours}",
        "x=todo-attach; {ours}",
    ],
)
def test_our_cookie_is_found_whatever_is_around_it(office: Office, around: str) -> None:
    begun = office.begin()
    reply = office.visitor().sign_in(begun.headers["Location"], SAM)
    page = office.come_back(begun, reply, cookie=around.format(ours=cookie_of(begun)))
    assert title_of(page) == "Your To Do is connected"


@pytest.mark.parametrize("second", ["A" * 43, "short", ""])
@pytest.mark.parametrize("first", [True, False])
def test_two_cookies_of_our_name_are_refused_and_the_person_is_not_blamed(
    office: Office, second: str, first: bool
) -> None:
    """Cookie tossing: a page of a neighbouring host has set one, to bind the person to a sign-in of its own."""
    begun = office.begin()
    reply = office.visitor().sign_in(begun.headers["Location"], SAM)
    pair = [cookie_of(begun), f"todo-attach={second}"]
    page = office.come_back(begun, reply, cookie="; ".join(pair if first else reversed(pair)))
    assert (page.status, title_of(page)) == (400, "This browser sent two sign-ins at once")
    assert "You have done nothing wrong" in page.body
    assert office.store.version(SAM.oid) is None
    assert_safe(page)
    assert office.come_back(begun, reply).status == 200, "nothing was used up"


def test_a_comma_in_another_cookie_does_not_make_a_cookie_of_ours(office: Office) -> None:
    """Otherwise a neighbour could get around the __Host- prefix with `x=1,__Host-todo-attach=...`."""
    begun = office.begin()
    reply = office.visitor().sign_in(begun.headers["Location"], SAM)
    assert title_of(office.come_back(begun, reply, cookie=f"x=1,{cookie_of(begun)}")) == NO_SIGN_IN


def test_the_cookie_goes_when_it_is_used_and_not_before(office: Office) -> None:
    begun = office.begin()
    forged = office.come_back(begun, {"code": "x", "state": "forged"})
    assert "Set-Cookie" not in forged.headers
    page = office.come_back(begun, office.visitor().sign_in(begun.headers["Location"], SAM))
    gone = page.headers["Set-Cookie"]
    assert gone.startswith("todo-attach=")
    assert {"Max-Age=0", "Path=/", "HttpOnly", "SameSite=Lax"} <= set(gone.split("; "))
    assert cookie_of(begun) not in gone
    again = office.come_back(begun, {"code": "x", "state": "y"})
    assert "Max-Age=0" in again.headers["Set-Cookie"], "a used one goes, too"


@pytest.mark.parametrize("endpoint", ["connect", "connected", "disconnect"])
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image", "sec-fetch-site": "cross-site"},
        {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty", "sec-fetch-site": "same-origin"},
        {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe", "sec-fetch-site": "cross-site"},
        {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-purpose": "prefetch;prerender"},
        {"purpose": "prefetch"},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:7072"},
    ],
)
def test_what_is_no_visit_of_a_person_begins_nothing(office: Office, endpoint: str, headers: dict[str, str]) -> None:
    for method in ("GET", "POST"):
        page = office.endpoints.respond(endpoint, BrowserRequest(method, {}, headers))
        assert (page.status, title_of(page)) == (403, "Please open this page yourself")
        assert "Set-Cookie" not in page.headers
        assert_safe(page)
    assert not list(office.container.list_blob_names())


def test_a_visit_from_a_link_on_another_site_may_begin(office: Office) -> None:
    visit = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "cross-site"}
    assert office.begin(visit).status == 303


@pytest.mark.parametrize("origin", ["null", "http://127.0.0.1:7071"])
def test_the_form_of_our_own_page_may_begin_with_or_without_a_referrer(office: Office, origin: str) -> None:
    """Browsers send `Origin: null` from a page without a referrer."""
    form = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "same-origin"}
    assert office.begin_to_disconnect({**form, "origin": origin}).status == 303
    assert office.begin_to_disconnect({**form, "origin": "null", "sec-fetch-site": "cross-site"}).status == 403


def test_the_page_has_a_whole_command_that_can_be_copied(office: Office) -> None:
    page = office.connect(SAM)
    found = re.search(r"<pre><code>(.*?)</code></pre>", page.body)
    assert found is not None
    command = unescape(found[1])
    words = shlex.split(command)
    assert words[:4] == ["az", "storage", "blob", "upload"]
    assert "\n" not in command
    options = dict(pairwise(words))
    assert options["--account-name"] == "todoattach"
    assert options["--container-name"] == "attachments"
    assert options["--auth-mode"] == "login"
    metadata = words[words.index("--metadata") + 1 :]
    assert metadata == [f"user={SAM.name}", "task=Buy milk"]


OF_SAM = {"sams/": SAM.name, "kims/": KIM.oid}


def a_page_of_a_shared_container(office: Office, person: Person, *, by_name: bool) -> str:
    pages = office.endpoints.pages
    shared = replace(pages.destination, path_accounts=OF_SAM)
    page = replace(pages, destination=shared).connected(person, by_name=by_name, resumed=0)
    assert_safe(page)
    return unescape(page.body)


def test_where_people_share_a_container_the_command_puts_a_file_below_the_person_s_prefix(office: Office) -> None:
    for person, prefix in ((SAM, "sams/"), (KIM, "kims/")):
        body = a_page_of_a_shared_container(office, Person(person.oid, person.tid, person.name), by_name=True)
        assert f'--name {prefix}receipt.pdf --metadata "task=Buy milk"' in body
        assert f"Anyone who may write in its container below <code>{prefix}</code>" in body
        assert "user=" not in body


def test_where_no_prefix_leads_to_a_person_the_page_says_so(office: Office) -> None:
    """An account that has the name of another one is none of those that a name leads to."""
    stranger = Person("5a000000-0000-4000-8000-0000000000ff", SAM.tid, SAM.name)
    body = a_page_of_a_shared_container(office, stranger, by_name=False)
    assert "No place in the container leads to your account yet" in body
    assert "<pre>" not in body


@pytest.mark.parametrize("name", ["$(reboot)@x.example", "o'neill@x.example", 'a"b@x.example', "a b@x.example"])
def test_a_name_that_a_shell_would_read_is_not_in_the_command(office: Office, name: str) -> None:
    person = Person(SAM.oid, SAM.tid, name)
    page = office.endpoints.pages.connected(person, by_name=True, resumed=0)
    found = re.search(r"<pre><code>(.*?)</code></pre>", page.body)
    assert found is not None
    assert f"user={SAM.oid}" in found[1]
    assert escape(name) not in found[1]
    assert_safe(page)


def test_the_addresses_where_a_permission_is_taken_back_are_links(office: Office) -> None:
    person = Person(SAM.oid, SAM.tid, SAM.name)
    pages = replace(office.endpoints.pages, authority="https://login.microsoftonline.com")
    page = pages.disconnected(person, was_connected=True)
    assert set(MICROSOFTS) <= set(Page(page).addresses)
    assert_safe(page)
    elsewhere = replace(office.endpoints.pages, authority="https://login.microsoftonline.us")
    assert set(MICROSOFTS).isdisjoint(Page(elsewhere.disconnected(person, was_connected=True)).addresses)


def test_disconnecting_asks_for_a_sign_in_of_this_moment(office: Office) -> None:
    asked = parse_qs(urlsplit(office.begin_to_disconnect().headers["Location"]).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])


def test_taking_the_request_for_a_fresh_sign_in_away_disconnects_nobody(office: Office) -> None:
    """At an unlocked screen: the browser has a session of half a minute ago, and the address is edited."""
    visitor = office.visitor()
    begun = office.begin()
    office.come_back(begun, visitor.sign_in(begun.headers["Location"], SAM))
    office.elapsed += 30
    begun = office.begin_to_disconnect()
    parts = urlsplit(begun.headers["Location"])
    kept = {name: value[0] for name, value in parse_qs(parts.query).items() if name not in {"prompt", "max_age"}}
    reply = visitor.sign_in(parts._replace(query=urlencode(kept)).geturl(), SAM)
    page = office.come_back(begun, reply)
    assert title_of(page) == "Please enter your password again"
    assert office.store.version(SAM.oid) is not None


def test_without_the_time_of_the_sign_in_nobody_is_disconnected_and_the_page_names_another_way(office: Office) -> None:
    office.connect(SAM)
    office.entra.turn(auth_time=False)
    page = office.disconnect(SAM)
    assert (page.status, title_of(page)) == (502, "This app could not see when you signed in")
    assert office.store.version(SAM.oid) is not None
    assert_safe(page)


def test_records_name_the_account_and_the_problem_and_no_secret(office: Office) -> None:
    office.connect(SAM)
    begun = office.begin()
    office.come_back(begun, office.visitor().refuse(begun.headers["Location"]))
    assert [line["event"] for line in office.records.lines] == ["connected", "sign_in_failed"]
    assert office.records.lines[0]["account"] == pseudonym(SAM.name)
    assert office.records.lines[1]["problem"] == "declined"
    assert "65004" in str(office.records.lines[1])


def test_every_text_can_be_told_from_its_ground_by_weak_eyes() -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1 for texts, in light and in dark."""
    light, _, dark = STYLE.partition("@media(prefers-color-scheme:dark)")
    for style in (light, dark):
        pairs = re.findall(
            r"(?<![-\w])(?:color:(#\w+);background:(#\w+)|background:(#\w+);(?:border-color:#\w+;)?color:(#\w+))", style
        )
        assert len(pairs) == 3, "the page, a button, a quiet button"
        for text, ground, ground_first, text_last in pairs:
            assert contrast(text or text_last, ground or ground_first) >= 4.5
    links = {light: re.findall(r"}a{color:(#\w+)}", light), dark: re.findall(r"}a{color:(#\w+)}", dark)}
    grounds = {light: "#fff", dark: "#1b1b1b"}
    assert all(contrast(colours[0], grounds[style]) >= 4.5 for style, colours in links.items())


# -- to see one's own files --


def test_signing_in_to_see_files_asks_which_account_and_for_no_token_that_lasts(office: Office) -> None:
    begun = office.endpoints.begin(Purpose.FILES)
    asked = parse_qs(urlsplit(begun.headers["Location"]).query)
    assert asked["prompt"] == ["select_account"]
    assert "offline_access" not in asked["scope"][0]
    assert "Tasks.ReadWrite" not in asked["scope"][0]


def test_signing_in_to_see_files_ends_with_the_page_s_cookie_alone_and_changes_nothing_that_is_stored(
    office: Office,
) -> None:
    """One cookie a response: the sign-in's own is used up, and runs out by itself."""
    page = office.sign_in_to_see_files(SAM)
    assert page.headers["Set-Cookie"] == f"todo-attach-files={SAM.oid}"
    assert office.store.version(SAM.oid) is None
    assert office.resumed == []


def test_a_sign_in_to_see_files_works_once(office: Office) -> None:
    begun = office.endpoints.begin(Purpose.FILES)
    reply = office.visitor().sign_in(begun.headers["Location"], SAM)
    assert office.come_back(begun, reply).headers["Set-Cookie"].startswith("todo-attach-files=")
    again = office.come_back(begun, reply)
    assert title_of(again) == "This link was used already"
    assert again.headers["Set-Cookie"].startswith("todo-attach=deleted")


def test_disconnecting_ends_what_else_the_person_is_signed_in_to(office: Office) -> None:
    office.connect(SAM)
    office.disconnect(SAM)
    assert [person.object_id for person in office.disconnected] == [SAM.oid]


def test_the_page_of_a_connected_person_leads_to_their_files(office: Office) -> None:
    assert f'href="{ROOT}/files"' in office.connect(SAM).body
