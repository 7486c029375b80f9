"""The entry after the start of an attachment: an upload session, or the small POST, which is all of it.

The claim counts an opening before the request is sent (`entry.claimed`), so that a worker which dies right after the
request, time after time, still reaches the bound. An observation that shows that nothing was opened gives the count
back (`postponing.without_this_opening`); all others leave it.
"""

from dataclasses import replace
from typing import assert_never

from shared.core import actions as done
from shared.core import endings
from shared.core import observations as seen
from shared.core.absorb import postponing, sent_bytes
from shared.core.entry import Entry, Phase, Reason, Session
from shared.core.ranges import MAX_POST_BYTES
from shared.core.schedule import Schedule


def after_open_session(entry: Entry, observation: done.AfterOpenSession, at: Schedule) -> Entry:
    match observation:
        case seen.SessionOpened():
            return _session_opened(entry, observation)
        case seen.TooSmallForSession(detail):
            if entry.size > MAX_POST_BYTES:
                return endings.terminal(entry, Phase.REJECTED, Reason.REFUSED, detail + endings.may_be_attached(entry))
            # From here on the file goes by the small POST, as an empty one does. No session was opened, so the count is
            # given back.
            return replace(postponing.without_this_opening(entry), by_post=True, deferrals=0)
        case seen.Refused():
            return endings.rejected(entry, observation)
        case seen.TargetMissing():
            return postponing.target_missing(entry, observation, at)
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return postponing.try_again(entry, observation, at)
        case _:
            assert_never(observation)


def _session_opened(entry: Entry, observation: seen.SessionOpened) -> Entry:
    opened = replace(
        entry,
        phase=Phase.SENDING,
        session=Session(observation.url, observation.expires_at),
        # A reply without a Date: no session can have been opened before the entry was made.
        first_opened_at=entry.first_opened_at or observation.opened_at or entry.created_at,
        deferrals=0,
        detail="",
    )
    if observation.offset == 0:
        return opened
    # The session claims to have bytes that were never sent. Going on from there would attach a different file.
    return sent_bytes.not_continued(opened, f"a session just opened expects byte {observation.offset}")


def after_prepare_post(entry: Entry, observation: done.AfterPreparePost, at: Schedule) -> Entry:
    match observation:
        case seen.PostPrepared(server_date):
            # Stored before the POST is sent. After a lost answer, this date distinguishes the attachment that the POST
            # created from an older one of the same name.
            return replace(entry, first_opened_at=server_date or entry.created_at, deferrals=0)
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


def after_post_file(entry: Entry, observation: done.AfterPostFile, at: Schedule) -> Entry:
    match observation:
        case seen.Attached() | seen.LandedUnnamed() | seen.LandedUnderOwnedId():
            return sent_bytes.landed(entry, observation)
        case seen.Unclear():
            # There is no session to ask about the POST, so its attachment is searched for. It may still be applied
            # until its deadline is over, so the search waits for that.
            unclear = sent_bytes.unclear(entry, observation, at)
            wait = max(at.try_again(entry, observation.retry_after), at.after_deadline())
            return replace(unclear, phase=Phase.CONFIRMING, not_before=wait)
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
