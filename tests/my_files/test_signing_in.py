"""Page sessions: how one begins, how long it is good, and what ends it."""

import re
from datetime import timedelta

from shared.my_files.page_session import GOOD_FOR, key_of
from shared.my_files.ports import PageSession
from tests.my_files.on_fakes import APP, KIM, OWN, SAM, VISIT, Browser, Site, coming_back, said


def test_a_browser_that_is_not_signed_in_is_offered_to_and_gets_no_cookie() -> None:
    page = Browser(Site()).visit()
    assert page.status == 200
    assert f'href="{APP}/files/sign-in"' in page.body
    assert "Set-Cookie" not in page.headers


def test_signing_in_begins_at_the_identity_provider() -> None:
    assert Browser(Site()).ask("GET", "sign-in", VISIT).headers["Location"] == "https://login.example/authorize"


def test_a_session_opens_with_one_cookie_that_no_script_and_no_other_host_gets() -> None:
    opened = Site().endpoints.browsers.open(SAM, coming_back())
    assert (opened.status, opened.headers["Location"]) == (303, f"{APP}/files")
    cookie = opened.headers["Set-Cookie"]
    assert re.fullmatch(
        r"__Host-todo-attach-files=[A-Za-z0-9_-]{43}; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax; Secure", cookie
    )


def test_every_sign_in_makes_a_session_of_its_own() -> None:
    """An id that an attacker knows, from a cookie that they set before, is never the one that is signed in."""
    site = Site()
    assert site.sign_in().cookie != site.sign_in().cookie
    assert len(site.sessions.rows) == 2


def test_signing_in_anew_ends_what_the_browser_was_signed_in_with_before() -> None:
    site = Site()
    first, elsewhere = site.sign_in(), site.sign_in()
    second = site.sign_in(KIM, cookie=first.cookie)
    assert first.listing().status == 401, "a copy of the old cookie"
    assert second.listing().status == elsewhere.listing().status == 200


def test_a_sign_in_that_opens_nothing_ends_nothing() -> None:
    site = Site(connected={SAM.object_id})
    first = site.sign_in()
    assert site.endpoints.browsers.open(KIM, coming_back(first.cookie)).status == 403
    assert first.listing().status == 200


def test_a_cookie_that_the_app_never_gave_opens_nothing() -> None:
    site = Site()
    site.sign_in()
    planted = Browser(site, f"__Host-todo-attach-files={'A' * 43}")
    assert "Sign in" in said(planted.visit())
    assert planted.listing().status == 401


def test_the_store_has_no_cookie_only_what_is_made_of_one() -> None:
    site = Site()
    cookie = site.sign_in().cookie.partition("=")[2]
    assert list(site.sessions.rows) == [key_of(cookie)]
    assert cookie not in str(site.sessions.rows)


def test_a_session_is_good_for_an_hour_and_no_longer() -> None:
    site = Site()
    browser = site.sign_in()
    site.world.clock.advance(GOOD_FOR - timedelta(seconds=1))
    assert browser.listing().status == 200
    site.world.clock.advance(1)
    assert browser.listing().status == 401
    assert "Sign in" in said(browser.visit())


def test_an_account_that_is_not_connected_gets_a_page_that_says_so_and_no_session() -> None:
    site = Site(connected=set())
    page = site.endpoints.browsers.open(SAM, coming_back())
    assert page.status == 403
    assert f'href="{APP}/connect"' in page.body
    assert "Set-Cookie" not in page.headers
    assert site.sessions.rows == {}


def test_signing_out_takes_the_cookie_away_and_makes_every_copy_of_it_worthless() -> None:
    site = Site()
    browser, other = site.sign_in(), site.sign_in()
    out = browser.ask("POST", "sign-out")
    assert out.headers["Set-Cookie"].startswith("__Host-todo-attach-files=deleted; Max-Age=0;")
    assert browser.listing().status == 401
    assert other.listing().status == 200, "another browser of theirs is another session"


def test_signing_out_twice_is_no_failure() -> None:
    browser = Site().sign_in()
    browser.ask("POST", "sign-out")
    assert browser.ask("POST", "sign-out").status == 200


def test_disconnecting_ends_all_sessions_of_the_person_and_nobody_else_s() -> None:
    site = Site()
    sams, kims = [site.sign_in(), site.sign_in()], site.sign_in(KIM)
    site.disconnect(SAM)
    assert [each.listing().status for each in sams] == [401, 401]
    assert kims.listing().status == 200


def test_a_session_whose_account_is_gone_is_not_believed() -> None:
    """A worker died between the end of an account and that of its sessions."""
    site = Site()
    browser = site.sign_in()
    site.connected.discard(SAM.object_id)
    assert browser.listing().status == 401
    assert browser.sign()[0] == 401
    assert "Sign in" in said(browser.visit())


def test_two_cookies_of_our_name_are_refused_and_the_person_reads_why() -> None:
    site = Site()
    both = Browser(site, f"{site.sign_in().cookie}; {site.sign_in(KIM).cookie}")
    page = both.visit()
    assert page.status == 400
    assert "two sign-ins" in page.body
    assert both.listing().status == 400


def test_sessions_that_are_over_are_cleared_away() -> None:
    site = Site()
    site.sign_in()
    site.world.clock.advance(GOOD_FOR)
    site.sessions.insert("other", PageSession(KIM, site.world.clock.now + GOOD_FOR))
    assert site.endpoints.clear_over() == 1
    assert list(site.sessions.rows) == ["other"]


def test_what_ends_a_session_must_come_from_the_page() -> None:
    site = Site()
    browser = site.sign_in()
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}, {}):
        assert browser.ask("POST", "sign-out", headers).status == 403
    assert browser.ask("GET", "sign-out", OWN).status == 404
    assert browser.listing().status == 200
