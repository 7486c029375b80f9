"""Places in memory: replace-if-version."""

from dataclasses import dataclass, field

from shared.core.catching_up import Place
from shared.errors import Conflict
from shared.ports import KeptPlace
from tests.support.fakes.seam import Seam


@dataclass
class MemoryPlaces:
    """`ports.Places`."""

    seam: Seam = field(default_factory=Seam)
    places: dict[str, KeptPlace] = field(default_factory=dict)
    versions: int = 0

    def load(self, listing: str) -> KeptPlace:
        self.seam.enter("places.load", changes=False)
        return self._present(listing)

    def store(self, listing: str, kept: KeptPlace, place: Place) -> None:
        self.seam.enter("places.store", changes=True)
        if self._present(listing).version != kept.version:
            raise Conflict(f"the place in {listing} was changed by another run")
        self.versions += 1
        self.places[listing] = KeptPlace(place, str(self.versions))
        self.seam.leave("places.store", changes=True)

    def _present(self, listing: str) -> KeptPlace:
        return self.places.get(listing, KeptPlace(Place(), ""))
