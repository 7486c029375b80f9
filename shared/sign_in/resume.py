"""Uploads that waited for a person to sign in go on at once, instead of at their next try (within ten minutes)."""

from dataclasses import replace

from shared.app.intake import Intake
from shared.core.entry import Phase
from shared.errors import Conflict
from shared.ports import Ports
from shared.sign_in.person import Person


def resume_uploads(ports: Ports, intake: Intake, person: Person) -> int:
    """Announce every upload of *person* that waits; how many there were."""
    count = 0
    for mark in ports.ledger.live():
        stored = ports.ledger.get(mark.upload_id)
        if stored is None or stored.entry.phase is not Phase.WAITING or not person.is_called(stored.entry.account):
            continue
        try:
            # Its message would otherwise be sent back until then.
            stored = ports.ledger.replace(stored, replace(stored.entry, not_before=None))
        except Conflict:
            continue  # it moves already
        intake.announce(stored)
        count += 1
    return count
