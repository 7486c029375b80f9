"""What a person reads in the blob's tags before the upload has ended, and when.

A file that is attached within seconds costs no request for this. Once it takes longer than half a minute, its tags say
what it waits for, or that it is being sent. Writing them is a step of its own, which interrupts a wait without ending
it: `tell_at` wakes the entry before `not_before`. A write that fails is not repeated at once: what counts is the
outcome, which is written over it.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.entry import Entry, Phase, Report, Underway
from shared.core.observations import Reported, TagsRefused, Unavailable

# An upload that takes no longer than this reports only its outcome.
PATIENCE = timedelta(seconds=30)


def noted(entry: Entry, now: datetime) -> Entry:
    """*entry* after a step, with the time when its tags are next to say that it is under way, if they are."""
    if entry.phase.is_terminal or entry.phase is Phase.WAITING:
        return replace(entry, waits_since=None, tell_at=None)
    if entry.not_before is None:
        return replace(entry, waits_since=None, tell_at=now if _is_long(entry, now) else None)
    since = entry.waits_since or now
    return replace(entry, waits_since=since, tell_at=_interruption(entry, entry.not_before, since, now))


def told(entry: Entry, observation: Reported | TagsRefused | Unavailable) -> Entry:
    """*entry* after the try to say in its tags that it is under way: it waits, or goes on, as before."""
    # Unavailable: the tags do not say it, so a later step may try again.
    said = not isinstance(observation, Unavailable)
    report = Report(underway=entry.underway, detail=entry.detail) if said else entry.report
    return replace(entry, tell_at=None, report=report)


def why(entry: Entry) -> str:
    """Why the upload is delayed: its detail, or what its phase shows."""
    if entry.detail:
        return entry.detail
    if entry.times_parked:
        return "its message failed too often"
    return "an earlier request may still be applied" if entry.phase is Phase.CONFIRMING else ""


def _is_long(entry: Entry, now: datetime) -> bool:
    """Sent for longer than a moment, with more than one request to come. Its waits in lines count for nothing here."""
    is_sent = entry.phase is Phase.SENDING and not entry.is_at_last_slice
    return is_sent and entry.age(now) >= PATIENCE and entry.report.underway is not Underway.UPLOADING


def _interruption(entry: Entry, until: datetime, since: datetime, now: datetime) -> datetime | None:
    """When the wait that lasts *until* is interrupted; None where it need not be."""
    if entry.report.underway is Underway.DELAYED and (entry.report.detail == entry.detail or until < now + PATIENCE):
        # The tags say so already, or the wait is too short to be worth writing another reason.
        return None
    at = max(now, since + PATIENCE)
    return at if at < until else None
