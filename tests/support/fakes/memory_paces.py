"""Paces in memory: replace-if-version, and tickets in the order of their places."""

from dataclasses import dataclass, field

from shared.adapters.storage.pace_record import pace_columns, pace_of, ticket_columns, ticket_of
from shared.core.pacing import Pace, Ticket
from shared.errors import Conflict
from shared.ports import Paced
from tests.support.fakes.manual_clock import ManualClock
from tests.support.fakes.seam import Seam

# As many tickets as the table's adapter reads at once.
_HEAD = 9


@dataclass
class MemoryPaces:
    """`ports.Paces`. Everything passes through its columns, so that what a table could not hold does not survive."""

    clock: ManualClock
    seam: Seam = field(default_factory=Seam)
    paces: dict[str, tuple[int, Pace]] = field(default_factory=dict)
    tickets: dict[str, dict[str, Ticket]] = field(default_factory=dict)
    versions: int = 0

    def load(self, mailbox: str) -> Paced:
        self.seam.enter("paces.load", changes=False)
        version, pace = self.paces.get(mailbox, ("", Pace()))
        tickets = self.tickets.get(mailbox, {})
        head = tuple(tickets[place] for place in sorted(tickets)[:_HEAD])
        return Paced(pace, str(version), head, self.clock.date())

    def store(self, mailbox: str, paced: Paced, pace: Pace) -> None:
        self.seam.enter("paces.store", changes=True)
        version, _ = self.paces.get(mailbox, ("", Pace()))
        if str(version) != paced.version:
            raise Conflict(f"the pace of the mailbox {mailbox} was changed by another worker")
        self.versions += 1
        self.paces[mailbox] = (self.versions, pace_of(pace_columns(pace)))
        self.seam.leave("paces.store", changes=True)

    def enqueue(self, mailbox: str, ticket: Ticket) -> None:
        self.seam.enter("paces.enqueue", changes=True)
        self.tickets.setdefault(mailbox, {})[ticket.place] = ticket_of(ticket_columns(ticket))
        self.seam.leave("paces.enqueue", changes=True)

    def dequeue(self, mailbox: str, ticket: Ticket) -> None:
        self.seam.enter("paces.dequeue", changes=True)
        self.tickets.get(mailbox, {}).pop(ticket.place, None)
        self.seam.leave("paces.dequeue", changes=True)

    def has_ticket(self, mailbox: str, ticket: Ticket) -> bool:
        self.seam.enter("paces.has_ticket", changes=False)
        return ticket.place in self.tickets.get(mailbox, {})
