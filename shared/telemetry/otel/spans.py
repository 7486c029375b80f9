"""Spans that never fail their caller: where a processor or a sampler raises, that span is lost, and the log says so.

The SDK asks processors not to raise, but it does not catch what they raise.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanKind, Tracer

# A logger of its own, which is not exported: a failure of telemetry must not become telemetry.
_LOGGER = logging.getLogger("telemetry")


def tell_lost(kind: str, which: str, error: Exception) -> None:
    _LOGGER.warning("a %s was lost (%s): %s", kind, which, type(error).__name__)


class Spans:
    """The spans of one tracer."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def start(
        self,
        name: str,
        *,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, str | int | float] | None = None,
        links: Sequence[Link] = (),
        start_time: int | None = None,
    ) -> Span:
        """Start a child of the span in *context*, or of the current span. The caller must end it."""
        try:
            return self._tracer.start_span(name, context, kind, attributes, links, start_time)
        except Exception as error:  # noqa: BLE001 - an upload never fails because of telemetry
            tell_lost("span", name, error)
            # Its children become children of the span that would have been its parent.
            return NonRecordingSpan(trace.get_current_span(context).get_span_context())

    def end(self, span: Span) -> None:
        try:
            span.end()
        except Exception as error:  # noqa: BLE001 - as above
            tell_lost("span", "at its end", error)

    @contextmanager
    def as_current(
        self, name: str, kind: SpanKind, attributes: Mapping[str, str | int | float], context: Context | None = None
    ) -> Iterator[Span]:
        """A span that is the current one while this is entered."""
        span = self.start(name, context=context, kind=kind, attributes=attributes)
        try:
            with attached(trace.set_span_in_context(span)):
                yield span
        finally:
            self.end(span)


@contextmanager
def attached(context: Context | None) -> Iterator[None]:
    """Make *context* the current one while this is entered. None changes nothing."""
    if context is None:
        yield
        return
    token = attach(context)
    try:
        yield
    finally:
        detach(token)
