"""The blob trigger's two halves, and the queue between them (BlobsExtensionConfigProvider, BlobQueueTriggerExecutor).

`BlobEvents` takes an Event Grid delivery, writes what it names into the host's own queue, and is done: from there on
Event Grid knows nothing of failures. `blob_run` takes such a message and runs the function. Neither looks at event
type, size or path, nothing is remembered, and an ETag that moved on does not stop anything: a duplicate event is a
second run, and two writes may be two runs on the newer content. That is what the app must withstand.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.queue.aio import QueueClient

from local.stand_ins.functions.blob_path import blob_of_url
from local.stand_ins.functions.event_stream import EventStream
from local.stand_ins.functions.function import BlobTrigger, Function
from local.stand_ins.functions.invocation import Input, Invoker
from local.stand_ins.functions.queue_listener import PoisonFor, Run, Wake
from local.stand_ins.functions.storage import Storage
from local.stand_ins.functions.trigger_queue import LeasedMessage, UndecodableMessageError, send_creating
from local.stand_ins.functions.worker.frames import Datum

POISON_QUEUE = "webjobs-blobtrigger-poison"
_FUNCTION_ID_PREFIX = "Host.Functions."

type BlobFunctions = Mapping[str, Function[BlobTrigger]]


def bridge_queue_name(host_id: str) -> str:
    return f"azure-webjobs-blobtrigger-{host_id}"


def function_id(function: str) -> str:
    """How Event Grid's subscription names a function."""
    return f"{_FUNCTION_ID_PREFIX}{function}"


class BlobEvents:
    """Writes events into the bridge queue."""

    def __init__(self, queue: QueueClient, wake: Wake) -> None:
        self._queue = queue
        self._wake = wake

    async def accept(self, function: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Raises KeyError, ValueError, TypeError at an event that is none about a blob; those before it are taken."""
        for event in events:
            text = json.dumps(_message(function, event))
            # Whatever `messageEncoding` says, the host's own messages are Base64.
            await send_creating(self._queue, base64.b64encode(text.encode()).decode())
            self._wake(self._queue.queue_name)


def _message(function: str, event: Mapping[str, Any]) -> dict[str, str]:
    data = event["data"]
    container, blob = blob_of_url(data["url"])
    return {
        "Type": "BlobTrigger",
        "FunctionId": function,
        "BlobType": data.get("blobType", "BlockBlob"),
        "ContainerName": container,
        "BlobName": blob,
        "ETag": data["eTag"],
    }


def blob_run(functions: BlobFunctions, invoker: Invoker, storage: Storage, events: EventStream) -> Run:
    """What the bridge queue's listener does with a message."""

    async def run(message: LeasedMessage) -> bool:
        try:
            named = json.loads(message.body(base64_encoded=True))
            function = functions.get(named["FunctionId"])
            container, blob = named["ContainerName"], named["BlobName"]
        except (UndecodableMessageError, ValueError, LookupError) as error:
            events.emit("undecodable", function=None, message_id=message.received.id, error=str(error))
            return False
        if function is None:
            events.emit("blob_event_dropped", reason="no such function", function=named["FunctionId"])
            return True
        client = storage.blobs(function.trigger.storage).get_blob_client(container, blob)
        try:
            properties = await client.get_blob_properties()
        except ResourceNotFoundError:
            events.emit("blob_event_dropped", reason="no such blob", function=function.name, blob=f"{container}/{blob}")
            return True
        given = _input(function.trigger, client.url, properties, message.dequeue_count)
        return (await invoker.invoke(function, given)).succeeded

    return run


def blob_poison(functions: BlobFunctions, storage: Storage, host_storage: str) -> PoisonFor:
    """The poison queue lies in the account of the blob, or in the host's where the function is unknown."""

    def poison_for(message: LeasedMessage) -> QueueClient:
        try:
            function = functions.get(json.loads(message.body(base64_encoded=True))["FunctionId"])
        except (UndecodableMessageError, ValueError, LookupError, TypeError):
            function = None
        account = host_storage if function is None else function.trigger.storage
        return storage.queues(account).get_queue_client(POISON_QUEUE)

    return poison_for


def _input(trigger: BlobTrigger, url: str, properties: BlobProperties, dequeue_count: int) -> Input:
    container, blob = str(properties.container), str(properties.name)
    content = {"Connection": trigger.connection, "ContainerName": container, "BlobName": blob}
    metadata: dict[str, Datum] = {
        "BlobTrigger": ("string", f"{container}/{blob}"),
        "Uri": ("json", json.dumps(url)),
        "Properties": ("json", json.dumps({"Length": properties.size, "ETag": properties.etag})),
        "Metadata": ("json", json.dumps(properties.metadata or {})),
    }
    metadata |= {name: ("string", value) for name, value in trigger.path.captures(container, blob).items()}
    data = {
        "version": "1.0",
        "source": "AzureStorageBlobs",
        "content_type": "application/json",
        "content": json.dumps(content).encode(),
    }
    return Input(("model_binding_data", data), metadata, dequeue_count)
