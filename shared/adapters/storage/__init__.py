"""Azure Storage: the container, the ledger in a table, the queue, and the clock that they share."""
