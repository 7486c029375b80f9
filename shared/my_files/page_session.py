"""A page session: a browser that a person has signed in with, for an hour at most.

The browser holds a cookie of 32 random bytes, made by the app when the person signs in and never taken from a request.
The store holds its hash: what lies there opens no session. Signing out, signing in anew and disconnecting delete the
row, so a cookie that was seen before is worth nothing afterwards.
"""

import hashlib
from datetime import timedelta

from shared.sign_in.browser import Cookie

GOOD_FOR = timedelta(hours=1)


def page_cookie(app_url: str) -> Cookie:
    return Cookie(app_url, "todo-attach-files", GOOD_FOR)


def key_of(cookie: str) -> str:
    """The key of the cookie's session."""
    return hashlib.sha256(f"page\0{cookie}".encode()).hexdigest()
