"""The container against the ledger, for blobs whose events never arrived.

An operator's command, not the sweep's business: it reads the whole container. Event Grid gives up after a day, drops
events where no dead letters are kept, and does not tell of blobs that were there before the subscription.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from shared.app.intake import Intake
from shared.core.attachment import BlobDescription
from shared.core.entry import Phase
from shared.core.outcome import STATE
from shared.errors import BlobGone, BlobKeyWithheld
from shared.ports import Ports


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one blob needed.

    *state*: `known`, `missing` (no entry: entered now, unless only looking), `gone`, or `refused` by storage.
    """

    name: str
    state: str


def reconcile(
    ports: Ports, intake: Intake, blobs: Iterable[BlobDescription], *, only_look: bool
) -> Iterator[Reconciled]:
    """Enter and announce every blob that the ledger does not know in its present version."""
    for blob in blobs:
        # Writing a blob again takes its tags away, editing its metadata does not: edited after it was attached, it is
        # no new file. Edited after it was rejected, or while it waits, the person has put its metadata right.
        if blob.outcome == Phase.ATTACHED or ports.ledger.get(blob.version.upload_id()) is not None:
            yield Reconciled(blob.version.name, "known")
            continue
        if not only_look:
            stored, _ = intake.enter(blob)
            intake.announce(stored)
        yield Reconciled(blob.version.name, "missing")


def reconcile_names(ports: Ports, intake: Intake, names: Iterable[str], *, only_look: bool) -> Iterator[Reconciled]:
    """The same for blobs that are only named, by dead letters: each as it is now."""
    for name in names:
        try:
            blob = _with_outcome(ports, name)
        except BlobKeyWithheld:
            yield Reconciled(name, "refused")
            continue
        if blob is None:
            yield Reconciled(name, "gone")
        else:
            yield from reconcile(ports, intake, [blob], only_look=only_look)


def _with_outcome(ports: Ports, name: str) -> BlobDescription | None:
    blob = ports.blobs.describe(name)
    try:
        return replace(blob, outcome=ports.blobs.tags(blob.version).get(STATE, "")) if blob is not None else None
    except BlobGone:
        return None


def names_in_dead_letter(body: bytes, container: str) -> list[str]:
    """The blobs of *container* that a dead letter's events are about; a dead letter is a JSON array of events.

    By their subject, which has the name as it is. In the URL of the event's data a `#` or a `?` of a name would end it.
    Raises ValueError for what is no dead letter.
    """
    events = json.loads(body)
    if not isinstance(events, list):
        raise ValueError("a dead letter that is not a JSON array")
    subjects = (event.get("subject") for event in events if isinstance(event, dict))
    ours = f"/blobServices/default/containers/{container}/blobs/"
    names = (
        subject.removeprefix(ours) for subject in subjects if isinstance(subject, str) and subject.startswith(ours)
    )
    return [name for name in names if name]
