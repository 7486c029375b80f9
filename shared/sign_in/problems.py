"""What can go wrong in front of a person: each has a page of its own that says what to do."""

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
    OTHER_BROWSER = "other-browser"  # a reply without the cookie of the browser that began
    STRANGE_STATE = "strange-state"  # a reply to another sign-in than the one this browser has under way
    NOT_FRESH = "not-fresh"
    CROSS_SITE = "cross-site"
    NO_PERMISSION = "no-permission"
    NOT_UNDERSTOOD = "not-understood"
    REFUSED = "refused"  # by the identity provider, for a reason of its own
    UNAVAILABLE = "unavailable"


_CODE = re.compile(r"AADSTS(\d{4,8})")
# Entra's numbers for what it tells by one of a few OAuth words.
_DECLINED = {"65004"}
_ADMIN_CONSENT = {"65001", "90094", "90095", "90093", "650056"}
_WRONG_TENANT = {"50020", "50034", "50105", "90072", "500021", "500022", "700016"}


def error_code(reply: Mapping[str, object]) -> str:
    """Entra's error number, if there is one. Nothing else of a reply's text is ever repeated: anybody can write it."""
    found = _CODE.search(str(reply.get("error_description", ""))[:4096])
    return found[1] if found else ""


def problem_of(reply: Mapping[str, object]) -> Problem:
    """What an error reply of the identity provider means for the person."""
    code, error = error_code(reply), reply.get("error")
    if code in _DECLINED:
        return Problem.DECLINED
    if code in _ADMIN_CONSENT or (error == "consent_required" and not code):
        return Problem.ADMIN_CONSENT
    if code in _WRONG_TENANT:
        return Problem.WRONG_TENANT
    if error == "access_denied":
        return Problem.DECLINED
    return Problem.UNAVAILABLE if error in {"temporarily_unavailable", "server_error"} else Problem.REFUSED
