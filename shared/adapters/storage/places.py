"""The places of the walks, in the ledger's table: a row for each, in the partition "place"."""

from collections.abc import Callable

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.adapters.storage.table_errors import table_errors
from shared.core.catching_up import Place
from shared.errors import Conflict, StorageUnavailable
from shared.ports import KeptPlace

_PLACE = "place"


class TablePlaces:
    """`ports.Places` on one table."""

    def __init__(self, table: TableClient, new_id: Callable[[], str]) -> None:
        self._table = table
        self._new_id = new_id

    def load(self, listing: str) -> KeptPlace:
        try:
            with table_errors():
                row = self._table.get_entity(_PLACE, listing)
        except ResourceNotFoundError:
            return KeptPlace(Place(), "")
        return KeptPlace(Place(str(row.get("page", "")), str(row.get("after", ""))), str(row.metadata["etag"]))

    def store(self, listing: str, kept: KeptPlace, place: Place) -> None:
        write_id = self._new_id()
        row = {
            "PartitionKey": _PLACE,
            "RowKey": listing,
            "page": place.page,
            "after": place.after,
            "write_id": write_id,
        }
        try:
            with table_errors():
                if kept.version:
                    self._table.update_entity(
                        row, mode=UpdateMode.REPLACE, etag=kept.version, match_condition=MatchConditions.IfNotModified
                    )
                else:
                    self._table.create_entity(row)
        except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError, StorageUnavailable) as error:
            # There was no answer, or this was the SDK's repetition of a write that was applied: the row says which.
            if self._written_by(listing) == write_id:
                return
            if isinstance(error, StorageUnavailable):
                raise
            raise Conflict(f"the place in {listing} was changed by another run") from error

    def _written_by(self, listing: str) -> str:
        try:
            with table_errors():
                row = self._table.get_entity(_PLACE, listing, select="write_id")
        except ResourceNotFoundError:
            return ""
        return str(row["write_id"])
