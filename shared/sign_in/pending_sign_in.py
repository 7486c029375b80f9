"""One sign-in under way: bound to the browser that began it, good once, for minutes.

The browser has a cookie of 32 random bytes; the store has a record under the cookie's hash, sealed with a key that is
made of the cookie. So a reply is worth nothing in another browser, and the store's readers cannot make a cookie of
what they see, nor read the PKCE verifier.
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
# The cookie outlives it, so that who comes late can be told so.
COOKIE_FOR = timedelta(hours=1)
USED = b"used"
_COOKIE = re.compile(r"[A-Za-z0-9_-]{43}")
# The key seals one record only, so the nonce need not differ.
_NONCE = bytes(12)


class Purpose(StrEnum):
    CONNECT = "connect"
    DISCONNECT = "disconnect"


@dataclass(frozen=True, slots=True)
class Ceremony:
    """*flow* is MSAL's: state, nonce, PKCE verifier, redirect URI."""

    purpose: Purpose
    began: datetime
    flow: Mapping[str, Any] = field(repr=False)

    def is_over(self, now: datetime) -> bool:
        return now - self.began > GOOD_FOR


def is_cookie(text: str) -> bool:
    return _COOKIE.fullmatch(text) is not None


def record_name(cookie: str) -> str:
    return hashlib.sha256(b"name\0" + cookie.encode()).hexdigest()


def seal(ceremony: Ceremony, cookie: str) -> bytes:
    record = {**asdict(ceremony), "began": ceremony.began.isoformat()}
    return AESGCM(_key(cookie)).encrypt(_NONCE, json.dumps(record).encode(), record_name(cookie).encode())


def unseal(data: bytes, cookie: str) -> Ceremony | None:
    """None for what was not sealed for this cookie."""
    try:
        text = AESGCM(_key(cookie)).decrypt(_NONCE, data, record_name(cookie).encode())
    except (InvalidTag, ValueError):
        return None
    record = json.loads(text)
    return Ceremony(Purpose(record["purpose"]), datetime.fromisoformat(record["began"]), record["flow"])


def _key(cookie: str) -> bytes:
    return hashlib.sha256(b"key\0" + cookie.encode()).digest()
