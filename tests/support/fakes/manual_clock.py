"""A clock that moves when a test says so."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@dataclass
class ManualClock:
    """*now* is the true time. Services return it cut to whole seconds, as HTTP dates are."""

    now: datetime = START

    def advance(self, by: timedelta | float) -> None:
        self.now += by if isinstance(by, timedelta) else timedelta(seconds=by)

    def date(self) -> datetime:
        return self.now.replace(microsecond=0)

    def monotonic(self) -> float:
        return (self.now - START).total_seconds()
