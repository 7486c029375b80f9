"""HTTP to one host only, for MSAL: no secret or token goes to another, and replies are bounded in size and time."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

# To connect, and for each part of the reply.
_TIMEOUT_SECONDS = (5, 15)
# For the whole reply: with a part every 14 seconds it would never end; and two replies must fit into a lease.
_REPLY_SECONDS = 20.0
# Microsoft's are below 10 KB.
_LONGEST_REPLY = 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_POOL_SIZE = 32


class WrongHost(Exception):  # noqa: N818 - the name says what is wrong
    """A request would have gone to another host, or over plain http. Nothing was sent."""


class BadReply(Exception):  # noqa: N818
    """A reply that is far longer than any of an identity provider, takes too long, or is compressed."""


class Throttled(Exception):  # noqa: N818
    """The host answered 429. *seconds*: how long it asked us to wait; None where it did not."""

    def __init__(self, seconds: float | None) -> None:
        super().__init__()
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class _Reply:
    """What MSAL reads of a reply."""

    status_code: int
    headers: Mapping[str, str]
    text: str

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise requests.HTTPError(f"HTTP {self.status_code}")


class OneHostClient:
    """MSAL's `http_client`. Safe to share between threads."""

    def __init__(self, origin: str, ca_file: str) -> None:
        self._session = requests.Session()
        # No proxy, no .netrc, no CA bundle from the environment.
        self._session.trust_env = False
        self._session.verify = ca_file or True
        self._session.mount("https://", HTTPAdapter(max_retries=0, pool_maxsize=_POOL_SIZE))
        self._origin = _origin(origin)

    def check(self, url: str, *, any_host: bool = False) -> None:
        """Raises WrongHost for an address of another host, or one that is not https."""
        if not url.startswith("https://") or (_origin(url) != self._origin and not any_host):
            raise WrongHost

    def get(self, url: str, **kwargs: Any) -> _Reply:
        return self._request("GET", url, **kwargs)

    def post(self, url: str, **kwargs: Any) -> _Reply:
        return self._request("POST", url, **kwargs)

    def close(self) -> None:
        self._session.close()

    def _request(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **kwargs: Any) -> _Reply:
        self.check(url)
        give_up_at = time.monotonic() + _REPLY_SECONDS
        with self._session.request(
            method,
            url,
            # A compressed reply of 1 KB could unpack to a gigabyte.
            headers={**(headers or {}), "Accept-Encoding": "identity"},
            **{"timeout": _TIMEOUT_SECONDS, **kwargs, "allow_redirects": False, "stream": True},
        ) as response:
            if response.status_code == 429:
                raise Throttled(_seconds(response.headers.get("Retry-After", "")))
            return _Reply(response.status_code, dict(response.headers), _text(response, give_up_at))


def _text(response: requests.Response, give_up_at: float) -> str:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BadReply
    body = bytearray()
    try:
        # `read1` returns what has come so far. `read` would return only a full chunk, long after a reply that trickles
        # should have been given up.
        while chunk := response.raw.read1(_CHUNK_BYTES):
            body += chunk
            if len(body) > _LONGEST_REPLY or time.monotonic() > give_up_at:
                raise BadReply
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(type(error).__name__) from None
    return body.decode("utf-8", "replace")


def _seconds(retry_after: str) -> float | None:
    """Retry-After in whole seconds, the only form that Entra uses."""
    return float(retry_after) if retry_after.isdecimal() and len(retry_after) < 6 else None


def _origin(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or 443
