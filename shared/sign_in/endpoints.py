"""The three addresses: connect, connected, disconnect.

A request is checked in the order in which a check costs nothing to whoever is attacked: cookie, record, state; only
then is the record used up, and only then is anything asked of the identity provider.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http.cookies import CookieError, SimpleCookie

from shared.errors import StorageUnavailable, TokenUnavailable
from shared.ports import Telemetry
from shared.sign_in import pending_sign_in as sealed
from shared.sign_in.account import Account
from shared.sign_in.pages import Addresses, Answer
from shared.sign_in.pending_sign_in import COOKIE_FOR, Ceremony, Purpose
from shared.sign_in.person import Expected, Person, is_fresh, person_of
from shared.sign_in.ports import AccountStore, Asked, Failed, Granted, IdentityProvider
from shared.sign_in.problems import Problem, error_code, problem_of
from shared.telemetry.records import pseudonym

# A code of Entra's has up to about 2 KB; nothing else that we read is long.
_LONGEST_PARAMETER = 8192
_READ = ("code", "state", "error", "error_description", "error_subcode", "session_state", "iss", "client_info")


@dataclass(frozen=True, slots=True)
class Desk:
    """Answers browsers. *resume*: what to do for a person who has just connected; how many uploads went on."""

    store: AccountStore
    provider: IdentityProvider
    expected: Expected
    addresses: Addresses
    telemetry: Telemetry
    now: Callable[[], datetime]
    resume: Callable[[Person], int]

    def answer(self, address: str, asked: Asked) -> Answer:
        """What is at this *address*, the last part of the path."""
        match address:
            case "connect":
                return self.connect(asked)
            case "connected":
                return self.connected(asked)
            case _:
                return self.disconnect(asked)

    def connect(self, _asked: Asked) -> Answer:
        return self._begin(Purpose.CONNECT)

    def disconnect(self, asked: Asked) -> Answer:
        if asked.method == "GET":
            return self.addresses.ask_to_disconnect()
        # Absent: a browser too old to say, or none at all. The fresh sign-in is what protects; this spares a fright.
        if asked.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return self._problem(Problem.CROSS_SITE)
        return self._begin(Purpose.DISCONNECT)

    def connected(self, asked: Asked) -> Answer:
        """The identity provider sent the browser back."""
        try:
            return self._finish(asked)
        except (StorageUnavailable, TokenUnavailable) as error:
            return self._problem(Problem.UNAVAILABLE, why=str(error))

    # --

    def _begin(self, purpose: Purpose) -> Answer:
        cookie = secrets.token_urlsafe(32)
        try:
            url, flow = self.provider.begin(purpose)
            ceremony = Ceremony(purpose, self.now(), flow)
            self.store.put_ceremony(sealed.record_name(cookie), sealed.seal(ceremony, cookie))
        except (StorageUnavailable, TokenUnavailable) as error:
            return self._problem(Problem.UNAVAILABLE, why=str(error))
        return self.addresses.redirect(url, self._set_cookie(cookie))

    def _finish(self, asked: Asked) -> Answer:
        reply = {name: asked.parameters[name] for name in _READ if name in asked.parameters}
        if any(len(value) > _LONGEST_PARAMETER for value in reply.values()):
            return self._problem(Problem.NOT_UNDERSTOOD)
        cookie = self._cookie(asked)
        found = self.store.ceremony(sealed.record_name(cookie)) if cookie else None
        if found is None:
            return self._problem(Problem.OTHER_BROWSER)
        data, version = found
        if data == sealed.USED:
            return self._problem(Problem.REUSED)
        ceremony = sealed.unseal(data, cookie)
        if ceremony is None:
            return self._problem(Problem.NOT_UNDERSTOOD)
        # Before anything is used up: a forged link must not end the sign-in that is really under way.
        if not hmac.compare_digest(str(ceremony.flow.get("state", "")).encode(), reply.get("state", "").encode()):
            return self._problem(Problem.STRANGE_STATE)
        if not self.store.use_up(sealed.record_name(cookie), version):
            return self._problem(Problem.REUSED)
        if ceremony.is_over(self.now()):
            return self._problem(Problem.EXPIRED)
        if "error" in reply:
            return self._problem(problem_of(reply), code=error_code(reply))
        if not reply.get("code"):
            return self._problem(Problem.NOT_UNDERSTOOD)
        return self._redeem(ceremony, reply)

    def _redeem(self, ceremony: Ceremony, reply: Mapping[str, str]) -> Answer:
        granted = self.provider.finish(ceremony.purpose, ceremony.flow, reply)
        if isinstance(granted, Failed):
            return self._problem(granted.problem, code=granted.code)
        person = person_of(granted.claims, self.expected, self.now())
        if isinstance(person, Problem):
            return self._problem(person)
        match ceremony.purpose:
            case Purpose.CONNECT:
                return self._connect(person, granted)
            case Purpose.DISCONNECT if not is_fresh(granted.claims, ceremony.began):
                return self._problem(Problem.NOT_FRESH)
            case Purpose.DISCONNECT:
                return self._disconnect(person)

    def _connect(self, person: Person, granted: Granted) -> Answer:
        by_name = self.store.connect(Account(person, granted.home, self.now(), granted.cache))
        try:
            resumed = self.resume(person)
        except StorageUnavailable:
            resumed = 0  # they go on at their next try
        self.telemetry.record("connected", account=pseudonym(person.name), by_name=by_name, resumed=resumed)
        return self.addresses.connected(person, by_name=by_name, resumed=resumed)

    def _disconnect(self, person: Person) -> Answer:
        names = {person.name}
        with self.store.hold(person.object_id) as held:
            if held is not None:
                # A record that cannot be read any more can still be deleted.
                with suppress(StorageUnavailable):
                    kept = held.read()
                    names |= {kept.account.person.name} if kept is not None else set()
                held.delete()
        for name in names:
            self.store.forget_name(name, person.object_id)
        self.telemetry.record("disconnected", account=pseudonym(person.name), was_connected=held is not None)
        return self.addresses.disconnected(person, was_connected=held is not None)

    def _problem(self, problem: Problem, *, code: str = "", why: str = "") -> Answer:
        """*why*: for the operator, in our own adapters' words; the person can do nothing about it."""
        self.telemetry.record("sign_in_failed", problem=str(problem), code=code, why=why)
        return self.addresses.problem(problem, code)

    # -- the cookie --

    @property
    def _is_secure(self) -> bool:
        return self.addresses.root.startswith("https://")

    @property
    def _cookie_name(self) -> str:
        # With this prefix a browser takes it from nobody but this very host. Plain http is for loopback only.
        return "__Host-todo-attach" if self._is_secure else "todo-attach"

    def _set_cookie(self, cookie: str) -> str:
        seconds = int(COOKIE_FOR.total_seconds())
        secure = "; Secure" if self._is_secure else ""
        return f"{self._cookie_name}={cookie}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"

    def _cookie(self, asked: Asked) -> str:
        try:
            morsel = SimpleCookie(asked.headers.get("cookie", "")).get(self._cookie_name)
        except CookieError:
            return ""
        return morsel.value if morsel is not None and sealed.is_cookie(morsel.value) else ""
