"""The paces of mailboxes, in the ledger's table.

    PartitionKey        RowKey                     what
    "pace-" + mailbox   "pace"                     leases, uses, and until when Graph asked to wait
    "pace-" + mailbox   "w-" + time + upload id    a ticket; the rows sort in the order of the line

One query for the first rows of the partition reads the pace and the head of the line together.
"""

from collections.abc import Callable, Iterator

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.adapters.storage.pace_record import pace_columns, pace_of, ticket_columns, ticket_of
from shared.adapters.storage.service_date import ServiceDate
from shared.adapters.storage.table_errors import table_errors
from shared.adapters.storage.table_pages import first_rows
from shared.core.pacing import HEAD, Pace, Ticket
from shared.errors import Conflict, StorageUnavailable
from shared.ports import Paced

_PACE = "pace"


class TablePaces:
    """`ports.Paces` on one table."""

    def __init__(self, table: TableClient, new_id: Callable[[], str]) -> None:
        self._table = table
        self._new_id = new_id

    def load(self, mailbox: str, tickets: int = HEAD) -> Paced:
        date = ServiceDate()
        head, _ = first_rows(
            self._table.query_entities(
                f"PartitionKey eq '{_partition(mailbox)}'", results_per_page=tickets + 1, raw_response_hook=date
            )
        )
        try:
            line = tuple(ticket_of(row) for row in head if row["RowKey"] != _PACE)[:tickets]
            for row in head:
                if row["RowKey"] == _PACE:
                    return Paced(pace_of(row), row.metadata["etag"], line, date.value)
        except ValueError as error:
            raise StorageUnavailable(f"a row of the mailbox {mailbox} holds neither a pace nor a ticket") from error
        return Paced(Pace(), "", line, date.value)

    def store(self, mailbox: str, paced: Paced, pace: Pace) -> None:
        write_id = self._new_id()
        row = {"PartitionKey": _partition(mailbox), "RowKey": _PACE, "write_id": write_id, **pace_columns(pace)}
        try:
            with table_errors():
                if paced.version:
                    self._table.update_entity(
                        row,
                        mode=UpdateMode.REPLACE,
                        etag=paced.version,
                        match_condition=MatchConditions.IfNotModified,
                    )
                else:
                    self._table.create_entity(row)
        except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError, StorageUnavailable) as error:
            # There was no answer, or this was the SDK's repetition of a write that was applied: the row says which.
            if self._written_by(mailbox) == write_id:
                return
            if isinstance(error, StorageUnavailable):
                raise
            raise Conflict(f"the pace of the mailbox {mailbox} was changed by another worker") from error

    def enqueue(self, mailbox: str, ticket: Ticket) -> None:
        with table_errors():
            self._table.upsert_entity(
                {"PartitionKey": _partition(mailbox), "RowKey": _place(ticket), **ticket_columns(ticket)}
            )

    def dequeue(self, mailbox: str, ticket: Ticket) -> None:
        with table_errors():
            self._table.delete_entity(_partition(mailbox), _place(ticket))

    def tickets(self, mailbox: str) -> Iterator[Ticket]:
        partition = _partition(mailbox)
        with table_errors():
            for row in self._table.query_entities(f"PartitionKey eq '{partition}' and RowKey gt '{_PACE}'"):
                try:
                    yield ticket_of(row)
                except ValueError as error:
                    raise StorageUnavailable(f"a row of the mailbox {mailbox} holds no ticket") from error

    def _written_by(self, mailbox: str) -> str:
        try:
            with table_errors():
                row = self._table.get_entity(_partition(mailbox), _PACE, select="write_id")
        except ResourceNotFoundError:
            return ""
        return str(row["write_id"])


def _partition(mailbox: str) -> str:
    return f"pace-{mailbox}"


def _place(ticket: Ticket) -> str:
    return f"w-{ticket.place}"
