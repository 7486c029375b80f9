"""The index of uploads by account, in the ledger's table.

    PartitionKey                RowKey                            what
    "uploads-" + account's key  time, counted down, + upload id   nothing else; the rows sort newest first

These rows are not in the partition of the account's pace, since `paces` reads the first rows of that one.
"""

from datetime import datetime

from azure.data.tables import TableClient

from shared.adapters.storage.table_errors import table_errors
from shared.adapters.storage.table_pages import first_rows
from shared.core.upload_place import places_until, upload_at, upload_place
from shared.errors import PageRefused
from shared.ports import Page


class TableAccountUploads:
    """`ports.AccountUploads` on one table."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def add(self, key: str, upload_id: str, written_at: datetime) -> None:
        with table_errors():
            self._table.upsert_entity({"PartitionKey": _partition(key), "RowKey": upload_place(upload_id, written_at)})

    def newest(self, key: str, *, since: datetime, page: str, at_most: int = 50) -> Page[str]:
        # It comes from a browser, and becomes a part of the query.
        if page and upload_at(page) is None:
            raise PageRefused("no page of an account's uploads")
        query = self._table.query_entities(
            f"PartitionKey eq '{_partition(key)}' and RowKey gt '{page}' and RowKey lt '{places_until(since)}'",
            results_per_page=at_most,
            select="RowKey",
        )
        rows, is_cut = first_rows(query)
        places = [str(row["RowKey"]) for row in rows]
        found = tuple(each for place in places if (each := upload_at(place)) is not None)
        return Page(found, places[-1] if is_cut else "")

    def remove(self, key: str, upload_id: str, written_at: datetime) -> None:
        with table_errors():
            self._table.delete_entity(_partition(key), upload_place(upload_id, written_at))


def _partition(key: str) -> str:
    return f"uploads-{key}"
