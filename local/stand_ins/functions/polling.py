"""How long to wait before an empty queue is polled again.

The algorithm is the extension's (RandomizedExponentialBackoffStrategy): 100 ms, then 100 ms plus a term that starts at
100 ms and doubles, each time varied at random by up to a fifth, until *longest*. When messages are found it starts
again; then the first empty poll waits about 200 ms, because the exponent is reset to one and not to zero.
"""

from collections.abc import Callable
from datetime import timedelta

_SHORTEST = timedelta(milliseconds=100)


class PollInterval:
    """The waiting time of one listener. *shaken* returns a random factor between 0.8 and 1.2."""

    def __init__(self, longest: timedelta, shaken: Callable[[], float]) -> None:
        self._longest = longest
        self._shaken = shaken
        self._exponent = 0
        self._current = timedelta(0)

    def found_messages(self) -> None:
        self._current = _SHORTEST
        self._exponent = 1

    def after_empty_poll(self) -> timedelta:
        if self._current == self._longest:
            return self._current
        candidate = _SHORTEST
        if self._exponent > 0:
            candidate += _SHORTEST * (self._shaken() * 2 ** (self._exponent - 1))
        if candidate < self._longest:
            self._exponent += 1
            self._current = candidate
        else:
            self._current = self._longest
        return self._current
