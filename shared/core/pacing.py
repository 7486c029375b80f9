"""How much a mailbox is asked at once: leases, budgets, and whose turn it is.

Graph limits each app and mailbox: 4 requests at once, 150 MB of uploads in 5 minutes, 10,000 requests in 10 minutes
(docs/GRAPH_BEHAVIOUR.md has the sources). An upload that runs into a limit is refused, and what was refused may count
towards the limit again. So an upload asks for a *lease* before its first request, and the uploads without one queue,
first come, first served.

A lease reserves the whole file when it is given. What it used counts from the end of the upload on, for a little
more than the window: when Graph began to count is not known, and the clocks differ.

Nothing here decides *whether* an upload may act: claims do. A lease only decides *when*.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

# To find a list and a task by their names: a page of each, as a rule.
LOOKUPS = 2
# Uses that end within the same two seconds are counted as one: a thousand small files would not fit into a row.
_BUCKET_SECONDS = 2
# Longer than twice the time for which a message is away after its worker died (10 minutes), so that an upload that goes
# on then still has its lease.
LEASE = timedelta(minutes=30)
# How many tickets of a line are looked at when leases are given: more than may run at once.
HEAD = 9
# How many tickets are counted for the expected wait that a person reads: as many as one request lists.
COUNTED = 999
# How long a request is assumed to take.
_REQUEST = timedelta(seconds=1)
# Why an upload queues.
THROTTLED = "Graph asks this mailbox to slow down"
OTHERS_FIRST = "other files are first"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Budget:
    """At most *amount* (bytes, or requests) within *window*."""

    amount: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class MailboxLimits:
    """What a mailbox is asked for at most. *slack* is added to each window, for two clocks cut to seconds."""

    uploads_at_once: int
    bytes: Budget
    requests: Budget
    lease: timedelta
    slack: timedelta = timedelta(seconds=4)


@dataclass(frozen=True, slots=True)
class Need:
    """What an upload will use, as far as can be known before it starts."""

    bytes: int
    requests: int

    @classmethod
    def of(cls, size: int, slice_bytes: int, *, by_name: bool) -> "Need":
        """The requests of an upload in which nothing goes wrong.

        Failures cost more, and are counted at the end. If each upload reserved requests for them, a thousand small
        files would leave a part of the budget unused.
        """
        return cls(size, 1 + max(-(-size // slice_bytes), 1) + (LOOKUPS if by_name else 0))


@dataclass(frozen=True, slots=True)
class Lease:
    """One upload's right to ask this mailbox. If its upload is lost and never gives it back, it ends at *until*."""

    upload_id: str
    until: datetime
    need: Need

    def starts_at(self, limits: MailboxLimits) -> datetime:
        """From when on its upload may ask: a lease may be given ahead of time, for when the budget has room."""
        return self.until - limits.lease


@dataclass(frozen=True, slots=True)
class Use:
    """What uploads used that ended at about *ended_at*."""

    ended_at: datetime
    need: Need


@dataclass(frozen=True, slots=True)
class Pace:
    """The state of one mailbox. *not_before*: Graph throttled it, and asked to come back then."""

    leases: tuple[Lease, ...] = ()
    uses: tuple[Use, ...] = ()
    not_before: datetime | None = None

    def lease_of(self, upload_id: str) -> Lease | None:
        return next((lease for lease in self.leases if lease.upload_id == upload_id), None)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A place in a mailbox's queue. *step* is the step of the message that will wake the upload."""

    queued_at: datetime
    upload_id: str
    step: int
    need: Need

    @property
    def place(self) -> str:
        """Sorts as the queue does: first come, first served, and no two alike."""
        return f"{self.queued_at:%Y%m%dT%H%M%S.%f}-{self.upload_id}"


def tidied(pace: Pace, now: datetime, limits: MailboxLimits) -> Pace:
    """The pace without what is over: a lease that ran out counts as used until then, a use counts for its windows."""
    lost = tuple(Use(lease.until, lease.need) for lease in pace.leases if lease.until <= now)
    longest = max(limits.bytes.window, limits.requests.window) + limits.slack
    return Pace(
        leases=tuple(lease for lease in pace.leases if lease.until > now),
        uses=tuple(use for use in (*pace.uses, *lost) if use.ended_at + longest > now),
        not_before=pace.not_before if pace.not_before is not None and pace.not_before > now else None,
    )


def earliest_start(pace: Pace, need: Need, now: datetime, limits: MailboxLimits) -> datetime | None:
    """When an upload with *need* may start; None where it has to wait for a lease to be given back first."""
    if len(pace.leases) >= limits.uploads_at_once:
        return None
    room = [_has_room_at(pace, measure, need, budget, limits.slack) for measure, budget in _budgets(limits)]
    known = [when for when in room if when is not None]
    if len(known) < len(room):
        return None
    return max(now, *known, pace.not_before or now)


def granted(pace: Pace, upload_id: str, need: Need, starts_at: datetime, limits: MailboxLimits) -> Pace:
    """The pace with a lease for *upload_id*, whose time counts from *starts_at*."""
    others = tuple(lease for lease in pace.leases if lease.upload_id != upload_id)
    return replace(pace, leases=(*others, Lease(upload_id, starts_at + limits.lease, need)))


def returned(pace: Pace, upload_id: str, now: datetime, used: Need) -> Pace:
    """The pace after *upload_id* gave its lease back, and *used* so much under it; unchanged where it holds none."""
    if pace.lease_of(upload_id) is None:
        return pace
    others = tuple(lease for lease in pace.leases if lease.upload_id != upload_id)
    return replace(pace, leases=others, uses=_counted(pace.uses, now, used) if used.requests else pace.uses)


def throttled(pace: Pace, until: datetime, now: datetime) -> Pace:
    """The pace after Graph asked to come back at *until*, which holds for all of the mailbox's uploads.

    The leases are prolonged by the time in which their uploads cannot use them, and by no more: otherwise a lease that
    is never given back would live for as long as Graph throttles the mailbox now and then.
    """
    not_before = max(until, pace.not_before or until)
    added = not_before - max(now, pace.not_before or now)
    leases = tuple(replace(lease, until=lease.until + added) for lease in pace.leases)
    return replace(pace, leases=leases, not_before=not_before)


def spent(pace: Pace, requests: int, now: datetime, limits: MailboxLimits) -> Pace | None:
    """The pace after *requests* that belong to no upload; None where the mailbox must not be asked now.

    They need no lease: a person waits for them, and they are few. But they use up budget like an upload's.
    """
    need = Need(0, requests)
    room = _has_room_at(pace, lambda each: each.requests, need, limits.requests, limits.slack)
    if room is None or room > now or (pace.not_before is not None and pace.not_before > now):
        return None
    return replace(pace, uses=_counted(pace.uses, now, need))


def why_not_yet(pace: Pace, now: datetime) -> str:
    """What a person reads about an upload that has to queue."""
    return THROTTLED if pace.not_before is not None and pace.not_before > now else OTHERS_FIRST


def expected_wait(pace: Pace, ahead: Need, need: Need, now: datetime, limits: MailboxLimits) -> timedelta:
    """About how long an upload will queue that has *ahead* before it: an estimate, no promise.

    Either the budgets decide, or how long the requests ahead of it take, which is not known: a second each is assumed.
    """
    waits = (
        (measure(ahead) + _taken(pace, measure) + measure(need) - budget.amount) / budget.amount * budget.window
        for measure, budget in _budgets(limits)
    )
    throttled_for = pace.not_before - now if pace.not_before is not None else timedelta()
    one_by_one = (
        (ahead.requests + sum(lease.need.requests for lease in pace.leases)) * _REQUEST / limits.uploads_at_once
    )
    return max(timedelta(), throttled_for, one_by_one, *waits)


type _Measure = Callable[[Need], int]


def _budgets(limits: MailboxLimits) -> tuple[tuple[_Measure, Budget], ...]:
    return ((lambda need: need.bytes, limits.bytes), (lambda need: need.requests, limits.requests))


def _taken(pace: Pace, measure: _Measure) -> int:
    needs = [lease.need for lease in pace.leases] + [use.need for use in pace.uses]
    return sum(map(measure, needs))


def _has_room_at(pace: Pace, measure: _Measure, need: Need, budget: Budget, slack: timedelta) -> datetime | None:
    """When so many uses are over that *need* fits: in the past where it fits now, None where leases leave no room."""
    # A file larger than the whole budget goes alone: it could never go otherwise.
    wanted = min(measure(need), budget.amount)
    free = budget.amount - sum(measure(lease.need) for lease in pace.leases)
    if free < wanted:
        return None
    for use in sorted(pace.uses, key=lambda use: use.ended_at, reverse=True):
        free -= measure(use.need)
        if free < wanted:
            # This use has to be over, and so are then all that ended before it.
            return use.ended_at + budget.window + slack
    return _LONG_AGO


def _counted(uses: tuple[Use, ...], now: datetime, need: Need) -> tuple[Use, ...]:
    """*uses* with one more. What ends within the same two seconds becomes one use, dated at their end."""
    ended_at = datetime.fromtimestamp((now.timestamp() // _BUCKET_SECONDS + 1) * _BUCKET_SECONDS, UTC)
    if uses and uses[-1].ended_at == ended_at:
        last = uses[-1].need
        return (*uses[:-1], Use(ended_at, Need(last.bytes + need.bytes, last.requests + need.requests)))
    return (*uses, Use(ended_at, need))
