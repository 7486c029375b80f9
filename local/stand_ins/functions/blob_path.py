"""Blob paths: a trigger's `container/{name}.txt` against a blob, and a blob's URL taken apart."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

_CAPTURE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class BlobPath:
    """A trigger's path. A capture matches any characters, slashes too."""

    container: str
    blob: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        container, slash, blob = text.strip("/").partition("/")
        if not slash or not blob or "{" in container:
            raise ValueError(f"blob path {text!r} is not a container, a slash and a blob pattern")
        parts = _CAPTURE.split(blob)
        names = parts[1::2]
        if len(set(names)) != len(names):
            raise ValueError(f"blob path {text!r} captures a name twice")
        literals = [re.escape(part) for part in parts[::2]]
        pattern = literals[0]
        for name, literal in zip(names, literals[1:], strict=True):
            pattern += f"(?P<{name}>.+){literal}"
        return cls(container.lower(), re.compile(pattern, re.DOTALL))

    def captures(self, container: str, blob: str) -> dict[str, str]:
        """The captures in the blob's name. Empty where it does not match: the function runs all the same.

        With Event Grid as the source, only the subscription filters, by subject.
        """
        match = self.blob.fullmatch(blob) if container == self.container else None
        return match.groupdict() if match else {}


def blob_of_url(url: str) -> tuple[str, str]:
    """The container and the blob; no blob where the URL is that of a container.

    Where the host is an IP address (Azurite), the first part of the path is the account.
    """
    parts = urlsplit(url)
    path = parts.path.lstrip("/")
    if _is_address(parts.hostname or ""):
        path = path.partition("/")[2]
    container, _, blob = path.partition("/")
    if not container:
        raise ValueError(f"not the URL of a blob: {url!r}")
    return unquote(container), unquote(blob)


def _is_address(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
