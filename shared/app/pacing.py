"""Whose turn it is: leases of mailboxes, slots, and the lines of uploads that wait for them.

An upload that has to wait is in no message. Its ticket stands in for it, and who gives back what it waits for sends
the message. So that no upload is forgotten, the order of writes is fixed everywhere:

    to queue        the entry says so; then the ticket; then look whether the turn has come meanwhile
    to give back    the pace is written; then look whether another upload queued meanwhile
    to wake         the lease (or the slot) is given; then the message; then the ticket goes

A lease may be given to an upload that has left meanwhile: its ticket was read before, or is written after. So the
message that wakes it names the mailbox, and who receives that for an upload that has left gives the lease back.

A worker that dies after any of these writes leaves an entry without a ticket, or a ticket whose turn has come. The next
who looks at the line heals the second, and so does the next try to give back; the sweep heals both.
docs/adr/0016-leases-and-tickets.md has the reasons.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core import pacing as pure
from shared.core.delivery import delay_until
from shared.core.entry import Entry, Phase
from shared.core.messages import RangeMessage
from shared.core.pacing import MailboxLimits, Need, Pace, Ticket
from shared.errors import Conflict, StorageUnavailable
from shared.ports import Ledger, Paced, Paces, RangeQueue

# Each conflict means that another worker got on. So many in a row are no bad luck any more: the queue tries again.
_TRIES = 12


@dataclass(frozen=True, slots=True)
class Turn:
    """The upload has a lease, and may ask Graph from *starts_at* on."""

    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """The upload has to queue: from *since*, which is now, until about *until*, as far as the line shows."""

    since: datetime
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Pacing:
    """One per process. *of_the_app*: one budget for all mailboxes together."""

    paces: Paces
    ledger: Ledger
    queue: RangeQueue
    limits: MailboxLimits
    of_the_app: bool = False

    def mailbox(self, identity: str) -> str:
        """The key of the account's pace: by its identity, since an account may be named in several ways."""
        name = "\0all" if self.of_the_app else identity.casefold()
        return hashlib.sha256(f"mailbox\0{name}".encode()).hexdigest()[:32]

    # -- the mailbox --

    def arrive(self, mailbox: str, entry: Entry) -> Turn | Wait:
        """A lease, where one is free and nobody was first, or where the upload was given one already."""
        mine = _ticket(entry)
        # All that are before it, once: a person is told how long that may be.
        tickets = pure.HEAD if entry.is_in_mailbox_line else pure.COUNTED
        for _ in range(_TRIES):
            paced = self.paces.load(mailbox, tickets)
            pace, now = pure.tidied(paced.pace, paced.date, self.limits), paced.date
            held = pace.lease_of(entry.upload_id)
            others = [ticket for ticket in paced.tickets if ticket.upload_id != entry.upload_id]
            starts_at = held.starts_at(self.limits) if held is not None else None
            if held is None and not others:
                starts_at = pure.earliest_start(pace, mine.need, now, self.limits)
                if starts_at is not None and starts_at <= now:
                    granted = pure.granted(pace, entry.upload_id, mine.need, starts_at, self.limits)
                    try:
                        self.paces.store(mailbox, paced, granted)
                    except Conflict:
                        continue
                else:
                    starts_at = None
            if starts_at is None:
                wait = pure.expected_wait(pace, _sum(others), mine.need, now, self.limits)
                return Wait(now, now + wait, pure.why_not_yet(pace, now))
            if held is None:
                # It overtook its own ticket, which would be given a lease again later.
                self._drop_own(mailbox, paced, entry)
            return Turn(starts_at)
        return Wait(paced.date, paced.date, pure.OTHERS_FIRST)

    def leave(self, mailbox: str, entry: Entry) -> None:
        """Give the lease back, or the place in the line, and let the next ones go."""
        self._settle(mailbox, leaving=entry, healing=False)

    def pump(self, mailbox: str) -> None:
        """Give every lease that is free to the first of the line, and send them their messages.

        Who has a lease and still a ticket gets its message again: its waker may have died before it was sent.
        """
        self._settle(mailbox, leaving=None, healing=True)

    def throttled(self, mailbox: str, wait: timedelta) -> None:
        """Graph asked one upload to wait: that goes for all that have not started yet."""
        for _ in range(_TRIES):
            paced = self.paces.load(mailbox)
            pace = pure.throttled(paced.pace, paced.date + wait, self.limits)
            if pace == paced.pace:
                return
            try:
                self.paces.store(mailbox, paced, pace)
            except Conflict:
                continue
            return

    def spend(self, mailbox: str, requests: int) -> bool:
        """Count *requests* that a person waits for; False where they must not be sent now."""
        for _ in range(_TRIES):
            paced = self.paces.load(mailbox, 0)
            pace = pure.spent(pure.tidied(paced.pace, paced.date, self.limits), requests, paced.date, self.limits)
            if pace is None:
                return False
            try:
                self.paces.store(mailbox, paced, pace)
            except Conflict:
                continue
            return True
        return False

    def _settle(self, mailbox: str, *, leaving: Entry | None, healing: bool) -> None:
        for _ in range(_TRIES):
            paced = self.paces.load(mailbox)
            before = pure.tidied(paced.pace, paced.date, self.limits)
            after, line = before, list(paced.tickets)
            if leaving is not None:
                line = [ticket for ticket in line if ticket.upload_id != leaving.upload_id]
                # Given back already, by a worker that may have died before it woke those that it gave a lease to. Or
                # it never had one: then it may still be in the line, and out of sight there.
                is_given_back = before.lease_of(leaving.upload_id) is None
                healing = healing or is_given_back
                if is_given_back or len(line) < len(paced.tickets):
                    self.paces.dequeue(mailbox, _ticket(leaving))
                after = pure.returned(before, leaving.upload_id, paced.date, _used(leaving))
            after, woken = self._admitted(after, line, paced.date, healing=healing)
            if after != before:
                try:
                    self.paces.store(mailbox, paced, after)
                except Conflict:
                    continue
            for ticket in woken:
                held = after.lease_of(ticket.upload_id)
                delay = delay_until(held.starts_at(self.limits) if held is not None else None, paced.date)
                self._wake(mailbox, ticket, RangeMessage(ticket.upload_id, ticket.step, mailbox=mailbox), delay)
            # Where no lease is left, who queued meanwhile waits for the next one that is given back. Otherwise nobody
            # would wake it: it looked before this write, and saw none that was free.
            if after == before or len(after.leases) >= self.limits.uploads_at_once:
                return
            leaving = None
        raise StorageUnavailable("the pace of a mailbox was changed too often by others")

    def _admitted(
        self, pace: Pace, line: Iterable[Ticket], now: datetime, *, healing: bool
    ) -> tuple[Pace, list[Ticket]]:
        """The pace with a lease for as many of the line's first as can have one, and who is to be woken."""
        woken: list[Ticket] = []
        for ticket in line:
            if pace.lease_of(ticket.upload_id) is not None:
                # Another worker is waking it at this moment, as a rule.
                woken += [ticket] if healing else []
                continue
            starts_at = pure.earliest_start(pace, ticket.need, now, self.limits)
            if starts_at is None:
                break
            pace = pure.granted(pace, ticket.upload_id, ticket.need, starts_at, self.limits)
            woken.append(ticket)
        return pace, woken

    def _drop_own(self, mailbox: str, paced: Paced, entry: Entry) -> None:
        for ticket in paced.tickets:
            if ticket.upload_id == entry.upload_id:
                self.paces.dequeue(mailbox, ticket)

    # -- the slot --

    def next_for_slot(self, slot: str) -> None:
        """Where the slot is free, give it to the first who still waits for it, and send that one its message."""
        for _ in range(_TRIES):
            paced = self.paces.load(slot)
            if not paced.tickets:
                return
            first = paced.tickets[0]
            waiting = self.ledger.get(first.upload_id)
            if waiting is None or not _waits_for(waiting.entry, slot) or waiting.entry.step != first.step:
                self.paces.dequeue(slot, first)
                continue
            holder = self.ledger.take_slot(slot, first.upload_id)
            if holder != first.upload_id:
                other = self.ledger.get(holder)
                if other is not None and not other.entry.phase.is_terminal:
                    return  # it will do this itself
                if not self.ledger.pass_slot(slot, holder, first.upload_id):
                    continue
            self._wake(slot, first, RangeMessage(first.upload_id, first.step))
            return

    # -- lines --

    def stand_in_line(self, entry: Entry) -> None:
        """Take the place in the line that the stored *entry* says, and see whether the turn has come meanwhile."""
        self.paces.enqueue(entry.line, _ticket(entry))
        self.look_at(entry.line, is_slot=entry.waits_for_slot)

    def look_at(self, line: str, *, is_slot: bool) -> None:
        """Let those go whose turn has come."""
        if is_slot:
            self.next_for_slot(line)
        else:
            self.pump(line)

    def uploads_in(self, line: str) -> set[str]:
        """The uploads that have a ticket."""
        return {ticket.upload_id for ticket in self.paces.tickets(line)}

    def leases_of(self, line: str) -> dict[str, datetime]:
        """The uploads that have a lease, and from when on."""
        paced = self.paces.load(line)
        leases = pure.tidied(paced.pace, paced.date, self.limits).leases
        return {lease.upload_id: lease.starts_at(self.limits) for lease in leases}

    def _wake(self, line: str, ticket: Ticket, message: RangeMessage, delay: timedelta = timedelta()) -> None:
        self.queue.send(message, delay)
        self.paces.dequeue(line, ticket)


def _ticket(entry: Entry) -> Ticket:
    # By the file's own time, whenever it queues: it has one place in a line, and keeps it.
    need = Need.of(entry.size, entry.slice_bytes, by_name=_is_by_name(entry))
    return Ticket(entry.created_at, entry.upload_id, entry.step, need)


def _used(entry: Entry) -> Need:
    """What an upload used, at most: nothing where Graph was never asked."""
    if entry.phase in {Phase.SUPERSEDED, Phase.WITHDRAWN} and not entry.list_id:
        return Need(0, 0)
    # A step makes one request, as a rule; to resolve makes none where ids were given.
    lookups = pure.LOOKUPS if _is_by_name(entry) else 0
    return Need(entry.size * entry.sessions_opened, max(entry.step - 1, 1) + lookups)


def _is_by_name(entry: Entry) -> bool:
    return not (entry.wanted_list.id and entry.wanted_task.id)


def _waits_for(entry: Entry, slot: str) -> bool:
    return entry.phase is Phase.QUEUED and entry.waits_for_slot and entry.slot == slot


def _sum(tickets: Iterable[Ticket]) -> Need:
    needs = [ticket.need for ticket in tickets]
    return Need(sum(need.bytes for need in needs), sum(need.requests for need in needs))
