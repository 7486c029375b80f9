"""The Functions host's description of one run of a function, from the worker's types to ours."""

from datetime import UTC, datetime

import azure.functions as func

from shared.ports import Invocation

BLOB_EVENT, QUEUE, TIMER, HTTP = "datasource", "pubsub", "timer", "http"


def invocation_of(trigger: str, context: func.Context, message: func.QueueMessage | None = None) -> Invocation:
    """*message*: the one that a queue delivered."""
    return Invocation(
        function=context.function_name,
        trigger=trigger,
        id=context.invocation_id,
        traceparent=context.trace_context.trace_parent or "",
        dequeue_count=(message.dequeue_count or 1) if message is not None else None,
        queue_age=_age(message.insertion_time) if message is not None else None,
    )


def _age(inserted_at: datetime | None) -> float | None:
    """The message's age in seconds. It compares two machines' clocks, so it must never decide an order."""
    if inserted_at is None:
        return None
    inserted_at = inserted_at if inserted_at.tzinfo is not None else inserted_at.replace(tzinfo=UTC)
    return round(max(0.0, (datetime.now(UTC) - inserted_at).total_seconds()), 3)
