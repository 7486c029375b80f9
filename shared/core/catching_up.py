"""Files that no event announced: which blobs need a look, and where a long listing goes on.

Event Grid gives up on some events; an edit of metadata and an append raise none; and blobs may be older than the
subscription.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.attachment import BlobDescription, BlobKind
from shared.core.entry import Phase
from shared.core.sent_file import SentFile

# The event of a younger blob may still be on its way. Event Grid's first tries are within so many minutes.
EVENT_IS_DUE = timedelta(minutes=5)
# Ids are hashes, so their first two digits part the ledger evenly. With one share in each run, every five minutes, each
# share is looked at about once a day, or less often where a share takes several runs.
LEDGER_SHARES = 256
# Longer than a write can take that began before its signature ended.
SIGNATURE_IS_OVER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listing goes on: with the service's own name for a *page*, *after* the item of that name on it.

    Both empty: at the beginning. The service's names for pages cannot name the middle of one, and a page may take
    longer than a run may.
    """

    page: str = ""
    after: str = ""


def rest_of[Item](items: Sequence[Item], after: str, name_of: Callable[[Item], str]) -> Sequence[Item]:
    """What is left of a page after the item named *after*; all of it where that item is gone.

    It is found by its position, since services do not agree on the order of names that are not ASCII.
    """
    for at, item in enumerate(items):
        if after and name_of(item) == after:
            return items[at + 1 :]
    return items


def is_attached_as_it_is(blob: BlobDescription) -> bool:
    """Whether the blob's tags say enough: the ledger need not be asked.

    Writing a blob again takes its tags away. An edit of its metadata does not, and makes no new file of what is
    attached. But an append leaves them too, and changes the file.
    """
    return blob.outcome == Phase.ATTACHED and blob.kind is not BlobKind.APPEND


def is_signature_over(sent: SentFile, now: datetime) -> bool:
    """Whether no blob can be written under this signature any more."""
    return now >= sent.good_until + SIGNATURE_IS_OVER


def is_event_due(blob: BlobDescription) -> bool:
    """Whether an event would have come by now."""
    return blob.modified_at is None or blob.date >= blob.modified_at + EVENT_IS_DUE


def end_of_share(page: str) -> str:
    """The first id beyond the share of the ledger that *page* is in, or begins; empty for the last share."""
    number = int(page[:2] or "0", 16) + 1
    return f"{number:02x}" if number < LEDGER_SHARES else ""


def names_in_dead_letter(body: bytes, container: str) -> list[str]:
    """The blobs of *container* that a dead letter's events are about; a dead letter is a JSON array of events.

    The names are from the events' subjects, which have them unchanged. In the URL of an event's data, a `#` or `?`
    would cut a name off. A body that is not a dead letter names no blob.
    """
    try:
        events = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if not isinstance(events, list):
        return []
    subjects = (event.get("subject") for event in events if isinstance(event, dict))
    ours = f"/blobServices/default/containers/{container}/blobs/"
    names = (
        subject.removeprefix(ours) for subject in subjects if isinstance(subject, str) and subject.startswith(ours)
    )
    return [name for name in names if name]
