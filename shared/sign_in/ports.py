"""The identity provider, and where accounts and pending sign-ins are stored, as Protocols."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from shared.sign_in.account import Account
from shared.sign_in.pending_sign_in import Purpose
from shared.sign_in.problems import Problem


@dataclass(frozen=True, slots=True)
class Granted:
    """What a sign-in yielded. *cache* holds no access token and no ID token."""

    id_token_claims: Mapping[str, Any] = field(repr=False)
    home_account_id: str
    cache: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NotGranted:
    """Why a sign-in yielded nothing. *code*: the identity provider's own error number, or ""."""

    problem: Problem
    code: str = ""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A new access token, for memory only, and the cache as it must be written now."""

    token: str = field(repr=False)
    lifetime: timedelta
    cache: str = field(repr=False)


class IdentityProvider(Protocol):
    """Entra, or another OpenID provider. Every method may raise TokenUnavailable."""

    def begin(self, purpose: Purpose) -> tuple[str, Mapping[str, Any]]:
        """The URL to send the browser to, and the flow to keep for `redeem`."""

    def redeem(self, purpose: Purpose, flow: Mapping[str, Any], reply: Mapping[str, str]) -> Granted | NotGranted:
        """Redeem the code in *reply*, after comparing its state."""

    def refresh(self, account: Account, claims_challenge: str) -> Refreshed:
        """Redeem the account's refresh token; *claims_challenge*: what Graph asks for in the new token, or "".

        Raises SignInNeeded where only the person can help, TokenUnavailable where time or the operator can.
        """


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """An account as it was read. *version* names one state of it."""

    account: Account
    version: str


class AccountLease(Protocol):
    """The right to change one stored account, for less than a minute. Every method may raise StorageUnavailable."""

    def read(self) -> StoredAccount | None:
        """What is stored now."""

    def write(self, account: Account) -> str:
        """Write the account. Returns its new version. Raises Conflict where another worker has written meanwhile."""

    def delete(self) -> None:
        """Delete the account. Afterwards no older state of it that storage keeps can be read."""


class AccountStore(Protocol):
    """Connected accounts by object id, and an index of their sign-in names. All methods may raise StorageUnavailable.

    The index may be out of date: the caller checks that the account that it leads to has the name. Names have the form
    of `account_name.as_sign_in_name`.
    """

    def version(self, object_id: str) -> str | None:
        """The version of the account; None where there is none. It is cheap, since nothing is decrypted."""

    def read(self, object_id: str) -> StoredAccount | None:
        """The account."""

    def insert(self, account: Account) -> str:
        """Write an account that is not stored yet. Returns its version. Raises Conflict where it is stored."""

    def lease(self, object_id: str) -> AbstractContextManager[AccountLease | None]:
        """Wait for the right to change the account; None where there is none."""

    def object_id_of(self, name: str) -> str | None:
        """The object id that *name* leads to."""

    def take_name(self, name: str, object_id: str) -> bool:
        """Let *name* lead to *object_id*. False where it leads to an account already."""

    def free_name(self, name: str, object_id: str) -> None:
        """Let *name* lead to no account, if it leads to *object_id*."""


class PendingSignIns(Protocol):
    """The slots of pending sign-ins. Every method may raise StorageUnavailable."""

    def put(self, slot: str, data: bytes) -> None:
        """Write the slot, whatever was in it."""

    def get(self, slot: str) -> tuple[bytes, str] | None:
        """What is in the slot, and its version."""

    def replace(self, slot: str, version: str, data: bytes) -> bool:
        """Write the slot, only while it has this version. False where it has another."""

    def clear(self, older_than: timedelta) -> int:
        """Empty slots that were written longer ago, a bounded number at a time. Returns how many were emptied."""
