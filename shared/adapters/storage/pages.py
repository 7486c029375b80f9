"""One page of a listing of the blob service."""

from azure.core.paging import ItemPaged, PageIterator

from shared.adapters.storage.blob_errors import page_errors

# The most that the service gives, at the price of one request.
PAGE_SIZE = 5000


def page_of[Item](listing: ItemPaged[Item], page: str) -> tuple[list[Item], str]:
    """The items of *page*, and the name of the next page. One request. Raises PageRefused or StorageUnavailable."""
    pages = listing.by_page(page or None)
    if not isinstance(pages, PageIterator):
        raise TypeError("a listing of the SDK's without pages")
    with page_errors(page):
        return list(next(pages, ())), pages.continuation_token or ""
