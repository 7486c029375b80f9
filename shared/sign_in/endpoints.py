"""The three endpoints that a browser visits: connect, connected, disconnect.

Checks come in this order: the kind of the request, its cookie, the pending sign-in, the state. None of them changes
anything, so a forged request does no harm to the person who is signing in. Only after them is the pending sign-in used
up, and the identity provider asked.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.errors import StorageUnavailable, TokenUnavailable
from shared.ports import Telemetry
from shared.sign_in import pending_sign_in
from shared.sign_in.account import Account
from shared.sign_in.browser import BadCookie, BrowserRequest, BrowserResponse, Cookie, sign_in_cookie
from shared.sign_in.connecting import connect_account, disconnect_account
from shared.sign_in.id_token import Expected, freshness_problem, person_of
from shared.sign_in.pages import Pages
from shared.sign_in.pending_sign_in import KEPT_FOR, PendingSignIn, Purpose
from shared.sign_in.person import Person
from shared.sign_in.ports import AccountStore, Granted, IdentityProvider, NotGranted, PendingSignIns
from shared.sign_in.problems import Problem, error_code, problem_of
from shared.telemetry.records import pseudonym

# A code from Entra has up to about 2 KB; no other parameter that we read is long.
_LONGEST_PARAMETER = 8192
_READ = ("code", "state", "error", "error_description", "error_subcode", "session_state", "iss", "client_info")


@dataclass(frozen=True, slots=True)
class SignInEndpoints:
    """Responds to browsers. *resume* wakes uploads that waited for a person who has just connected, and counts them.

    *open_files* makes the response to a person who has signed in to see their files. *close_files* ends the page
    sessions of a person who disconnects.
    """

    accounts: AccountStore
    pending: PendingSignIns
    provider: IdentityProvider
    expected: Expected
    pages: Pages
    telemetry: Telemetry
    now: Callable[[], datetime]
    resume: Callable[[Person], int]
    open_files: Callable[[Person, BrowserRequest], BrowserResponse]
    close_files: Callable[[Person], None]

    def respond(self, endpoint: str, request: BrowserRequest) -> BrowserResponse:
        """The response at *endpoint*, the last part of the path: connect, connected or disconnect."""
        if not request.is_visit(self.pages.app_url):
            return self._problem(Problem.CROSS_SITE)
        try:
            match endpoint:
                case "connect":
                    return self.begin(Purpose.CONNECT)
                case "connected":
                    return self._finish(request)
                case _:
                    return self._disconnect_page(request)
        except (StorageUnavailable, TokenUnavailable) as error:
            return self._problem(Problem.UNAVAILABLE, why=str(error))

    def clear_abandoned(self) -> int:
        """Delete pending sign-ins that are too old to be finished, and count them. Raises StorageUnavailable."""
        return self.pending.clear(older_than=KEPT_FOR)

    # -- beginning --

    def _disconnect_page(self, request: BrowserRequest) -> BrowserResponse:
        if request.method == "GET":
            return self.pages.ask_to_disconnect()
        # Only the fresh sign-in protects the account. This check keeps another site from starting one at all.
        if not request.is_from_own_page():
            return self._problem(Problem.CROSS_SITE)
        return self.begin(Purpose.DISCONNECT)

    def begin(self, purpose: Purpose) -> BrowserResponse:
        """Send the browser to the identity provider, to sign in. Raises StorageUnavailable and TokenUnavailable."""
        cookie = secrets.token_urlsafe(32)
        url, flow = self.provider.begin(purpose)
        pending = PendingSignIn(purpose, self.now(), flow)
        self.pending.put(pending_sign_in.slot_of(cookie), pending_sign_in.seal(pending, cookie))
        return self.pages.redirect(url).with_headers(self._cookie.set(cookie))

    # -- the identity provider sent the browser back --

    def _finish(self, request: BrowserRequest) -> BrowserResponse:
        reply = {name: request.parameters[name] for name in _READ if name in request.parameters}
        if any(len(value) > _LONGEST_PARAMETER for value in reply.values()):
            return self._problem(Problem.NOT_UNDERSTOOD)
        match self._cookie.find(request):
            case BadCookie.NONE:
                return self._problem(Problem.NO_SIGN_IN)
            case BadCookie.SEVERAL:
                return self._problem(Problem.TWO_COOKIES)
            case str(cookie):
                return self._finish_pending(cookie, reply, request)

    def _finish_pending(self, cookie: str, reply: Mapping[str, str], request: BrowserRequest) -> BrowserResponse:
        slot = pending_sign_in.slot_of(cookie)
        found = self.pending.get(slot)
        if found is None:
            return self._problem(Problem.NO_SIGN_IN)
        data, version = found
        used = pending_sign_in.used_marker(cookie)
        if data == used:
            return self._over(self._problem(Problem.REUSED))
        pending = pending_sign_in.unseal(data, cookie)
        if pending is None:
            return self._problem(Problem.NO_SIGN_IN)
        # Before the sign-in is used up: a forged link must not end the one that is really under way.
        if not hmac.compare_digest(str(pending.flow.get("state", "")).encode(), _encoded(reply.get("state", ""))):
            return self._problem(Problem.STRANGE_STATE)
        if not self.pending.replace(slot, version, used):
            return self._over(self._problem(Problem.REUSED))
        try:
            return self._over(self._redeem(pending, reply, request))
        except (StorageUnavailable, TokenUnavailable) as error:
            return self._over(self._problem(Problem.UNAVAILABLE, why=str(error)))

    def _redeem(self, pending: PendingSignIn, reply: Mapping[str, str], request: BrowserRequest) -> BrowserResponse:
        if pending.is_over(self.now()):
            return self._problem(Problem.EXPIRED)
        if "error" in reply:
            return self._problem(problem_of(reply), code=error_code(reply))
        if not reply.get("code"):
            return self._problem(Problem.NOT_UNDERSTOOD)
        granted = self.provider.redeem(pending.purpose, pending.flow, reply)
        if isinstance(granted, NotGranted):
            return self._problem(granted.problem, code=granted.code)
        person = person_of(granted.id_token_claims, self.expected, self.now())
        if isinstance(person, Problem):
            return self._problem(person)
        match pending.purpose:
            case Purpose.CONNECT:
                return self._connect(person, granted)
            case Purpose.FILES:
                return self.open_files(person, request)
            case Purpose.DISCONNECT:
                problem = freshness_problem(granted.id_token_claims, pending.began, self.now())
                return self._disconnect(person) if problem is None else self._problem(problem)

    def _connect(self, person: Person, granted: Granted) -> BrowserResponse:
        account = Account(person, granted.home_account_id, self.now(), granted.cache)
        by_name = connect_account(self.accounts, account)
        try:
            resumed = self.resume(person)
        except StorageUnavailable:
            resumed = 0  # they go on when the sweep announces them
        self.telemetry.record("connected", account=pseudonym(person.name), by_name=by_name, resumed=resumed)
        return self.pages.connected(person, by_name=by_name, resumed=resumed)

    def _disconnect(self, person: Person) -> BrowserResponse:
        was_connected = disconnect_account(self.accounts, person)
        self.close_files(person)
        self.telemetry.record("disconnected", account=pseudonym(person.name), was_connected=was_connected)
        return self.pages.disconnected(person, was_connected=was_connected)

    # --

    def _problem(self, problem: Problem, *, code: str = "", why: str = "") -> BrowserResponse:
        """*why* is for the operator, in the words of our own adapters: the person can do nothing about it."""
        self.telemetry.record("sign_in_failed", problem=str(problem), code=code, why=why)
        return self.pages.problem(problem, code)

    def _over(self, response: BrowserResponse) -> BrowserResponse:
        """Delete the cookie of the sign-in, which is used up, unless the response sets another cookie.

        A response can set only one. In that case the old cookie expires by itself; it is of no use any more.
        """
        return response if "Set-Cookie" in response.headers else response.with_headers(self._cookie.delete())

    @property
    def _cookie(self) -> Cookie:
        return sign_in_cookie(self.pages.app_url)


def _encoded(text: str) -> bytes:
    # A parameter of the query may hold half a surrogate pair, which UTF-8 alone cannot encode.
    return text.encode("utf-8", "surrogatepass")
