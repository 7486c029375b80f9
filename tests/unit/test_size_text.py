"""Sizes in words."""

import pytest

from shared.core.size_text import size_text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (4096, "4.0 KiB"),
        (1_024_000, "1000.0 KiB"),
        (1_048_576, "1.0 MiB"),
        (26_214_400, "25.0 MiB"),
        (1_048_576_000, "1000.0 MiB"),
    ],
)
def test_sizes_are_told_as_people_tell_them(size: int, text: str) -> None:
    assert size_text(size) == text
