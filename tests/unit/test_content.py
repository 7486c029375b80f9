import pytest

from shared.core.content import Piece, from_text, is_whole, joined, piece_of, to_text
from shared.core.ranges import ByteRange


def piece(start: int, stop: int, sha256: str = "ab" * 32) -> Piece:
    return Piece(ByteRange(start, stop), sha256)


def test_a_piece_is_its_range_and_the_sha_256_of_its_bytes() -> None:
    part = ByteRange(4, 7)
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
    assert piece_of(part, b"abc") == Piece(part, sha256)


def test_pieces_that_differ_in_one_bit_differ() -> None:
    part = ByteRange(0, 4)
    assert piece_of(part, b"abcd") == piece_of(part, b"abcd")
    assert piece_of(part, b"abcd") != piece_of(part, b"abce")


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        ([], False),
        ([(0, 10)], True),
        ([(0, 4), (4, 10)], True),
        ([(0, 6), (3, 10)], True),
        ([(0, 4), (5, 10)], False),
        ([(0, 9)], False),
        ([(1, 10)], False),
    ],
)
def test_pieces_are_the_whole_file_where_they_leave_no_gap(pieces: list[tuple[int, int]], whole: bool) -> None:
    assert is_whole([piece(*each) for each in pieces], 10) is whole


def test_nothing_is_the_whole_of_an_empty_file() -> None:
    assert is_whole([], 0)


def test_what_is_read_again_takes_the_place_of_what_began_there() -> None:
    first = joined((), [piece(0, 4), piece(4, 8), piece(8, 10)])
    again = joined(first, [piece(3, 7, "cd" * 32)])
    assert [(each.part.start, each.part.stop) for each in again] == [(0, 4), (3, 7)]
    assert not is_whole(again, 10)
    assert is_whole(joined(again, [piece(7, 10)]), 10)


def test_a_piece_that_is_read_twice_is_kept_once() -> None:
    twice = joined((), [piece(0, 4), piece(0, 4), piece(4, 8), piece(4, 6, "cd" * 32)])
    assert twice == (piece(0, 4), piece(4, 6, "cd" * 32))


def test_pieces_survive_their_text() -> None:
    pieces = (piece(0, 4), piece(4, 26_214_400, "cd" * 32))
    assert from_text(to_text(pieces)) == pieces
    assert from_text(to_text(())) == ()


@pytest.mark.parametrize("text", ["x", "0-4", "4-0:ab", "0:ab", "a-b:ab"])
def test_a_text_that_holds_no_pieces_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_text(text)
