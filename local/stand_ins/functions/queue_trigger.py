"""A queue message as the worker wants it: the shapes that the real host sends (GrpcMessageConversionExtensions).

A body is a string where it is UTF-8 and bytes where not. Scalars other than strings travel as JSON.
"""

import json
from datetime import UTC, datetime

from local.stand_ins.functions.event_stream import EventStream
from local.stand_ins.functions.function import Function, QueueTrigger
from local.stand_ins.functions.invocation import Input, Invoker
from local.stand_ins.functions.queue_listener import Run
from local.stand_ins.functions.trigger_queue import LeasedMessage, UndecodableMessageError
from local.stand_ins.functions.worker.frames import Datum


def queue_run(function: Function[QueueTrigger], invoker: Invoker, events: EventStream, *, base64: bool) -> Run:
    """What the listener of *function*'s queue does with a message."""

    async def run(message: LeasedMessage) -> bool:
        try:
            body = message.body(base64_encoded=base64)
        except UndecodableMessageError as error:
            events.emit("undecodable", function=function.name, message_id=message.received.id, error=str(error))
            return False
        return (await invoker.invoke(function, _input(message, body))).succeeded

    return run


def _input(message: LeasedMessage, body: bytes) -> Input:
    received = message.received
    data = text_or_bytes(body)
    metadata: dict[str, Datum] = {
        "QueueTrigger": data,
        "Id": ("string", str(received.id)),
        "PopReceipt": ("string", message.pop_receipt),
        "DequeueCount": ("json", str(message.dequeue_count)),
    }
    times = {
        "InsertionTime": received.inserted_on,
        "ExpirationTime": received.expires_on,
        "NextVisibleTime": received.next_visible_on,
    }
    metadata |= {name: ("json", _iso(at)) for name, at in times.items() if at is not None}
    return Input(data, metadata, message.dequeue_count)


def text_or_bytes(body: bytes) -> Datum:
    try:
        return "string", body.decode()
    except UnicodeDecodeError:
        return "bytes", body


def _iso(at: datetime) -> str:
    return json.dumps(at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00"))
