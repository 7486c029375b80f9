"""Fills the ledger with uploads that ended long ago: copies of one that really did."""

import asyncio
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import aiohttp
from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables import TableSasPermissions, TableServiceClient, generate_table_sas

from bench.latency import KIB
from bench.stack import Failed, MeasuredStack
from local.stack.app_settings import TABLE
from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.entry_row import Plain, to_row
from shared.adapters.storage.ledger import TableLedger
from shared.settings import Connection

_AT_ONCE = 16

type _Row = dict[str, Plain]


async def add_finished_entries(stack: MeasuredStack, count: int) -> None:
    """Insert *count* entries with the rows that an attached upload leaves behind."""
    file = await stack.write(KIB, stack.people[0])
    stack.release()
    await stack.done([file])
    await stack.landed([file])
    template = await asyncio.to_thread(_record_of, stack.storage, file.upload_id)
    rows = _entries(template, count)
    url = _signed_url(stack.storage)
    headers = {"Accept": "application/json;odata=nometadata", "Prefer": "return-no-content"}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(_insert(session, url, rows))


async def _insert(session: aiohttp.ClientSession, url: str, rows: Iterator[_Row]) -> None:
    # All tasks share one iterator: there is no await between asking for a row and getting it.
    for row in rows:
        async with session.post(url, json=row) as answer:
            if answer.status >= 300:
                raise Failed(f"the ledger took no row: {answer.status}")


def _entries(template: _Row, count: int) -> Iterator[_Row]:
    for number in range(count):
        upload_id = hashlib.sha256(f"finished {number}".encode()).hexdigest()[:32]
        row = {**template, "upload_id": upload_id, "blob_name": f"finished-{number}.bin"}
        yield {"PartitionKey": upload_id, "RowKey": "entry", **row}


def _record_of(storage: str, upload_id: str) -> _Row:
    with azure_clients.table_client(Connection(connection_string=storage), TABLE) as table:
        stored = TableLedger(table, lambda: "").get(upload_id)
    if stored is None or not stored.entry.is_done:
        raise Failed("the upload that was to be copied is not done")
    return to_row(stored.entry)


def _signed_url(storage: str) -> str:
    """The table's URL with a signature: to write thousands of rows is faster without the SDK's own client."""
    parts = dict(part.partition("=")[::2] for part in storage.split(";") if part)
    credential = AzureNamedKeyCredential(parts["AccountName"], parts["AccountKey"])
    with TableServiceClient.from_connection_string(storage) as service:
        url = service.url.rstrip("/")
    signature = generate_table_sas(
        credential, TABLE, permission=TableSasPermissions(add=True), expiry=datetime.now(UTC) + timedelta(hours=1)
    )
    return f"{url}/{TABLE}?{signature}"
