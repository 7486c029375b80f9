"""Event Grid's dead letters in memory."""

import json
from dataclasses import dataclass, field

from shared.ports import Page
from tests.support.fakes.memory_blobs import CONTAINER
from tests.support.fakes.pages import page_of
from tests.support.fakes.seam import Seam


@dataclass
class MemoryDeadLetters:
    """`ports.DeadLetters`, and the part of Event Grid that gives events up."""

    seam: Seam = field(default_factory=Seam)
    letters: dict[str, bytes] = field(default_factory=dict)
    page_size: int = 5000

    def give_up(self, blob_name: str, container: str = CONTAINER) -> None:
        """Give up the event about a blob. Its URL is cut at a `#` in the name, so that nothing may rely on the URL."""
        subject = f"/blobServices/default/containers/{container}/blobs/{blob_name}"
        event = {"subject": subject, "deadLetterReason": "MaxDeliveryAttemptsExceeded", "data": {"url": "cut"}}
        self.letters[f"todo/BLOB-CREATED/2026/3/1/12/{len(self.letters):04}.json"] = json.dumps([event]).encode()

    def listed(self, page: str) -> Page[str]:
        self.seam.enter("dead_letters.listed", changes=False)
        return Page(*page_of(sorted(self.letters), page, self.page_size))

    def read(self, name: str) -> bytes | None:
        self.seam.enter("dead_letters.read", changes=False)
        return self.letters.get(name)

    def delete(self, name: str) -> None:
        self.seam.enter("dead_letters.delete", changes=True)
        self.letters.pop(name, None)
        self.seam.leave("dead_letters.delete", changes=True)
