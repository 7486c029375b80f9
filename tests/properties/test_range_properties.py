import contextlib

from hypothesis import given
from hypothesis import strategies as st

from shared.core.ranges import MAX_SLICE_BYTES, ByteRange, expected_offset

SIZES = st.integers(1, 26_214_400)
SLICES = st.integers(300_000, MAX_SLICE_BYTES)
OFFSETS = st.integers(0, 10**17)


@given(SIZES, SLICES)
def test_slices_cover_every_byte_once_and_in_order(size: int, slice_bytes: int) -> None:
    offset = 0
    while offset < size:
        part = ByteRange.next_slice(offset, size=size, slice_bytes=slice_bytes)
        assert part.start == offset
        assert 1 <= len(part) <= slice_bytes
        offset = part.stop
    assert offset == size


@given(SIZES, SLICES, st.data())
def test_a_content_range_says_exactly_its_bytes(size: int, slice_bytes: int, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, size - 1))
    part = ByteRange.next_slice(offset, size=size, slice_bytes=slice_bytes)
    unit, _, rest = part.content_range(size).partition(" ")
    first, last, total = map(int, rest.replace("/", "-").split("-"))
    assert (unit, first, last + 1, total) == ("bytes", part.start, part.stop, size)
    assert 0 <= first <= last < total


@given(st.lists(st.tuples(OFFSETS, st.integers(0, 10**6), st.integers(0, 3)), min_size=1))
def test_every_written_shape_is_read_back(ranges: list[tuple[int, int, int]]) -> None:
    shapes = [(f"{start}-", f"{start}", f"{start}-{start + extra}", start)[shape] for start, extra, shape in ranges]
    assert expected_offset(shapes) == min(start for start, _, _ in ranges)


JUNK = st.none() | st.booleans() | st.floats() | st.text() | st.integers() | st.from_regex(r"[0-9 \-]{0,8}")


@given(st.lists(JUNK | st.lists(JUNK)))
def test_anything_else_is_refused_or_a_plain_number(ranges: list[object]) -> None:
    with contextlib.suppress(ValueError):
        offset = expected_offset(ranges)
        assert offset is None or (type(offset) is int and offset >= 0)
        assert (offset is None) == (not ranges)
