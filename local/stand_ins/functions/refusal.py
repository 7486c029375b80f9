"""The one way in which the host declines to start: with everything that is wrong, at once."""

from collections.abc import Sequence


class HostRefusedError(Exception):
    """The app cannot run here. *problems* says all that is known to be wrong, one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)
