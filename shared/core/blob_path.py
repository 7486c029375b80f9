"""A blob's path names its task, for clients that cannot set metadata: rclone, mounted folders, SFTP gateways.

A pattern is a path of the words USER, LIST, TASK and FILE, with any folders between. USER fits a sign-in name or an
object id only: that distinguishes `kim@example.com/Work/Plan/a.pdf` from `Scans/Work/Plan/a.pdf`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.core.account_name import as_object_id
from shared.core.sent_file import PREFIX

_USER, _LIST, _TASK, _FILE = "USER", "LIST", "TASK", "FILE"
_WORDS = {_USER, _LIST, _TASK, _FILE}


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A path whose parts are words or folders."""

    parts: tuple[str, ...]

    @property
    def names_user(self) -> bool:
        return _USER in self.parts

    def __str__(self) -> str:
        return "/".join(self.parts)


DEFAULT_PATTERNS = (
    PathPattern((_USER, _LIST, _TASK, _FILE)),
    PathPattern((_LIST, _TASK, _FILE)),
)


@dataclass(frozen=True, slots=True)
class PathTarget:
    """What a path says, unchanged: nothing in it is percent-decoded. Empty: the path does not say."""

    list: str
    task: str
    user: str


def parse_patterns(text: str) -> tuple[PathPattern, ...] | str:
    """The patterns of *text*, which has commas between them, in the order of trying; or why they cannot be read."""
    patterns = tuple(PathPattern(tuple(each.strip().split("/"))) for each in text.split(","))
    for pattern in patterns:
        parts = pattern.parts
        if not all(part.strip() == part != "" for part in parts):
            return f'"{pattern}" has an empty part'
        if any(parts.count(word) > 1 for word in _WORDS):
            return f'"{pattern}" has a word twice'
        if parts[0] == PREFIX.rstrip("/"):
            return f'"{pattern}" begins with {PREFIX}, which is for what the page sends'
        if parts[-1] != _FILE or _TASK not in parts:
            return f'"{pattern}" needs TASK, and FILE at its end'
    return patterns


def target_of(blob_name: str, patterns: Sequence[PathPattern]) -> PathTarget | None:
    """What the first pattern that fits says; None where none does."""
    parts = tuple(part.strip() for part in blob_name.split("/"))
    if not all(parts):
        return None
    for pattern in patterns:
        if len(pattern.parts) == len(parts) and all(map(_fits, pattern.parts, parts)):
            said = dict(zip(pattern.parts, parts, strict=True))
            return PathTarget(said.get(_LIST, ""), said[_TASK], said.get(_USER, ""))
    return None


def _fits(wanted: str, part: str) -> bool:
    if wanted == _USER:
        return "@" in part or as_object_id(part) is not None
    return wanted in _WORDS or wanted == part
