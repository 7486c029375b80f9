"""Which requests a server on this machine accepts: those of programs that use a loopback name, and of no web page.

An attacker's name server can make the host name of a web page mean 127.0.0.1 (DNS rebinding): the browser then sends
that name as Host. And any web page may post to any port of this machine: the browser then names the page as Origin.
"""

from urllib.parse import urlsplit

_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


def why_refused(host: str, origin: str | None, own_origin: str) -> str | None:
    """Why a request with these headers is refused; None where it is accepted. *origin* None: it has no such header."""
    if _host_name(f"http://{host}") not in _NAMES:
        return f"this server is called 127.0.0.1 or localhost, not {host[:80]!r}"
    if origin is not None and origin not in (own_origin, own_origin.replace("127.0.0.1", "localhost")):
        return "requests of web pages are refused"
    return None


def _host_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
