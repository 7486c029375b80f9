"""What follows once bytes of the file may have reached Graph, by a slice or by the small POST."""

from dataclasses import replace
from typing import assert_never

from shared.core import endings
from shared.core import observations as seen
from shared.core.entry import Entry, LandedAs, Phase
from shared.core.schedule import Schedule


def unclear(entry: Entry, observation: seen.Unclear, at: Schedule) -> Entry:
    """The request may have been applied, or may still be. The caller chooses the phase that finds out."""
    return replace(
        entry,
        # Only the last slice attaches the file. Any other slice of a lost session is forgotten with it.
        in_doubt=entry.in_doubt or entry.is_at_last_slice,
        steps_without_progress=entry.steps_without_progress + 1,
        deferrals=entry.deferrals + 1,
        not_before=at.try_again(entry, observation.retry_after),
        detail=observation.detail,
    )


def not_continued(entry: Entry, detail: str) -> Entry:
    """The session cannot be used any further, and is not closed yet: CONFIRMING cancels it."""
    without_progress = entry.steps_without_progress + 1
    return replace(entry, phase=Phase.CONFIRMING, steps_without_progress=without_progress, detail=detail)


def landed(entry: Entry, observation: seen.Landed) -> Entry:
    """Graph said "created", so the session that it was sent to is over: there is nothing left to cancel."""
    closed = replace(entry, session=None)
    match observation:
        case seen.Attached(attachment_id) if entry.read_back:
            return replace(
                closed,
                phase=Phase.VERIFYING,
                attachment_id=attachment_id,
                steps_without_progress=0,
                deferrals=0,
                detail="",
            )
        case seen.Attached(attachment_id):
            return endings.attached(closed, attachment_id)
        case seen.LandedUnnamed():
            return _searched_for(closed, LandedAs.UNNAMED, "created, but the reply named no id")
        case seen.LandedUnderOwnedId():
            detail = "created, but the reply named the id of an attachment that another upload owns"
            return _searched_for(closed, LandedAs.OWNED, detail)
        case _:
            assert_never(observation)


def _searched_for(entry: Entry, landed: LandedAs, detail: str) -> Entry:
    # The count starts anew, since from here on it counts searches: after a few of them the file counts as attached.
    return replace(entry, phase=Phase.CONFIRMING, landed=landed, steps_without_progress=0, detail=detail)
