"""A page session: a browser that a person has signed in to the page with, for an hour at most.

The browser holds a cookie of 32 random bytes, which the app makes when the person signs in, and never takes from a
request. The store holds only its hash, which opens no session. To sign out, to sign in anew and to disconnect delete
the row, so a stolen cookie is of no use afterwards.
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
