"""An upload's place in the index of its account: newest first, whatever the order in which rows are written."""

import re
from datetime import UTC, datetime, timedelta

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Sixteen digits, beyond the year 2200: a table sorts its keys as text.
_END = 10**16
_PLACE = re.compile(r"[0-9]{16}-([0-9a-f]{32})")


def upload_place(upload_id: str, written_at: datetime) -> str:
    """The place, a text: the later *written_at* is, the smaller. Of one moment, in the order of their ids."""
    return f"{_counted_down(written_at)}-{upload_id}"


def places_until(since: datetime) -> str:
    """A text beyond the places of all uploads that were written at *since* or later, and of no others."""
    return f"{_counted_down(since)}."  # sorts after the hyphen


def upload_at(place: str) -> str | None:
    """The upload's id; None where *place* is no place: it may come back from a browser, so it may be anything."""
    found = _PLACE.fullmatch(place)
    return found[1] if found else None


def _counted_down(when: datetime) -> str:
    return f"{max(_END - (when - _EPOCH) // _MICROSECOND, 0):016d}"
