"""Mailboxes, their lists, tasks and attachments: records that know their parents, and no rules."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

type WellknownName = Literal["none", "defaultList", "flaggedEmails"]


@dataclass(frozen=True, slots=True, eq=False)
class Attachment:
    id: str
    name: str
    # The name that the client declared, before any of the server's rules changed it.
    declared_name: str
    size: int
    sha256: str
    content_type: str
    created: datetime
    # None where the emulator does not keep contents.
    content: bytes | None = field(repr=False)
    # The file of a state directory that holds the content.
    content_key: str


@dataclass(slots=True, eq=False)
class Task:
    id: str
    title: str
    list: "TaskList"
    # It stays the same when a move changes the id.
    key: str
    attachments: dict[str, Attachment] = field(default_factory=dict, repr=False)
    # How often each file is attached to this task, by (declared name, SHA-256).
    copies: Counter[tuple[str, str]] = field(default_factory=Counter, repr=False)
    deleted: bool = False
    # None: it has always been there, and is visible at once.
    created: datetime | None = None
    completed: bool = False


@dataclass(slots=True, eq=False)
class TaskList:
    id: str
    display_name: str
    mailbox: "Mailbox"
    wellknown_name: WellknownName = "none"
    shared: bool = False
    tasks: dict[str, Task] = field(default_factory=dict, repr=False)
    created: datetime | None = None


@dataclass(slots=True, eq=False)
class Mailbox:
    object_id: str
    upn: str
    personal: bool = False
    lists: dict[str, TaskList] = field(default_factory=dict, repr=False)
    tokens: list[str] = field(default_factory=list, repr=False)

    def answers_to(self, name: str) -> bool:
        return name == self.object_id or name.lower() == self.upn.lower()

    def default_list(self) -> TaskList | None:
        return next((each for each in self.lists.values() if each.wellknown_name == "defaultList"), None)
