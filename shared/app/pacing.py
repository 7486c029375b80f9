"""Whose turn it is: leases of mailboxes, slots, and the lines of uploads that wait for them.

No message names an upload that waits in a line. A ticket takes the message's place, and the worker that gives back a
lease or a slot sends the message to the first in its line. So that no upload is forgotten, the order of writes is the
same everywhere:

    to enter a line    store the entry, which says so; write the ticket; look whether the turn has come meanwhile
    to give back       write the pace; look whether another upload entered the line meanwhile
    to wake            give the lease (or the slot); send the message; remove the ticket

A lease may be given to an upload that has left the line meanwhile, since its ticket was read before it left, or written
after. Therefore the message that wakes it names the mailbox: the worker that receives it for such an upload gives the
lease back.

A worker that dies between two of these writes leaves an entry without a ticket, or a ticket whose turn has come. The
next worker that looks at the line heals the second, and so does the next try to give back; the sweep heals both.
docs/adr/0016-leases-and-tickets.md has the reasons.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core import pacing as pure
from shared.core.backoff import FIRST
from shared.core.delivery import delay_until
from shared.core.entry import Entry, Phase
from shared.core.messages import RangeMessage
from shared.core.pacing import MailboxLimits, Need, Pace, Ticket
from shared.errors import Conflict, StorageUnavailable
from shared.ports import Ledger, Paced, Paces, RangeQueue

# Each conflict means that another worker made progress. After so many in a row it is left to the queue to try again.
_TRIES = 12


@dataclass(frozen=True, slots=True)
class Turn:
    """The upload has a lease, and may ask Graph from *starts_at* on; None: at once.

    "At once" is decided by the date of the pace. The runner's clock may be behind it by almost a second, and the upload
    would wait for a message although its time has come.
    """

    starts_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wait:
    """The upload has to enter the line: from *since*, which is now, until about *until*, an estimate from the line."""

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
        """The key of the account's pace, made of its identity, since an account may have several names."""
        name = "\0all" if self.of_the_app else identity.casefold()
        return hashlib.sha256(f"mailbox\0{name}".encode()).hexdigest()[:32]

    # -- the mailbox --

    def arrive(self, mailbox: str, entry: Entry) -> Turn | Wait:
        """A lease, where one is free and the line is empty, or where the upload already has one."""
        mine = _ticket(entry)
        # At first so much of the line is read that the tag can say how long the wait may be; later only its head.
        tickets = pure.HEAD if entry.is_in_mailbox_line else pure.COUNTED
        for _ in range(_TRIES):
            paced = self.paces.load(mailbox, tickets)
            pace, now = pure.tidied(paced.pace, paced.date, self.limits), paced.date
            held = pace.lease_of(entry.upload_id)
            others = [ticket for ticket in paced.tickets if ticket.upload_id != entry.upload_id]
            starts_at = max(held.starts_at(self.limits), pace.not_before or now) if held is not None else None
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
                # It got a lease while its own ticket is in the line: that ticket would be given another lease later.
                self._drop_own(mailbox, paced, entry)
            return Turn(starts_at if starts_at > now else None)
        return Wait(paced.date, paced.date, pure.OTHERS_FIRST)

    def leave(self, mailbox: str, entry: Entry) -> None:
        """Give the lease back, or take the ticket out of the line, and wake the next uploads."""
        self._settle(mailbox, leaving=entry, healing=False)

    def pump(self, mailbox: str) -> None:
        """Give every lease that is free to the first of the line, and send them their messages.

        An upload that has both a lease and a ticket gets its message again: the worker that gave the lease may have
        died before it sent the message.
        """
        self._settle(mailbox, leaving=None, healing=True)

    def throttled(self, mailbox: str, wait: timedelta) -> None:
        """Graph asked one upload to wait: all uploads of the mailbox that have not started yet wait too.

        *wait*: what it asked for. Where it did not say, the others wait as long as an upload that backs off at first.
        """
        for _ in range(_TRIES):
            paced = self.paces.load(mailbox)
            now = paced.date
            pace = pure.throttled(pure.tidied(paced.pace, now, self.limits), now + (wait or FIRST), now)
            if pace == paced.pace:
                return
            try:
                self.paces.store(mailbox, paced, pace)
            except Conflict:
                continue
            return

    def spend(self, mailbox: str, requests: int) -> bool:
        """Count *requests* of a page that a person waits for. False where they must not be sent now."""
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
                # It has no lease. Either a worker gave it back, and may have died before it woke those that it gave
                # leases to; or the upload never had one, and its ticket may be in the part of the line that was not
                # read.
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
            # While leases are left, look again: an upload that entered the line before this write saw no free lease,
            # and no other worker would wake it. Where none is left, the next one to be given back wakes it.
            if after == before or len(after.leases) >= self.limits.uploads_at_once:
                return
            leaving = None
        raise StorageUnavailable("the pace of a mailbox was changed too often by others")

    def _admitted(
        self, pace: Pace, line: Iterable[Ticket], now: datetime, *, healing: bool
    ) -> tuple[Pace, list[Ticket]]:
        """The pace with leases for as many of the line's first as can have one, and the tickets to wake."""
        woken: list[Ticket] = []
        for ticket in line:
            if pace.lease_of(ticket.upload_id) is not None:
                # As a rule, another worker is waking it at this moment.
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
        """Where the slot is free, give it to the first upload that still waits for it, and send that its message."""
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
                    return  # the holder does this itself when it ends
                if not self.ledger.pass_slot(slot, holder, first.upload_id):
                    continue
            self._wake(slot, first, RangeMessage(first.upload_id, first.step))
            return

    # -- lines --

    def stand_in_line(self, entry: Entry) -> None:
        """Write the ticket of the stored *entry* into its line, and see whether its turn has come meanwhile."""
        self.paces.enqueue(entry.line, _ticket(entry))
        self.look_at(entry.line, is_slot=entry.waits_for_slot)

    def look_at(self, line: str, *, is_slot: bool) -> None:
        """Wake the uploads whose turn has come."""
        if is_slot:
            self.next_for_slot(line)
        else:
            self.pump(line)

    def uploads_in(self, line: str) -> set[str]:
        """The uploads that have a ticket."""
        return {ticket.upload_id for ticket in self.paces.tickets(line)}

    def leases_of(self, line: str) -> dict[str, datetime]:
        """The uploads that have a lease, and from when on they may ask Graph."""
        paced = self.paces.load(line)
        leases = pure.tidied(paced.pace, paced.date, self.limits).leases
        return {lease.upload_id: lease.starts_at(self.limits) for lease in leases}

    def _wake(self, line: str, ticket: Ticket, message: RangeMessage, delay: timedelta = timedelta()) -> None:
        self.queue.send(message, delay)
        self.paces.dequeue(line, ticket)


def _ticket(entry: Entry) -> Ticket:
    # The place depends on when the entry was made, not on when the ticket is written: so it stays the same.
    need = Need.of(entry.size, entry.slice_bytes, by_name=_is_by_name(entry))
    return Ticket(entry.created_at, entry.upload_id, entry.step, need)


def _used(entry: Entry) -> Need:
    """The most that an upload can have used: nothing where Graph was never asked."""
    if entry.phase in {Phase.SUPERSEDED, Phase.WITHDRAWN} and not entry.list_id:
        return Need(0, 0)
    # As a rule a step makes one request; the one that resolves makes none where the file gives ids.
    lookups = pure.LOOKUPS if _is_by_name(entry) else 0
    return Need(entry.size * entry.sessions_opened, max(entry.step - 1, 1) + lookups)


def _is_by_name(entry: Entry) -> bool:
    return not (entry.wanted_list.id and entry.wanted_task.id)


def _waits_for(entry: Entry, slot: str) -> bool:
    return entry.phase is Phase.QUEUED and entry.waits_for_slot and entry.slot == slot


def _sum(tickets: Iterable[Ticket]) -> Need:
    needs = [ticket.need for ticket in tickets]
    return Need(sum(need.bytes for need in needs), sum(need.requests for need in needs))
