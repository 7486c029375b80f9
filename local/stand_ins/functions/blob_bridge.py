"""The blob trigger's two halves, and the queue between them (BlobsExtensionConfigProvider, BlobQueueTriggerExecutor).

`BlobEvents` takes a delivery of Event Grid and writes the blobs that it names into the host's own queue. Then the
delivery counts as successful, and Event Grid learns of no later failure. `blob_run` takes such a message and runs the
function. Neither looks at event type, size or path, neither stores anything, and an ETag that has changed stops
nothing: a duplicate event is a second run, and two writes may be two runs on the newer content. The app must withstand
all of that. For `?snapshot`, a deletion, a folder's stub or the URL of another account, the function runs if the
trigger's own connection has such a blob.

A message that is not JSON, and an event about a container alone, end this host, as they end the real one.
"""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.queue.aio import QueueClient

from local.stand_ins.functions.blob_path import blob_of_url
from local.stand_ins.functions.ending import HostEnd
from local.stand_ins.functions.event_stream import EventStream
from local.stand_ins.functions.function import BlobTrigger, Function
from local.stand_ins.functions.invocation import Input, Invoker
from local.stand_ins.functions.queue_listener import Fate, PoisonFor, Wake
from local.stand_ins.functions.storage import Storage
from local.stand_ins.functions.trigger_queue import LeasedMessage, UndecodableMessageError, send_creating
from local.stand_ins.functions.worker.frames import Datum

POISON_QUEUE = "webjobs-blobtrigger-poison"
_FUNCTION_ID_PREFIX = "Host.Functions."

type BlobFunctions = Mapping[str, Function[BlobTrigger]]


def bridge_queue_name(host_id: str) -> str:
    return f"azure-webjobs-blobtrigger-{host_id}"


def function_id(function: str) -> str:
    """The name that Event Grid's subscription uses for a function."""
    return f"{_FUNCTION_ID_PREFIX}{function}"


class BlobEvents:
    """Writes events into the bridge queue."""

    def __init__(self, queue: QueueClient, wake: Wake) -> None:
        self._queue = queue
        self._wake = wake

    async def accept(self, function: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Raises KeyError, ValueError or TypeError at an event that is not about a blob. It accepts those before it."""
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
        "ETag": f'"{data["eTag"]}"',
    }


@dataclass(frozen=True, slots=True)
class BlobRun:
    """Runs a function for a message of the bridge queue, or for one blob that an operator names. *functions*: by id."""

    functions: BlobFunctions
    invoker: Invoker
    storage: Storage
    events: EventStream
    end: HostEnd

    async def __call__(self, message: LeasedMessage) -> Fate:
        try:
            body = message.body(base64_encoded=True)
        except UndecodableMessageError as error:
            # The real host deletes it at once, and logs its body.
            self.events.emit("undecodable", function=None, error=str(error), body=message.content)
            return Fate.DONE
        try:
            named = json.loads(body)
            function = self.functions.get(named["FunctionId"])
            container, blob = named["ContainerName"], named["BlobName"]
        except (ValueError, LookupError, TypeError):
            return await self._ended("a message of blob events that cannot be read")
        if function is None:
            self.events.emit("blob_event_dropped", reason="no such function", function=named["FunctionId"])
            return Fate.DONE
        if not blob:
            return await self._ended("a blob event that names a container alone")
        return await self.on_blob(function, container, blob, message.dequeue_count)

    async def on_blob(
        self, function: Function[BlobTrigger], container: str, blob: str, dequeue_count: int | None = None
    ) -> Fate:
        """Run *function* for one blob, as it is now."""
        client = self.storage.blobs(function.trigger.storage).get_blob_client(container, blob)
        try:
            properties = await client.get_blob_properties()
        except ResourceNotFoundError:
            where = f"{container}/{blob}"
            self.events.emit("blob_event_dropped", reason="no such blob", function=function.name, blob=where)
            return Fate.DONE
        given = blob_input(function.trigger, client.url, properties, dequeue_count)
        return Fate.DONE if (await self.invoker.invoke(function, given)).succeeded else Fate.FAILED

    async def _ended(self, reason: str) -> Fate:
        self.end.because(reason)
        # The host is about to end: nothing else must happen to the message, which stays leased.
        await asyncio.Event().wait()
        return Fate.FAILED


def blob_poison(functions: BlobFunctions, storage: Storage, host_storage: str) -> PoisonFor:
    """The poison queue is in the storage account of the blob, or in the host's where the function is unknown."""

    def poison_for(message: LeasedMessage) -> QueueClient:
        try:
            function = functions.get(json.loads(message.body(base64_encoded=True))["FunctionId"])
        except (UndecodableMessageError, ValueError, LookupError, TypeError):
            function = None
        account = host_storage if function is None else function.trigger.storage
        return storage.queues(account).get_queue_client(POISON_QUEUE)

    return poison_for


def blob_input(trigger: BlobTrigger, url: str, properties: BlobProperties, dequeue_count: int | None) -> Input:
    """What the function gets: the parts for a client, and what the host knows of the blob."""
    container, blob = str(properties.container), str(properties.name)
    content = {"Connection": trigger.connection, "ContainerName": container, "BlobName": blob}
    metadata: dict[str, Datum] = {
        "BlobTrigger": ("string", f"{container}/{blob}"),
        "Uri": ("json", json.dumps(url)),
        # In the real host's message, the ETag here is an empty object: only the event has it.
        "Properties": ("json", json.dumps({"Length": properties.size, "ETag": {}})),
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
