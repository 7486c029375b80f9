"""Checks the claims of an ID token.

The token came straight from the token endpoint over TLS, which OpenID Connect Core (3.1.3.7) accepts in place of a
check of its signature. MSAL decodes it and compares its nonce; since version 1.38 it checks nothing else. The other
checks are here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.core.account_name import as_object_id
from shared.sign_in.person import PERSONAL_TENANT, Person
from shared.sign_in.problems import Problem

# How much two clocks may differ before a token counts as not yet valid, or expired.
SKEW = timedelta(minutes=5)
# The same for the time of a sign-in. It must be short: a sign-in that much earlier than the press of "Disconnect" still
# counts as a later one.
FRESHNESS_SKEW = timedelta(seconds=10)
_LONGEST_NAME = 256
# Seconds since 1970, up to the year 9999. The bound also excludes Infinity and NaN.
_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token must say. *tenant*: an id, or one of Microsoft's words: organizations, consumers, common."""

    client_id: str
    authority: str  # the identity provider's origin
    tenant: str


def person_of(claims: Mapping[str, Any], expected: Expected, now: datetime) -> Person | Problem:
    """The person whom the ID token's *claims* name, or why they are not accepted."""
    if not (_is_for(claims, expected.client_id) and _is_valid_at(claims, now)):
        return Problem.NOT_UNDERSTOOD
    object_id, tenant_id, name = _guid(claims, "oid"), _guid(claims, "tid"), _name(claims)
    if object_id is None or tenant_id is None or name is None:
        return Problem.NOT_UNDERSTOOD
    if not _is_accepted(expected.tenant.lower(), tenant_id):
        return Problem.WRONG_TENANT
    # An issuer is one tenant's, even where several tenants may sign in: it must be that of the token's own tenant.
    if claims.get("iss") != f"{expected.authority}/{tenant_id}/v2.0":
        return Problem.NOT_UNDERSTOOD
    return Person(object_id, tenant_id, name)


def freshness_problem(claims: Mapping[str, Any], began: datetime, now: datetime) -> Problem | None:
    """None where the person entered their credentials after *began*, and was not signed in by an older session.

    The app asks for prompt=login and max_age=0, but that proves nothing: a person at the browser can remove both from
    the address. Only the time in the token is proof, so a token without it is refused.
    """
    if claims.get("auth_time") is None:
        return Problem.NO_SIGN_IN_TIME
    signed_in_at = _time(claims, "auth_time")
    if signed_in_at is None:
        return Problem.NOT_UNDERSTOOD
    earliest, latest = began - FRESHNESS_SKEW, now + FRESHNESS_SKEW
    # The claim is cut to whole seconds.
    is_fresh = math.floor(earliest.timestamp()) <= signed_in_at <= latest.timestamp()
    return None if is_fresh else Problem.NOT_FRESH


def _is_for(claims: Mapping[str, Any], client_id: str) -> bool:
    """Whether the token was issued to this app: to be one of several audiences is not enough."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences:
        return False
    authorized_party = claims.get("azp")
    return authorized_party == client_id or (authorized_party is None and len(audiences) == 1)


def _is_valid_at(claims: Mapping[str, Any], now: datetime) -> bool:
    expires, issued = _time(claims, "exp"), _time(claims, "iat")
    begins = _time(claims, "nbf") if "nbf" in claims else issued
    if expires is None or issued is None or begins is None:
        return False
    earliest, latest = (now - SKEW).timestamp(), (now + SKEW).timestamp()
    return max(issued, begins) <= latest and earliest <= expires


def _is_accepted(wanted: str, tenant_id: str) -> bool:
    match wanted:
        case "common":
            return True
        case "organizations":
            return tenant_id != PERSONAL_TENANT
        case "consumers":
            return tenant_id == PERSONAL_TENANT
        case _:
            return tenant_id == wanted


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519). Python's JSON accepts NaN, Infinity and numbers of any length, and True is an int."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 < value <= _LAST_SECOND else None


def _guid(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return as_object_id(value) if isinstance(value, str) else None


def _name(claims: Mapping[str, Any]) -> str | None:
    value = claims.get("preferred_username")
    is_name = isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value.isprintable()
    return value if is_name else None
