"""Paces in memory: replace-if-version, and tickets in the order of their places."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.adapters.storage.pace_record import pace_columns, pace_of, ticket_columns, ticket_of
from shared.core.pacing import HEAD, Pace, Ticket
from shared.errors import Conflict
from shared.ports import Paced
from tests.support.fakes.manual_clock import ManualClock
from tests.support.fakes.seam import Seam


@dataclass
class MemoryPaces:
    """`ports.Paces`. Everything goes through its columns: a value that the table could not hold is lost here too."""

    clock: ManualClock
    seam: Seam = field(default_factory=Seam)
    paces: dict[str, tuple[int, Pace]] = field(default_factory=dict)
    queues: dict[str, dict[str, Ticket]] = field(default_factory=dict)
    versions: int = 0

    def load(self, mailbox: str, tickets: int = HEAD) -> Paced:
        self.seam.enter("paces.load", changes=False)
        version, pace = self.paces.get(mailbox, ("", Pace()))
        queue = self.queues.get(mailbox, {})
        head = tuple(queue[place] for place in sorted(queue)[:tickets])
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
        self.queues.setdefault(mailbox, {})[ticket.place] = ticket_of(ticket_columns(ticket))
        self.seam.leave("paces.enqueue", changes=True)

    def dequeue(self, mailbox: str, ticket: Ticket) -> None:
        self.seam.enter("paces.dequeue", changes=True)
        self.queues.get(mailbox, {}).pop(ticket.place, None)
        self.seam.leave("paces.dequeue", changes=True)

    def tickets(self, mailbox: str) -> Iterator[Ticket]:
        self.seam.enter("paces.tickets", changes=False)
        queue = self.queues.get(mailbox, {})
        yield from [queue[place] for place in sorted(queue)]
