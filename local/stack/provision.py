"""Makes the containers, the queues and the table where they are missing, as the infrastructure does in the cloud."""

from contextlib import suppress

from azure.core.exceptions import ResourceExistsError

from local.stack.app_settings import CONTAINER, DEAD_LETTERS, POISON_QUEUE, QUEUE, TABLE
from shared.adapters.storage import clients as azure_clients
from shared.settings import Connection


def provision(storage: str) -> None:
    """Make them in the storage account of this connection string."""
    connection = Connection(connection_string=storage)
    for name in (CONTAINER, DEAD_LETTERS):
        with azure_clients.container_client(connection, name) as container, suppress(ResourceExistsError):
            container.create_container()
    for name in (QUEUE, POISON_QUEUE):
        with azure_clients.queue_client(connection, name) as queue, suppress(ResourceExistsError):
            queue.create_queue()
    with azure_clients.table_client(connection, TABLE) as table, suppress(ResourceExistsError):
        table.create_table()
