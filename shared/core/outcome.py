"""What the person reads: blob index tags on the file itself, so that the file answers for itself.

They say the outcome; before it, once that takes longer than half a minute, what the upload waits for (`underway`).

Setting tags replaces all of them, so the person's own are merged in. A value is short, so the reason is a code and a
few words; the ledger and the log have it whole.
"""

from collections.abc import Mapping

from shared.core.entry import Entry, Phase, Underway
from shared.core.tag_text import is_tag_text, tag_text
from shared.core.underway import why

STATE, REASON, ATTACHMENT = "todo_state", "todo_reason", "todo_attachment"
MAX_TAGS = 10


def outcome_tags(entry: Entry, existing: Mapping[str, str]) -> dict[str, str]:
    """All tags that the blob should have. The person's own are never dropped for ours.

    A blob has room for ten tags: where theirs leave too little, the state comes first, then the reason.
    """
    theirs = {key: value for key, value in existing.items() if key not in {STATE, REASON, ATTACHMENT}}
    state = entry.underway if entry.is_telling else entry.phase
    ours = {STATE: str(state), REASON: _reason(entry), ATTACHMENT: _attachment(entry)}
    told = [(key, value) for key, value in ours.items() if value]
    return theirs | dict(told[: max(MAX_TAGS - len(theirs), 0)])


def _reason(entry: Entry) -> str:
    if entry.is_telling:
        return tag_text(why(entry)) if entry.underway is Underway.DELAYED else ""
    if entry.phase is Phase.ATTACHED or not entry.reason:
        return tag_text(entry.detail) if entry.phase is Phase.ATTACHED else ""
    return tag_text(f"{entry.reason}: {entry.detail}" if entry.detail else entry.reason)


def _attachment(entry: Entry) -> str:
    # Opaque: an id that does not fit is left to the ledger rather than altered.
    return entry.attachment_id if is_tag_text(entry.attachment_id) else ""
