"""Delays: how long to wait before the next try, and what a Retry-After header says.

Delays are never slept: they become a `not_before` in the ledger and a delayed message.
"""

import email.utils
import math
from datetime import UTC, datetime, timedelta

FIRST = timedelta(seconds=2)
LONGEST = timedelta(minutes=10)
# A queue message can be delayed by seven days at most; a longer Retry-After is cut to this.
LONGEST_RETRY_AFTER = timedelta(days=6)


def delay_before(attempt: int, *, jitter: float) -> timedelta:
    """Exponential back-off: 2 s doubling to 10 min, spread by *jitter* in [0, 1) over [half, whole).

    *attempt* counts from 1. Without the spread, uploads that were throttled together would come back together.
    """
    # The exponent is capped before the power is taken, so that no count can overflow it.
    doubled: timedelta = FIRST * 2 ** min(max(attempt, 1) - 1, 20)
    spread: float = 0.5 + jitter / 2
    return min(doubled, LONGEST) * spread


def parse_retry_after(value: str | None, *, now: datetime | None) -> timedelta | None:
    """What a Retry-After header asks for: seconds, seconds with a fraction, or an HTTP date; else None.

    Graph's own samples have fractions. A date is taken relative to *now*, the reply's own Date.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        return _until_http_date(value, now)
    if not math.isfinite(seconds) or seconds < 0:
        return None
    return timedelta(seconds=min(seconds, LONGEST_RETRY_AFTER.total_seconds()))


def _until_http_date(value: str, now: datetime | None) -> timedelta | None:
    when = parse_http_date(value)
    if now is None or when is None:
        return None
    return min(max(when - now, timedelta()), LONGEST_RETRY_AFTER)


def parse_http_date(value: str) -> datetime | None:
    """An HTTP date, UTC where it names no zone; None for anything else, however large its numbers."""
    try:
        when = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
