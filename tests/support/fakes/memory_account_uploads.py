"""The index of uploads by account, in memory."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.core.upload_place import places_until, upload_at, upload_place
from shared.errors import PageRefused
from shared.ports import Page
from tests.support.fakes.pages import page_of
from tests.support.fakes.seam import Seam


@dataclass
class MemoryAccountUploads:
    """`ports.AccountUploads`."""

    seam: Seam = field(default_factory=Seam)
    places: dict[str, set[str]] = field(default_factory=dict)  # by the account's key

    def add(self, key: str, upload_id: str, written_at: datetime) -> None:
        self.seam.enter("account_uploads.add", changes=True)
        self.places.setdefault(key, set()).add(upload_place(upload_id, written_at))
        self.seam.leave("account_uploads.add", changes=True)

    def newest(self, key: str, *, since: datetime, page: str, at_most: int = 50) -> Page[str]:
        self.seam.enter("account_uploads.newest", changes=False)
        if page and upload_at(page) is None:
            raise PageRefused(page)
        within = sorted(place for place in self.places.get(key, ()) if place < places_until(since))
        found, following = page_of(within, page, at_most)
        return Page(tuple(each for place in found if (each := upload_at(place)) is not None), following)

    def remove(self, key: str, upload_id: str, written_at: datetime) -> None:
        self.seam.enter("account_uploads.remove", changes=True)
        self.places.get(key, set()).discard(upload_place(upload_id, written_at))
        self.seam.leave("account_uploads.remove", changes=True)
