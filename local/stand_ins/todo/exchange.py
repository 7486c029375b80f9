"""One request under way, between its beginning and its end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from local.stand_ins.todo.faults import NO_FAULT, Plan
from local.stand_ins.todo.journal import Entry
from local.stand_ins.todo.mailbox import Mailbox
from local.stand_ins.todo.refusals import Refusal
from local.stand_ins.todo.routes import Route
from local.stand_ins.todo.wire import Request


@dataclass(slots=True, eq=False)
class Exchange:
    """One request. *latency* and *intake* say what its caller (`server`, a simulation) must do before `complete`."""

    request: Request
    route: Route
    entry: Entry
    mailbox: Mailbox | None
    # What the rules of `faults` do to the request.
    plan: Plan = NO_FAULT
    # Why the request is refused, where that is known at its beginning.
    refusal: Refusal | None = None
    # Until when its answer's Retry-After asks the client to wait.
    not_before: datetime | None = None
    hung_up: bool = False
    completed: bool = False

    @property
    def latency(self) -> float:
        """Seconds that the service takes before it begins to work."""
        return self.plan.latency

    @property
    def intake(self) -> Literal["whole", "half", "none"]:
        """How much of the body the service reads."""
        reset = self.plan.reset
        if reset is None or reset.at in ("after_body", "after_applying"):
            return "whole"
        return "half" if reset.at == "in_body" else "none"

    @property
    def declared_length(self) -> int:
        text = self.request.headers.get("content-length", "")
        return int(text) if text.isdecimal() else 0

    def arrived(self, body: bytes) -> bytes:
        """What the service reads of *body*."""
        match self.intake:
            case "whole":
                return body
            case "half":
                return body[: self.declared_length // 2]
            case "none":
                return b""
