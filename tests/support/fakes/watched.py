"""A World whose telemetry goes through the SDK into memory. Its runs of functions have ids, as the host's have."""

import itertools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from shared.app.catch_up import CaughtUp
from shared.app.sweep import Swept
from shared.ports import Invocation, Ports
from shared.telemetry.otel.telemetry import traced
from tests.support.fakes.memory_queue import QueuedMessage
from tests.support.fakes.world import World


class Watch:
    """The spans, events and metrics that were sent."""

    def __init__(self, sampler: Sampler = ALWAYS_ON) -> None:
        self._spans = InMemorySpanExporter()
        self._logs: Any = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call] # the SDK's own lack
        self._metrics = InMemoryMetricReader()
        self.tracers = TracerProvider(sampler)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meters = MeterProvider([self._metrics])
        self._loggers = LoggerProvider()
        self._loggers.add_log_record_processor(SimpleLogRecordProcessor(self._logs))

    @contextmanager
    def listening(self) -> Iterator["Watch"]:
        """While this is entered, export the records of our logger, as Azure Monitor's distribution does."""
        logger = logging.getLogger("todo_attach")
        handler, level = LoggingHandler(logger_provider=self._loggers), logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            yield self
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)

    def ports(self, ports: Ports) -> Ports:
        return traced(ports, "upload-ranges", self.tracers, self.meters)

    def spans(self, name: str = "") -> list[ReadableSpan]:
        return [span for span in self._spans.get_finished_spans() if name in {"", span.name}]

    def events(self, name: str = "") -> list[ReadableLogRecord]:
        found = self._logs.get_finished_logs()
        return [each for each in found if name in {"", attributes_of(each)["microsoft.custom_event.name"]}]

    def metrics(self) -> dict[str, Any]:
        """The data points of each metric, by its name."""
        data = self._metrics.get_metrics_data()
        if data is None:
            return {}
        scopes = (scope for resource in data.resource_metrics for scope in resource.scope_metrics)
        return {metric.name: list(metric.data.data_points) for scope in scopes for metric in scope.metrics}


def attributes_of(record: ReadableLogRecord) -> dict[str, Any]:
    return dict(record.log_record.attributes or {})


def not_sampled(number: int) -> str:
    return f"00-{number:032x}-{number:016x}-00"


class WatchedWorld(World):
    """Each run of a function has an id, and the trace context that the host gives it.

    *host_context* makes one of the run's number. On a real host without `telemetryMode` each run has one that is not
    sampled; with OpenTelemetry those of blobs, queues and timers have none.
    """

    def __init__(self, watch: Watch, host_context: Callable[[int], str] = not_sampled, **options: Any) -> None:
        super().__init__(watched=watch.ports, **options)
        self._runs = itertools.count(1)
        self._host_context = host_context

    @property
    def _telemetry(self) -> Any:
        return self.application.ports.telemetry

    def _run(self, function: str, trigger: str, message: QueuedMessage | None = None) -> Any:
        number = next(self._runs)
        context = self._host_context(number)
        count, age = (message.dequeue_count, 0.5) if message is not None else (None, None)
        return self._telemetry.invocation(Invocation(function, trigger, f"run-{number}", context, count, age))

    def event(self, name: str = "report.pdf") -> None:
        with self._run("open_upload", "datasource"):
            super().event(name)

    def sweep(self) -> Swept:
        with self._run("sweep", "timer"):
            return super().sweep()

    def catch_up(self) -> CaughtUp:
        with self._run("catch_up", "timer"):
            return super().catch_up()

    def _open(self, message: QueuedMessage) -> None:
        with self._run("open_upload", "datasource"):
            super()._open(message)

    def deliver(self, message: QueuedMessage) -> None:
        with self._run("send_range", "pubsub", message):
            super().deliver(message)

    def _park(self, message: QueuedMessage) -> None:
        with self._run("park_range", "pubsub", message):
            super()._park(message)
