"""Tokens of connected accounts: in memory while they live, refreshed before they end, one refresh at a time.

With one-time refresh tokens, two refreshes with the same one end the grant for good. So a refresh happens under the
lease of the account's blob, with what lies there once the lease is held; whoever waited for the lease reads again.

A death between the reply and the write loses the new refresh token. Where they can be used again (Entra's, for a web
application) the next refresh goes through with the old one; where they cannot, the person is asked to sign in.
"""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from shared.errors import Conflict, SignInNeeded, StorageUnavailable, TokenUnavailable
from shared.sign_in.account import Account
from shared.sign_in.ports import AccountStore, Hold, IdentityProvider, Kept

# Seconds. How long a disconnected account may still be used by a worker that has its token.
RECHECK_SECONDS = 60.0
# A token with less than this left is not used: it may end on the way.
_MARGIN_SECONDS = 120.0
# A refusal is not asked for again sooner, unless the account was connected anew.
_REFUSED_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class _Live:
    """A token in memory. Times are seconds of the monotonic clock."""

    token: str = field(repr=False)
    claims: str
    name: str
    refresh_at: float
    good_until: float
    checked_at: float


@dataclass(frozen=True, slots=True)
class _Refusal:
    version: str
    until: float
    detail: str


@dataclass(slots=True)
class _Desk:
    """What one process knows of one account; touched under its lock only."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    live: _Live | None = None
    refusal: _Refusal | None = None
    # Refreshed, but storage would not take it: its version before, and what it should hold.
    unwritten: tuple[str, Account] | None = None


class ConnectedAccounts:
    """`ports.Accounts` over the accounts that people have connected. One per process; safe to share."""

    def __init__(
        self, store: AccountStore, provider: IdentityProvider, connect_url: str, monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._provider = provider
        self._connect_url = connect_url
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._desks: dict[str, _Desk] = {}
        self._names: dict[str, tuple[str, float]] = {}

    def identity(self, account: str) -> str:
        with _storage_as_delay():
            return self._object_id(account)

    def token(self, account: str) -> str:
        with _storage_as_delay():
            object_id = self._object_id(account)
            desk = self._desk(object_id)
            with desk.lock:
                live = self._still_connected(desk, account, object_id)
                if live is not None and self._monotonic() < live.refresh_at:
                    return live.token
                try:
                    return self._refresh(desk, account, object_id, "")
                except TokenUnavailable:
                    # Refreshed early, so that an hour's outage of the identity provider is not felt.
                    if live is not None and self._monotonic() < live.good_until:
                        return live.token
                    raise

    def refreshed(self, account: str, rejected: str, claims: str) -> str:
        with _storage_as_delay():
            object_id = self._object_id(account)
            desk = self._desk(object_id)
            with desk.lock:
                live = desk.live
                if live is not None and live.token != rejected and (not claims or live.claims == claims):
                    return live.token  # another thread has had it refreshed
                return self._refresh(desk, account, object_id, claims)

    # --

    def _object_id(self, account: str) -> str:
        if _is_object_id(account):
            return account.lower()
        now = self._monotonic()
        found, checked_at = self._names.get(account.casefold(), ("", 0.0))
        if not found or now - checked_at > RECHECK_SECONDS:
            found = self._store.find(account) or ""
            if not found:
                raise self._not_connected(account)
            self._names[account.casefold()] = (found, now)
        return found

    def _desk(self, object_id: str) -> _Desk:
        with self._lock:
            return self._desks.setdefault(object_id, _Desk())

    def _still_connected(self, desk: _Desk, account: str, object_id: str) -> _Live | None:
        """The token in memory, unless the account was disconnected: looked up every minute."""
        live = desk.live
        if live is None:
            return None
        if not _may_use(account, live.name, object_id):
            raise self._not_connected(account)
        now = self._monotonic()
        if now - live.checked_at > RECHECK_SECONDS:
            if self._store.version(object_id) is None:
                desk.live = None
                raise self._not_connected(account)
            desk.live = live = replace(live, checked_at=now)
        return live

    def _refresh(self, desk: _Desk, account: str, object_id: str, claims: str) -> str:
        self._heed_refusal(desk, account, object_id)
        with self._store.hold(object_id) as held:
            kept = held.read() if held is not None else None
            if held is None or kept is None:
                desk.live = None
                raise self._not_connected(account)
            if not _may_use(account, kept.account.person.name, object_id):
                # The index is only an index: the record itself must have the name that was asked for.
                raise self._not_connected(account)
            kept = _caught_up(desk, held, kept)
            return self._redeem(desk, held, kept, account, claims)

    def _redeem(self, desk: _Desk, held: Hold, kept: Kept, account: str, claims: str) -> str:
        try:
            refreshed = self._provider.refresh(kept.account, claims)
        except SignInNeeded as error:
            detail = f"{error.detail}; sign in at {self._connect_url}"
            desk.live = None
            desk.refusal = _Refusal(kept.version, self._monotonic() + _REFUSED_SECONDS, detail)
            raise SignInNeeded(account, detail) from None
        now = self._monotonic()
        lifetime = refreshed.lifetime.total_seconds()
        # In memory first: the token is good whatever storage says, and the refresh token in it may be the only one.
        desk.refusal = None
        desk.live = _Live(
            refreshed.token,
            claims,
            kept.account.person.name,
            refresh_at=now + max(lifetime / 2, lifetime - 900.0),
            good_until=now + lifetime - _MARGIN_SECONDS,
            checked_at=now,
        )
        if refreshed.cache != kept.account.cache:
            after = replace(kept.account, cache=refreshed.cache)
            try:
                held.write(after)
            except StorageUnavailable:
                desk.unwritten = (kept.version, after)
            except Conflict:
                pass  # connected anew meanwhile: what the person just granted stays
        return refreshed.token

    def _heed_refusal(self, desk: _Desk, account: str, object_id: str) -> None:
        """Do not ask again what was just refused. A new sign-in makes another version of the record."""
        refusal = desk.refusal
        if refusal is not None and self._monotonic() < refusal.until:
            version = self._store.version(object_id)
            if version is None:
                raise self._not_connected(account)
            if version == refusal.version:
                raise SignInNeeded(account, refusal.detail)

    def _not_connected(self, account: str) -> SignInNeeded:
        return SignInNeeded(account, f"this account is not connected; its owner signs in at {self._connect_url}")


def _caught_up(desk: _Desk, held: Hold, kept: Kept) -> Kept:
    """With what an earlier refresh could not write, if nobody has written since."""
    if desk.unwritten is None:
        return kept
    version, account = desk.unwritten
    if version != kept.version:
        desk.unwritten = None
        return kept
    written = held.write(account)
    desk.unwritten = None
    return Kept(account, written)


def _may_use(account: str, name: str, object_id: str) -> bool:
    return account.casefold() in {name.casefold(), object_id.casefold()}


def _is_object_id(account: str) -> bool:
    try:
        return str(uuid.UUID(account)) == account.lower()
    except ValueError:
        return False


class _storage_as_delay:  # noqa: N801 - reads as a statement
    """Storage that does not answer here is a delay of the upload, as an identity provider that does not."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, StorageUnavailable | Conflict):
            raise TokenUnavailable(f"the account's record is out of reach: {error}") from error
