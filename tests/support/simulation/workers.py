"""Invocations as greenlets: they stop at every call of a port until the schedule lets them go on, or kills them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

from tests.support.fakes.memory_queue import QueuedMessage
from tests.support.fakes.seam import Crash, Seam


@dataclass(eq=False)
class Worker:
    """One invocation. *at* is the call before which it has stopped; or after which, where `applied`."""

    number: int
    kind: str
    started_at: datetime
    finish: Callable[["Worker"], None]
    at: str = "start"
    applied: bool = False
    changes: bool = False
    # From when on it may go on; None: only when something else happens to it.
    ready_at: datetime | None = None
    upload_id: str = ""
    message: QueuedMessage | None = None
    # Its result: None while it runs; True if it ended without an exception.
    result: bool | Exception | Crash | None = None
    # How many faults were injected: what it raises may be due to them.
    storage_faults: int = 0
    promised: datetime | None = None
    sessions: list[str] = field(default_factory=list)
    _greenlet: greenlet = None

    def begin(self, work: Callable[[], object]) -> None:
        self._greenlet = greenlet(lambda _fault: self._live(work))
        self._greenlet.worker = self

    def _live(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Crash as crash:
            self.result = crash
        except Exception as error:  # noqa: BLE001 - the host's view: it failed
            self.result = error
        else:
            self.result = True

    def go_on(self, fault: Exception | None = None) -> None:
        """Run to the next call of a port, or to the end. *fault*: what the present call raises."""
        if fault is not None:
            self.storage_faults += 1
        self._greenlet.switch(fault)

    def die(self) -> None:
        """Let the process die: nothing of it runs any more."""
        if self._greenlet:
            self._greenlet.throw(Crash())
        else:
            self.result = Crash()

    @property
    def is_over(self) -> bool:
        return self.result is not None


def present() -> Worker | None:
    """The worker that runs at the moment; None where none does."""
    worker: Worker | None = getattr(getcurrent(), "worker", None)
    return worker


def stop(operation: str, *, changes: bool, applied: bool = False, ready_at: datetime | None = None) -> None:
    """Stop the present worker here until its turn. Raises the fault that the scheduler injects, if any."""
    worker = present()
    if worker is None:
        return
    worker.at, worker.changes, worker.applied, worker.ready_at = operation, changes, applied, ready_at
    fault = getcurrent().parent.switch()
    if fault is not None:
        raise fault


class StoppingSeam(Seam):
    """A seam at which workers stop before and after every call of a port."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def enter(self, operation: str, *, changes: bool) -> None:
        stop(operation, changes=changes, ready_at=self._now())

    def leave(self, operation: str, *, changes: bool) -> None:
        stop(operation, changes=changes, applied=True, ready_at=self._now())
