"""Telemetry through OpenTelemetry's API: spans, events, metrics. The code that sets up the SDK decides where they go.

In Azure that is the worker library, if PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY is set: it sets up Azure Monitor's
distribution. An event is a log record with the attribute `microsoft.custom_event.name`. The distribution exports those
of the logger `todo_attach`, each in the trace that is current when it is written.
"""

import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import Meter, MeterProvider
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode, TracerProvider

from shared.ports import Invocation, Ports
from shared.telemetry.log import LogTelemetry
from shared.telemetry.metrics import METRICS, Instrument, Metric, measured
from shared.telemetry.otel import upload_trace
from shared.telemetry.otel.spans import Spans, attached, tell_lost
from shared.telemetry.otel.traced_ports import TracedGraph, TracedQueue
from shared.telemetry.records import ATTRIBUTES

_EVENT_NAME = "microsoft.custom_event.name"


def traced(
    ports: Ports, queue: str, tracers: TracerProvider | None = None, meters: MeterProvider | None = None
) -> Ports:
    """The same ports with telemetry around them. *queue* is the range queue's name."""
    telemetry = OpenTelemetry(tracers or trace.get_tracer_provider(), meters or metrics.get_meter_provider())
    return replace(
        ports,
        telemetry=telemetry,
        graph=TracedGraph(ports.graph, telemetry.spans),
        queue=TracedQueue(ports.queue, telemetry.spans, queue),
    )


@dataclass(slots=True)
class _Run:
    """One run of a function, while it lasts. *own*: the context of its span, where the run is for no upload.

    *host*: its trace context at the host, if the host gave one. *traced*: it has a span in an upload's trace.
    """

    invocation: Invocation
    started: int
    host: SpanContext | None
    own: SpanContext
    traced: bool = False

    @property
    def links(self) -> list[Link]:
        return [Link(self.host)] if self.host is not None else []


class OpenTelemetry(LogTelemetry):
    """`ports.Telemetry`."""

    def __init__(self, tracers: TracerProvider, meters: MeterProvider) -> None:
        super().__init__()
        tracer, self._ids = upload_trace.tracer_of(tracers)
        self.spans = Spans(tracer)
        self._instruments = _instruments(meters.get_meter(upload_trace.SCOPE))
        self._run: ContextVar[_Run | None] = ContextVar("run", default=None)

    @contextmanager
    def invocation(self, invocation: Invocation) -> Iterator[None]:
        """A run that turns out to be for no upload has a trace of its own, whatever context the host gave.

        The host may give no context, or one that is not sampled, and does not export its own span of the run. So its
        context becomes a link, never a parent. The ids of the trace are chosen at the beginning, because records of the
        run may come before its span, which is made at the end.
        """
        host = upload_trace.read_traceparent(invocation.traceparent)
        run = _Run(invocation, time.time_ns(), host, upload_trace.new_root(self._ids))
        token = self._run.set(run)
        try:
            with super().invocation(invocation), attached(upload_trace.within(run.own)):
                try:
                    yield
                except Exception as error:
                    if not run.traced:
                        self._run_for_no_upload(run, error)
                    raise
                if not run.traced:
                    self._run_for_no_upload(run, None)
        finally:
            self._run.reset(token)

    @contextmanager
    def upload(self, upload_id: str, traceparent: str = "") -> Iterator[None]:
        run = self._run.get()
        message = upload_trace.read_traceparent(traceparent)
        span = self.spans.start(
            run.invocation.function if run is not None else "run",
            context=upload_trace.within(upload_trace.root_of(upload_id)),
            kind=SpanKind.CONSUMER,
            links=[*(run.links if run is not None else ()), *([Link(message)] if message is not None else ())],
            start_time=run.started if run is not None else None,
            attributes=_attributes({**self.fields_of_invocation(), "upload_id": upload_id}),
        )
        if run is not None:
            run.traced = True
        try:
            with attached(trace.set_span_in_context(span, Context())):
                yield
        except Exception as error:
            _failed(span, error)
            raise
        finally:
            self.spans.end(span)

    def record(self, event: str, **fields: object) -> None:
        try:
            self._record(event, {**self.fields_of_invocation(), **fields})
        except Exception as error:  # noqa: BLE001 - an upload never fails because of telemetry
            tell_lost("record", event, error)

    def _record(self, event: str, fields: dict[str, object]) -> None:
        attributes = _attributes(fields)
        upload_id = fields.get("upload_id")
        context = upload_trace.context_of(upload_id) if isinstance(upload_id, str) else self._context_of_its_own()
        if event == "accepted" and isinstance(upload_id, str):
            self._begin(upload_trace.root_of(upload_id), attributes)
        with attached(context):
            self.write(event, fields, {_EVENT_NAME: f"todo_attach.{event}", **attributes})
        if event == "step" and context is None:
            # Only our own attributes: with the HTTP status of its request to Graph, the span of the run would look like
            # an HTTP request.
            ours = {name: value for name, value in attributes.items() if name.startswith("todo_attach.")}
            trace.get_current_span().set_attributes(ours)
        for each in measured(event, fields):
            self._instruments[each.metric](each.value, each.attributes)

    def _context_of_its_own(self) -> Context | None:
        """The context of a record that is not about an upload. In a run it is None, for the run's, which is current."""
        if trace.get_current_span().get_span_context().is_valid:
            return None
        return upload_trace.within(upload_trace.new_root(self._ids))

    def _begin(self, root: SpanContext, attributes: Mapping[str, Any]) -> None:
        """Make the root span of an upload. It ends at once, so that the trace has its root while the upload goes on."""
        if self._ids is None:
            return
        run = self._run.get()
        with self._ids.choosing(root):
            span = self.spans.start(
                "upload", context=Context(), attributes=attributes, start_time=run.started if run is not None else None
            )
        self.spans.end(span)

    def _run_for_no_upload(self, run: _Run, error: Exception | None) -> None:
        with self._ids.choosing(run.own) if self._ids is not None else nullcontext():
            span = self.spans.start(
                run.invocation.function,
                context=Context(),
                kind=SpanKind.SERVER if run.invocation.trigger == "http" else SpanKind.CONSUMER,
                links=run.links,
                start_time=run.started,
                attributes=_attributes(self.fields_of_invocation()),
            )
        if error is not None:
            _failed(span, error)
        self.spans.end(span)


def _attributes(fields: Mapping[str, object]) -> dict[str, Any]:
    # A phase or a reason is a member of an enumeration, which the SDK does not accept as a text.
    return {
        ATTRIBUTES[name]: str(value) if isinstance(value, str) else value
        for name, value in fields.items()
        if value is not None
    }


def _failed(span: Span, error: Exception) -> None:
    """Record the type of *error* and where it was raised, but not its text: an unexpected one may hold anything."""
    where = "".join(traceback.format_tb(error.__traceback__))
    kind = type(error).__name__
    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", kind)
    span.add_event("exception", {"exception.type": kind, "exception.message": kind, "exception.stacktrace": where})


type _Take = Callable[[float, Mapping[str, str]], None]


def _instruments(meter: Meter) -> dict[Metric, _Take]:
    def of(metric: Metric) -> _Take:
        match metric.instrument:
            case Instrument.COUNTER:
                return meter.create_counter(metric.name, metric.unit, metric.description).add
            case Instrument.HISTOGRAM:
                return meter.create_histogram(metric.name, metric.unit, metric.description).record
            case Instrument.GAUGE:
                return meter.create_gauge(metric.name, metric.unit, metric.description).set

    return {metric: of(metric) for metric in METRICS}
