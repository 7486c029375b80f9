"""The table of `make simulate-scale`, with few files: all that must not fall short at any size."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.scale.rows import (
    Row,
    a_whole_day,
    another_person,
    one_name,
    refused_bytes_count,
    short_sessions,
    slow_mailboxes,
    small_files,
)


@pytest.mark.parametrize(
    "measure",
    [refused_bytes_count, small_files, short_sessions, another_person, slow_mailboxes, one_name, a_whole_day],
    ids=lambda measure: measure.__name__,
)
def test_the_small_table_is_met(measure: Callable[[int], Iterator[Row]]) -> None:
    missed = [str(row) for row in measure(20) if not row.is_met]
    assert missed == []
