"""What the To Do emulator says about itself, by its control endpoints."""

import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.stack.state_dir import EmulatorRecord

_TIMEOUT_SECONDS = 10.0
# The emulator is on this machine, whatever proxy the environment names.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class HeldAttachment:
    """An attachment as the emulator holds it."""

    name: str
    size: int
    sha256: str


class Emulator:
    """One running emulator."""

    def __init__(self, record: EmulatorRecord) -> None:
        self._control = record.control

    def attachments(self) -> Mapping[str, HeldAttachment]:
        """By id."""
        return {
            each["id"]: HeldAttachment(each["name"], each["size"], each["sha256"]) for each in self._get("attachments")
        }

    def requests(self) -> Mapping[str, int]:
        """How many of each operation were asked."""
        counts: dict[str, int] = self._get("requests")
        return counts

    def offences(self) -> Mapping[str, int]:
        """How often each thing was done that a sound client does not do."""
        counts: dict[str, int] = self._get("offences")["counts"]
        return counts

    def journal(self) -> list[dict[str, Any]]:
        """Every request, in order."""
        entries: list[dict[str, Any]] = self._get("journal")
        return entries

    def _get(self, what: str) -> Any:
        with _OPENER.open(f"{self._control}/{what}", timeout=_TIMEOUT_SECONDS) as reply:
            return json.load(reply)
