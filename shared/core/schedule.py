"""When an entry that has to wait may go on."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.backoff import delay_before
from shared.core.entry import Entry
from shared.core.limits import SECOND, TRUSTED_RETRY_AFTERS, Limits


@dataclass(frozen=True, slots=True)
class Schedule:
    """Counted from *now*. *jitter* is in [0, 1): it spreads the back-off."""

    now: datetime
    limits: Limits
    jitter: float

    def back_off(self, entry: Entry) -> timedelta:
        return delay_before(entry.deferrals + 1, jitter=self.jitter)

    def try_again(self, entry: Entry, retry_after: timedelta | None = None) -> datetime:
        """Retry-After wins over our own back-off; and a second more, since clocks are cut to seconds.

        Unless it was not enough a few times in a row: a server that says "now" for ever is not asked every second.
        """
        own = self.back_off(entry)
        if retry_after is None:
            return self.now + own + SECOND
        return self.now + (retry_after if entry.deferrals < TRUSTED_RETRY_AFTERS else max(own, retry_after)) + SECOND

    def after_deadline(self) -> datetime:
        """When no request of ours that is on its way now can be applied any more."""
        return self.now + self.limits.deadline + SECOND
