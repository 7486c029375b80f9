"""Who signed in, by the claims of an id token.

The token came straight from the token endpoint over TLS, which stands in for its signature (OpenID Connect Core
3.1.3.7). Everything else is checked here: MSAL decodes an id token and checks no more than its nonce.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from shared.sign_in.problems import Problem

# The tenant of all personal Microsoft accounts.
PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
# For clocks that differ.
SKEW = timedelta(minutes=5)
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class Person:
    """A person in a tenant.

    *name* is what they sign in with: for reading, and to be found by; *object_id* never
    changes.
    """

    object_id: str
    tenant_id: str
    name: str

    def is_called(self, account: str) -> bool:
        return account.casefold() in {self.name.casefold(), self.object_id.casefold()}


@dataclass(frozen=True, slots=True)
class Expected:
    """What an id token must say. *tenant*: an id, a domain, or one of Microsoft's three words for several."""

    client_id: str
    authority: str  # the identity provider's origin
    tenant: str


def person_of(claims: Mapping[str, Any], expected: Expected, now: datetime) -> Person | Problem:
    """The person that *claims* tell of, or why they are not accepted."""
    audience = claims.get("aud")
    if expected.client_id not in (audience if isinstance(audience, list) else [audience]):
        return Problem.NOT_UNDERSTOOD
    if _origin(claims.get("iss")) != expected.authority:
        return Problem.NOT_UNDERSTOOD
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or now.timestamp() > expires + SKEW.total_seconds():
        return Problem.NOT_UNDERSTOOD
    person = Person(_text(claims, "oid"), _text(claims, "tid").lower(), _text(claims, "preferred_username"))
    if not (person.object_id and person.tenant_id and person.name):
        return Problem.NOT_UNDERSTOOD
    return person if _is_of(expected.tenant.lower(), person.tenant_id) else Problem.WRONG_TENANT


def is_fresh(claims: Mapping[str, Any], began: datetime) -> bool:
    """Whether the person proved themselves after *began*, and not by an older session of the browser.

    A token without an auth_time is believed: prompt=login was asked for, and Entra sends the claim only where the
    registration asks for it.
    """
    when = claims.get("auth_time")
    return when is None or (isinstance(when, int | float) and when >= (began - SKEW).timestamp())


def _is_of(wanted: str, tenant_id: str) -> bool:
    match wanted:
        case "common":
            return True
        case "organizations":
            return tenant_id != PERSONAL_TENANT
        case "consumers":
            return tenant_id == PERSONAL_TENANT
        case _ if "." in wanted:
            return True  # a domain: only its own tenant's people can pass that authority
        case _:
            return tenant_id == wanted


def _origin(issuer: object) -> str:
    parts = urlsplit(issuer if isinstance(issuer, str) else "")
    return f"{parts.scheme}://{parts.netloc}".lower()


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) and len(value) <= _LONGEST and value.isprintable() else ""
