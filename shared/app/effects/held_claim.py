"""The claim under which an effect acts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """*left* is how long the claim still holds; *deadline* bounds every request."""

    left: Callable[[], timedelta]
    deadline: timedelta

    def outlives_a_request(self) -> bool:
        """Whether the claim holds longer than a request that starts now can last.

        Otherwise another worker could send to the same session while this one still does, or report an outcome that
        this one then overwrites with an older one.
        """
        return self.left() >= self.deadline
