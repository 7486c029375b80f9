"""One upload session: what was declared for it, the bytes that it has, and which range may come next.

The bytes are always a prefix of the file. Nothing here knows a clock or a wire format.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from local.stand_ins.todo.content_range import ContentRange
from local.stand_ins.todo.mailbox import Mailbox, Task
from local.stand_ins.todo.refusals import bad_range


@dataclass(slots=True, eq=False)
class UploadSession:
    id: str
    mailbox: Mailbox
    task: Task
    # The ids in its URL, which stay when the task moves.
    list_id: str
    task_id: str
    name: str
    size: int
    content_type: str
    created: datetime
    expires: datetime
    authtoken: str = field(default="", repr=False)
    received: int = 0
    finished: bool = False
    keeps_content: bool = True
    _parts: list[bytes] = field(default_factory=list, repr=False)
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256, repr=False)

    def judge(self, range_: ContentRange, length: int) -> Literal["next", "acknowledged"]:
        """Whether a range is the next one, or a repetition. Raises the refusal of any other."""
        if range_.length != length:
            raise bad_range("fragmentLengthMismatch", "The length of the body differs from its Content-Range.")
        if range_.total != self.size:
            raise bad_range("fragmentLengthMismatch", "The total differs from the size that the session declared.")
        if range_.start > self.received:
            raise bad_range("fragmentOutOfOrder", f"Expected byte {self.received}; the range begins after it.")
        if range_.start == self.received:
            return "next"
        if range_.end < self.received:
            return "acknowledged"
        raise bad_range("fragmentOverlap", f"Expected byte {self.received}; the range begins before it.")

    def keep(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self.received += len(chunk)
        if self.keeps_content:
            self._parts.append(chunk)

    def forget(self) -> None:
        self._digest = hashlib.sha256()
        self.received = 0
        self._parts.clear()

    def complete(self) -> bool:
        return self.received == self.size

    def sha256(self) -> str:
        return self._digest.hexdigest()

    def take_content(self) -> bytes | None:
        """Take the whole content out of the session, so that memory holds it only once."""
        if not self.keeps_content:
            return None
        content = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        return content
