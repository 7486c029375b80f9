"""All requests, in order, and the offences: what a correct client would not have done.

It never holds a token or a body. It holds session ids and paths, since it stays within the emulator.
"""

from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal


class Offence(StrEnum):
    REFUSED_RANGE = "refused_range"
    CONCURRENT_PUTS = "concurrent_puts"
    SECOND_ATTACHMENT = "second_attachment"
    EARLY_REQUEST = "early_request"
    NO_BEARER = "no_bearer"
    BARE_PUT = "bare_put"
    # A bearer token was sent to another host than the configured one.
    STRAY_BEARER = "stray_bearer"


type Ending = Literal["open", "answered", "late", "trickled", "cut_off", "reset", "never", "hung_up"]


@dataclass(slots=True)
class Entry:
    """One request. *status* is None until an answer is made; *zombie*: its client had gone when it was applied."""

    sequence: int
    time: datetime
    method: str
    operation: str
    path: str
    mailbox: str
    task: str
    session: str
    range: str
    status: int | None = None
    ending: Ending = "open"
    zombie: bool = False


@dataclass(frozen=True, slots=True)
class Offended:
    kind: Offence
    sequence: int
    detail: str


class Journal:
    """The newest entries, and counts over all of them."""

    def __init__(self, size: int) -> None:
        self.entries: deque[Entry] = deque(maxlen=size)
        self.details: deque[Offended] = deque(maxlen=size)
        self.offences: Counter[Offence] = Counter()
        self.requests: Counter[str] = Counter()
        self._sequence = 0

    def open(
        self,
        time: datetime,
        *,
        method: str,
        operation: str,
        path: str,
        mailbox: str,
        task: str,
        session: str,
        range_: str,
    ) -> Entry:
        self._sequence += 1
        entry = Entry(self._sequence, time, method, operation, path, mailbox, task, session, range_)
        self.entries.append(entry)
        self.requests[operation] += 1
        return entry

    def offend(self, kind: Offence, entry: Entry, detail: str) -> None:
        self.offences[kind] += 1
        self.details.append(Offended(kind, entry.sequence, detail))

    def clear(self) -> None:
        self.entries.clear()
        self.details.clear()
        self.offences.clear()
        self.requests.clear()
