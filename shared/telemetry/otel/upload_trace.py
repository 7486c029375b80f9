"""The trace of one upload: its id is the upload's id, and the id of its root span is computed from that as well.

So any record, tag or ledger row leads to the trace. And a message that is lost, or whose trace context cannot be read,
does not split the trace: the worker that goes on with the upload computes the root itself.

    upload                       the root: the blob was accepted
      open_upload                each run of a function that worked for the upload, linked to the run's own context at
        create_session           the host, and to the message that asked for it
        send upload-ranges
      send_range
        put_slice
        send upload-ranges
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, Tracer, TracerProvider

SCOPE = "todo_attach"
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class IdGenerator(Protocol):
    """The SDK's interface of a generator of ids."""

    def generate_trace_id(self) -> int: ...
    def generate_span_id(self) -> int: ...
    def is_trace_id_random(self) -> bool: ...


class UploadIds:
    """An id generator whose next ids can be set, for the root span of an upload."""

    def __init__(self, usual: IdGenerator) -> None:
        self._usual = usual
        self._chosen: ContextVar[SpanContext | None] = ContextVar("chosen", default=None)

    @contextmanager
    def choosing(self, wanted: SpanContext) -> Iterator[None]:
        token = self._chosen.set(wanted)
        try:
            yield
        finally:
            self._chosen.reset(token)

    def generate_trace_id(self) -> int:
        chosen = self._chosen.get()
        return chosen.trace_id if chosen is not None else self._usual.generate_trace_id()

    def generate_span_id(self) -> int:
        chosen = self._chosen.get()
        return chosen.span_id if chosen is not None else self._usual.generate_span_id()

    def is_trace_id_random(self) -> bool:
        return self._chosen.get() is None and self._usual.is_trace_id_random()


def tracer_of(provider: TracerProvider) -> tuple[Tracer, UploadIds | None]:
    """Our tracer, and its id generator; None where the provider is not the SDK's, and so records nothing.

    The SDK accepts an id generator only when the provider is made. The worker library makes the provider, and lets us
    pass none. So the provider's generator, a public attribute that each new tracer gets, is replaced before our tracer
    is made.
    """
    ids = getattr(provider, "id_generator", None)
    if ids is None:
        return provider.get_tracer(SCOPE), None
    chooser = ids if isinstance(ids, UploadIds) else UploadIds(ids)
    provider.id_generator = chooser  # type: ignore[attr-defined] # the API's type has none, the SDK's has
    return provider.get_tracer(SCOPE), chooser


def root_of(upload_id: str) -> SpanContext:
    """The root span of the upload's trace, even if another process made it."""
    span_id = int(upload_id[16:], 16) or 1  # zero is not a valid id
    return SpanContext(int(upload_id, 16), span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def new_root(ids: IdGenerator | None) -> SpanContext:
    """The root of a trace that is about no upload. Without *ids* no span is exported: the trace has records only."""
    trace_id = ids.generate_trace_id() if ids is not None else secrets.randbits(128)
    span_id = ids.generate_span_id() if ids is not None else secrets.randbits(64)
    return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def within(span_context: SpanContext) -> Context:
    """A context whose new spans are children of *span_context*."""
    return trace.set_span_in_context(NonRecordingSpan(span_context), Context())


def context_of(upload_id: str) -> Context | None:
    """The context for a new span or record of the upload. None: the current one, which is in the upload's trace."""
    root = root_of(upload_id)
    return None if trace.get_current_span().get_span_context().trace_id == root.trace_id else within(root)


def read_traceparent(text: str) -> SpanContext | None:
    """The W3C trace context in *text*, which comes from outside; None where it is none."""
    found = _TRACEPARENT.fullmatch(text)
    if found is None:
        return None
    context = SpanContext(
        int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=TraceFlags(int(found[3], 16))
    )
    return context if context.is_valid else None


def write_traceparent(context: SpanContext) -> str:
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
