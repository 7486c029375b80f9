"""Where tests interfere between the application and the outside world: before and after each call of a port."""

from collections.abc import Callable
from dataclasses import dataclass, field


class Crash(BaseException):
    """The worker process dies here. Not an Exception: nothing in the application may catch it."""


class Seam:
    """The base, which does nothing. *changes* is True for calls that change something outside this process."""

    def enter(self, operation: str, *, changes: bool) -> None:
        """The call has been made, and nothing is applied yet."""

    def leave(self, operation: str, *, changes: bool) -> None:
        """The call has been applied, and its answer has not come back yet."""


@dataclass
class CountingSeam(Seam):
    """Counts the changes, and runs *at_change* right after each."""

    at_change: Callable[[int, str], None] = lambda _number, _operation: None
    changes: list[str] = field(default_factory=list)

    def leave(self, operation: str, *, changes: bool) -> None:
        if changes:
            self.changes.append(operation)
            self.at_change(len(self.changes), operation)


def crash_after(number: int) -> CountingSeam:
    """A seam at which the worker dies right after the *number*-th change, before it gets an answer."""

    def die(count: int, _operation: str) -> None:
        if count == number:
            raise Crash

    return CountingSeam(die)


@dataclass
class ActingSeam(Seam):
    """Runs *act* once, at the *nth* call of *operation*: right before it is applied, or right after."""

    operation: str
    act: Callable[[], object]
    nth: int = 1
    applied: bool = False
    seen: int = 0

    def enter(self, operation: str, *, changes: bool) -> None:
        self._meet(operation, applied=False)

    def leave(self, operation: str, *, changes: bool) -> None:
        self._meet(operation, applied=True)

    def _meet(self, operation: str, *, applied: bool) -> None:
        if operation == self.operation and applied is self.applied:
            self.seen += 1
            if self.seen == self.nth:
                self.act()


@dataclass
class FailingSeam(Seam):
    """Raises *errors* in turn at calls of *operation*: before it is applied, or after."""

    operation: str
    errors: list[Exception]
    applied: bool = False

    def enter(self, operation: str, *, changes: bool) -> None:
        self._fail(operation, applied=False)

    def leave(self, operation: str, *, changes: bool) -> None:
        self._fail(operation, applied=True)

    def _fail(self, operation: str, *, applied: bool) -> None:
        if operation == self.operation and applied is self.applied and self.errors:
            raise self.errors.pop(0)
