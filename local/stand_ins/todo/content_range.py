"""The grammar of Content-Range that an upload session accepts: `bytes 0-2097151/3483322`, and nothing else."""

import re
from dataclasses import dataclass

# RFC 9110, section 14.4, also has `*` for an unknown range or length; an upload session accepts neither.
_GRAMMAR = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class ContentRange:
    start: int
    end: int  # inclusive, as on the wire
    total: int

    @property
    def length(self) -> int:
        return self.end - self.start + 1


def parse_content_range(text: str) -> ContentRange | None:
    """The range; None unless *text* is exactly one non-empty range within its total."""
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        return None
    start, end, total = (int(number) for number in match.groups())
    return ContentRange(start, end, total) if start <= end < total else None
