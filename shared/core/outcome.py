"""What the person reads: blob index tags, on the file itself.

They say the outcome. Before that, once it takes longer than half a minute, they say what the upload waits for
(`underway`).

Setting tags replaces all of them, so the person's own are merged in. A value is short, so the reason is a code and a
few words; the ledger and the log have it whole.
"""

from collections.abc import Mapping

from shared.core.attachment import BlobKind
from shared.core.entry import Entry, Phase, Reason, Underway
from shared.core.lookup import THEIR_IDS
from shared.core.sent_file import token_of
from shared.core.tag_text import is_tag_text, tag_text
from shared.core.underway import why

STATE, REASON, ATTACHMENT = "todo_state", "todo_reason", "todo_attachment"
# The tag by which an attached append blob is found again: an append raises no event.
KIND, APPEND_BLOB = "todo_kind", "append-blob"
OURS = frozenset({STATE, REASON, ATTACHMENT, KIND})
MAX_TAGS = 10

# What an edit of the metadata can put right. The app looks for such edits by itself.
_OF_METADATA = frozenset({Reason.METADATA, Reason.NO_SUCH_LIST, Reason.NO_SUCH_TASK, Reason.AMBIGUOUS})
_GO_ON = "Put the metadata right and it is read again within ten minutes"


def outcome_tags(entry: Entry, existing: Mapping[str, str]) -> dict[str, str]:
    """All tags that the blob should have. The person's own are never dropped for ours.

    A blob has room for ten tags: where the person's own leave too little, the state comes first, then the reason.
    """
    state = entry.underway if entry.is_telling else entry.phase
    ours = {STATE: str(state), REASON: _reason(entry), ATTACHMENT: _attachment(entry), KIND: _kind(entry)}
    return _beside(ours, existing)


def queued_tags(reason: str, existing: Mapping[str, str]) -> dict[str, str]:
    """All tags of a blob that has to queue; in the same way."""
    return _beside({STATE: str(Phase.QUEUED), REASON: tag_text(reason)}, existing)


def _beside(ours: Mapping[str, str], existing: Mapping[str, str]) -> dict[str, str]:
    theirs = {key: value for key, value in existing.items() if key not in OURS}
    filled = [(key, value) for key, value in ours.items() if value]
    return theirs | dict(filled[: max(MAX_TAGS - len(theirs), 0)])


def _reason(entry: Entry) -> str:
    if entry.is_telling:
        return tag_text(why(entry)) if entry.underway is Underway.DELAYED else ""
    if entry.phase is Phase.ATTACHED or not entry.reason:
        return tag_text(entry.detail) if entry.phase is Phase.ATTACHED else ""
    # The metadata of what the page sent does not count, so no edit of it can help.
    has_metadata = token_of(entry.blob.name) is None
    can_be_put_right = entry.phase is Phase.REJECTED and entry.reason in _OF_METADATA and has_metadata
    # The tag has no room for the ids, and a part of an id is useless. The ledger has them whole.
    detail = entry.detail.partition(THEIR_IDS)[0]
    told = f"{entry.reason}: {detail}" if detail else str(entry.reason)
    return tag_text(told, and_then=_GO_ON if can_be_put_right else "")


def _kind(entry: Entry) -> str:
    return APPEND_BLOB if entry.phase is Phase.ATTACHED and entry.kind is BlobKind.APPEND else ""


def _attachment(entry: Entry) -> str:
    # Opaque: an id that does not fit is left to the ledger rather than altered.
    return entry.attachment_id if is_tag_text(entry.attachment_id) else ""
