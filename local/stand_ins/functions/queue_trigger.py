"""A queue message in the form that the real host sends to the worker (GrpcMessageConversionExtensions).

Values other than strings are sent as JSON. The members of a JSON object become trigger metadata too: one that has the
name of the host's own metadata replaces it.
"""

import json
from datetime import UTC, datetime

from local.stand_ins.functions.event_stream import EventStream
from local.stand_ins.functions.function import Function, QueueTrigger
from local.stand_ins.functions.invocation import Input, Invoker
from local.stand_ins.functions.queue_listener import Fate, Run
from local.stand_ins.functions.trigger_queue import LeasedMessage, UndecodableMessageError
from local.stand_ins.functions.worker.frames import Datum


def queue_run(function: Function[QueueTrigger], invoker: Invoker, events: EventStream, *, base64: bool) -> Run:
    """What the listener of *function*'s queue does with a message."""

    async def run(message: LeasedMessage) -> Fate:
        facts = {"function": function.name, "message_id": message.received.id}
        try:
            body = message.body(base64_encoded=base64).decode()
        except UndecodableMessageError as error:
            events.emit("undecodable", **facts, error=str(error))
            return Fate.UNDECODABLE
        except UnicodeDecodeError:
            # As in the real host, the binding fails before the function runs, five times.
            events.emit("binding_failed", **facts, error="not UTF-8")
            return Fate.FAILED
        succeeded = (await invoker.invoke(function, _input(message, body))).succeeded
        return Fate.DONE if succeeded else Fate.FAILED

    return run


def _input(message: LeasedMessage, body: str) -> Input:
    received = message.received
    data: Datum = ("string", body)
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
    members = _members(body)
    taken = {name.casefold() for name in members}
    metadata = {name: value for name, value in metadata.items() if name.casefold() not in taken}
    return Input(data, metadata | members, message.dequeue_count)


def _members(body: str) -> dict[str, Datum]:
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(record, dict):
        return {}
    return {
        name: ("string", value) if isinstance(value, str) else ("json", json.dumps(value))
        for name, value in record.items()
    }


def _iso(at: datetime) -> str:
    return json.dumps(at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00"))
