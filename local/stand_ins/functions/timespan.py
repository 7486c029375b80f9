"""Reads a .NET TimeSpan, the form of every duration in host.json: `[d.]hh:mm[:ss[.fffffff]]`."""

import re
from datetime import timedelta

_TIMESPAN = re.compile(r"(?:(\d{1,8})\.)?([01]?\d|2[0-3]):([0-5]?\d)(?::([0-5]?\d)(?:\.(\d{1,7}))?)?")


def parse_timespan(text: str) -> timedelta:
    """Raise ValueError unless *text* is a TimeSpan.

    "24:00:00" is refused: .NET reads it as 24 days, which its author never meant.
    """
    match = _TIMESPAN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration like 00:00:30 or 1.00:00:00")
    days, hours, minutes, seconds, fraction = match.groups(default="0")
    return timedelta(
        days=int(days),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds),
        microseconds=int(fraction.ljust(7, "0")) // 10,
    )
