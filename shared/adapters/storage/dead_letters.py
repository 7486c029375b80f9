"""Event Grid's dead letters: each is a blob, in a container of their own."""

from azure.storage.blob import ContainerClient

from shared.adapters.storage.blob_errors import blob_errors
from shared.adapters.storage.pages import PAGE_SIZE, page_of
from shared.errors import BlobGone
from shared.ports import Page

# By Event Grid's documentation an event, or a batch that is delivered together, has at most 1 MB.
_LONGEST = 2 * 1024 * 1024


class DeadLetterBlobs:
    """`ports.DeadLetters` on one container."""

    def __init__(self, container: ContainerClient, page_size: int = PAGE_SIZE) -> None:
        self._container = container
        self._page_size = page_size

    def listed(self, page: str) -> Page[str]:
        found, following = page_of(self._container.list_blobs(results_per_page=self._page_size), page)
        return Page(tuple(each.name for each in found), following)

    def read(self, name: str) -> bytes | None:
        try:
            with blob_errors():
                # This reads at most the first 4 MiB (`clients`); only `readall` reads the rest.
                stream = self._container.get_blob_client(name).download_blob(decompress=False)
                return bytes(stream.readall()) if stream.size <= _LONGEST else b""
        except BlobGone:
            return None

    def delete(self, name: str) -> None:
        try:
            with blob_errors():
                self._container.get_blob_client(name).delete_blob(delete_snapshots="include")
        except BlobGone:
            return
