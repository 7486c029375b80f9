"""The uploads that wait for a person to sign in, in one line for each account: a sign-in need not read all others.

No message names a waiting upload: however many of them wait, they cost no more than their rows. The request of the
browser in which a person signs in wakes the first few, and each upload that gets a token wakes two more. So two
thousand of them go on within seconds, and the person in the browser does not wait for that. A wake-up may be lost, or
an account may get a token without a sign-in at this app; so each sweep lets one upload of each account try
(`app/sweep`).
"""

import hashlib
from dataclasses import dataclass, replace

from shared.app.intake import Intake
from shared.core.account_name import as_object_id, as_sign_in_name
from shared.core.entry import Entry, Phase
from shared.core.pacing import Need, Ticket
from shared.errors import Conflict
from shared.ports import Ledger, Paces

# How many uploads a sign-in wakes, and how many each upload that goes on wakes. Two, so that their number doubles.
_FIRST = 8
_EACH = 2
# How many tickets are read to find them. Some are of uploads that were withdrawn meanwhile, and wake nobody.
_READ = 64


@dataclass(frozen=True, slots=True)
class SignInLine:
    """One per process."""

    paces: Paces
    ledger: Ledger
    intake: Intake

    def enter(self, entry: Entry) -> None:
        """Put a ticket into the line: *entry* waits for its account. Idempotent."""
        self.paces.enqueue(self.key(entry.account), _ticket(entry))

    def leave(self, entry: Entry) -> None:
        """Take the ticket out of the line: *entry* no longer waits. Idempotent."""
        self.paces.dequeue(self.key(entry.account), _ticket(entry))

    def key(self, account: str) -> str:
        """The key of the line. *account* is the name that the file gives; all spellings of it lead to the same key."""
        name = as_object_id(account) or as_sign_in_name(account) or account
        return "sign-in-" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def wake_first(self, account: str) -> int:
        """A person whose account has the name *account* has signed in: wake the first few. Returns how many."""
        return self._wake(account, _FIRST)

    def wake_next(self, entry: Entry) -> None:
        """*entry* has waited, and its account has a token: let a few more of them go on."""
        self.leave(entry)
        self._wake(entry.account, _EACH)

    def _wake(self, account: str, most: int) -> int:
        line, woken = self.key(account), 0
        for ticket in self.paces.load(line, _READ).tickets:
            if woken == most:
                break
            # The ticket goes first, so that the next caller does not wake the same upload again.
            self.paces.dequeue(line, ticket)
            woken += self._go_on(ticket.upload_id)
        return woken

    def _go_on(self, upload_id: str) -> bool:
        stored = self.ledger.get(upload_id)
        if stored is None or stored.entry.phase is not Phase.WAITING:
            return False
        try:
            # A message that comes before `not_before` would be sent back until then.
            stored = self.ledger.replace(stored, replace(stored.entry, not_before=None))
        except Conflict:
            return False  # another worker acts for it already
        self.intake.announce(stored)
        return True


def _ticket(entry: Entry) -> Ticket:
    return Ticket(entry.created_at, entry.upload_id, entry.step, Need(0, 0))
