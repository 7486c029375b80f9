"""The uploads under one blob name: which account the name belongs to, and which of them a newer upload has to look at.

Each write of a blob is an upload of its own. But an edit of its metadata is a write too, and so is every commit of a
writer that commits in parts, and the same bytes once more. What those have in common is the name.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta

from shared.core.account_name import ascii_lower
from shared.core.attachment import BlobVersion
from shared.core.entry import Entry, Phase, Reason, Replaced
from shared.core.limits import FREE_REWRITES
from shared.core.observations import Refused

OF_ANOTHER = Refused(
    Reason.OTHER_ACCOUNT, "a file of this name was put for another account: put yours under another name"
)

# How many of each kind a name remembers. One that is left out costs at most one more upload, and only where more than
# these are under way, or are attached with different contents, at once.
_KEPT_ATTACHED = 6
_KEPT_IN_DOUBT = 3
_KEPT_UNDER_WAY = 8


def name_key(blob: BlobVersion) -> str:
    """The key of the blob's name: 32 hex digits."""
    text = f"name\0{blob.storage_account}\0{blob.container}\0{blob.name}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def newest_first(others: Iterable[Entry]) -> list[Entry]:
    return sorted(others, key=lambda other: other.created_at, reverse=True)


def worth_remembering(others: Sequence[Entry]) -> list[Entry]:
    """Those of *others*, the newest first, that a later upload under their name may still have to look at.

    The newest says which account the name belongs to. One that is attached, or may have landed without an answer, may
    be the same file. One that is under way may become any of these.
    """
    attached = [other for other in others if other.phase is Phase.ATTACHED]
    in_doubt = [other for other in others if other.may_have_landed]
    under_way = [other for other in others if not other.phase.is_terminal]
    kept = [
        *others[:1],
        *attached[:_KEPT_ATTACHED],
        *in_doubt[:_KEPT_IN_DOUBT],
        *under_way[:_KEPT_UNDER_WAY],
    ]
    return [other for other in others if other in kept]


def is_same_account(one: Entry, other: Entry) -> bool:
    """Whether both name their account alike. One person may have two names, which only `ports.Accounts` can tell."""
    return ascii_lower(one.account) == ascii_lower(other.account)


def is_taken(other: Entry, *, is_newest: bool) -> bool:
    """Whether the blob's name still belongs to the account of *other*, whatever the file is.

    A superseded upload still has the name as long as it is the newest: the write that superseded it was made of its
    file.
    """
    return not other.phase.is_terminal or (other.phase is Phase.SUPERSEDED and is_newest)


def is_same_target(other: Entry, list_id: str, task_id: str) -> bool:
    """Whether *other*, of the same account, goes to this task."""
    return bool(other.list_id) and (other.list_id, other.task_id) == (list_id, task_id)


def rewrites(others: Sequence[Entry]) -> int:
    """How many versions in a row, up to the newest of *others*, came to nothing because the blob was written again."""
    if not others:
        return 0
    newest = others[0]
    return newest.rewrites + 1 if newest.phase is Phase.SUPERSEDED or not newest.phase.is_terminal else 0


def must_slow_down(entry: Entry, versions: int) -> bool:
    """Whether an upload after so many rewritten *versions* waits before it opens a session; it does so once."""
    return versions > FREE_REWRITES and entry.rewrites <= FREE_REWRITES


def replaced_by(entry: Entry, targeted: Sequence[Entry], *, within: timedelta) -> Replaced | None:
    """The attachment whose place the one of *entry* takes, if it takes any.

    *targeted*: other uploads under the name to the same task, the newest first. An attachment whose write was followed
    by another one so soon was not the whole file yet. Where *within* is zero, nothing is replaced.
    """
    if within <= timedelta():
        return None
    being_removed = ids_being_removed(targeted)
    for other in targeted:
        if other.phase is Phase.ATTACHED and other.attachment_id and other.attachment_id not in being_removed:
            # Uploads were attached in the order in which they were made, and only the last one can be so young.
            return _replaced(other) if _is_followed_soon(other, entry, within) else None
        if other.phase is Phase.SUPERSEDED and other.replaces is not None:
            # It followed soon, and was followed itself before it was attached.
            return other.replaces
    return None


def ids_being_removed(others: Iterable[Entry]) -> set[str]:
    """The attachments whose place newer ones are about to take."""
    return {other.replaces.attachment_id for other in others if other.phase is Phase.ATTACHED and other.replaces}


def _is_followed_soon(older: Entry, newer: Entry, within: timedelta) -> bool:
    if older.attached_at is None or newer.modified_at is None:
        return False
    return newer.modified_at - older.attached_at <= within


def _replaced(other: Entry) -> Replaced | None:
    if other.attached_at is None:
        return None
    return Replaced(other.attachment_id, other.attachment_name, other.attached_at)
