"""How a file names the account that it is for: by object id, or by an ASCII sign-in name.

Two names are the same if they differ in the case of ASCII letters only. Unicode's own folding would turn two names into
one (an "s" and a long "s", U+017F, fold to the same), and the person who connects first would get the other's files. So
an account whose sign-in name has any other character can be named by its object id only.
"""

import re
import string

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_OBJECT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def ascii_lower(text: str) -> str:
    """*text* with its ASCII letters in lower case, and every other character as it is."""
    return text.translate(_LOWER)


def as_object_id(text: str) -> str | None:
    """*text* as an object id in lower case; None where it is not one."""
    lowered = ascii_lower(text)
    return lowered if _OBJECT_ID.fullmatch(lowered) else None


def as_sign_in_name(text: str) -> str | None:
    """*text* in the one form that all its spellings share; None where only an object id can name the account."""
    return ascii_lower(text) if text and text.isascii() and text.isprintable() else None
