"""The published limits of Outlook services, and the waits that a Retry-After asks for.

Windows slide. A refused request counts as a request, as documented. The documentation does not say whether its bytes
count as uploaded.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Literal

type Scope = Literal["mailbox", "all"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits. None switches one off, which is the default: a benchmark would measure nothing but the limits."""

    # Published for each app and mailbox; an older page says for each app, for all mailboxes together.
    concurrent_requests: int | None = None
    concurrency_scope: Scope = "mailbox"
    # 150 MB in 5 minutes; before 2023 the page had 15 MB in 30 s.
    upload_bytes: int | None = None
    upload_seconds: float = 300.0
    # The page says of requests that throttled ones count. False: only admitted bytes count; True: refused ones too.
    refused_bytes_count: bool = False
    requests: int | None = None
    request_seconds: float = 600.0
    retry_after: Literal["integer", "fraction", "http_date", "absent", "huge"] = "integer"
    # Where a client that got a Retry-After must not come back earlier: at that task, or in all of that mailbox.
    promise_scope: Literal["task", "mailbox"] = "task"


NO_LIMITS = Limits()
PUBLISHED_LIMITS = Limits(concurrent_requests=4, upload_bytes=150_000_000, requests=10_000)

_HUGE_SECONDS = 31_536_000


@dataclass(frozen=True, slots=True)
class Denial:
    code: str
    message: str
    seconds: float


@dataclass(slots=True)
class _Window:
    total: int = 0
    counted: deque[tuple[datetime, int]] = field(default_factory=deque)

    def evict(self, before: datetime) -> None:
        while self.counted and self.counted[0][0] <= before:
            self.total -= self.counted.popleft()[1]

    def count(self, now: datetime, amount: int) -> None:
        self.counted.append((now, amount))
        self.total += amount

    def seconds_until_room(self, amount: int, allowed: int, now: datetime, span: timedelta) -> float:
        surplus = self.total + amount - allowed
        for moment, counted in self.counted:
            surplus -= counted
            if surplus <= 0:
                return max((moment + span - now).total_seconds(), 1.0)
        return span.total_seconds()


class Throttle:
    def __init__(self) -> None:
        self._requests: dict[str, _Window] = defaultdict(_Window)
        self._uploads: dict[str, _Window] = defaultdict(_Window)
        self._promises: dict[str, datetime] = {}

    def admit(self, limits: Limits, mailbox: str, now: datetime, *, in_flight: int, upload: int) -> Denial | None:
        """Admit a request, or say why not. *in_flight* counts the other open requests in the scope of concurrency."""
        denial = self._judge(limits, mailbox, now, in_flight=in_flight, upload=upload)
        if limits.upload_bytes is not None and upload and (denial is None or limits.refused_bytes_count):
            self._uploads[mailbox].count(now, upload)
        return denial

    def _judge(self, limits: Limits, mailbox: str, now: datetime, *, in_flight: int, upload: int) -> Denial | None:
        if limits.requests is not None:
            window, span = self._requests[mailbox], timedelta(seconds=limits.request_seconds)
            window.evict(now - span)
            window.count(now, 1)
            if window.total > limits.requests:
                wait = window.seconds_until_room(0, limits.requests, now, span)
                return Denial("TooManyRequests", "Too many requests.", wait)
        if limits.concurrent_requests is not None and in_flight >= limits.concurrent_requests:
            return Denial("ApplicationThrottled", "Application is over its MailboxConcurrency limit.", 1.0)
        if limits.upload_bytes is not None and upload:
            window, span = self._uploads[mailbox], timedelta(seconds=limits.upload_seconds)
            window.evict(now - span)
            if window.total + upload > limits.upload_bytes:
                wait = window.seconds_until_room(upload, limits.upload_bytes, now, span)
                return Denial("ApplicationThrottled", "Application is over its upload limit.", wait)
        return None

    def promise(self, key: str, until: datetime) -> None:
        self._promises[key] = max(until, self._promises.get(key, until))

    def breaks_promise(self, key: str, now: datetime) -> bool:
        until = self._promises.get(key)
        if until is None:
            return False
        if now < until:
            return True
        del self._promises[key]
        return False


def retry_after_text(limits: Limits, seconds: float, now: datetime) -> tuple[str, float]:
    """The header (empty: none), and the seconds that it really asks for."""
    match limits.retry_after:
        case "integer":
            whole = -int(-seconds // 1)
            return str(whole), float(whole)
        case "fraction":
            return f"{seconds + 0.128:.3f}", seconds + 0.128
        case "http_date":
            return http_date_in(seconds, now)
        case "huge":
            return str(_HUGE_SECONDS), float(_HUGE_SECONDS)
        case "absent":
            return "", 0.0


def http_date_in(seconds: float, now: datetime) -> tuple[str, float]:
    """An HTTP date and its seconds from now. It is rounded up, so that a correct client does not come too early."""
    moment = now + timedelta(seconds=seconds)
    if moment.microsecond:
        moment = moment.replace(microsecond=0) + timedelta(seconds=1)
    return format_datetime(moment, usegmt=True), (moment - now).total_seconds()
