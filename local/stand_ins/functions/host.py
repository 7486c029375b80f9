"""The host: puts this package together. It starts as a whole or refuses to, and drains at the end."""

import asyncio
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from aiohttp import web
from azure.storage.queue.aio import QueueClient

from local.stand_ins.functions.app_settings import HOST_STORAGE, AppSettings, SettingError
from local.stand_ins.functions.bindings import Functions, read_functions
from local.stand_ins.functions.blob_bridge import BlobEvents, BlobRun, blob_poison, bridge_queue_name, function_id
from local.stand_ins.functions.ending import LONGEST_LOSS, HostEnd
from local.stand_ins.functions.event_stream import EventStream
from local.stand_ins.functions.function import BlobTrigger, Function, HttpTrigger, QueueTrigger, TimerTrigger
from local.stand_ins.functions.host_id import host_id
from local.stand_ins.functions.host_json import HostJson, read_host_json
from local.stand_ins.functions.invocation import Invoker
from local.stand_ins.functions.queue_listener import QueueListener, no_poison
from local.stand_ins.functions.queue_trigger import queue_run
from local.stand_ins.functions.refusal import HostRefusedError
from local.stand_ins.functions.storage import Storage
from local.stand_ins.functions.timer_listener import TimerListener
from local.stand_ins.functions.timer_status import TimerStatusBlob
from local.stand_ins.functions.trigger_queue import TriggerQueue
from local.stand_ins.functions.web import Front, webhook_url
from local.stand_ins.functions.worker.frames import Logged
from local.stand_ins.functions.worker.process import WorkerDiedError, WorkerProcess, WorkerRefusedError
from local.stand_ins.functions.worker.respawn import RespawningWorker

# Not a setting: the real extension receives messages for ten minutes, whatever host.json says.
CLOUD_LEASE = timedelta(minutes=10)
_WORKER_EXIT_SECONDS = 3.0
_LONGEST_QUEUE_NAME = 63
# After a function's time-out, its message is held for 10 s more: a sixtieth of a lease of ten minutes.
_LEASE_TO_HOLD = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to host, and how. In the cloud the *lease* is always ten minutes."""

    app_directory: Path
    environment: Mapping[str, str]
    port: int = 0
    lease: timedelta = CLOUD_LEASE
    longest_loss: timedelta = LONGEST_LOSS
    keyless: bool = False


class Host:
    """Use `start`, `drain`, `close`, in that order; `close` alone is the hard way. `end` says when it must end."""

    def __init__(self, plan: Plan, events: EventStream) -> None:
        self._plan = plan
        self._events = events
        self._settings = AppSettings(plan.environment)
        self._host_id = host_id(plan.app_directory, plan.environment)
        self._storage = Storage()
        self.end = HostEnd()
        self._worker: RespawningWorker | None = None
        self._listeners: list[QueueListener] = []
        self._timers: list[TimerListener] = []
        self._front: Front | None = None
        self._site: web.AppRunner | None = None

    async def start(self) -> None:
        """Start everything, and write that the host is ready. Raises HostRefusedError with all that is wrong."""
        host_json = self._host_json()
        worker = self._worker = RespawningWorker(
            self._spawn_worker,
            host_json.function_timeout,
            self._events,
            self.end,
            held=self._plan.lease / _LEASE_TO_HOLD,
        )
        functions, host_storage = await self._checked(worker, host_json)
        invoker = Invoker(worker, self._events, open_telemetry=host_json.open_telemetry)
        self._timers = [
            self._timer(function, invoker, host_storage) for function in functions.with_trigger(TimerTrigger)
        ]
        self._listeners = [
            self._queue_listener(function, invoker, host_json) for function in functions.with_trigger(QueueTrigger)
        ]
        blob_functions = functions.with_trigger(BlobTrigger)
        by_id = {function_id(function.name): function for function in blob_functions}
        blob_run = BlobRun(by_id, invoker, self._storage, self._events, self.end)
        if blob_functions:
            self._listeners.append(self._bridge_listener(blob_run, host_json, host_storage))
        root, key = await self._serve(functions, blob_run, host_json, host_storage)
        for listener in self._listeners:
            listener.start()
        for timer in self._timers:
            timer.start()
        self._events.ready(
            url=root,
            functions=[function.name for function in functions.enabled],
            disabled=list(functions.disabled),
            blob_webhooks={function.name: webhook_url(root, function, key) for function in blob_functions},
            host_id=self._host_id,
            lease_seconds=self._plan.lease.total_seconds(),
            pid=os.getpid(),
            worker_pid=worker.pid,
        )

    async def drain(self) -> None:
        """Take no more than one last message of each queue, let what runs end, and complete its messages."""
        self._events.emit("draining")
        listeners = [listener.drain() for listener in self._listeners]
        timers = [timer.drain() for timer in self._timers]
        await asyncio.gather(*listeners, *timers)
        if self._site is not None:
            # Only after the listeners: until then the webhook accepts events, whose messages wait in the queue.
            # aiohttp's `cleanup` closes the port, and lets requests under way end.
            await self._site.cleanup()
        if self._front is not None:
            await self._front.drain()
        if self._worker is not None:
            await self._worker.stop(_WORKER_EXIT_SECONDS)

    async def close(self) -> None:
        # Before the worker ends: otherwise its runs would count as failures, and their messages be given back.
        await asyncio.gather(*(listener.abandon() for listener in self._listeners))
        if self._worker is not None:
            await self._worker.stop(0)
        await self._storage.close()

    def _host_json(self) -> HostJson:
        path = self._plan.app_directory / "host.json"
        try:
            text = path.read_text()
        except OSError as error:
            return HostJson(problems=(f"host.json cannot be read: {error.strerror}",))
        host_json = read_host_json(text, self._plan.environment)
        for warning in host_json.warnings:
            print(f"WARNING: {warning}", file=sys.stderr)
        return host_json

    async def _checked(self, worker: RespawningWorker, host_json: HostJson) -> tuple[Functions, str]:
        problems = list(host_json.problems)
        host_storage = ""
        try:
            host_storage = self._settings.connection_string(HOST_STORAGE)
        except SettingError as error:
            problems.append(str(error))
        try:
            self._settings.largest_body()
        except SettingError as error:
            problems.append(str(error))
        functions = Functions((), (), ())
        try:
            functions = read_functions(await worker.start(), self._settings)
        except WorkerRefusedError as error:
            problems.append(f"the worker cannot load the app: {error}")
        except WorkerDiedError as error:
            problems.append(str(error))
        problems += functions.problems
        needs_bundle = any(isinstance(function.trigger, QueueTrigger | BlobTrigger) for function in functions.enabled)
        if needs_bundle and not host_json.has_extension_bundle and not host_json.problems:
            problems.append("host.json: extensionBundle is missing; without it queue and blob triggers do not run")
        if problems:
            raise HostRefusedError(problems)
        return functions, host_storage

    async def _spawn_worker(self) -> WorkerProcess:
        return await WorkerProcess.spawn(self._plan.app_directory, self._plan.environment, self._relay)

    def _relay(self, record: Logged) -> None:
        self._events.emit(
            "log",
            level=record.level,
            logger=record.logger,
            message=record.message,
            function=record.function,
            invocation_id=record.invocation_id,
        )

    def _timer(self, function: Function[TimerTrigger], invoker: Invoker, host_storage: str) -> TimerListener:
        status_blob = None
        if function.trigger.use_monitor:
            service = self._storage.blobs(host_storage)
            status_blob = TimerStatusBlob(service, self._host_id, function_id(function.name))
        return TimerListener(function, invoker, status_blob, self._events)

    def _queue_listener(self, function: Function[QueueTrigger], invoker: Invoker, host_json: HostJson) -> QueueListener:
        account = self._storage.queues(function.trigger.storage)
        name = function.trigger.queue
        poison = _poison_queue_name(name)
        poison_client: QueueClient | None = account.get_queue_client(poison) if poison is not None else None
        return QueueListener(
            TriggerQueue(account.get_queue_client(name), self._plan.lease),
            queue_run(function, invoker, self._events, base64=host_json.queues.base64),
            options=host_json.queues,
            lease=self._plan.lease,
            poison_for=no_poison if poison_client is None else lambda _message: poison_client,
            wake=self._wake,
            events=self._events,
            end=self.end,
            longest_loss=self._plan.longest_loss,
        )

    def _bridge_listener(self, run: BlobRun, host_json: HostJson, host_storage: str) -> QueueListener:
        return QueueListener(
            TriggerQueue(self._bridge_queue(host_storage), self._plan.lease),
            run,
            options=host_json.blobs.queue_options(),
            lease=self._plan.lease,
            poison_for=blob_poison(run.functions, self._storage, host_storage),
            wake=self._wake,
            events=self._events,
            end=self.end,
            longest_loss=self._plan.longest_loss,
        )

    def _bridge_queue(self, host_storage: str) -> QueueClient:
        return self._storage.queues(host_storage).get_queue_client(bridge_queue_name(self._host_id))

    async def _serve(
        self, functions: Functions, blob_run: BlobRun, host_json: HostJson, host_storage: str
    ) -> tuple[str, str]:
        """Open the port. Returns the root URL, and the key of the blob webhook."""
        key = secrets.token_urlsafe(32)
        blob_events = BlobEvents(self._bridge_queue(host_storage), self._wake)
        kinds = {HttpTrigger: "httpTrigger", QueueTrigger: "queueTrigger", TimerTrigger: "timerTrigger"}
        listed = [
            {"name": each.name, "config": {"bindings": [{"type": kinds.get(type(each.trigger), "blobTrigger")}]}}
            for each in functions.enabled
        ]
        status = {
            "id": self._host_id,
            "state": "Running",
            "functions": [function.name for function in functions.enabled],
        }
        self._front = Front(
            functions.with_trigger(HttpTrigger),
            self._timers,
            blob_run,
            settings=self._settings,
            route_prefix=host_json.route_prefix,
            status=status,
            listed=listed,
        )
        self._site = self._front.runner(blob_events, None if self._plan.keyless else key)
        await self._site.setup()
        site = web.TCPSite(self._site, "127.0.0.1", self._plan.port)
        try:
            await site.start()
        except OSError as error:
            raise HostRefusedError([f"port {self._plan.port}: {error.strerror}"]) from error
        return f"http://127.0.0.1:{self._site.addresses[0][1]}", key

    def _wake(self, queue: str) -> None:
        for listener in self._listeners:
            if listener.queue_name == queue:
                listener.wake()


def _poison_queue_name(queue: str) -> str | None:
    poison = f"{queue}-poison"
    return None if queue.endswith("-poison") or len(poison) > _LONGEST_QUEUE_NAME else poison
