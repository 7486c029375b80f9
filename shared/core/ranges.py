"""All arithmetic with bytes and ranges.

Ranges are half-open in code and inclusive only on the wire. The server's expected ranges are the only source of
the next offset; nothing here ever adds up what was sent.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

# 12 x 320 KiB. The documentation says "up to 4 MB" in one place and "less than 4 MB" in another, and never in
# bytes; this satisfies every reading (also 4,000,000), and the 320 KiB grid that other Graph uploads demand.
MAX_SLICE_BYTES = 12 * 320 * 1024

# The largest file for the small POST, documented for "under 3 MB": its Base64 and name stay under 4,194,304 characters,
# where a body was measured to be refused.
MAX_POST_BYTES = 3_000_000

# The pattern allows spaces between its parts, so that matching a long text against it could take very long.
_LONGEST_EXPECTED = 100
_EXPECTED = re.compile(r"\s*([0-9]{1,18})\s*(?:-\s*([0-9]{1,18})?)?\s*")


@dataclass(frozen=True, slots=True, order=True)
class ByteRange:
    """The bytes from *start* up to, not including, *stop*."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise ValueError(f"not a range of bytes: {self.start} to {self.stop}")

    def __len__(self) -> int:
        return self.stop - self.start

    @classmethod
    def next_slice(cls, offset: int, *, size: int, slice_bytes: int) -> Self:
        """The bytes of the next PUT: from the server's *offset*, at most *slice_bytes*, to the end at most."""
        return cls(offset, min(offset + slice_bytes, size))

    def content_range(self, size: int) -> str:
        """The Content-Range header, inclusive at both ends: ``bytes 0-3/10``."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def expected_offset(ranges: Iterable[object]) -> int | None:
    """The first byte that the server lacks: the smallest start of its expected ranges; None where there is none.

    Takes every documented shape (``"0-"``, ``"2097152"``, ``"0-99"``, several of them, bare numbers) and raises
    ValueError for anything else: a reply that cannot be read must never move the offset.
    """
    starts = [_start(item) for item in ranges]
    return min(starts, default=None)


def _start(item: object) -> int:
    if isinstance(item, int) and not isinstance(item, bool) and item >= 0:
        return item
    match = _EXPECTED.fullmatch(item) if isinstance(item, str) and len(item) <= _LONGEST_EXPECTED else None
    if match is None:
        raise ValueError("not an expected range")
    start, end = int(match[1]), match[2]
    if end is not None and int(end) < start:
        raise ValueError("an expected range ends before it starts")
    return start
