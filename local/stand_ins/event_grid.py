"""Stands in for Event Grid on Azurite: sees a blob written, and posts an event to the Functions host's webhook.

Azurite raises no events, but it prints an access log, and the stack passes the log's lines to this class. A line says
that a blob was written; what else an event has (ETag, length, type), this class asks Azurite right after. Two things
differ from Event Grid: two writes in quick succession may become one event, about the second; and there is no container
for dead letters.

What an app must be able to bear is as with Event Grid: deliveries overlap, come late, and come again after any answer
but a 2xx, by Event Grid's own schedule, until they are given up. An event counts as delivered only when the host has
accepted it, and *state_file* stores that: a blob that was written while the stack did not run is found at the next
start.
"""

import asyncio
import json
import os
import re
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import aiohttp
from azure.core.exceptions import AzureError, ResourceNotFoundError

from local.stand_ins.functions.storage import Storage

_ACCESS = re.compile(r'"PUT (?P<target>\S+) HTTP/[\d.]+" (?P<status>\d{3})\b')
# Writes of a blob, by their `comp` parameter and Azurite's status. Blocks, pages, metadata, tags and leases have
# another `comp`.
_APIS = {("", 201): "PutBlob", ("blocklist", 201): "PutBlockList", ("", 202): "CopyBlob"}
# These change the ETag and raise no event.
_SILENT = frozenset({"metadata", "properties"})

# The documented schedule, then every hour; 30 attempts or 24 hours, whichever comes first.
_RETRY_SECONDS = (10, 30, 60, 300, 600, 1800, 3600)
_MOST_ATTEMPTS = 30
_TIME_TO_LIVE_SECONDS = 24 * 3600
_ANSWER_SECONDS = 30.0
_MOST_AT_ONCE = 8
# How long to wait before storage that is being restarted is asked again about a write.
_STORAGE_AWAY_SECONDS = 1.0

type Report = Callable[[Mapping[str, object]], None]


@dataclass(frozen=True, slots=True)
class BlobWrite:
    """What a line of the access log says: *api* wrote a blob. None: only the blob's ETag changed."""

    container: str
    blob: str
    api: str | None

    @property
    def path(self) -> str:
        return f"{self.container}/{self.blob}"


def read_access_line(line: str) -> BlobWrite | None:
    """The write that a line of Azurite's access log is about; None for everything else."""
    found = _ACCESS.search(line)
    if found is None:
        return None
    target = urlsplit(found["target"])
    query = parse_qs(target.query)
    _, _, path = target.path.lstrip("/").partition("/")  # the account comes first
    container, slash, blob = path.partition("/")
    if not slash or not blob or "restype" in query:
        return None
    comp, status = query.get("comp", [""])[0], int(found["status"])
    silent = comp in _SILENT and status == 200
    api = _APIS.get((comp, status))
    return BlobWrite(unquote(container), unquote(blob), api) if api or silent else None


def retry_delays(scale: float) -> Iterator[float]:
    """Seconds to wait after each failed attempt, all multiplied by *scale*, until Event Grid gives up."""
    waited = 0
    for attempt in range(_MOST_ATTEMPTS - 1):
        delay = _RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)]
        waited += delay
        if waited > _TIME_TO_LIVE_SECONDS:
            return
        yield delay * scale


class EventGridStandIn:
    """One subscription: blobs of *containers*, one webhook. It belongs to one event loop.

    *report* is called for every delivery (`delivered`, `delivery_failed`, `given_up`). A *retry_scale* below 1 makes
    the schedule shorter than Event Grid's.
    """

    def __init__(
        self,
        storage: str,
        webhook: str,
        *,
        containers: Collection[str],
        state_file: Path | None = None,
        duplicate_events: int = 0,
        retry_scale: float = 1.0,
        report: Report = lambda _facts: None,
    ) -> None:
        self._storage_name = storage
        self._webhook = webhook
        self._containers = frozenset(containers)
        self._delivered = _Delivered(state_file)
        self._posts = 1 + duplicate_events
        self._retry_scale = retry_scale
        self._report = report
        self._lines: asyncio.Queue[BlobWrite] = asyncio.Queue()
        # The last ETag announced of each blob: a write that the listing found first must not become a second event when
        # its line comes.
        self._announced: dict[str, str] = {}
        self._deliveries: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(_MOST_AT_ONCE)
        self._host_is_back = asyncio.Event()
        self._sequence = 0
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Announce what was written while this did not run, then what is observed.

        Without a state from before, the subscription is new: blobs that exist already raise no event.
        """
        self._storage = Storage()
        self._blobs = self._storage.blobs(self._storage_name)
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS))
        try:
            await self._catch_up()
        except BaseException:
            await self.stop()
            raise
        self._watching = asyncio.create_task(self._watch(), name="event grid")

    async def stop(self) -> None:
        """End at once. The next start finds again what was not delivered."""
        tasks = [task for task in (self._watching, *self._deliveries) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._watching = None
        await self._session.close()
        await self._storage.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def observe(self, line: str) -> None:
        """Take a line of Azurite's access log; any line, also before `start`."""
        write = read_access_line(line)
        if write is not None and write.container in self._containers:
            self._lines.put_nowait(write)

    def deliver_to(self, webhook: str) -> None:
        """Deliver to the host's new address, and try again at once all that is not delivered yet.

        Event Grid would go on waiting. But a person should not wait minutes for a host that was away for seconds.
        """
        self._webhook = webhook
        self._host_is_back.set()
        self._host_is_back = asyncio.Event()

    async def idle(self) -> None:
        """Wait until all that was observed so far is delivered or given up."""
        await self._lines.join()
        while self._deliveries:
            await asyncio.wait(self._deliveries)

    async def _catch_up(self) -> None:
        present: dict[str, str] = {}
        for container in sorted(self._containers):
            with suppress(ResourceNotFoundError):
                async for blob in self._blobs.get_container_client(container).list_blobs():
                    present[f"{container}/{blob.name}"] = _unquoted(blob.etag)
        missed = self._delivered.compare(present)
        self._announced = {path: etag for path, etag in present.items() if path not in missed}
        for path in missed:
            container, _, name = path.partition("/")
            await self._announce(BlobWrite(container, name, "PutBlob"))

    async def _watch(self) -> None:
        while True:
            write = await self._lines.get()
            try:
                await self._announce(write)
            except AzureError as error:
                # Storage is being restarted. The write is put back: no other event of it would ever come.
                self._report({"event": "event_waits", "blob": write.path, "error": str(error).partition("\n")[0]})
                await asyncio.sleep(_STORAGE_AWAY_SECONDS)
                self._lines.put_nowait(write)
            finally:
                self._lines.task_done()

    async def _announce(self, write: BlobWrite) -> None:
        client = self._blobs.get_blob_client(write.container, write.blob)
        try:
            properties = await client.get_blob_properties()
        except ResourceNotFoundError:
            return  # gone again; the host would drop the event
        etag = _unquoted(properties.etag)
        if write.api is None:
            self._delivered.follow(write.path, etag)
            self._announced[write.path] = etag
            return
        if self._announced.get(write.path) == etag:
            return
        self._announced[write.path] = etag
        event = self._event(write, client.url, etag, properties)
        delivery = asyncio.create_task(self._deliver(write.path, etag, event))
        self._deliveries.add(delivery)
        delivery.add_done_callback(self._deliveries.discard)

    def _event(self, write: BlobWrite, url: str, etag: str, properties: Any) -> dict[str, Any]:
        self._sequence += 1
        account = self._blobs.account_name
        return {
            "topic": f"/subscriptions/local/resourceGroups/local/providers/Microsoft.Storage/storageAccounts/{account}",
            "subject": f"/blobServices/default/containers/{write.container}/blobs/{write.blob}",
            "eventType": "Microsoft.Storage.BlobCreated",
            "eventTime": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "id": str(uuid.uuid4()),
            "data": {
                "api": write.api,
                "requestId": str(uuid.uuid4()),
                "eTag": etag,
                "contentType": properties.content_settings.content_type,
                "contentLength": properties.size,
                "blobType": str(properties.blob_type.value),
                "url": url,
                "sequencer": f"{self._sequence:048x}",
                "storageDiagnostics": {"batchId": str(uuid.uuid4())},
            },
            "dataVersion": "",
            "metadataVersion": "1",
        }

    async def _deliver(self, path: str, etag: str, event: dict[str, Any]) -> None:
        for _ in range(self._posts):
            if not await self._posted(path, event):
                return
        self._delivered.add(path, etag)

    async def _posted(self, path: str, event: dict[str, Any]) -> bool:
        facts = {"blob": path, "id": event["id"]}
        delays = retry_delays(self._retry_scale)
        while (answer := await self._post(event)) is not None:
            delay = next(delays, None)
            if delay is None:
                self._report({"event": "given_up", **facts, "answer": answer})
                return False
            self._report({"event": "delivery_failed", **facts, "answer": answer, "again_in_seconds": delay})
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._host_is_back.wait()
        self._report({"event": "delivered", **facts})
        return True

    async def _post(self, event: dict[str, Any]) -> str | None:
        """Post the event. Returns None if it was accepted, and otherwise the answer."""
        headers = {"aeg-event-type": "Notification", "aeg-data-version": "", "aeg-metadata-version": "1"}
        try:
            async with self._room, self._session.post(self._webhook, json=[event], headers=headers) as response:
                return None if response.ok else str(response.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            # Only the type: the error's text may hold the webhook's URL, which holds its key.
            return type(error).__name__


class _Delivered:
    """The ETag last delivered of each blob, in a file that is never half written."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._etags: dict[str, str] = {}

    def compare(self, present: Mapping[str, str]) -> list[str]:
        """The blobs in *present* that were written since. Those that are no longer present are forgotten."""
        if self._file is None or not self._file.exists():
            self._etags = dict(present)
            self._save()
            return []
        before: dict[str, str] = json.loads(self._file.read_text())
        self._etags = {path: before[path] for path in present if path in before}
        return [path for path, etag in present.items() if before.get(path) != etag]

    def add(self, path: str, etag: str) -> None:
        self._etags[path] = etag
        self._save()

    def follow(self, path: str, etag: str) -> None:
        """Note that the blob has a new ETag and no new content. One that was not delivered yet stays undelivered."""
        if path in self._etags:
            self.add(path, etag)

    def _save(self) -> None:
        if self._file is None:
            return
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        draft.write_text(json.dumps(self._etags))
        draft.replace(self._file)


def _unquoted(etag: str) -> str:
    return etag.strip('"')
