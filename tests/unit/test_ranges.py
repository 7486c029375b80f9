import pytest

from shared.core.ranges import MAX_SLICE_BYTES, ByteRange, expected_offset


def test_a_slice_satisfies_every_reading_of_four_megabytes() -> None:
    assert MAX_SLICE_BYTES < 4_000_000
    assert MAX_SLICE_BYTES % (320 * 1024) == 0


@pytest.mark.parametrize(
    ("start", "stop"),
    [(-1, 3), (3, 3), (4, 3), (0, 0)],
    ids=["before the first byte", "empty", "backwards", "nothing of an empty file"],
)
def test_what_holds_no_byte_is_no_range(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="not a range"):
        ByteRange(start, stop)


@pytest.mark.parametrize(
    ("offset", "size", "slice_bytes", "expected"),
    [
        (0, 10, 4, ByteRange(0, 4)),
        (4, 10, 4, ByteRange(4, 8)),
        (8, 10, 4, ByteRange(8, 10)),
        (9, 10, 4, ByteRange(9, 10)),
        (0, 4, 4, ByteRange(0, 4)),
        (0, 1, 4, ByteRange(0, 1)),
        (3, 10, 4, ByteRange(3, 7)),
    ],
    ids=["first", "middle", "last", "last single byte", "exactly one", "smaller than one", "from an odd offset"],
)
def test_the_next_slice_goes_from_the_offset_to_the_end_at_most(
    offset: int, size: int, slice_bytes: int, expected: ByteRange
) -> None:
    assert ByteRange.next_slice(offset, size=size, slice_bytes=slice_bytes) == expected


@pytest.mark.parametrize("offset", [10, 11, -1], ids=["at the end", "past the end", "negative"])
def test_there_is_no_next_slice_outside_the_file(offset: int) -> None:
    with pytest.raises(ValueError, match="not a range"):
        ByteRange.next_slice(offset, size=10, slice_bytes=4)


@pytest.mark.parametrize(
    ("part", "size", "header"),
    [
        (ByteRange(0, 2_097_152), 3_483_322, "bytes 0-2097151/3483322"),
        (ByteRange(2_097_152, 3_483_322), 3_483_322, "bytes 2097152-3483321/3483322"),
        (ByteRange(9, 10), 10, "bytes 9-9/10"),
    ],
    ids=["the walkthrough's first", "the walkthrough's last", "one byte"],
)
def test_content_range_is_inclusive_at_both_ends(part: ByteRange, size: int, header: str) -> None:
    assert part.content_range(size) == header


def test_the_length_of_a_range_is_its_bytes() -> None:
    assert len(ByteRange(3, 10)) == 7


@pytest.mark.parametrize(
    ("ranges", "offset"),
    [
        (["0-"], 0),
        (["2097152"], 2_097_152),
        (["2097152-"], 2_097_152),
        (["0-99"], 0),
        (["5-5"], 5),
        (["200-", "100-149"], 100),
        (["100", "200-300", 50], 50),
        ([2_097_152], 2_097_152),
        ([0], 0),
        ([" 12 - 20 "], 12),
        (["007-"], 7),
        ([], None),
    ],
    ids=[
        "open",
        "bare start",
        "open from the middle",
        "closed",
        "one byte",
        "several: the smallest",
        "several shapes",
        "a number",
        "number zero",
        "spaces",
        "leading zeros",
        "none",
    ],
)
def test_the_offset_is_the_smallest_start_in_every_documented_shape(ranges: list[object], offset: int | None) -> None:
    assert expected_offset(ranges) == offset


@pytest.mark.parametrize(
    "item",
    [
        "",
        "-",
        "-5",
        "a-b",
        "5-2",
        "1-2-3",
        "bytes 0-1/2",
        "0x10",
        "1.5",
        "1e3",
        "+5",
        "٣-",
        "9" * 19,
        "1," * 9,
        -1,
        1.0,
        True,
        None,
        ["0-"],
        {"start": 0},
        b"0-",
    ],
    ids=repr,
)
def test_a_range_that_cannot_be_read_never_moves_the_offset(item: object) -> None:
    with pytest.raises(ValueError, match="expected range"):
        expected_offset(["5-", item])
