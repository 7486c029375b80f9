from collections.abc import Iterator, Sequence

import pytest
from azure.core.paging import ItemPaged

from shared.adapters.storage.table_pages import first_rows


def a_query(pages: Sequence[Sequence[str]]) -> "ItemPaged[str]":
    """What the SDK makes of a query whose answer comes in *pages*."""

    def answered(token: str | None) -> int:
        return int(token or 0)

    def taken_apart(number: int) -> tuple[str | None, Iterator[str]]:
        following = str(number + 1) if number + 1 < len(pages) else None
        return following, iter(pages[number])

    return ItemPaged(answered, taken_apart)


@pytest.mark.parametrize(
    ("pages", "rows", "more"),
    [
        ([["a", "b"]], ["a", "b"], False),
        ([["a"], ["b"]], ["a"], True),
        ([[], [], ["a"]], ["a"], False),
        ([[], ["a"], ["b"]], ["a"], True),
        ([[], []], [], False),
    ],
)
def test_a_page_without_rows_does_not_look_like_the_end(pages: list[list[str]], rows: list[str], more: bool) -> None:
    assert first_rows(a_query(pages)) == (rows, more)
