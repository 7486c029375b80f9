"""The exception with which the host refuses to start. It names everything that is wrong at once."""

from collections.abc import Sequence


class HostRefusedError(Exception):
    """The app cannot run here. *problems* has a sentence for each thing that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)
