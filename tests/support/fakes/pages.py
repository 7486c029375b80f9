"""Listings in pages, as Azurite has them: a page is named after the item before it."""

from collections.abc import Sequence

from shared.errors import PageRefused

REFUSED = "a page that the service does not know"


def page_of(names: Sequence[str], page: str, size: int) -> tuple[tuple[str, ...], str]:
    """The names on *page*, and the page after it; empty after the last one."""
    if page == REFUSED:
        raise PageRefused(page)
    left = [name for name in names if name > page]
    return tuple(left[:size]), left[size - 1] if len(left) > size else ""
