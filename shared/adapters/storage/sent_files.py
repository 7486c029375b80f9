"""Sent files and the signatures for them, in the ledger's table.

    PartitionKey               RowKey    what
    "sent-" + hex digit        token     the sent file, by its token's first digit
    "signed-" + account's key  "live"    the account's live signatures that are not used

The account's row is written first: a death in between leaves a signature that was never given out, and that ends by
itself. In the other order it would leave a signature that is not counted.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.adapters.storage.sent_file_record import (
    sent_file_columns,
    sent_file_of,
    signatures_column,
    signatures_of,
)
from shared.adapters.storage.service_date import ServiceDate
from shared.adapters.storage.table_errors import table_errors
from shared.adapters.storage.table_pages import first_rows
from shared.core.sent_file import SentFile, Signature, account_key, with_signature, without_signature
from shared.errors import StorageUnavailable
from shared.ports import KeptSentFile, Page

_SENT = "sent-"
_BEYOND_SENT = "sent."  # sorts after the hyphen
_LIVE = "live"
# The most that the service gives.
_PAGE_SIZE = 1000
# Each conflict means that another request of this account made progress. After so many in a row, the request fails.
_TRIES = 12


class TableSentFiles:
    """`ports.SentFiles` on one table."""

    def __init__(self, table: TableClient, page_size: int = _PAGE_SIZE) -> None:
        self._table = table
        self._page_size = page_size

    def keep(self, sent: SentFile, *, at_most: int) -> bool:
        for _ in range(_TRIES):
            live, version = self._live(sent.account)
            # An earlier round wrote it, and its reply was lost. Tokens are unique, so the token serves as the write id.
            if any(each.token == sent.token for each in live):
                break
            after = with_signature(live, sent, at_most=at_most)
            if after is None:
                return False
            if self._replaced(sent.account, version, after):
                break
        else:
            raise _busy()
        with table_errors():
            self._table.upsert_entity(
                {"PartitionKey": _partition(sent.token), "RowKey": sent.token, **sent_file_columns(sent)},
                mode=UpdateMode.REPLACE,
            )
        return True

    def find(self, token: str) -> SentFile | None:
        try:
            with table_errors():
                return sent_file_of(self._table.get_entity(_partition(token), token))
        except ResourceNotFoundError:
            return None
        except ValueError as error:
            raise StorageUnavailable("the row of a sent file holds no sent file") from error

    def used(self, sent: SentFile) -> None:
        for _ in range(_TRIES):
            live, version = self._live(sent.account)
            after = without_signature(live, sent.token)
            if after == live or self._replaced(sent.account, version, after):
                return
        raise _busy()

    def remove(self, sent: SentFile) -> None:
        self.used(sent)
        with table_errors():
            self._table.delete_entity(_partition(sent.token), sent.token)

    def listed(self, page: str) -> Page[KeptSentFile]:
        date = ServiceDate()
        query = self._table.query_entities(
            f"PartitionKey ge '{_partition(page)}' and PartitionKey lt '{_BEYOND_SENT}' and RowKey gt '{page}'",
            results_per_page=self._page_size,
            raw_response_hook=date,
        )
        rows, is_cut = first_rows(query)
        found = _sent_files(rows, date.value) if rows else ()
        return Page(found, rows[-1]["RowKey"] if is_cut else "")

    def _live(self, account: str) -> tuple[tuple[Signature, ...], str]:
        """The account's live signatures, and the version of their row; empty where there is none."""
        try:
            with table_errors():
                row = self._table.get_entity(_signed(account), _LIVE)
            return signatures_of(row["signatures"]), str(row.metadata["etag"])
        except ResourceNotFoundError:
            return (), ""
        except (KeyError, ValueError) as error:
            raise StorageUnavailable("the row of an account's signatures holds no signatures") from error

    def _replaced(self, account: str, version: str, live: tuple[Signature, ...]) -> bool:
        """Whether *live* was written over exactly *version*; if not, the row is to be read again."""
        row = {"PartitionKey": _signed(account), "RowKey": _LIVE, "signatures": signatures_column(live)}
        unchanged: dict[str, Any] = {"etag": version, "match_condition": MatchConditions.IfNotModified}
        try:
            with table_errors():
                if not version:
                    self._table.create_entity(row)
                elif live:
                    self._table.update_entity(row, mode=UpdateMode.REPLACE, **unchanged)
                else:
                    self._table.delete_entity(row["PartitionKey"], row["RowKey"], **unchanged)
        except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
            return False
        except StorageUnavailable:
            # The write may have been applied, and only its reply be lost.
            if self._live(account)[0] == live:
                return True
            raise
        return True


def _sent_files(rows: list[Any], date: datetime) -> tuple[KeptSentFile, ...]:
    found = []
    for row in rows:
        with suppress(ValueError):
            found.append(KeptSentFile(sent_file_of(row), date))
    return tuple(found)


def _partition(token: str) -> str:
    return f"{_SENT}{token[:1]}"


def _signed(account: str) -> str:
    return f"signed-{account_key(account)}"


def _busy() -> StorageUnavailable:
    return StorageUnavailable("the signatures of an account were changed too often by others")
