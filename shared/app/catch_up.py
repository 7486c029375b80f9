"""Finds files that no event announced, and enters them.

It does so in walks, each with a part of the run's time:

    dead letters   events that Event Grid gave up
    rejected       rejected files: an edit of the metadata, which raises no event, may have corrected them
    growing        attached append blobs, to which more may have been appended
    container      one page of all blobs: those whose event was lost, or that are older than the subscription

The first three begin at the start in every run, unless the run before had to stop in the middle. The last one goes on
from where it was: one run costs the same however large the container is, and a round takes as many runs as the
container has pages.

Two more walks remove what is no longer needed. They are here because they, too, need a place and a part of the time:

    sent           sent files whose blob is gone or never came; only where people sign in
    finished       entries that age out (`app/ageing`), one share of the ledger in each run; only where that is set

A walk's place is written last: whatever comes before it can be done again, by the next run after a death, or by another
run at the same time.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import count

from shared.app.ageing import Ageing
from shared.app.intake import Intake
from shared.core.attachment import BlobDescription
from shared.core.catching_up import (
    Place,
    is_attached_as_it_is,
    is_event_due,
    is_signature_over,
    names_in_dead_letter,
    rest_of,
)
from shared.core.entry import Phase, Reason
from shared.core.outcome import APPEND_BLOB, KIND, STATE
from shared.core.sent_file import blob_name
from shared.errors import BlobGone, BlobKeyWithheld, Conflict, PageRefused, StorageUnavailable
from shared.ports import DeadLetters, KeptSentFile, Page, Ports, Stored


@dataclass(slots=True)
class CaughtUp:
    """What a run did, in counts.

    *letters*: dead letters that were processed; *strange*: blobs in their container that name no file of ours.
    *unfinished*: walks that ran out of time; *failed*: items and walks that raised; *aged_out*: entries removed.
    """

    looked_at: int = 0
    entered: int = 0
    letters: int = 0
    strange: int = 0
    unfinished: int = 0
    failed: int = 0
    aged_out: int = 0


def catch_up(
    ports: Ports, intake: Intake, *, container: str, budget: timedelta, keep_finished: timedelta | None
) -> CaughtUp:
    """Enter and announce what was missed. *container*: the name of the container that people put files into.

    *keep_finished*: how long the entry of a finished upload outlives its blob; None: for ever.

    An item that raises does not keep the others from their turn: all exceptions are raised at the end, as one group.
    """
    ageing = Ageing(ports, container, keep_finished) if keep_finished is not None else None
    run = _Run(ports, intake, container, ageing)
    walks = run.walks()
    end = ports.monotonic() + budget.total_seconds()
    for at, walk in enumerate(walks):
        now = ports.monotonic()
        # Time that one walk does not need goes to those after it.
        walk(now + max(end - now, 0) / (len(walks) - at))
    ports.telemetry.record("catch_up", **asdict(run.done))
    if run.errors:
        raise ExceptionGroup("not everything could be caught up with", run.errors)
    return run.done


def is_missing(ports: Ports, blob: BlobDescription) -> bool:
    """Whether the ledger lacks this version of the blob and needs it. *blob* carries the outcome that its tags say."""
    return not is_attached_as_it_is(blob) and ports.ledger.get(blob.version.upload_id()) is None


@dataclass(frozen=True, slots=True)
class _Walk[Item]:
    """A walk through one listing. *pages*: how many of them one run may take."""

    name: str
    list_page: Callable[[str], Page[Item]]
    name_of: Callable[[Item], str]
    deal_with: Callable[[Item], None]
    pages: int | None = None


@dataclass(slots=True)
class _Run:
    ports: Ports
    intake: Intake
    container: str
    ageing: Ageing | None
    done: CaughtUp = field(default_factory=CaughtUp)
    errors: list[Exception] = field(default_factory=list)

    def walks(self) -> list[Callable[[float], None]]:
        """Each is called with the time by which it should end."""
        letters = self.ports.dead_letters
        container = _Walk("container", self.ports.blobs.listed, lambda blob: blob.version.name, self._compare, pages=1)
        return [
            *([] if letters is None else [partial(self._go, self._through_letters(letters))]),
            partial(self._go, self._by_tag("rejected", STATE, Phase.REJECTED)),
            partial(self._go, self._by_tag("growing", KIND, APPEND_BLOB)),
            partial(self._go, container),
            *([] if self.ports.account_uploads is None else [partial(self._go, self._through_sent_files())]),
            *([] if self.ageing is None else [partial(self._go, self._through_ledger(self.ageing))]),
        ]

    def _through_letters(self, letters: DeadLetters) -> _Walk[str]:
        return _Walk("dead-letters", letters.listed, str, lambda name: self._read_letter(letters, name))

    def _by_tag(self, name: str, tag: str, value: str) -> _Walk[str]:
        blobs = self.ports.blobs
        return _Walk(name, lambda page: blobs.tagged(tag, value, page), str, lambda blob: self._look_at(blob, name))

    def _through_sent_files(self) -> _Walk[KeptSentFile]:
        return _Walk("sent", self.ports.sent_files.listed, lambda kept: kept.sent.token, self._clear_sent, pages=1)

    def _through_ledger(self, ageing: Ageing) -> _Walk[Stored]:
        return _Walk(
            "finished",
            ageing.list_page,
            lambda stored: stored.entry.upload_id,
            lambda stored: self._age(ageing, stored),
            pages=1,
        )

    def _go[Item](self, walk: _Walk[Item], until: float) -> None:
        """Walk from the stored place, and store the place where this run ends."""
        places = self.ports.places
        try:
            kept = places.load(walk.name)
            place = self._walk(walk, kept.place, until)
            if place != kept.place:
                places.store(walk.name, kept, place)
        except Conflict:
            # Another run does the same walk, and has stored its own place. What this run did stays done.
            return
        except StorageUnavailable as error:
            self._failed(error)

    def _walk[Item](self, walk: _Walk[Item], place: Place, until: float) -> Place:
        """Returns the place to go on from. It is at least one item further, however short the time is."""
        for pages in count(1):
            try:
                page = walk.list_page(place.page)
            except PageRefused:
                return Place()
            items = rest_of(page.items, place.after, walk.name_of)
            for at, item in enumerate(items, 1):
                self._deal_with(walk, item)
                if at < len(items) and self.ports.monotonic() >= until:
                    self.done.unfinished += 1
                    return Place(place.page, walk.name_of(item))
            place = Place(page.next)
            if not page.next or pages == walk.pages:
                return place
            if self.ports.monotonic() >= until:
                self.done.unfinished += 1
                return place
        raise AssertionError  # a count has no end

    def _deal_with[Item](self, walk: _Walk[Item], item: Item) -> None:
        try:
            walk.deal_with(item)
        except Exception as error:  # noqa: BLE001 - raised at the end of the run: one item must not keep the rest waiting
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.done.failed += 1
        self.errors.append(error)

    # -- one item --

    def _read_letter(self, letters: DeadLetters, name: str) -> None:
        """A letter is deleted last, since to read it twice does no harm. What is no letter of ours is left alone."""
        body = letters.read(name)
        if body is None:
            return  # another run was here
        blobs = names_in_dead_letter(body, self.container)
        if not blobs:
            self.done.strange += 1
            return
        for blob in blobs:
            self._look_at(blob, "dead-letters")
        letters.delete(name)
        self.done.letters += 1

    def _look_at(self, name: str, walk: str) -> None:
        """Enter the blob as it is now, unless it has an entry, or has been attached as it is."""
        self.done.looked_at += 1
        try:
            blob = self.ports.blobs.describe(name)
        except BlobKeyWithheld:
            if walk == "dead-letters":
                self.intake.turn_away(Reason.KEY_WITHHELD)
            return
        if blob is None or self.ports.ledger.get(blob.version.upload_id()) is not None:
            return
        try:
            outcome = self.ports.blobs.tags(blob.version).get(STATE, "")
        except BlobGone:
            return
        if not is_attached_as_it_is(replace(blob, outcome=outcome)):
            self._enter(blob, walk)

    def _clear_sent(self, kept: KeptSentFile) -> None:
        """Remove a sent file whose signature has ended and whose blob is not there.

        A blob that is there and has no entry is left to the walk through the container.
        """
        if not is_signature_over(kept.sent, kept.date):
            return
        self.done.looked_at += 1
        try:
            blob = self.ports.blobs.describe(blob_name(kept.sent.token))
        except BlobKeyWithheld:
            return
        if blob is None:
            self.ports.sent_files.remove(kept.sent)

    def _age(self, ageing: Ageing, stored: Stored) -> None:
        if ageing.is_candidate(stored.entry):
            self.done.looked_at += 1
            self.done.aged_out += ageing.look_at(stored)

    def _compare(self, blob: BlobDescription) -> None:
        self.done.looked_at += 1
        if is_event_due(blob) and is_missing(self.ports, blob):
            self._enter(blob, "container")

    def _enter(self, blob: BlobDescription, walk: str) -> None:
        stored, is_new = self.intake.enter(blob)
        self.intake.announce(stored)
        if is_new:
            self.done.entered += 1
            self.ports.telemetry.record("missed", upload_id=stored.entry.upload_id, found_by=walk)
