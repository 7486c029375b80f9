"""Page sessions, in the accounts' table. They are in one partition, which stays small since a session lasts an hour.

    PartitionKey  RowKey                    what
    "session"     SHA-256 of the cookie     the person, and until when

A table has neither soft delete nor versions: a session that is deleted is gone.
"""

from contextlib import suppress
from datetime import datetime

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient

from shared.adapters.account_keys import accounts_table_errors, require_accounts_table
from shared.errors import StorageUnavailable
from shared.my_files.ports import PageSession
from shared.sign_in.person import Person

_PARTITION = "session"
# The most that one call of `clear` deletes: other work waits behind it.
_MOST_CLEARED = 500


class TablePageSessions:
    """`my_files.ports.PageSessions`. Safe to share between threads."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    def insert(self, key: str, session: PageSession) -> None:
        person = session.person
        with accounts_table_errors():
            # Not an insert: a row that is there can only be our own, whose request the SDK has sent twice.
            self._table.upsert_entity(
                {
                    "PartitionKey": _PARTITION,
                    "RowKey": key,
                    "ObjectId": person.object_id,
                    "TenantId": person.tenant_id,
                    "Name": person.name,
                    "Until": session.until,
                }
            )

    def find(self, key: str) -> PageSession | None:
        with accounts_table_errors():
            try:
                row = self._table.get_entity(_PARTITION, key)
            except ResourceNotFoundError as error:
                require_accounts_table(error)
                return None
        try:
            return PageSession(Person(row["ObjectId"], row["TenantId"], row["Name"]), row["Until"])
        except KeyError as error:
            raise StorageUnavailable("the row of a page session holds no page session") from error

    def delete(self, key: str) -> None:
        with accounts_table_errors(), suppress(ResourceNotFoundError):
            self._table.delete_entity(_PARTITION, key)

    def delete_of(self, object_id: str) -> None:
        self._delete_where("ObjectId eq @value", object_id)

    def clear(self, now: datetime) -> int:
        return self._delete_where("Until le @value", now, at_most=_MOST_CLEARED)

    def _delete_where(self, condition: str, value: object, *, at_most: int | None = None) -> int:
        """Delete the rows for which *condition* holds. Returns how many were deleted."""
        deleted = 0
        with accounts_table_errors():
            rows = self._table.query_entities(
                f"PartitionKey eq '{_PARTITION}' and {condition}", parameters={"value": value}, select="RowKey"
            )
            for row in rows:
                if deleted == at_most:
                    break
                self.delete(row["RowKey"])
                deleted += 1
        return deleted
