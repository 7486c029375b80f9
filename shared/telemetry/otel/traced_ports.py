"""Ports that make a span of each call: each request to Graph, and each message that is sent."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from opentelemetry.trace import SpanKind, StatusCode

from shared.core.messages import RangeMessage
from shared.errors import GraphNoReply, StorageUnavailable
from shared.graph.exchange import Exchange, address_of
from shared.graph.reply import GraphReply
from shared.graph.request import GraphRequest
from shared.ports import GraphTransport, RangeQueue
from shared.telemetry.otel.spans import Spans
from shared.telemetry.otel.upload_trace import context_of, write_traceparent
from shared.telemetry.records import ATTRIBUTES


class TracedGraph:
    """`ports.GraphTransport` with a span for each request, named after the operation.

    Of the URL a span has only the parts that are the same for everyone.
    """

    def __init__(self, inner: GraphTransport, spans: Spans) -> None:
        self._inner = inner
        self._spans = spans

    def send(self, request: GraphRequest, token: str) -> GraphReply:
        with self._spans.as_current(request.operation, SpanKind.CLIENT, _attributes(address_of(request))) as span:
            try:
                reply = self._inner.send(request, token)
            except GraphNoReply as error:
                span.set_attributes(_attributes(Exchange.unanswered(request, type(error).__name__).fields()))
                span.set_status(StatusCode.ERROR)
                raise
            exchange = Exchange.answered(request, reply)
            span.set_attributes(_attributes(exchange.fields()))
            if exchange.error:
                span.set_status(StatusCode.ERROR)
            return reply


class TracedQueue:
    """`ports.RangeQueue` with a span for each message, which carries the span's context."""

    def __init__(self, inner: RangeQueue, spans: Spans, name: str) -> None:
        self._inner = inner
        self._spans = spans
        self._name = name

    def send(self, message: RangeMessage, delay: timedelta = timedelta()) -> None:
        attributes: dict[str, str | int | float] = {
            "messaging.system": "azure_storage_queues",
            "messaging.destination.name": self._name,
            ATTRIBUTES["upload_id"]: message.upload_id,
            ATTRIBUTES["step"]: message.step,
            ATTRIBUTES["wait"]: delay.total_seconds(),
        }
        # A sweep, or a step of another upload, may send this message: the span belongs to the trace of its own upload.
        context = context_of(message.upload_id)
        with self._spans.as_current(f"send {self._name}", SpanKind.PRODUCER, attributes, context) as span:
            try:
                self._inner.send(replace(message, traceparent=write_traceparent(span.get_span_context())), delay)
            except StorageUnavailable:
                span.set_status(StatusCode.ERROR)
                raise


def _attributes(fields: Mapping[str, str | int | float]) -> dict[str, str | int | float]:
    return {ATTRIBUTES[name]: value for name, value in fields.items()}
