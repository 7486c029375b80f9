"""Which browsers are signed in to the page: sessions are opened, found and ended.

A session opens only for an account that is connected, and is believed only while it is. The row is written before the
account is looked up: whoever disconnects at that moment deletes the account first, so either the lookup misses it or
the deletion of sessions finds the row.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.my_files.page_session import GOOD_FOR, key_of, page_cookie
from shared.my_files.pages import FilesPages
from shared.my_files.ports import PageSession, PageSessions
from shared.my_files.refusals import SIGNED_OUT, TWO_COOKIES, Refusal
from shared.ports import Telemetry
from shared.sign_in.browser import BadCookie, BrowserRequest, BrowserResponse, Cookie
from shared.sign_in.person import Person
from shared.telemetry.records import pseudonym


@dataclass(frozen=True, slots=True)
class SignedInBrowsers:
    """One per process. *is_connected*: whether the account of an object id is. All may raise StorageUnavailable."""

    sessions: PageSessions
    is_connected: Callable[[str], bool]
    pages: FilesPages
    telemetry: Telemetry
    now: Callable[[], datetime]

    def open(self, person: Person, request: BrowserRequest) -> BrowserResponse:
        """*person* has just signed in with the browser of *request*: to the page, with a session; or why there is none.

        What the browser was signed in with before opens nothing any more, wherever it may have been copied to.
        """
        cookie = secrets.token_urlsafe(32)
        self.sessions.insert(key_of(cookie), PageSession(person, self.now() + GOOD_FOR))
        if not self.is_connected(person.object_id):
            self.sessions.delete(key_of(cookie))
            return self.pages.not_connected(person)
        self._end(request)
        self.telemetry.record("page_opened", account=pseudonym(person.object_id))
        return self.pages.redirect(self.pages.address).with_headers(self._cookie.set(cookie))

    def person_of(self, request: BrowserRequest) -> Person | Refusal:
        """Who signed in with the browser that sent *request*."""
        match self._cookie.find(request):
            case BadCookie.NONE:
                return SIGNED_OUT
            case BadCookie.SEVERAL:
                return TWO_COOKIES
            case str(cookie):
                session = self.sessions.find(key_of(cookie))
        if session is None or session.until <= self.now():
            return SIGNED_OUT
        # Looked up each time: a worker may have died between the end of an account and that of its sessions.
        return session.person if self.is_connected(session.person.object_id) else SIGNED_OUT

    def close(self, request: BrowserRequest) -> BrowserResponse:
        """Sign out: what the cookie opened, it opens no more, wherever else it may have been copied to."""
        self._end(request)
        return self.pages.signed_out().with_headers(self._cookie.delete())

    def close_all_of(self, person: Person) -> None:
        """*person* has disconnected."""
        self.sessions.delete_of(person.object_id)

    def clear_over(self) -> int:
        """Delete sessions that are over; how many there were."""
        return self.sessions.clear(self.now())

    def _end(self, request: BrowserRequest) -> None:
        cookie = self._cookie.find(request)
        if isinstance(cookie, str):
            self.sessions.delete(key_of(cookie))

    @property
    def _cookie(self) -> Cookie:
        return page_cookie(self.pages.app_url)
