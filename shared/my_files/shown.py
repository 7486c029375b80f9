"""An upload as its person sees it: names, a state in words, the reason and the remedy. Pure.

It never shows a URL, a token, an id that means nothing to people, or the name of another account.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.core.attachment import Reference
from shared.core.entry import Entry, Phase, Reason
from shared.core.lookup import THEIR_IDS
from shared.core.sent_file import token_of
from shared.core.underway import why


class Tone(StrEnum):
    """What a state means to its person, whatever its words are."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class ShownUpload:
    """One upload. *size* is in bytes; *progress* from 0 to 1, and None where nothing is being sent.

    *state* is a word or a few; *detail* holds the reason and the remedy as sentences, or nothing. *when*: the app first
    saw the file then. *is_mine_to_change*: it was sent through the page. *is_under_way*: it has not ended.
    *wants_connecting*: the remedy is to connect again.
    """

    upload_id: str
    name: str
    list: str
    task: str
    size: int
    state: str
    detail: str
    when: datetime
    progress: float | None
    is_mine_to_change: bool
    can_withdraw: bool
    can_retry: bool
    is_under_way: bool = False
    wants_connecting: bool = False
    tone: Tone = Tone.PLAIN


def shown_listing(entries: Iterable[Entry], now: datetime) -> tuple[ShownUpload, ...]:
    """*entries*, the newest first, without those that ended unattached and have a newer one of the same blob.

    Otherwise a file that was tried again, or whose metadata were corrected, would be listed twice, once with a reason
    that no longer holds.
    """
    newer: set[str] = set()
    told: list[ShownUpload] = []
    for entry in entries:
        came_to_nothing = entry.phase.is_terminal and entry.phase is not Phase.ATTACHED
        if not (came_to_nothing and entry.blob.name in newer):
            told.append(shown(entry, now))
        newer.add(entry.blob.name)
    return tuple(told)


def shown(entry: Entry, now: datetime) -> ShownUpload:
    """*entry* as it is at *now*."""
    is_mine = token_of(entry.blob.name) is not None
    is_under_way = not entry.phase.is_terminal
    return ShownUpload(
        upload_id=entry.upload_id,
        name=entry.attachment_name or entry.blob.name.rpartition("/")[2],
        list=_list(entry.wanted_list),
        task=_task(entry.wanted_task),
        size=entry.size,
        state="Delayed" if _is_put_off(entry, now) else _STATES[entry.phase],
        detail=_detail(entry, now, is_mine=is_mine),
        when=entry.created_at,
        progress=_progress(entry),
        is_mine_to_change=is_mine,
        can_withdraw=is_mine and (is_under_way or _is_left_behind(entry)),
        can_retry=is_mine and _is_left_behind(entry) and entry.reason not in _NEVER_AGAIN,
        is_under_way=is_under_way,
        wants_connecting=entry.reason is Reason.SIGN_IN and entry.phase in {Phase.WAITING, Phase.FAILED},
        tone=_TONES.get(entry.phase, Tone.PLAIN),
    )


_STATES: Mapping[Phase, str] = {
    Phase.ARRIVING: "Arriving",
    Phase.QUEUED: "Waiting for its turn",
    Phase.RESOLVING: "Being prepared",
    Phase.OPENING: "Being prepared",
    Phase.SENDING: "Being attached",
    Phase.LOCATING: "Being attached",
    Phase.CONFIRMING: "Being checked",
    Phase.VERIFYING: "Being checked",
    Phase.WAITING: "Waiting for you to connect",
    Phase.ATTACHED: "Attached",
    Phase.REJECTED: "Rejected",
    Phase.FAILED: "Failed",
    Phase.SUPERSEDED: "Replaced",
    Phase.WITHDRAWN: "Withdrawn",
}
_TONES = {
    Phase.ATTACHED: Tone.GOOD,
    Phase.REJECTED: Tone.BAD,
    Phase.FAILED: Tone.BAD,
    Phase.WAITING: Tone.BAD,
}
# Phases whose words already say why the upload waits.
_WAITS = {Phase.ARRIVING, Phase.QUEUED, Phase.WAITING}
_SENDS = {Phase.SENDING, Phase.LOCATING, Phase.CONFIRMING, Phase.VERIFYING}

_ASK = "Ask the people who run this app."
_SENDER = "Its sender can put it anew, as an ordinary blob in the hot or cool tier."
# What the person can do. *again* stands for how they try the file again.
_REMEDIES: Mapping[Reason, str] = {
    Reason.METADATA: "Its sender can put its metadata right.",
    Reason.TOO_LARGE: "Make the file smaller, and send it anew.",
    Reason.NO_SUCH_TASK: "Choose another task, and send the file anew.",
    Reason.NO_SUCH_LIST: "Choose another list, and send the file anew.",
    Reason.NO_MAILBOX: "Files can be attached for another account only.",
    Reason.AMBIGUOUS: "Its sender can name one of them by its id; or give it a name of its own.",
    Reason.OTHER_ACCOUNT: "Its sender can use another name.",
    Reason.FORBIDDEN: _ASK,
    Reason.REFUSED: _ASK,
    Reason.MAILBOX_FULL: "Make room in your mailbox; then {again}.",
    Reason.PAGE_BLOB: _SENDER,
    Reason.COPY_FAILED: _SENDER,
    Reason.ARCHIVED: _SENDER,
    Reason.KEY_WITHHELD: "Its sender can put it anew, without a key of their own.",
    Reason.SESSIONS: "To Do was out of reach for too long: {again}.",
    Reason.NO_PROGRESS: "To Do was out of reach for too long: {again}.",
    Reason.TOO_OLD: "To Do was out of reach for too long: {again}.",
    Reason.QUEUED_TOO_LONG: "Too many files were before it: {again} later.",
    Reason.WORKERS_DIED: _ASK,
    Reason.NEVER_SIGNED: "Send it from this page.",
    Reason.LARGER_THAN_DECLARED: "Send it anew.",
    Reason.GARBLED: f"An attachment that could not be removed is not your file. {_ASK}",
}
_AGAIN = {True: "try it again", False: "its sender can put it anew"}
# Reasons whose detail may name another account, and the text in its place.
_KEPT_QUIET = {Reason.OTHER_ACCOUNT: "The name of this file belongs to another account's."}
# Reasons that would hold for the same bytes again.
_NEVER_AGAIN = {
    Reason.TOO_LARGE,
    Reason.PAGE_BLOB,
    Reason.COPY_FAILED,
    Reason.OTHER_ACCOUNT,
    Reason.NEVER_SIGNED,
    Reason.LARGER_THAN_DECLARED,
}


def _list(wanted: Reference) -> str:
    return wanted.name or ("" if wanted.id else "your default list")


def _task(wanted: Reference) -> str:
    return wanted.name or "a task that its sender named by its id"


def _is_put_off(entry: Entry, now: datetime) -> bool:
    is_later = entry.not_before is not None and entry.not_before > now
    return is_later and not entry.phase.is_terminal and entry.phase not in _WAITS


def _progress(entry: Entry) -> float | None:
    if entry.phase.is_terminal or not (entry.offset or entry.phase in _SENDS):
        return None
    return min(entry.offset / entry.size, 1.0) if entry.size else 0.0


def _is_left_behind(entry: Entry) -> bool:
    """Whether the file was not attached, and its blob is, as far as the entry knows, still there for another try."""
    # Until the entry is done, its last request to Graph or to the blob may still be under way.
    has_failed = entry.phase in {Phase.REJECTED, Phase.FAILED} and entry.is_done
    return has_failed and not entry.source_deleted and entry.source_gone_since is None


def _detail(entry: Entry, now: datetime, *, is_mine: bool) -> str:
    match entry.phase:
        case Phase.ATTACHED:
            return _sentence(entry.detail)
        case Phase.REJECTED | Phase.FAILED if entry.reason is Reason.SIGN_IN:
            return f"Nobody signed in for this account in time. Connect your To Do; then {_AGAIN[is_mine]}."
        case Phase.REJECTED | Phase.FAILED:
            told = _KEPT_QUIET.get(entry.reason) or _sentence(entry.detail.partition(THEIR_IDS)[0])
            if is_mine and entry.source_gone_since is not None:
                return f"{told} The file is deleted."
            return f"{told} {_REMEDIES.get(entry.reason, '').format(again=_AGAIN[is_mine])}".strip()
        case Phase.SUPERSEDED:
            return "A newer version of the file took its place."
        case Phase.WITHDRAWN:
            unsure = ", but it may already be attached" if entry.may_have_landed else ""
            return f"The file was deleted before it was attached{unsure}."
        case Phase.WAITING:
            # The entry's own words are for senders: they have an address, and an error number of the identity provider.
            return "This app has no sign-in of yours that is good. Connect your To Do, and the file goes on by itself."
        case Phase.QUEUED:
            return _sentence(entry.detail)
        case _:
            is_waiting = _is_put_off(entry, now) or entry.phase is Phase.ARRIVING
            return f"{_sentence(why(entry))} The file goes on by itself.".strip() if is_waiting else ""


def _sentence(text: str) -> str:
    """*text*, as the tags and the log say it, with a capital and a full stop."""
    plain = text.strip().removesuffix(".")
    return f"{plain[:1].upper()}{plain[1:]}." if plain else ""
