"""Which browsers are signed in to the page: opens, finds and ends their sessions.

A session opens only for a connected account, and is valid only while the account is connected. The row is written
before the account is looked up. If the person disconnects at that moment, the account is deleted before its sessions:
so either the look-up finds no account, or the deletion of sessions finds the row.
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
    """One per process. Every method may raise StorageUnavailable. *is_connected* takes an account's object id."""

    sessions: PageSessions
    is_connected: Callable[[str], bool]
    pages: FilesPages
    telemetry: Telemetry
    now: Callable[[], datetime]

    def open(self, person: Person, request: BrowserRequest) -> BrowserResponse:
        """The response to *person*, who has just signed in with the browser of *request*: the page, with a session.

        Where the account is not connected, the response says so. The browser's former session ends, also for anyone who
        has a copy of its cookie.
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
        """The person who signed in with the browser that sent *request*."""
        match self._cookie.find(request):
            case BadCookie.NONE:
                return SIGNED_OUT
            case BadCookie.SEVERAL:
                return TWO_COOKIES
            case str(cookie):
                session = self.sessions.find(key_of(cookie))
        if session is None or session.until <= self.now():
            return SIGNED_OUT
        # Looked up each time: a worker may have died after it deleted an account, and before it deleted its sessions.
        return session.person if self.is_connected(session.person.object_id) else SIGNED_OUT

    def close(self, request: BrowserRequest) -> BrowserResponse:
        """Sign out. The session ends, also for anyone who has a copy of the cookie."""
        self._end(request)
        return self.pages.signed_out().with_headers(self._cookie.delete())

    def close_all_of(self, person: Person) -> None:
        """End all sessions of *person*, who has disconnected."""
        self.sessions.delete_of(person.object_id)

    def clear_over(self) -> int:
        """Delete sessions that have ended. Returns how many were deleted."""
        return self.sessions.clear(self.now())

    def _end(self, request: BrowserRequest) -> None:
        cookie = self._cookie.find(request)
        if isinstance(cookie, str):
            self.sessions.delete(key_of(cookie))

    @property
    def _cookie(self) -> Cookie:
        return page_cookie(self.pages.app_url)
