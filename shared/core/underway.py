"""What a person reads in the blob's tags before the upload has ended, and when.

A file that is attached within seconds costs no request for this. Once it takes longer than half a minute its tags say
what it waits for, or that it is being sent. To say so is a step of its own, and it interrupts a wait without ending it:
`tell_at` wakes the entry before `not_before`. It is tried once for each thing to say. What counts is the outcome, which
is written over it.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.entry import Entry, Phase, Report, Underway
from shared.core.observations import Reported, TagsRefused, Unavailable

# What takes no longer than this needs no word.
PATIENCE = timedelta(seconds=30)


def noted(entry: Entry, now: datetime) -> Entry:
    """*entry* after a step, with when its tags are to say next that it is under way, if they are."""
    if entry.phase.is_terminal or entry.phase is Phase.WAITING:
        return replace(entry, waits_since=None, tell_at=None)
    if entry.not_before is None:
        return replace(entry, waits_since=None, tell_at=now if _is_long(entry, now) else None)
    since = entry.waits_since or now
    return replace(entry, waits_since=since, tell_at=_interruption(entry, entry.not_before, since, now))


def told(entry: Entry, observation: Reported | TagsRefused | Unavailable) -> Entry:
    """*entry* after its tags were to say that it is under way: it waits on, or goes on, as before."""
    # Unavailable: said at the next occasion, if it is still to be said then.
    said = not isinstance(observation, Unavailable)
    report = Report(underway=entry.underway, detail=entry.detail) if said else entry.report
    return replace(entry, tell_at=None, report=report)


def why(entry: Entry) -> str:
    """Why it is put off: the entry's own words, else what the entry shows."""
    if entry.detail:
        return entry.detail
    if entry.times_parked:
        return "its message failed too often"
    return "an earlier request may still be applied" if entry.phase is Phase.CONFIRMING else ""


def _is_long(entry: Entry, now: datetime) -> bool:
    """Sent for longer than a moment, with more than one request to come."""
    is_sent = entry.phase is Phase.SENDING and not entry.is_at_last_slice
    return is_sent and now >= entry.created_at + PATIENCE and entry.report.underway is not Underway.UPLOADING


def _interruption(entry: Entry, until: datetime, since: datetime, now: datetime) -> datetime | None:
    """When the wait that lasts *until* is interrupted; None where it need not be."""
    if entry.report.underway is Underway.DELAYED and (entry.report.detail == entry.detail or until < now + PATIENCE):
        # Said already; another reason for a short wait is not worth the writing.
        return None
    at = max(now, since + PATIENCE)
    return at if at < until else None
