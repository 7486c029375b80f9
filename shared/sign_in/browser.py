"""What a browser sends and gets, our cookies in it, and whether a person has made the request on purpose."""

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
    """What a form sent. Of several fields with one name it has the first."""

    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, FormFile] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BrowserRequest:
    """A browser's request. *headers* have names in lower case; *parameters* are those of the query.

    *action*: the part of the path that the route leaves open. *read_form* parses the body as a form; call it only when
    it is known who sent the request.
    """

    method: str
    parameters: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    action: str = ""
    body: bytes = field(default=b"", repr=False)
    read_form: Callable[[], Form] = field(default=Form, repr=False)

    def is_visit(self, app_url: str) -> bool:
        """Whether a person opened a page of this app: no script, image or frame of another page, and no prefetch.

        The browser itself sends Sec-Fetch-* (Fetch Metadata) and Origin; a page cannot set them. A browser too old to
        send them passes: what a sign-in changes is protected by the sign-in itself.
        """
        headers = self.headers
        if headers.get("sec-fetch-mode", "navigate") != "navigate":
            return False
        if headers.get("sec-fetch-dest", "document") != "document":
            return False
        if "prefetch" in headers.get("sec-purpose", headers.get("purpose", "")):
            return False
        # A page without a referrer, such as ours, sends its form with the origin "null". Which page it was, says
        # Sec-Fetch-Site (`is_from_own_page`).
        return headers.get("origin", "null") in {"null", _origin(app_url)}

    def is_from_own_page(self) -> bool:
        """Whether this app's own page sent it, or the person typed the address. True where the browser does not say."""
        return self.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}

    def is_surely_from_own_page(self, app_url: str) -> bool:
        """Whether a page of this app sent it, as the browser itself says. False where the browser does not say."""
        site = self.headers.get("sec-fetch-site")
        return site == "same-origin" if site is not None else self.headers.get("origin") == _origin(app_url)


@dataclass(frozen=True, slots=True)
class BrowserResponse:
    """A whole HTTP response. It may set one cookie only: the Functions host breaks a second one."""

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
        # With this prefix a browser accepts the cookie from this very host only, and over https only; plain http is
        # for loopback.
        return f"__Host-{self.plain_name}" if self._is_secure else self.plain_name

    def find(self, request: BrowserRequest) -> str | BadCookie:
        """Our cookie among all cookies of the request, whatever the others look like.

        A parser of whole cookie headers would not do: it gives up at JSON, at a flag without a value, or at a character
        that is not ASCII. A cookie of another app on the same host would then keep everyone from signing in. Where
        there are two cookies of our name, a page of a neighbouring host may have set one of them: neither is used.
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
        """The header that deletes the cookie. If a host drops the attributes, the value is still not a valid cookie."""
        return {
            "Set-Cookie": f"{self.name}=deleted; Max-Age=0; Expires=Sat, 01 Jan 2000 00:00:00 GMT{self._attributes}"
        }

    @property
    def _is_secure(self) -> bool:
        return self.app_url.startswith("https://")

    @property
    def _attributes(self) -> str:
        # Lax, not Strict: when the identity provider sends the browser back, the browser does not send a Strict cookie.
        return f"; Path=/; HttpOnly; SameSite=Lax{'; Secure' if self._is_secure else ''}"


def sign_in_cookie(app_url: str) -> Cookie:
    """The cookie that binds a sign-in to its browser."""
    return Cookie(app_url, "todo-attach", KEPT_FOR)


def _origin(url: str) -> str:
    """The origin of *url* as browsers write it: in lower case, and without the scheme's own port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.removesuffix(_OWN_PORTS.get(parts.scheme, ''))}".lower()
