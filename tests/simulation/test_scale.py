"""The table of `make simulate-scale`, with few files: all that must not fall short at any size."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.scale.rows import ROWS, Row


@pytest.mark.parametrize("measure", ROWS, ids=lambda measure: measure.__name__)
def test_the_small_table_is_met(measure: Callable[..., Iterator[Row]]) -> None:
    missed = [str(row) for row in measure(20, seed=1) if not row.is_met]
    assert missed == []
