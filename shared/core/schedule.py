"""When an entry that has to wait may go on."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.backoff import delay_before
from shared.core.entry import Entry
from shared.core.limits import SECOND, TRUSTED_RETRY_AFTERS, Limits


@dataclass(frozen=True, slots=True)
class Schedule:
    """Times counted from *now*. *jitter* is in [0, 1) and spreads the back-off."""

    now: datetime
    limits: Limits
    jitter: float

    def back_off(self, entry: Entry) -> timedelta:
        return delay_before(entry.deferrals + 1, jitter=self.jitter)

    def try_again(self, entry: Entry, retry_after: timedelta | None = None) -> datetime:
        """The time of the next try: Retry-After, else our own back-off; plus a second, since clocks are cut to seconds.

        After a few deferrals in a row the longer of the two counts: otherwise a server that always answers "now" would
        be asked every second.
        """
        own = self.back_off(entry)
        if retry_after is None:
            return self.now + own + SECOND
        return self.now + (retry_after if entry.deferrals < TRUSTED_RETRY_AFTERS else max(own, retry_after)) + SECOND

    def after_deadline(self) -> datetime:
        """When no request of ours that is on its way now can be applied any more."""
        return self.now + self.limits.deadline + SECOND
