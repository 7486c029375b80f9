"""Did it land? Which of a task's attachments may be this upload's file, put there by a request that we gave up on.

A candidate is young enough and has our name, loosely. It is this file if its bytes are ours (SHA-256) and no other
entry owns it. Sizes prove nothing: listings may show Exchange's overhead.
"""

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

# Both times are Graph's, but each is cut to a second, and not by the same machine.
TOLERANCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class ListedAttachment:
    """An attachment as a listing shows it. *size* is not here: Exchange may add to it."""

    id: str
    name: str
    modified_at: datetime | None


def candidates(listed: Iterable[ListedAttachment], *, name: str, opened_at: datetime | None) -> list[ListedAttachment]:
    """The listed attachments worth comparing.

    One without a time counts as young, one without a name as ours: the hash decides.
    """
    wanted = loose_name(name)
    return [
        attachment
        for attachment in listed
        if loose_name(attachment.name) in {wanted, ""} and _is_young(attachment, opened_at)
    ]


def _is_young(attachment: ListedAttachment, opened_at: datetime | None) -> bool:
    if opened_at is None or attachment.modified_at is None:
        return True
    return attachment.modified_at >= opened_at - TOLERANCE


def loose_name(name: str) -> str:
    """What is left of a name however Graph alters it: its letters and digits, without case, compatibility forms folded.

    Servers trim, and put an underscore for what a file system would not take. Too loose costs a comparison of bytes;
    too strict would miss a file that has landed, and send it again.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in folded if character.isalnum())


def slot(account: str, list_id: str, task_id: str, name: str) -> str:
    """The slot that one live entry at a time holds: 32 hex digits for account, task, and name, loosely."""
    text = "\0".join((account.casefold(), list_id, task_id, loose_name(name)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
