"""Sent files in memory, and the live signatures of each account."""

from dataclasses import dataclass, field

from shared.adapters.storage.sent_file_record import (
    sent_file_columns,
    sent_file_of,
    signatures_column,
    signatures_of,
)
from shared.core.sent_file import SentFile, with_signature, without_signature
from shared.ports import KeptSentFile, Page
from tests.support.fakes.manual_clock import ManualClock
from tests.support.fakes.pages import page_of
from tests.support.fakes.seam import Seam


@dataclass
class MemorySentFiles:
    """`ports.SentFiles`. Everything goes through its columns: a value that no table could hold is lost here too."""

    clock: ManualClock = field(default_factory=ManualClock)
    seam: Seam = field(default_factory=Seam)
    rows: dict[str, SentFile] = field(default_factory=dict)
    signatures: dict[str, str] = field(default_factory=dict)  # by account, as a column
    page_size: int = 1000

    def keep(self, sent: SentFile, *, at_most: int) -> bool:
        self.seam.enter("sent_files.keep", changes=True)
        live = signatures_of(self.signatures.get(sent.account, "[]"))
        if all(each.token != sent.token for each in live):
            after = with_signature(live, sent, at_most=at_most)
            if after is None:
                return False
            self.signatures[sent.account] = signatures_column(after)
        self.rows[sent.token] = sent_file_of(sent_file_columns(sent))
        self.seam.leave("sent_files.keep", changes=True)
        return True

    def find(self, token: str) -> SentFile | None:
        self.seam.enter("sent_files.find", changes=False)
        return self.rows.get(token)

    def used(self, sent: SentFile) -> None:
        self.seam.enter("sent_files.used", changes=True)
        self._free(sent)
        self.seam.leave("sent_files.used", changes=True)

    def remove(self, sent: SentFile) -> None:
        self.seam.enter("sent_files.remove", changes=True)
        self._free(sent)
        self.rows.pop(sent.token, None)
        self.seam.leave("sent_files.remove", changes=True)

    def listed(self, page: str) -> Page[KeptSentFile]:
        self.seam.enter("sent_files.listed", changes=False)
        tokens, following = page_of(sorted(self.rows), page, self.page_size)
        return Page(tuple(KeptSentFile(self.rows[token], self.clock.date()) for token in tokens), following)

    def _free(self, sent: SentFile) -> None:
        left = without_signature(signatures_of(self.signatures.get(sent.account, "[]")), sent.token)
        if left:
            self.signatures[sent.account] = signatures_column(left)
        else:
            self.signatures.pop(sent.account, None)
