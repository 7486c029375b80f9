"""The uploads that wait for a person to sign in, by account: so that a sign-in finds them without reading all others.

They are in no message: however many of them wait, and for however many people, they cost nothing but their rows. The
browser's request wakes the first few, and each upload that finds a token wakes two more. So two thousand of them go on
within seconds, and nobody waits for all of them. In case a wake-up was lost, or there is a token without a sign-in that
this app saw, each sweep lets one upload of each account try (`app/sweep`).
"""

import hashlib
from dataclasses import dataclass, replace

from shared.app.intake import Intake
from shared.core.account_name import as_object_id, as_sign_in_name
from shared.core.entry import Entry, Phase
from shared.core.pacing import Need, Ticket
from shared.errors import Conflict
from shared.ports import Ledger, Paces

# How many a sign-in wakes itself, and how many each of those that go on. More than one: their number doubles.
_FIRST = 8
_EACH = 2


@dataclass(frozen=True, slots=True)
class SignInLine:
    """One per process."""

    paces: Paces
    ledger: Ledger
    intake: Intake

    def enter(self, entry: Entry) -> None:
        """*entry* waits for its account. Once too often is harmless."""
        self.paces.enqueue(self.key(entry.account), _ticket(entry))

    def leave(self, entry: Entry) -> None:
        """*entry* waits no more. Once too often is harmless."""
        self.paces.dequeue(self.key(entry.account), _ticket(entry))

    def key(self, account: str) -> str:
        """The key of the line, by what the file calls the account, in the one form that stands for all spellings."""
        name = as_object_id(account) or as_sign_in_name(account) or account
        return "sign-in-" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def wake_first(self, account: str) -> int:
        """A person who is called *account* has signed in: let the first few go on; how many there were."""
        return self._wake(account, _FIRST)

    def wake_next(self, entry: Entry) -> None:
        """*entry* has waited, and its account has a token: let a few more of them go on."""
        self.leave(entry)
        self._wake(entry.account, _EACH)

    def _wake(self, account: str, most: int) -> int:
        line, woken = self.key(account), 0
        for ticket in self.paces.load(line).tickets[:most]:
            # First: who comes next must not wake the same ones again.
            self.paces.dequeue(line, ticket)
            woken += self._go_on(ticket.upload_id)
        return woken

    def _go_on(self, upload_id: str) -> bool:
        stored = self.ledger.get(upload_id)
        if stored is None or stored.entry.phase is not Phase.WAITING:
            return False
        try:
            # Its message would otherwise be sent back until its next try.
            stored = self.ledger.replace(stored, replace(stored.entry, not_before=None))
        except Conflict:
            return False  # it moves already
        self.intake.announce(stored)
        return True


def _ticket(entry: Entry) -> Ticket:
    return Ticket(entry.created_at, entry.upload_id, entry.step, Need(0, 0))
