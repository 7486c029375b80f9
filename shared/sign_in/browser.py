"""What a browser sends, and what it gets; its cookies of ours; and whether the request is a person's own doing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from urllib.parse import urlsplit

from shared.sign_in.pending_sign_in import KEPT_FOR, is_cookie

_OWN_PORTS = {"https": ":443", "http": ":80"}


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file in a form. *name* is what the browser calls it."""

    name: str = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """What a form sent: of several fields of one name, the first."""

    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, FormFile] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BrowserRequest:
    """Header names in lower case. *headers* are those that the browser sent; *parameters* the query's.

    *action*: the part of the path that the route leaves open. *read_form* reads the body as a form: only once it is
    known who sent it.
    """

    method: str
    parameters: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    action: str = ""
    body: bytes = field(default=b"", repr=False)
    read_form: Callable[[], Form] = field(default=Form, repr=False)

    def is_visit(self, app_url: str) -> bool:
        """Whether a person opened a page of this app: no script, image or frame of another page, and no prefetch.

        Sec-Fetch-* (Fetch Metadata) and Origin are sent by the browser, and a page cannot set them. A browser too old
        to send them is let through: what a sign-in changes is protected by the sign-in itself.
        """
        headers = self.headers
        if headers.get("sec-fetch-mode", "navigate") != "navigate":
            return False
        if headers.get("sec-fetch-dest", "document") != "document":
            return False
        if "prefetch" in headers.get("sec-purpose", headers.get("purpose", "")):
            return False
        # "null": a page without a referrer, as ours are, sends its form so. Then Sec-Fetch-Site says whose page it was.
        return headers.get("origin", "null") in {"null", _origin(app_url)}

    def is_from_own_page(self) -> bool:
        """Whether this app's own page sent it, or the person typed the address."""
        return self.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}

    def is_surely_from_own_page(self, app_url: str) -> bool:
        """Whether a page of this app sent it, by what the browser itself says. A request that does not say is not."""
        site = self.headers.get("sec-fetch-site")
        return site == "same-origin" if site is not None else self.headers.get("origin") == _origin(app_url)


@dataclass(frozen=True, slots=True)
class BrowserResponse:
    """A whole HTTP response. At most one cookie: the Functions host breaks the second one of a header."""

    status: int
    headers: Mapping[str, str]
    body: str = ""

    def with_headers(self, headers: Mapping[str, str]) -> "BrowserResponse":
        return replace(self, headers={**self.headers, **headers})


class BadCookie(Enum):
    """Why there is no cookie of ours in a request."""

    NONE = "none"
    SEVERAL = "several"


@dataclass(frozen=True, slots=True)
class Cookie:
    """One kind of cookie of ours. *app_url* is the app's own root."""

    app_url: str
    plain_name: str
    kept_for: timedelta

    @property
    def name(self) -> str:
        # With this prefix a browser takes the cookie from this very host only. Plain http is for loopback only.
        return f"__Host-{self.plain_name}" if self._is_secure else self.plain_name

    def find(self, request: BrowserRequest) -> str | BadCookie:
        """Our cookie among all of the request's, whatever the others look like.

        No parser of whole cookie headers: those give up at JSON, a flag without a value, or a character that is not
        ASCII, and a cookie of another app on the same host would then keep everyone from signing in. Two of ours:
        a page of a neighbouring host may have set one of them, so neither is believed.
        """
        pairs = (pair.partition("=") for pair in request.headers.get("cookie", "").split(";"))
        values = [value.strip(" \t") for name, _, value in pairs if name.strip(" \t") == self.name]
        if len(values) > 1:
            return BadCookie.SEVERAL
        return values[0] if values and is_cookie(values[0]) else BadCookie.NONE

    def set(self, value: str) -> Mapping[str, str]:
        """The header that gives the browser the cookie."""
        return {"Set-Cookie": f"{self.name}={value}; Max-Age={int(self.kept_for.total_seconds())}{self._attributes}"}

    def delete(self) -> Mapping[str, str]:
        """The header that takes it away. The value is no cookie of ours, should a host drop the attributes."""
        return {
            "Set-Cookie": f"{self.name}=deleted; Max-Age=0; Expires=Sat, 01 Jan 2000 00:00:00 GMT{self._attributes}"
        }

    @property
    def _is_secure(self) -> bool:
        return self.app_url.startswith("https://")

    @property
    def _attributes(self) -> str:
        # Not Strict: the identity provider sends the browser back, and with such a visit a browser sends no Strict one.
        return f"; Path=/; HttpOnly; SameSite=Lax{'; Secure' if self._is_secure else ''}"


def sign_in_cookie(app_url: str) -> Cookie:
    """The cookie that binds a sign-in to its browser."""
    return Cookie(app_url, "todo-attach", KEPT_FOR)


def _origin(url: str) -> str:
    """As browsers write it: in small letters, and without the scheme's own port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.removesuffix(_OWN_PORTS.get(parts.scheme, ''))}".lower()
