"""Access tokens of connected accounts: kept in memory while they are valid, refreshed before they end.

An identity provider may issue refresh tokens that are valid once; two refreshes with the same one then end the grant
for good. So there is one refresh of an account at a time: a worker takes the lease of the stored account first, and
reads the account only then.

A worker that dies between the provider's reply and the write loses the new refresh token. Where the old one can be used
again (Entra's can, for a web application) the next refresh succeeds; where it cannot, the person is asked to sign in.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from shared.core.account_name import as_object_id, as_sign_in_name
from shared.errors import Conflict, SignInNeeded, StorageUnavailable, TokenUnavailable
from shared.sign_in.account import Account
from shared.sign_in.person import Person
from shared.sign_in.ports import AccountLease, AccountStore, IdentityProvider, StoredAccount

# How long a worker that has the token of a disconnected account may go on using it.
RECHECK_SECONDS = 60.0
# A token that ends sooner than this is not used: it could end before Graph sees it.
_MARGIN_SECONDS = 120.0
# How long the provider is not asked again after a refusal, unless the account was connected anew.
_REFUSED_SECONDS = 240.0
# How many accounts one process remembers. A file can name any account, so memory must not grow with the names.
_MOST_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class _LiveToken:
    """An access token in memory. Times are seconds of the monotonic clock."""

    token: str = field(repr=False)
    claims_challenge: str
    person: Person
    refresh_at: float
    good_until: float
    checked_at: float


@dataclass(frozen=True, slots=True)
class _Refusal:
    """The provider refused, for this *version* of the stored account. *error* makes the exception to raise again."""

    version: str
    until: float
    error: Callable[[], SignInNeeded | TokenUnavailable]


@dataclass(slots=True)
class _Remembered:
    """What one process remembers of one account; read and changed under its lock only."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    live: _LiveToken | None = None
    refusal: _Refusal | None = None
    # A refresh whose result could not be stored: the version that is stored, and the account that should be.
    unwritten: tuple[str, Account] | None = None

    @property
    def may_be_forgotten(self) -> bool:
        # An unwritten refresh token may be the only one that works.
        return self.unwritten is None and not self.lock.locked()


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
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._object_ids: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def identity(self, account: str) -> str:
        with _storage_failures_delay():
            return self._object_id(account)

    def token(self, account: str) -> str:
        with _storage_failures_delay():
            object_id = self._object_id(account)
            remembered = self._remember(object_id)
            with remembered.lock:
                live = self._still_connected(remembered, account, object_id)
                if live is not None and self._monotonic() < live.refresh_at:
                    return live.token
                try:
                    return self._refresh(remembered, account, object_id, "")
                except TokenUnavailable:
                    # Refreshed early, so that an hour's outage of the identity provider is not felt.
                    if live is not None and self._monotonic() < live.good_until:
                        return live.token
                    raise

    def refreshed(self, account: str, rejected: str, claims_challenge: str) -> str:
        with _storage_failures_delay():
            object_id = self._object_id(account)
            remembered = self._remember(object_id)
            with remembered.lock:
                live = self._still_connected(remembered, account, object_id)
                if live is not None and live.token != rejected and claims_challenge in {"", live.claims_challenge}:
                    return live.token  # another thread has had it refreshed
                return self._refresh(remembered, account, object_id, claims_challenge)

    # -- what is remembered --

    def _object_id(self, account: str) -> str:
        object_id = as_object_id(account)
        if object_id is not None:
            return object_id
        name = as_sign_in_name(account)
        if name is None:
            raise self._not_connected(account, "only its object id can name an account whose name is not ASCII; ")
        now = self._monotonic()
        with self._lock:
            found, checked_at = self._object_ids.get(name, ("", 0.0))
        if not found or now - checked_at > RECHECK_SECONDS:
            found = self._store.object_id_of(name) or ""
            if not found:
                raise self._not_connected(account)
            with self._lock:
                self._object_ids[name] = (found, now)
                self._object_ids.move_to_end(name)
                while len(self._object_ids) > _MOST_REMEMBERED:
                    self._object_ids.popitem(last=False)
        return found

    def _remember(self, object_id: str) -> _Remembered:
        with self._lock:
            remembered = self._remembered.setdefault(object_id, _Remembered())
            self._remembered.move_to_end(object_id)
            surplus = len(self._remembered) - _MOST_REMEMBERED
            if surplus > 0:
                # An account that is forgotten while a thread uses it may be remembered twice. Its refreshes still
                # happen one after the other, because of the lease.
                others = [each for each, state in self._remembered.items() if state.may_be_forgotten][:surplus]
                for other in others:
                    if other != object_id:
                        del self._remembered[other]
            return remembered

    def _still_connected(self, remembered: _Remembered, account: str, object_id: str) -> _LiveToken | None:
        """The token in memory. Once a minute it is checked that the account is still connected."""
        live = remembered.live
        if live is None:
            return None
        if not live.person.is_called(account):
            raise self._not_connected(account)
        now = self._monotonic()
        if now - live.checked_at > RECHECK_SECONDS:
            if self._store.version(object_id) is None:
                remembered.live = None
                raise self._not_connected(account)
            remembered.live = live = replace(live, checked_at=now)
        return live

    # -- refreshing --

    def _refresh(self, remembered: _Remembered, account: str, object_id: str, claims_challenge: str) -> str:
        self._heed_refusal(remembered, account, object_id)
        with self._store.lease(object_id) as lease:
            stored = lease.read() if lease is not None else None
            if lease is None or stored is None:
                remembered.live = None
                raise self._not_connected(account)
            if not stored.account.person.is_called(account):
                # The index of names may be out of date: the account itself must have the name that was asked for.
                raise self._not_connected(account)
            stored = _with_unwritten(remembered, lease, stored)
            return self._redeem(remembered, lease, stored, account, claims_challenge)

    def _redeem(
        self, remembered: _Remembered, lease: AccountLease, stored: StoredAccount, account: str, claims_challenge: str
    ) -> str:
        try:
            refreshed = self._provider.refresh(stored.account, claims_challenge)
        except SignInNeeded as error:
            detail = f"{error.detail}; sign in at {self._connect_url}"
            remembered.live = None
            self._remember_refusal(remembered, stored, _REFUSED_SECONDS, lambda: SignInNeeded(account, detail))
            raise SignInNeeded(account, detail) from None
        except TokenUnavailable as error:
            if error.ask_again_after is not None:
                # To ask again for the next file would prolong the pause that the provider asks for.
                detail, seconds = error.detail, error.ask_again_after.total_seconds()
                self._remember_refusal(remembered, stored, seconds, lambda: TokenUnavailable(detail))
            raise
        now = self._monotonic()
        lifetime = refreshed.lifetime.total_seconds()
        # In memory first: the access token is valid even where the new refresh token cannot be stored.
        remembered.refusal = None
        remembered.live = _LiveToken(
            refreshed.token,
            claims_challenge,
            stored.account.person,
            refresh_at=now + max(lifetime / 2, lifetime - 900.0),
            good_until=now + lifetime - _MARGIN_SECONDS,
            checked_at=now,
        )
        if refreshed.cache != stored.account.cache:
            after = replace(stored.account, cache=refreshed.cache)
            try:
                lease.write(after)
            except StorageUnavailable:
                remembered.unwritten = (stored.version, after)
            except Conflict:
                pass  # the person has connected anew meanwhile: that grant stays
        return refreshed.token

    def _remember_refusal(
        self,
        remembered: _Remembered,
        stored: StoredAccount,
        seconds: float,
        error: Callable[[], SignInNeeded | TokenUnavailable],
    ) -> None:
        remembered.refusal = _Refusal(stored.version, self._monotonic() + seconds, error)

    def _heed_refusal(self, remembered: _Remembered, account: str, object_id: str) -> None:
        """Raise the last refusal again while it holds. A new sign-in, which makes another version, ends it early."""
        refusal = remembered.refusal
        if refusal is not None and self._monotonic() < refusal.until:
            version = self._store.version(object_id)
            if version is None:
                raise self._not_connected(account)
            if version == refusal.version:
                raise refusal.error()

    def _not_connected(self, account: str, hint: str = "") -> SignInNeeded:
        detail = (
            f"this account is not connected; {hint}its owner signs in at {self._connect_url}; "
            "if user is misspelt, write the file again under another name"
        )
        return SignInNeeded(account, detail)


def _with_unwritten(remembered: _Remembered, lease: AccountLease, stored: StoredAccount) -> StoredAccount:
    """*stored*, after writing what an earlier refresh could not, unless another worker has written since."""
    if remembered.unwritten is None:
        return stored
    version, account = remembered.unwritten
    if version != stored.version:
        remembered.unwritten = None
        return stored
    written = lease.write(account)
    remembered.unwritten = None
    return StoredAccount(account, written)


@contextmanager
def _storage_failures_delay() -> Iterator[None]:
    """Turn failures of storage into TokenUnavailable: they delay the upload, as those of the identity provider do."""
    try:
        yield
    except (StorageUnavailable, Conflict) as error:
        raise TokenUnavailable(f"the stored account is out of reach: {error}") from error
