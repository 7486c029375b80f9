"""What can go wrong while a person signs in: each problem has a page of its own that says what to do."""

import re
from collections.abc import Mapping
from enum import StrEnum


class Problem(StrEnum):
    """Stable codes, for the log; `pages` has the words."""

    DECLINED = "declined"
    WRONG_TENANT = "wrong-tenant"
    ADMIN_CONSENT = "admin-consent"
    EXPIRED = "expired"
    REUSED = "reused"
    NO_SIGN_IN = "no-sign-in"  # a reply without the cookie of a sign-in that is under way
    TWO_COOKIES = "two-cookies"  # two cookies of our name: one of them is not ours
    STRANGE_STATE = "strange-state"  # a reply to another sign-in than the one this browser has under way
    NOT_FRESH = "not-fresh"
    NO_SIGN_IN_TIME = "no-sign-in-time"  # an ID token without auth_time, where the time of the sign-in is needed
    CROSS_SITE = "cross-site"  # another site's request, or one that is no visit to a page
    NO_PERMISSION = "no-permission"
    NOT_UNDERSTOOD = "not-understood"
    REFUSED = "refused"  # by the identity provider, for a reason of its own
    UNAVAILABLE = "unavailable"


_CODE = re.compile(r"AADSTS(\d{4,8})")
# Entra's error numbers, which say more than the few error words of OAuth. Source: "Microsoft Entra authentication and
# authorization error codes". None of them has been seen live.
_DECLINED = {"65004"}
_ADMIN_CONSENT = {"65001", "90094", "90095", "90093", "650056"}
_WRONG_TENANT = {"50020", "50034", "50105", "90072", "500021", "500022", "700016"}
# Entra found that the app sends the same request in a loop: it must stop for a while.
LOOP_DETECTED = "50196"
# The identity provider's own trouble. It may come with invalid_grant, although another sign-in would not help.
_PASSING = {LOOP_DETECTED, "90006", "90012", "90024", "90025", "90033", "90055"}


def error_code(reply: Mapping[str, object]) -> str:
    """Entra's error number, or "". No other part of a reply's text is ever repeated: anyone can write a reply."""
    found = _CODE.search(str(reply.get("error_description", ""))[:4096])
    return found[1] if found else ""


def is_passing(reply: Mapping[str, object]) -> bool:
    """Whether an error reply of the identity provider is about its own trouble, which will pass."""
    return error_code(reply) in _PASSING or reply.get("error") in {"temporarily_unavailable", "server_error"}


def problem_of(reply: Mapping[str, object]) -> Problem:
    """What an error reply of the identity provider means for the person."""
    code, error = error_code(reply), reply.get("error")
    if code in _DECLINED:
        return Problem.DECLINED
    if code in _ADMIN_CONSENT or (error == "consent_required" and not code):
        return Problem.ADMIN_CONSENT
    if code in _WRONG_TENANT:
        return Problem.WRONG_TENANT
    if is_passing(reply):
        return Problem.UNAVAILABLE
    return Problem.DECLINED if error == "access_denied" else Problem.REFUSED
