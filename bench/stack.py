"""The stack that is measured: that of `python -m local up`, with more to observe and less to store.

Azurite and the To Do emulator store nothing on disk, and the emulator keeps only the SHA-256 of contents. The lines of
Azurite's access log are counted. Blob events can be held back, so that the measurement decides when a file counts as
written: the clock starts when the log's line about its blob is passed on to Event Grid's stand-in.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import aiohttp
from azure.storage.blob import ContainerClient

from bench.tally import Tally
from local.stack.app_settings import CONTAINER, telemetry_settings
from local.stack.plan import Plan
from local.stack.stack import Pids, Stack
from local.stack.state_dir import RunningRecord, StateDir
from local.stand_ins.event_grid import read_access_line
from shared.core.attachment import BlobVersion

PLAIN = "plain@example.com"
_NEVER = "0 0 0 1 1 *"
_QUEUES = ("", "blob trigger's ")
_SENDER = "send_range"


class Failed(Exception):  # noqa: N818 - the name says what is the case
    """An upload did not end as it should, so there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Place:
    """A task of one person."""

    account: str
    token: str
    list_id: str
    task_id: str
    url: str


@dataclass(frozen=True, slots=True)
class Written:
    """A blob in the container, whose event is held back."""

    name: str
    size: int
    sha256: str
    upload_id: str
    place: Place


class MeasuredStack:
    """One stack with *people* mailboxes for the application, and one for the plain script.

    *telemetry*: a connection string, if the worker is to send telemetry. *published_limits*: whether the emulator
    throttles by Graph's published limits.
    """

    def __init__(self, people: int, *, telemetry: str = "", published_limits: bool = False) -> None:
        self._published_limits = published_limits
        self._telemetry = telemetry
        self._people = [f"user{number}@example.com" for number in range(people)]
        self._held: dict[str, str] = {}
        self._done: dict[str, asyncio.Event] = {}
        self._names = count()
        self._complaints: list[str] = []
        self.tally = Tally(self._on_done)
        self.deliveries = 0
        self._sending = 0
        self.most_sending = 0

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as ending:
            await self._start(ending)
            self._ending = ending.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and (offences := (await self._emulator("offences"))["counts"]):
                raise Failed(f"a sound client does not do this: {offences}")
        finally:
            await self._ending.__aexit__(kind, error, trace)

    async def _start(self, ending: AsyncExitStack) -> None:
        state = await ending.enter_async_context(StateDir(Path(ending.enter_context(TemporaryDirectory()))))
        plan = Plan(
            people=(*self._people, PLAIN),
            keep_content=False,
            published_limits=self._published_limits,
            settings=self._settings(),
        )
        self._stack = Stack(plan, state, tell=self._on_event, say=self._complaints.append, on_access=self._on_access)
        await ending.enter_async_context(self._stack)
        record = self._stack.record
        if record.emulator is None:
            raise Failed("a stack without an emulator")
        self.storage, self.functions, self._control = record.storage, record.functions, record.emulator.control
        self._container = ending.enter_context(ContainerClient.from_connection_string(self.storage, CONTAINER))
        self._session = await ending.enter_async_context(aiohttp.ClientSession())
        self.people, (self.plain,) = await self._places(record)

    @property
    def pids(self) -> Pids:
        return self._stack.pids

    def _settings(self) -> dict[str, str]:
        # The sweep runs only when a measurement starts it: it must not run in the middle of another one.
        settings = {"TODO_ATTACH_SWEEP_SCHEDULE": _NEVER, "TODO_ATTACH_CATCH_UP_SCHEDULE": _NEVER}
        if not self._published_limits:
            # Each mailbox gets more within five minutes than Graph allows. Here it has no limits, so nothing need wait.
            settings["TODO_ATTACH_BYTES_PER_WINDOW"] = "10000000000"
        return settings | telemetry_settings(self._telemetry) if self._telemetry else settings

    # -- files --

    async def write(self, size: int, place: Place) -> Written:
        """Put a unique file of *size* bytes into the container. Its event is held back until `release`."""
        name = f"file-{next(self._names)}.bin"
        written = await asyncio.to_thread(self._write, name, size, place)
        # The log's line comes a moment after the answer.
        await until(lambda: name in self._held)
        return written

    def release(self) -> float:
        """Deliver the events of all files written so far. Returns the moment, in seconds since the epoch."""
        lines, self._held = self._held, {}
        released_at = time.time()
        for line in lines.values():
            self._stack.observe(line)
        return released_at

    async def done(self, files: Sequence[Written], *, within_seconds: float = 600.0) -> None:
        """Wait until the application has nothing left to do for any of *files*."""
        try:
            async with asyncio.timeout(within_seconds):
                for file in files:
                    await self._done[file.upload_id].wait()
                await self._quiet()
        except TimeoutError:
            raise Failed("\n".join(["not every file was done in time", *self._complaints[-5:]])) from None

    async def landed(self, files: Sequence[Written], *, account: str = "") -> list[float]:
        """When each of *files* was attached, by the emulator's clock. Each must be there once, byte for byte."""
        held: dict[tuple[str, str], list[dict[str, str]]] = {}
        for each in await self._emulator("attachments"):
            held.setdefault((each["mailbox"], each["name"]), []).append(each)
        times = []
        for file in files:
            found = held.get((account or file.place.account, file.name), [])
            if [each["sha256"] for each in found] != [file.sha256]:
                raise Failed(f"{file.name} did not arrive once and whole")
            times.append(datetime.fromisoformat(found[0]["created"]).timestamp())
        return times

    async def delete(self, files: Sequence[Written]) -> None:
        """Delete the blobs, which Azurite holds in memory."""
        for file in files:
            await asyncio.to_thread(self._container.delete_blob, file.name)

    async def journal(self, *, after: int = 0) -> list[dict[str, Any]]:
        """The emulator's requests, in order."""
        entries: list[dict[str, Any]] = await self._emulator(f"journal?after={after}")
        return entries

    @asynccontextmanager
    async def slow_graph(self, seconds: float) -> AsyncIterator[None]:
        """While this is entered, every request to Graph takes *seconds* longer, as over a network."""
        rule = {"effect": {"kind": "delay", "seconds": seconds}, "count": None}
        async with self._session.post(f"{self._control}/faults", json=rule) as answer:
            answer.raise_for_status()
        yield
        async with self._session.delete(f"{self._control}/faults") as answer:
            answer.raise_for_status()

    async def sweep(self) -> None:
        """Run the timer's function now."""
        async with self._session.post(f"{self.functions}/admin/functions/sweep", json={}) as answer:
            answer.raise_for_status()

    def _write(self, name: str, size: int, place: Place) -> Written:
        content = os.urandom(min(size, 4096)) * (size // 4096 + 1)
        metadata = {"listid": place.list_id, "taskid": place.task_id, "user": place.account, "filename": name}
        properties = self._container.get_blob_client(name).upload_blob(content[:size], metadata=metadata)
        account = self._container.account_name or ""
        upload_id = BlobVersion(account, CONTAINER, name, properties["etag"].strip('"')).upload_id()
        self._done.setdefault(upload_id, asyncio.Event())
        return Written(name, size, hashlib.sha256(content[:size]).hexdigest(), upload_id, place)

    # -- what is seen --

    def _on_access(self, line: str) -> None:
        self.tally.feed(line)
        write = read_access_line(line)
        if write is not None and write.api is not None and write.container == CONTAINER:
            self._held[write.blob] = line
        else:
            self._stack.observe(line)

    def _on_done(self, upload_id: str) -> None:
        self._done.setdefault(upload_id, asyncio.Event()).set()

    def _on_event(self, event: Mapping[str, Any]) -> None:
        match event.get("event"):
            case "invocation_started" if event["function"] == _SENDER:
                self._sending += 1
                self.most_sending = max(self.most_sending, self._sending)
            case "invocation_ended":
                if event["function"] == _SENDER:
                    self._sending -= 1
                    self.deliveries += 1
                if event["status"] != "succeeded":
                    self._complaints.append(f"{event['function']}: {event.get('error')}")

    async def _quiet(self) -> None:
        """Wait until every message that was sent is deleted, and the host has reported the end of each run.

        Both are needed, since the host's events and Azurite's log come through different pipes.
        """
        counts = self.tally.counts
        await until(
            lambda: (
                all(counts[f"{whose}queue send"] == counts[f"{whose}queue delete"] for whose in _QUEUES)
                and self.deliveries >= counts["queue delete"]
            )
        )

    async def _emulator(self, what: str) -> Any:
        async with self._session.get(f"{self._control}/{what}") as answer:
            answer.raise_for_status()
            return await answer.json()

    async def _places(self, record: RunningRecord) -> tuple[list[Place], list[Place]]:
        places = []
        for mailbox in await self._emulator("mailboxes"):
            first = mailbox["lists"][0]
            list_id, task_id = first["id"], first["tasks"][0]["id"]
            url = f"{record.graph}/me/todo/lists/{list_id}/tasks/{task_id}"
            places.append(Place(mailbox["upn"], record.tokens[mailbox["upn"]], list_id, task_id, url))
        ours = [place for place in places if place.account != PLAIN]
        return ours, [place for place in places if place.account == PLAIN]


async def until(condition: Callable[[], bool]) -> None:
    """Wait until *condition* is true, which a line of some log will make it."""
    while not condition():  # noqa: ASYNC110 - an Event for each such line would be more than this
        await asyncio.sleep(0.002)
