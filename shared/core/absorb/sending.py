"""The entry after a slice, and after the question what became of one.

The next offset is never computed from what was sent: it is the byte that the server says it expects. If the answer to a
PUT does not say so, LOCATING asks the session. So a lost answer, a slice that was stored in part, a session that fell
back, and another worker's slice in between are one and the same case.
"""

from dataclasses import replace
from typing import assert_never

from shared.core import actions as done
from shared.core import endings
from shared.core import observations as seen
from shared.core.absorb import postponing, sent_bytes
from shared.core.entry import Entry, Phase, Reason, Session
from shared.core.schedule import Schedule


def after_send_slice(entry: Entry, observation: done.AfterSendSlice, at: Schedule) -> Entry:
    match observation:
        case seen.Progress():
            return _progress(entry, entry.open_session, observation)
        case seen.Attached() | seen.LandedUnnamed() | seen.LandedUnderOwnedId():
            return sent_bytes.landed(entry, observation)
        case seen.Unclear():
            # The slice is stored, on its way, or lost. No other one is sent before the session has said which: two PUTs
            # for one range could be applied in any order.
            return replace(sent_bytes.unclear(entry, observation, at), phase=Phase.LOCATING)
        case seen.SliceRefused():
            return _slice_refused(entry, entry.open_session, observation, at)
        case seen.SliceTooLarge():
            return _slice_too_large(entry, at)
        case seen.Refused():
            return endings.rejected(entry, observation)
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return postponing.try_again(entry, observation, at)
        case seen.BlobRewritten() | seen.BlobDeleted():
            return endings.blob_lost(entry, observation)
        case _:
            assert_never(observation)


def after_ask_session(entry: Entry, observation: done.AfterAskSession, at: Schedule) -> Entry:
    match observation:
        case seen.Progress():
            return _progress(entry, entry.open_session, observation)
        case seen.SessionLost(detail):
            # A session is also gone once its last slice has created the attachment: that has to be ruled out first.
            return sent_bytes.not_continued(entry, detail)
        case seen.Deferred() | seen.Unavailable() | seen.NeedsSignIn():
            return postponing.try_again(entry, observation, at)
        case _:
            assert_never(observation)


def _progress(entry: Entry, session: Session, observation: seen.Progress) -> Entry:
    offset = observation.offset
    if offset >= entry.size or offset > session.furthest + entry.slice_bytes:
        # The session has all bytes, yet nothing was attached; or it has more than was ever sent. It cannot be
        # continued.
        return sent_bytes.not_continued(entry, f"the session expects byte {offset}")
    gained, forward = offset > session.furthest, offset > session.offset
    # Bytes sent again after the session fell back count neither as progress nor as lack of it. If they were progress, a
    # session that falls back again and again would never end; if they were none, small slices would reach the bound on
    # their way back to where they had been.
    without_progress = entry.steps_without_progress
    return replace(
        entry,
        phase=Phase.SENDING,
        session=replace(
            session,
            offset=offset,
            furthest=max(offset, session.furthest),
            # Some servers move the expiry on with each slice; others fix it at the beginning and do not repeat it.
            expires_at=observation.expires_at or session.expires_at,
            # A refusal is about the bytes at this offset: at another one it does not count.
            refused_status=session.refused_status if offset == session.offset else 0,
        ),
        steps_without_progress=0 if gained else without_progress if forward else without_progress + 1,
        # The session did not have the last slice when it was asked, but a request on its way may still bring it. Once
        # the session has gained a byte by another request, it can no longer take that one.
        in_doubt=entry.in_doubt and not gained,
        # A session that answers but does not move is asked ever more slowly, and the reason for it is kept.
        deferrals=0 if forward else entry.deferrals,
        detail="" if forward else entry.detail,
    )


def _slice_refused(entry: Entry, session: Session, observation: seen.SliceRefused, at: Schedule) -> Entry:
    if session.refused_status:
        # The bytes were refused, the session was asked, they were sent again, and refused again at the same offset. A
        # third try would end the same way.
        unsure = endings.may_be_attached(entry)
        detail = f"Graph refuses the bytes from {session.offset} on: {observation.detail}{unsure}"
        return endings.terminal(entry, Phase.FAILED, Reason.REFUSED, detail)
    refused = replace(entry, session=replace(session, refused_status=observation.status))
    # Perhaps only this answer was wrong: the session says which bytes it really has.
    return replace(sent_bytes.unclear(refused, seen.Unclear(observation.detail), at), phase=Phase.LOCATING)


def _slice_too_large(entry: Entry, at: Schedule) -> Entry:
    # Graph does not publish its limit in bytes. Halving once is enough: half of our slice is below every reading of it.
    half = at.limits.slice_bytes // 2
    if entry.slice_bytes <= half:
        detail = f"Graph takes no slice of {entry.slice_bytes} bytes{endings.may_be_attached(entry)}"
        return endings.terminal(entry, Phase.REJECTED, Reason.TOO_LARGE, detail)
    return replace(entry, slice_bytes=half, steps_without_progress=entry.steps_without_progress + 1)
