"""Did it land? The entry after a search for an attachment that an earlier request may have created.

The search is made in four cases:

- in CONFIRMING, at once, where the only session is gone right after its last slice;
- in CONFIRMING, once the session is cancelled and a deadline is over, when a session came to nothing;
- in SENDING, before the last slice of every session but the first;
- in CONFIRMING, for as long as Graph said "created" and the file is not found.

To conclude too early that the file did not land attaches it twice; never to conclude so leaves it unattached. Hence the
waits.
"""

from dataclasses import replace
from typing import assert_never

from shared.core import actions as done
from shared.core import endings
from shared.core import observations as seen
from shared.core.absorb import postponing
from shared.core.entry import Entry, Phase
from shared.core.limits import MAX_SEARCHES_IN_DOUBT, SECOND
from shared.core.schedule import Schedule


def after_find_attachment(entry: Entry, observation: done.AfterFindAttachment, at: Schedule) -> Entry:
    match observation:
        case seen.Adopted(attachment_id):
            # An earlier request attached it. A later session may still be open; `decide` cancels it.
            return endings.attached(entry, attachment_id)
        case seen.NotFound():
            return _not_found(entry, at)
        case seen.Refused():
            return endings.rejected(entry, observation)
        case seen.TargetMissing():
            return postponing.target_missing(entry, observation, at)
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return postponing.try_again(entry, observation, at)
        case seen.BlobRewritten() | seen.BlobDeleted():
            return endings.blob_lost(entry, observation)
        case _:
            assert_never(observation)


def _not_found(entry: Entry, at: Schedule) -> Entry:
    if entry.session is not None:
        # In SENDING the last slice may be sent now. In CONFIRMING this proves nothing: until the session is cancelled,
        # a request may still be applied. The mark belongs to the session, so a later one searches again.
        return replace(entry, session=replace(entry.session, searched=True))
    tried = replace(entry, steps_without_progress=entry.steps_without_progress + 1)
    if entry.landed:
        # Graph has said "created", so the listing lags. Nothing is sent any more; `decide` has the bound.
        return replace(tried, deferrals=entry.deferrals + 1, not_before=at.try_again(entry))
    searches = entry.searches_in_doubt + 1
    if entry.in_doubt and searches < MAX_SEARCHES_IN_DOUBT:
        # A session that is gone right after its last slice has most likely become the attachment: a listing that lags
        # must not make us send it again.
        wait = at.limits.deadline * 2**searches + SECOND
        return replace(tried, searches_in_doubt=searches, not_before=at.now + wait)
    # The session is closed and a deadline has passed, so nothing that was sent can be applied any more: sending the
    # file again attaches it once.
    return replace(tried, phase=Phase.OPENING, in_doubt=False, searches_in_doubt=0)
