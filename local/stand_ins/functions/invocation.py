"""One call of one function. It has an id and a trace, an event says when it starts and ends, and it never raises."""

import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from local.stand_ins.functions.event_stream import EventStream
from local.stand_ins.functions.function import Function, HttpTrigger, Trigger
from local.stand_ins.functions.worker.frames import Datum, Invoke
from local.stand_ins.functions.worker.process import WorkerDiedError
from local.stand_ins.functions.worker.respawn import RespawningWorker, TimedOutError


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended. *status* is one of succeeded, failed, timed_out, worker_died."""

    status: str
    return_value: Datum | None = None

    @property
    def succeeded(self) -> bool:
        return self.status == "succeeded"


@dataclass(frozen=True, slots=True)
class Input:
    """What the trigger brings. *dequeue_count* is there only where the trigger has a queue."""

    data: Datum
    metadata: Mapping[str, Datum]
    dequeue_count: int | None = None


def trace_parent(function: Function[Trigger], *, open_telemetry: bool) -> str:
    """The trace context that the real host would give. *open_telemetry*: host.json's `telemetryMode` says so.

    Otherwise the host uses its own Application Insights, and the context is never sampled.
    """
    if not open_telemetry:
        return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    # Only a request has one, which ASP.NET Core makes. Those of blobs, queues and timers stay empty.
    is_http = isinstance(function.trigger, HttpTrigger)
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01" if is_http else ""


class Invoker:
    """Calls functions in the worker."""

    def __init__(self, worker: RespawningWorker, events: EventStream, *, open_telemetry: bool = False) -> None:
        self._worker = worker
        self._events = events
        self._open_telemetry = open_telemetry

    async def invoke(self, function: Function[Trigger], given: Input) -> Outcome:
        invocation_id = str(uuid.uuid4())
        given_context = trace_parent(function, open_telemetry=self._open_telemetry)
        facts = {
            "function": function.name,
            "invocation_id": invocation_id,
            "dequeue_count": given.dequeue_count,
            "trace_parent": given_context,
        }
        self._events.emit("invocation_started", **facts)
        started = time.perf_counter()
        outcome, error = await self._outcome(function, given, invocation_id, given_context)
        ms = round((time.perf_counter() - started) * 1000, 1)
        self._events.emit(
            "invocation_ended", **facts, status=outcome.status, ms=ms, **({"error": error} if error else {})
        )
        return outcome

    async def _outcome(
        self, function: Function[Trigger], given: Input, invocation_id: str, given_context: str
    ) -> tuple[Outcome, str | None]:
        call = Invoke(
            invocation_id=invocation_id,
            function_id=function.id,
            function=function.name,
            argument=function.argument,
            data=given.data,
            metadata=dict(given.metadata),
            trace_parent=given_context,
        )
        try:
            finished = await self._worker.invoke(call)
        except TimedOutError as error:
            return Outcome("timed_out"), str(error)
        except WorkerDiedError as error:
            return Outcome("worker_died"), str(error)
        if finished.error is not None:
            self._events.emit(
                "log",
                level="ERROR",
                logger="host",
                message=finished.stack_trace or finished.error,
                function=function.name,
                invocation_id=invocation_id,
            )
            return Outcome("failed"), finished.error
        return Outcome("succeeded", finished.return_value), None
