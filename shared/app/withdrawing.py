"""A person takes a file back: its blob is deleted already, and now its upload ends.

By itself an upload sees that when it reads the blob next. One that was put off for ten minutes, or waits for a person,
would say for all that time that it goes on.
"""

from dataclasses import dataclass

from shared.app.intake import Intake
from shared.core.endings import withdrawn
from shared.errors import Conflict
from shared.ports import Ports, Stored
from shared.telemetry.records import describe_outcome

# Each is lost to a worker that stores a step of its own just then.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Withdrawing:
    """One per process. Raises StorageUnavailable."""

    ports: Ports
    intake: Intake

    def end(self, upload_id: str) -> None:
        """End the upload, and announce what is left to do. Once too often is harmless."""
        for _ in range(_TRIES):
            stored = self.ports.ledger.get(upload_id)
            if stored is None:
                return
            after = withdrawn(stored.entry, stored.date)
            if after is None:
                # A message would only meet the worker that acts for it, and that one goes on or reads the blob.
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
