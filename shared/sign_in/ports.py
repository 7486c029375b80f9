"""The browser, the identity provider, and where accounts are kept: what the desk needs of them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from shared.sign_in.account import Account
from shared.sign_in.pending_sign_in import Purpose
from shared.sign_in.problems import Problem


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser sent. Header names in lower case."""

    method: str
    parameters: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """What a sign-in yielded. *cache* holds no access token and no id token."""

    claims: Mapping[str, Any] = field(repr=False)
    home: str
    cache: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """Why it yielded nothing. *code*: the identity provider's own number for it, if any."""

    problem: Problem
    code: str = ""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A new access token, for memory only, and the cache as it must be written now."""

    token: str = field(repr=False)
    lifetime: timedelta
    cache: str = field(repr=False)


class IdentityProvider(Protocol):
    """Entra, or what stands in for it."""

    def begin(self, purpose: Purpose) -> tuple[str, Mapping[str, Any]]:
        """Where to send the browser, and what to keep for `finish`. Raises TokenUnavailable."""

    def finish(self, purpose: Purpose, flow: Mapping[str, Any], reply: Mapping[str, str]) -> Granted | Failed:
        """Redeem the code in *reply*, after comparing its state. Raises TokenUnavailable."""

    def refresh(self, account: Account, claims: str) -> Refreshed:
        """Redeem the account's refresh token; *claims*: what a challenge asks for, or empty.

        Raises SignInNeeded where only the person can help, TokenUnavailable where time or the operator can.
        """


@dataclass(frozen=True, slots=True)
class Kept:
    """An account as it lies in the store; *version* names this very state."""

    account: Account
    version: str


class Hold(Protocol):
    """The right to change one account's record, for less than a minute. Every method may raise StorageUnavailable."""

    def read(self) -> Kept | None:
        """What lies there now."""

    def write(self, account: Account) -> str:
        """Write it; the new version. Raises Conflict where somebody else has written meanwhile."""

    def delete(self) -> None:
        """Forget the account."""


class AccountStore(Protocol):
    """Accounts, and sign-ins under way. Every method may raise StorageUnavailable."""

    def find(self, name: str) -> str | None:
        """The object id of the account that has this sign-in name, as far as the store's index knows."""

    def version(self, object_id: str) -> str | None:
        """The version of the account's record; None where there is none. Cheap: nothing is decrypted."""

    def read(self, object_id: str) -> Kept | None:
        """The account's record."""

    def hold(self, object_id: str) -> AbstractContextManager[Hold | None]:
        """Wait for the right to change the record; None where there is no record."""

    def connect(self, account: Account) -> bool:
        """Write the account, whatever was there; whether it is found by its name, or only by its object id."""

    def forget_name(self, name: str, object_id: str) -> None:
        """The account is not to be found by *name* any more."""

    def put_ceremony(self, name: str, data: bytes) -> None:
        """Keep the record of a sign-in under way."""

    def ceremony(self, name: str) -> tuple[bytes, str] | None:
        """Such a record and its version."""

    def use_up(self, name: str, version: str) -> bool:
        """Mark the record as used, once: False where somebody else has."""
