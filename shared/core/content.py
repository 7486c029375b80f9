"""What is known of a version's content: digests of the ranges that were read of it while it was uploaded.

Two versions have the same content if what was read of both says so. A stored Content-MD5 proves nothing, since the
blob's writer may set it to anything. Nor would MD5 be enough here: it can be made to collide, and a file that is taken
for another is not attached.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from shared.core.ranges import ByteRange


@dataclass(frozen=True, slots=True)
class Piece:
    """A range that was read, and the SHA-256 of its bytes in hex."""

    part: ByteRange
    sha256: str


def piece_of(part: ByteRange, body: bytes) -> Piece:
    return Piece(part, hashlib.sha256(body).hexdigest())


def joined(known: tuple[Piece, ...], read: Iterable[Piece]) -> tuple[Piece, ...]:
    """What is known of the content once *read* is added.

    After a session fell back, ranges are read again, perhaps with other bounds. Each takes the place of those that
    begin at or after its start, so that their number stays bounded by the file's size.
    """
    for piece in read:
        known = (*(each for each in known if each.part.start < piece.part.start), piece)
    return known


def is_whole(pieces: Iterable[Piece], size: int) -> bool:
    """Whether the pieces, in their order, cover a file of *size* bytes. A worker that died leaves a gap."""
    covered = 0
    for piece in pieces:
        if piece.part.start > covered:
            return False
        covered = max(covered, piece.part.stop)
    return covered == size


def to_text(pieces: tuple[Piece, ...]) -> str:
    """The pieces in one column of a table."""
    return " ".join(f"{piece.part.start}-{piece.part.stop}:{piece.sha256}" for piece in pieces)


def from_text(text: str) -> tuple[Piece, ...]:
    """The pieces that `to_text` wrote. Raises ValueError for anything else."""
    return tuple(_piece(word) for word in text.split())


def _piece(word: str) -> Piece:
    bounds, sha256 = word.split(":")
    start, stop = bounds.split("-")
    return Piece(ByteRange(int(start), int(stop)), sha256)
