"""Azure SDK clients, with our own retries and timeouts.

The queue is our retry, so an SDK retries only briefly. Every conditional write can find out whether it was refused only
because the SDK had repeated it (see `ledger`).
"""

from typing import Any

from azure.core.credentials import TokenCredential
from azure.data.tables import TableClient, TableServiceClient
from azure.identity import ManagedIdentityCredential
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueClient

from shared.settings import Connection

# Seconds. A claim's time passes during these calls, so they must be faster than the SDK's defaults allow (read timeout
# 60 s, three or more retries with up to two minutes in between).
_TIMEOUTS: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 20}
# No proxy, no .netrc (its password would replace ours, and each request would look for that file), no CA bundle from
# the environment.
_ALONE: dict[str, Any] = {"use_env_settings": False}
_STORAGE_RETRY: dict[str, Any] = {"retry_total": 1, "initial_backoff": 1, "increment_base": 1, "random_jitter_range": 1}
_TABLE_RETRY: dict[str, Any] = {"retry_total": 1, "retry_backoff_factor": 0.5, "retry_backoff_max": 2}


def container_client(
    connection: Connection, container: str, credential: TokenCredential | None = None
) -> ContainerClient:
    return blob_service_client(connection, credential).get_container_client(container)


def blob_service_client(connection: Connection, credential: TokenCredential | None = None) -> BlobServiceClient:
    # A slice is one ranged GET: with a smaller value, the client would split it into several.
    options = {**_TIMEOUTS, **_ALONE, **_STORAGE_RETRY, "max_single_get_size": 4 * 1024 * 1024}
    if connection.connection_string:
        return BlobServiceClient.from_connection_string(connection.connection_string, **options)
    return BlobServiceClient(connection.blob_uri, credential=credential or managed_identity(connection), **options)


def queue_client(connection: Connection, queue: str, credential: TokenCredential | None = None) -> QueueClient:
    # Messages are sent without Base64, as host.json says. With Base64 the host would decode them: it calls no function
    # for a message that it cannot decode, and delivers it again and again for a week.
    options = {**_TIMEOUTS, **_ALONE, **_STORAGE_RETRY}
    if connection.connection_string:
        return QueueClient.from_connection_string(connection.connection_string, queue, **options)
    return QueueClient(connection.queue_uri, queue, credential=credential or managed_identity(connection), **options)


def table_client(connection: Connection, table: str, credential: TokenCredential | None = None) -> TableClient:
    options = {**_TIMEOUTS, **_ALONE, **_TABLE_RETRY}
    if connection.connection_string:
        service = TableServiceClient.from_connection_string(connection.connection_string, **options)
    else:
        service = TableServiceClient(
            endpoint=connection.table_uri, credential=credential or managed_identity(connection), **options
        )
    return service.get_table_client(table)


def managed_identity(connection: Connection) -> TokenCredential:
    """The app's managed identity in Azure. Where the app has several, the client id selects one."""
    # Not DefaultAzureCredential: it would try every credential that it finds, and take seconds for each.
    return ManagedIdentityCredential(client_id=connection.client_id or None)
