"""Writes records into the log, each as one line of JSON.

Where OpenTelemetry is switched on, `telemetry/otel/telemetry` sends the same records as events; the lines are then only
for a person who watches the worker.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

from shared.ports import Invocation

_LOGGER = logging.getLogger("todo_attach")

# At INFO these libraries log whole URLs, and upload URLs, which are secret and name a person's mailbox, with them.
for _chatty in ("azure", "urllib3", "requests", "msal"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)

_WARN = frozenset({"foreign", "parked", "poison", "orphan_session", "claim_lost"})


class LogTelemetry:
    """`ports.Telemetry`: records as JSON lines in the `todo_attach` logger. Traces nothing."""

    def __init__(self) -> None:
        # A context variable, since one worker runs several functions at once, each on a thread of its own.
        self._invocation: ContextVar[Invocation | None] = ContextVar("invocation", default=None)

    @contextmanager
    def invocation(self, invocation: Invocation) -> Iterator[None]:
        token = self._invocation.set(invocation)
        try:
            yield
        finally:
            self._invocation.reset(token)

    def upload(self, upload_id: str, traceparent: str = "") -> AbstractContextManager[None]:  # noqa: ARG002 - the port's
        return nullcontext()

    def record(self, event: str, **fields: object) -> None:
        self.write(event, {**self.fields_of_invocation(), **fields}, {})

    def fields_of_invocation(self) -> dict[str, object]:
        """The fields that every record of this run of a function has."""
        run = self._invocation.get()
        if run is None:
            return {}
        fields = {
            "function": run.function,
            "trigger": run.trigger,
            "invocation_id": run.id,
            "dequeue_count": run.dequeue_count,
            "queue_age": run.queue_age,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def write(self, event: str, fields: Mapping[str, object], attributes: Mapping[str, object]) -> None:
        """Write the line. *attributes* are set on its log record, for handlers that use more than its text."""
        level = logging.WARNING if event in _WARN else logging.INFO
        _LOGGER.log(level, "%s", json.dumps({"event": event, **fields}, default=str), extra=attributes)
