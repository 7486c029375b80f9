"""Page sessions in memory."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.my_files.ports import PageSession
from tests.support.fakes.seam import Seam


@dataclass
class MemoryPageSessions:
    """`my_files.ports.PageSessions`."""

    seam: Seam = field(default_factory=Seam)
    rows: dict[str, PageSession] = field(default_factory=dict)

    def insert(self, key: str, session: PageSession) -> None:
        self.seam.enter("page_sessions.insert", changes=True)
        self.rows[key] = session
        self.seam.leave("page_sessions.insert", changes=True)

    def find(self, key: str) -> PageSession | None:
        self.seam.enter("page_sessions.find", changes=False)
        return self.rows.get(key)

    def delete(self, key: str) -> None:
        self.seam.enter("page_sessions.delete", changes=True)
        self.rows.pop(key, None)
        self.seam.leave("page_sessions.delete", changes=True)

    def delete_of(self, object_id: str) -> None:
        self.seam.enter("page_sessions.delete_of", changes=True)
        self.rows = {key: each for key, each in self.rows.items() if each.person.object_id != object_id}
        self.seam.leave("page_sessions.delete_of", changes=True)

    def clear(self, now: datetime) -> int:
        self.seam.enter("page_sessions.clear", changes=True)
        over = [key for key, each in self.rows.items() if each.until <= now]
        for key in over:
            del self.rows[key]
        self.seam.leave("page_sessions.clear", changes=True)
        return len(over)
