"""The entry after its attachment was read back, and after one with other bytes was removed.

Graph has said that the file is attached. So the upload fails, or sends the file again, only where the bytes differ. It
does not wait for a sign-in here, because the person would get no word for days. `decide` has the bounds.
"""

from dataclasses import replace
from typing import assert_never

from shared.core import actions as done
from shared.core import endings
from shared.core import observations as seen
from shared.core.entry import Entry, Phase, Reason
from shared.core.limits import MAX_GARBLED
from shared.core.schedule import Schedule


def after_read_back(entry: Entry, observation: done.AfterReadBack, at: Schedule) -> Entry:
    match observation:
        case seen.Intact():
            return endings.attached(entry, entry.attachment_id)
        case seen.Garbled():
            return replace(
                entry,
                attachment_id="",
                garbled=entry.garbled + 1,
                garbled_id=entry.attachment_id,
                closing_tries=0,
                deferrals=0,
                detail="the attachment had other bytes than the file",
            )
        case seen.NotReadBack(detail):
            return replace(endings.attached(entry, entry.attachment_id), detail=f"not read back: {detail}")
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return _read_back_later(entry, observation, at)
        case _:
            assert_never(observation)


def after_remove_garbled(entry: Entry, observation: done.AfterRemoveGarbled, at: Schedule) -> Entry:
    match observation:
        case seen.AttachmentRemoved():
            removed = replace(entry, garbled_id="", closing_tries=0, deferrals=0)
            if entry.garbled >= MAX_GARBLED:
                detail = f"{entry.garbled} times To Do held other bytes than the file, and they were removed again"
                return endings.terminal(removed, Phase.FAILED, Reason.GARBLED, detail)
            # The session that attached it is over, so nothing that was sent to it is in doubt any more.
            return replace(removed, phase=Phase.OPENING, in_doubt=False, searches_in_doubt=0)
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return _read_back_later(entry, observation, at)
        case _:
            assert_never(observation)


def _read_back_later(entry: Entry, observation: seen.TryAgain, at: Schedule) -> Entry:
    retry_after = None if isinstance(observation, seen.NeedsSignIn) else observation.retry_after
    return replace(
        entry,
        closing_tries=entry.closing_tries + 1,
        deferrals=entry.deferrals + 1,
        not_before=at.try_again(entry, retry_after),
        detail=observation.detail,
    )
