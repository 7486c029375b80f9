"""One page of a query of a table."""

from typing import Any

from azure.core.paging import ItemPaged, PageIterator

from shared.adapters.storage.table_errors import table_errors


def first_rows(query: ItemPaged[Any]) -> tuple[list[Any], bool]:
    """The rows of the first page that has any, and whether more may follow. Raises StorageUnavailable."""
    pages = query.by_page()
    if not isinstance(pages, PageIterator):
        raise TypeError("a query of the SDK's without pages")
    with table_errors():
        for rows in map(list, pages):
            # The service may answer with an empty page where it has read long enough, and found nothing yet.
            if rows:
                return rows, bool(pages.continuation_token)
    return [], False
