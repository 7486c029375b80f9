"""A person connects and disconnects; what goes wrong has a page that says what to do; attacks come to nothing."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest

from local.stand_ins.entra.people import ALEX, CLIENT_ID, KIM, SAM
from shared.errors import SignInNeeded
from shared.sign_in import pending_sign_in as sealed
from shared.sign_in.pages import _STYLE, Answer
from shared.sign_in.ports import Asked
from shared.telemetry.records import pseudonym
from tests.sign_in.office import CONNECT, ROOT, Office, cookie_of, goes_to

pytestmark = pytest.mark.azurite


def title_of(answer: Answer) -> str:
    found = re.search(r"<h1>(.*?)</h1>", answer.body)
    assert found is not None
    return unescape(found[1])


class Page(HTMLParser):
    """What a page loads or leads to."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(answer.body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src", "action"}]


def assert_safe(answer: Answer) -> None:
    headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    page = Page(answer)
    assert {"script", "img", "link", "iframe", "object"}.isdisjoint(page.tags)
    assert all(address.startswith(f"{ROOT}/") for address in page.addresses)
    assert page.tags.count("main") == page.tags.count("h1") == page.tags.count("title") == 1
    assert '<html lang="en">' in answer.body


def test_connecting_shows_who_is_connected_what_to_write_and_how_to_disconnect(office: Office) -> None:
    page = office.connect(SAM)
    assert page.status == 200
    assert title_of(page) == "Your To Do is connected"
    assert f"<code>user={SAM.name}</code>" in page.body
    assert f"<code>user={SAM.oid}</code>" in page.body
    assert f'<form method="post" action="{ROOT}/disconnect">' in page.body
    assert f"<code>{ROOT}/disconnect</code>" in page.body
    assert_safe(page)
    assert [person.object_id for person in office.resumed] == [SAM.oid]


def test_the_request_has_pkce_state_nonce_and_asks_which_account(office: Office) -> None:
    begun = office.desk.connect(Asked("GET", {}, {}))
    assert begun.status == 303
    assert goes_to(begun, office.entra.origin)
    asked = parse_qs(urlsplit(begun.headers["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["prompt"] == ["select_account"]
    assert asked["redirect_uri"] == [f"{ROOT}/connected"]
    assert "offline_access" in asked["scope"][0]
    assert all(len(asked[name][0]) >= 16 for name in ("state", "nonce", "code_challenge"))


def test_the_cookie_is_as_strict_as_the_way_back_allows(office: Office) -> None:
    on_loopback = office.desk.connect(Asked("GET", {}, {})).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(on_loopback.split("; "))
    in_the_cloud = office.another_desk(root="https://app.example/api").connect(Asked("GET", {}, {}))
    assert in_the_cloud.headers["Set-Cookie"].startswith("__Host-")
    assert "Secure" in in_the_cloud.headers["Set-Cookie"].split("; ")
    assert "Strict-Transport-Security" in in_the_cloud.headers


def test_what_lies_in_storage_of_a_sign_in_does_not_help_its_readers(office: Office) -> None:
    begun = office.desk.connect(Asked("GET", {}, {}))
    cookie = cookie_of(begun).partition("=")[2]
    state = parse_qs(urlsplit(begun.headers["Location"]).query)["state"][0]
    (name,) = office.container.list_blob_names()
    data = office.container.download_blob(name).readall()
    assert cookie not in name
    assert state.encode() not in data
    assert b"code_verifier" not in data
    assert sealed.unseal(data, "A" * 43) is None
    assert sealed.unseal(data, cookie) is not None


@pytest.mark.parametrize(
    ("how", "title"), [("declined", "You declined"), ("admin", "Your organisation must agree first")]
)
def test_a_refusal_has_a_page_that_says_what_to_do(office: Office, how: str, title: str) -> None:
    begun = office.desk.connect(Asked("GET", {}, {}))
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
    begun = office.desk.connect(Asked("GET", {}, {}))
    reply = office.visitor().sign_in(begun.headers["Location"], SAM)
    office.elapsed += 601
    page = office.come_back(begun, reply)
    assert (page.status, title_of(page)) == (410, "This sign-in took too long")
    assert_safe(page)


def test_a_link_works_once(office: Office) -> None:
    begun = office.desk.connect(Asked("GET", {}, {}))
    reply = office.visitor().sign_in(begun.headers["Location"], SAM)
    assert office.come_back(begun, reply).status == 200
    page = office.come_back(begun, reply)
    assert (page.status, title_of(page)) == (410, "This link was used already")
    assert_safe(page)
    assert office.worker().token(SAM.name), "the code was not redeemed twice, which would end the grant"


def test_a_reply_in_another_browser_is_worth_nothing(office: Office) -> None:
    """Code injection: the attacker's code in a browser that has no sign-in under way, or one of its own."""
    attackers = office.desk.connect(Asked("GET", {}, {}))
    reply = office.visitor().sign_in(attackers.headers["Location"], KIM)
    without = office.desk.connected(Asked("GET", reply, {}))
    assert (without.status, title_of(without)) == (400, "This sign-in was not begun in this browser")
    victims = office.desk.connect(Asked("GET", {}, {}))
    with_own = office.come_back(victims, reply)
    assert (with_own.status, title_of(with_own)) == (400, "This is not the sign-in that is under way")
    mixed = {**reply, "state": parse_qs(urlsplit(victims.headers["Location"]).query)["state"][0]}
    with_own_state = office.come_back(victims, mixed)
    assert with_own_state.status == 403, "the code does not fit the PKCE verifier"
    assert office.store.version(KIM.oid) is None


def test_a_forged_reply_does_not_end_the_sign_in_that_is_under_way(office: Office) -> None:
    begun = office.desk.connect(Asked("GET", {}, {}))
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
    page = office.desk.connected(Asked("GET", {"code": "x", "state": "y"}, {"cookie": cookie}))
    assert title_of(page) == "This sign-in was not begun in this browser"


def test_hostile_parameters_are_never_repeated(office: Office) -> None:
    hostile = "<script>alert(1)</script>\r\nSet-Cookie: a=b"
    begun = office.desk.connect(Asked("GET", {}, {}))
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
    asked = Asked(
        "POST",
        dict.fromkeys(("redirect_uri", "return", "next", "url", "state"), "https://evil.example/"),
        {"host": "evil.example", "x-forwarded-host": "evil.example", "referer": "https://evil.example/"},
    )
    for begin in (office.desk.connect, office.desk.disconnect):
        answer = begin(asked)
        assert goes_to(answer, office.entra.origin)
        assert "evil" not in str(answer)
        sent = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert sent["redirect_uri"] == [f"{ROOT}/connected"], "of the settings, never of the request"


def test_disconnecting_needs_that_persons_own_fresh_sign_in(office: Office) -> None:
    office.connect(SAM)
    office.connect(KIM)
    begun = office.desk.disconnect(Asked("POST", {}, {}))
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
    connect = office.desk.connect(Asked("GET", {}, {}))
    office.come_back(connect, visitor.sign_in(connect.headers["Location"], SAM))
    office.elapsed += 3600
    begun = office.desk.disconnect(Asked("POST", {}, {}))
    page = office.come_back(begun, visitor.sign_in(begun.headers["Location"], SAM))
    assert title_of(page) == "Please enter your password again"
    assert office.store.version(SAM.oid) is not None


def test_who_is_not_connected_is_told_so(office: Office) -> None:
    assert title_of(office.disconnect(SAM)) == "Nothing to disconnect"


def test_another_site_cannot_begin_a_disconnection(office: Office) -> None:
    for site in ("cross-site", "same-site"):
        page = office.desk.disconnect(Asked("POST", {}, {"sec-fetch-site": site}))
        assert (page.status, title_of(page)) == (403, "This has to begin on this app's own page")
    assert office.desk.disconnect(Asked("POST", {}, {"sec-fetch-site": "same-origin"})).status == 303


def test_an_identity_provider_that_does_not_answer_is_a_page_too(office: Office) -> None:
    begun = office.desk.connect(Asked("GET", {}, {}))
    reply = office.visitor().sign_in(begun.headers["Location"], SAM)
    office.entra.turn(token_status=503)
    page = office.come_back(begun, reply)
    assert (page.status, title_of(page)) == (503, "Not possible right now")


def test_abandoned_sign_ins_are_cleared_away(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        office.desk.connect(Asked("GET", {}, {}))

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Tomorrow":
            return cls.fromtimestamp((datetime.now(UTC) + timedelta(days=1)).timestamp(), UTC)

    monkeypatch.setattr("shared.adapters.account_blobs.datetime", Tomorrow)
    office.store.put_ceremony("f" * 64, b"another")
    assert not list(office.container.list_blob_names())


def test_records_name_the_account_and_the_problem_and_no_secret(office: Office) -> None:
    office.connect(SAM)
    begun = office.desk.connect(Asked("GET", {}, {}))
    office.come_back(begun, office.visitor().refuse(begun.headers["Location"]))
    assert [line["event"] for line in office.records.lines] == ["connected", "sign_in_failed"]
    assert office.records.lines[0]["account"] == pseudonym(SAM.name)
    assert office.records.lines[1]["problem"] == "declined"
    assert "65004" in str(office.records.lines[1])


def test_every_text_can_be_told_from_its_ground_by_weak_eyes() -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1 for texts, in light and in dark."""
    light, _, dark = _STYLE.partition("@media(prefers-color-scheme:dark)")
    for style in (light, dark):
        pairs = re.findall(
            r"(?<![-\w])(?:color:(#\w+);background:(#\w+)|background:(#\w+);(?:border-color:#\w+;)?color:(#\w+))", style
        )
        assert len(pairs) == 3, "the page, a button, a quiet button"
        for text, ground, ground_first, text_last in pairs:
            assert _contrast(text or text_last, ground or ground_first) >= 4.5
    links = {light: re.findall(r"}a{color:(#\w+)}", light), dark: re.findall(r"}a{color:(#\w+)}", dark)}
    grounds = {light: "#fff", dark: "#1b1b1b"}
    assert all(_contrast(colours[0], grounds[style]) >= 4.5 for style, colours in links.items())


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
