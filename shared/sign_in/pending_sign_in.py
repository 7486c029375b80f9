"""A sign-in that is under way: bound to the browser that began it, valid once, and for ten minutes.

The browser holds a cookie of 32 random bytes. The store holds the pending sign-in, sealed with a key that is derived
from the cookie. So a reply of the identity provider is of no use in another browser, and a reader of the store can
neither derive the cookie nor read the PKCE verifier.

Anyone on the internet can begin a sign-in, so the store has a fixed number of slots, and the cookie selects one:
however many sign-ins are begun, they take no more space than the slots. A flood of them can overwrite one that a person
is about to finish; that person is asked to start again.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

GOOD_FOR = timedelta(minutes=10)
# The cookie and the slot outlive the sign-in, so that a person who comes too late is told so, and not something else.
KEPT_FOR = timedelta(hours=1)
# About 2 KB each: at most 32 MB of them.
SLOTS = 16_384
# The characters of our cookies. None of them needs quotes: the Functions host drops a cookie that needs some.
_COOKIE = re.compile(r"[A-Za-z0-9_-]{43}")
# A key seals one pending sign-in only, so the nonce need not differ.
_NONCE = bytes(12)


class Purpose(StrEnum):
    CONNECT = "connect"
    DISCONNECT = "disconnect"
    FILES = "files"  # to see one's own files: only who the person is


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """*flow* is what MSAL needs to finish: state, nonce, PKCE verifier, redirect URI."""

    purpose: Purpose
    began: datetime
    flow: Mapping[str, Any] = field(repr=False)

    def is_over(self, now: datetime) -> bool:
        return now - self.began > GOOD_FOR


def is_cookie(text: str) -> bool:
    return _COOKIE.fullmatch(text) is not None


def slot_of(cookie: str) -> str:
    """The slot of the store for the cookie's pending sign-in."""
    return f"{int.from_bytes(_digest('slot', cookie)[:8]) % SLOTS:05d}"


def used_marker(cookie: str) -> bytes:
    """The content of the slot after this cookie's sign-in was used up."""
    return _digest("used", cookie)


def seal(pending: PendingSignIn, cookie: str) -> bytes:
    plain = json.dumps({**asdict(pending), "began": pending.began.isoformat()}).encode()
    return AESGCM(_digest("key", cookie)).encrypt(_NONCE, plain, _digest("name", cookie))


def unseal(data: bytes, cookie: str) -> PendingSignIn | None:
    """The pending sign-in; None where *data* was not sealed for this cookie: another sign-in has taken the slot."""
    try:
        plain = AESGCM(_digest("key", cookie)).decrypt(_NONCE, data, _digest("name", cookie))
    except (InvalidTag, ValueError):
        return None
    fields = json.loads(plain)
    return PendingSignIn(Purpose(fields["purpose"]), datetime.fromisoformat(fields["began"]), fields["flow"])


def _digest(use: str, cookie: str) -> bytes:
    return hashlib.sha256(f"{use}\0{cookie}".encode()).digest()
