"""When a timer fires, in UTC, as for Linux apps in Azure.

A schedule is a TimeSpan, or an NCRONTAB expression, `{second} {minute} {hour} {day} {month} {day of week}`, the seconds
optional. Where day and day of week are both given, NCrontab requires both to match; classic cron requires either.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Self

from croniter import CroniterBadCronError, croniter

from local.stand_ins.functions.timespan import parse_timespan

# Enough times to see every interval of a schedule that fires more often than once a minute.
_SAMPLE = 61
_SAMPLE_START = datetime(2026, 1, 1, tzinfo=UTC)
_FIELD = re.compile(r"[0-9A-Za-z*/,\-]+")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Either *cron*, seconds first, or *every*."""

    cron: str | None
    every: timedelta | None

    @classmethod
    def parse(cls, text: str) -> Self:
        fields = text.split()
        if len(fields) == 1:
            every = parse_timespan(text)
            if not every:
                raise ValueError(f"schedule {text!r} is no time at all")
            return cls(None, every)
        if len(fields) == 5:
            fields = ["0", *fields]
        if len(fields) != 6 or not all(_FIELD.fullmatch(field) for field in fields):
            raise ValueError(f"schedule {text!r} is neither six fields nor a duration")
        cron = " ".join(fields)
        try:
            croniter(cron, _SAMPLE_START, second_at_beginning=True, day_or=False)
        except CroniterBadCronError as error:
            raise ValueError(f"schedule {text!r}: {error}") from error
        return cls(cron, None)

    def after(self, moment: datetime) -> datetime:
        """The next time, strictly after *moment*."""
        if self.every is not None:
            return moment + self.every
        following: datetime = croniter(self.cron, moment, second_at_beginning=True, day_or=False).get_next(datetime)
        return following

    @property
    def is_faster_than_a_minute(self) -> bool:
        moments = [_SAMPLE_START]
        while len(moments) < _SAMPLE:
            moments.append(self.after(moments[-1]))
        return any(later - earlier < timedelta(minutes=1) for earlier, later in pairwise(moments))
