"""Reads the state of the To Do emulator from its control endpoints."""

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
    """An attachment in the emulator. *size* in bytes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class NamedTask:
    """A task: its id and its title."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class NamedList:
    """A list with its tasks."""

    id: str
    name: str
    is_default: bool
    tasks: tuple[NamedTask, ...]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The To Do of one account."""

    account: str
    lists: tuple[NamedList, ...]


class Emulator:
    """One running emulator."""

    def __init__(self, record: EmulatorRecord) -> None:
        self._control = record.control

    def attachments(self) -> Mapping[str, HeldAttachment]:
        """The attachments, by id."""
        return {
            each["id"]: HeldAttachment(each["name"], each["size"], each["sha256"]) for each in self._get("attachments")
        }

    def mailboxes(self) -> list[Mailbox]:
        """Every account with its lists and tasks."""
        return [Mailbox(each["upn"], tuple(map(_named_list, each["lists"]))) for each in self._get("mailboxes")]

    def mailbox_of(self, account: str) -> Mailbox | None:
        """The mailbox of this account, if it has one."""
        return next((each for each in self.mailboxes() if each.account.lower() == account.lower()), None)

    def requests(self) -> Mapping[str, int]:
        """How many requests there were of each operation."""
        counts: dict[str, int] = self._get("requests")
        return counts

    def offences(self) -> Mapping[str, int]:
        """How often a client did each of the things that a correct client never does."""
        counts: dict[str, int] = self._get("offences")["counts"]
        return counts

    def journal(self) -> list[dict[str, Any]]:
        """Every request, in order."""
        entries: list[dict[str, Any]] = self._get("journal")
        return entries

    def _get(self, what: str) -> Any:
        with _OPENER.open(f"{self._control}/{what}", timeout=_TIMEOUT_SECONDS) as reply:
            return json.load(reply)


def _named_list(row: Mapping[str, Any]) -> NamedList:
    tasks = tuple(NamedTask(each["id"], each["title"]) for each in row["tasks"])
    return NamedList(row["id"], row["name"], row["wellknown_name"] == "defaultList", tasks)
