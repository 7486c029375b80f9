"""Ends the upload of a file that a person withdraws, after its blob was deleted.

By itself, an upload notices that its blob is gone only when it next reads it. An upload that was deferred for ten
minutes, or waits for a person, would for all that time say that it goes on.
"""

from dataclasses import dataclass

from shared.app.intake import Intake
from shared.core.endings import withdrawn
from shared.errors import Conflict
from shared.ports import Ports, Stored
from shared.telemetry.records import describe_outcome

# A try fails where a worker stores a step of the upload at the same moment.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Withdrawing:
    """One per process. Raises StorageUnavailable."""

    ports: Ports
    intake: Intake

    def end(self, upload_id: str) -> None:
        """End the upload, and announce what is left to do. Idempotent."""
        for _ in range(_TRIES):
            stored = self.ports.ledger.get(upload_id)
            if stored is None:
                return
            after = withdrawn(stored.entry, stored.date)
            if after is None:
                # The file is attached, or a worker has a claim: it, or the one that takes over, sees that the blob is
                # gone.
                return
            try:
                now = self.ports.ledger.replace(stored, after)
            except Conflict:
                continue
            self._record(stored, now)
            self.intake.announce(now)
            return

    def _record(self, before: Stored, after: Stored) -> None:
        if not before.entry.phase.is_terminal:
            elapsed = after.date - after.entry.created_at
            self.ports.telemetry.record("outcome", **describe_outcome(after.entry, elapsed=elapsed))
