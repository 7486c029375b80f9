"""Every step of an upload is in one trace, whatever happens to its messages and its workers.

The tree must be whole: each span's parent is a span that was sent too, but for the root, whose id is the upload's own.
"""

import re
from collections.abc import Callable, Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import SpanKind, StatusCode

from local.stand_ins.todo.faults import Answer
from shared.core.attachment import BlobVersion
from shared.core.entry import Phase
from shared.core.messages import RangeMessage, decode, encode
from shared.errors import StorageUnavailable
from shared.ports import Invocation
from shared.telemetry.records import ATTRIBUTES
from tests.scenarios.promise import assert_attached, fault
from tests.support.fakes.seam import FailingSeam, crash_after
from tests.support.fakes.watched import Watch, WatchedWorld, attributes_of, not_sampled
from tests.support.fakes.world import SLICE, TOKEN, content

PDF = content(3 * SLICE)


@pytest.fixture
def watch() -> Iterator[Watch]:
    with Watch().listening() as watch:
        yield watch


def trace_of(watch: Watch, blob: BlobVersion) -> list[ReadableSpan]:
    return [span for span in watch.spans() if f"{span.context.trace_id:032x}" == blob.upload_id()]


def assert_whole(watch: Watch, blob: BlobVersion) -> list[ReadableSpan]:
    """Every span of the upload is in its trace, under one root; every event too."""
    spans = trace_of(watch, blob)
    ids = {span.context.span_id for span in spans}
    roots = [span for span in spans if span.parent is None]
    assert [root.name for root in roots] == ["upload"]
    assert not [span.name for span in spans if span.parent is not None and span.parent.span_id not in ids]
    of_upload = ATTRIBUTES["upload_id"]
    astray = [
        span.name
        for span in watch.spans()
        if (span.attributes or {}).get(of_upload) == blob.upload_id() and span not in spans
    ]
    assert not astray
    for event in watch.events():
        if attributes_of(event).get(of_upload) == blob.upload_id():
            assert f"{event.log_record.trace_id:032x}" == blob.upload_id()
    return spans


def runs(spans: list[ReadableSpan]) -> list[str]:
    return [span.name for span in spans if span.kind is SpanKind.CONSUMER]


def test_a_clean_upload_is_one_trace_from_the_blob_to_the_attachment(watch: Watch) -> None:
    world = WatchedWorld(watch)
    blob = world.drop(PDF)
    world.notify()
    world.run()
    assert_attached(world, blob, PDF)
    spans = assert_whole(watch, blob)
    assert runs(spans) == ["open_upload", *["send_range"] * 3]
    graph = [span.name for span in spans if span.kind is SpanKind.CLIENT]
    assert graph == ["create_session", "put_slice", "put_slice", "put_slice"]
    assert {span.status.status_code for span in spans} == {StatusCode.UNSET}


def test_a_run_is_linked_to_the_message_that_asked_for_it_and_to_its_own_record_at_the_host(watch: Watch) -> None:
    world = WatchedWorld(watch)
    blob = world.drop(PDF)
    world.notify()
    world.run()
    spans = trace_of(watch, blob)
    sent = {span.context.span_id for span in spans if span.kind is SpanKind.PRODUCER}
    (opening, *sending) = [span for span in spans if span.kind is SpanKind.CONSUMER]
    assert len(opening.links) == 1
    for span in sending:
        at_host, message = span.links
        assert f"run-{at_host.context.trace_id}" == (span.attributes or {})["faas.invocation_id"]
        assert message.context.span_id in sent


def test_a_message_that_comes_twice_stays_in_the_trace(watch: Watch) -> None:
    world = WatchedWorld(watch)
    blob = world.drop(PDF)
    world.notify(times=3)
    world.run(until=lambda: bool(world.messages.messages))
    world.messages.put(world.messages.messages[0].body)
    world.run()
    assert_attached(world, blob, PDF)
    assert runs(assert_whole(watch, blob)).count("open_upload") == 3


@pytest.mark.parametrize("number", range(1, 12))
def test_a_takeover_stays_in_the_trace(watch: Watch, number: int) -> None:
    """The worker dies after each change in turn; only its own death may cost the root, which it had not sent yet."""
    world = WatchedWorld(watch)
    blob = world.drop(PDF)
    world.notify()
    world.put_in(crash_after(number))
    world.run()
    assert_attached(world, blob, PDF)
    if number > 2:  # the live row, the entry: then the root is sent
        assert_whole(watch, blob)


def test_an_upload_whose_message_was_lost_is_taken_up_by_the_sweep_in_the_same_trace(watch: Watch) -> None:
    world = WatchedWorld(watch)
    blob = world.drop(PDF)
    world.event()
    world.messages.messages.clear()
    world.clock.advance(3_600)
    world.run()
    assert_attached(world, blob, PDF)
    assert_whole(watch, blob)
    (sweep, *_) = watch.spans("sweep")
    assert f"{sweep.context.trace_id:032x}" != blob.upload_id()


def test_a_poison_message_stays_in_the_trace_and_so_does_what_follows(watch: Watch) -> None:
    world = WatchedWorld(watch)
    blob = world.drop(PDF)
    world.event()
    (message,) = world.messages.messages
    world.messages.messages.clear()
    world.poison.put(message.body)
    world.run()
    assert_attached(world, blob, PDF)
    spans = assert_whole(watch, blob)
    assert "park_range" in runs(spans)
    (poison,) = watch.events("todo_attach.poison")
    assert attributes_of(poison)[ATTRIBUTES["result"]] == "parked"


@pytest.mark.parametrize(
    "traceparent",
    ["", "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "00-" + "f" * 32 + "-" + "e" * 16 + "-00"],
    ids=["missing", "broken", "zero", "another"],
)
def test_a_missing_or_strange_trace_context_harms_neither_the_upload_nor_its_trace(
    watch: Watch, traceparent: str
) -> None:
    world = WatchedWorld(watch)
    blob = world.drop(PDF)
    world.event()
    (sent,) = world.messages.messages
    proposed = decode(sent.body)
    world.messages.messages.clear()
    world.messages.put(encode(RangeMessage(proposed.upload_id, proposed.step, traceparent)).encode())
    world.run()
    assert_attached(world, blob, PDF)
    assert_whole(watch, blob)


def test_a_message_carries_the_context_of_the_span_that_sent_it(watch: Watch) -> None:
    world = WatchedWorld(watch)
    blob = world.drop(PDF)
    world.event()
    (message,) = world.messages.messages
    (sent,) = watch.spans("send upload-ranges")
    assert decode(message.body).traceparent == f"00-{blob.upload_id()}-{sent.context.span_id:016x}-01"


def test_a_blob_that_is_written_over_begins_a_trace_of_its_own(watch: Watch) -> None:
    world = WatchedWorld(watch)
    old = world.drop(PDF)
    world.event()
    new = world.drop(PDF[:-1])
    world.run()
    assert world.phase(old) is Phase.SUPERSEDED
    assert_attached(world, new, PDF[:-1])
    assert_whole(watch, old)
    assert_whole(watch, new)


@pytest.mark.parametrize(
    "host_context",
    [
        not_sampled,
        lambda number: not_sampled(number)[:-1] + "1",
        lambda _number: "",
        lambda _number: "nonsense",
        lambda _number: f"00-{0:032x}-{0:016x}-00",
    ],
    ids=["not sampled", "sampled", "none", "broken", "zero"],
)
def test_a_run_for_no_upload_is_a_trace_of_its_own_whatever_the_host_gives(
    watch: Watch, host_context: Callable[[int], str]
) -> None:
    world = WatchedWorld(watch, host_context)
    world.event("nothing.pdf")
    world.sweep()
    spans, events = watch.spans(), watch.events()
    assert [span.name for span in spans] == ["open_upload", "sweep"]
    assert [attributes_of(event)["microsoft.custom_event.name"] for event in events] == [
        "todo_attach.no_such_blob",
        "todo_attach.sweep",
    ]
    for span, event in zip(spans, events, strict=True):
        assert span.parent is None
        assert (event.log_record.trace_id, event.log_record.span_id) == (span.context.trace_id, span.context.span_id)
        assert span.context.trace_id > 2, "an id of its own, not the host's"
    assert len({span.context.trace_id for span in spans}) == 2


def test_a_run_for_no_upload_is_linked_to_the_host_s_own_context(watch: Watch) -> None:
    WatchedWorld(watch).event("nothing.pdf")
    (span,) = watch.spans()
    assert [link.context.trace_id for link in span.links] == [1]


@pytest.mark.parametrize("sampler", [ALWAYS_ON, ParentBased(ALWAYS_ON)], ids=["always", "by parent"])
def test_no_span_hangs_on_the_host_s_flag_of_sampling(sampler: Sampler) -> None:
    with Watch(sampler).listening() as watch:
        world = WatchedWorld(watch)
        blob = world.drop(PDF)
        world.notify()
        world.event("nothing.pdf")
        world.run()
        world.sweep()
    assert runs(assert_whole(watch, blob)) == ["open_upload", *["send_range"] * 3]
    assert {"open_upload", "sweep"} <= {span.name for span in watch.spans() if not span.parent}


def test_a_record_of_no_run_has_a_trace_too(watch: Watch) -> None:
    WatchedWorld(watch).application.ports.telemetry.record("no_such_blob")
    (event,) = watch.events()
    assert event.log_record.trace_id


def test_a_browser_s_request_is_a_run_like_any_other(watch: Watch) -> None:
    """The host's own record of it is switched off: it would hold the address, and with it Entra's code."""
    telemetry = WatchedWorld(watch).application.ports.telemetry
    with telemetry.invocation(Invocation("connect", "http", "run-1", not_sampled(1))):
        telemetry.record("sign_in_failed", problem="x")
    (span,), (event,) = watch.spans(), watch.events()
    assert (span.name, span.kind, span.parent) == ("connect", SpanKind.SERVER, None)
    assert event.log_record.trace_id == span.context.trace_id


def test_a_run_that_fails_says_what_was_raised_and_where_and_not_its_text(watch: Watch) -> None:
    world = WatchedWorld(watch)
    blob = world.drop(PDF)
    world.event()
    world.put_in(FailingSeam("ledger.get", [StorageUnavailable("of sam@example.com")]))
    world.run()
    (failed,) = [span for span in trace_of(watch, blob) if span.status.status_code is StatusCode.ERROR]
    (raised,) = failed.events
    assert (raised.attributes or {})["exception.type"] == "StorageUnavailable"
    assert "runner.py" in str((raised.attributes or {})["exception.stacktrace"])
    assert "sam@" not in failed.to_json()


def test_throttling_is_seen_on_the_request_and_counted_by_its_cause(watch: Watch) -> None:
    world = WatchedWorld(watch, faults=(fault(Answer(429, retry_after=9), "put_slice"),))
    blob = world.drop(PDF)
    world.notify()
    world.run()
    assert_attached(world, blob, PDF)
    (first, *_) = watch.spans("put_slice")
    assert first.status.status_code is StatusCode.ERROR
    seen = first.attributes or {}
    assert (seen["http.response.status_code"], seen["error.type"], seen[ATTRIBUTES["retry_after"]]) == (429, "429", 9)
    assert [dict(point.attributes) for point in watch.metrics()["todo_attach.deferrals"]] == [{"cause": "throttling"}]


def test_nothing_that_is_sent_names_a_person_a_file_or_a_task_or_holds_a_secret(watch: Watch) -> None:
    world = WatchedWorld(watch)
    world.drop(PDF, "Q3 numbers.pdf", list="Tasks", task="Receipts")
    world.drop(PDF, "lost.pdf", list="Tasks", task="No such task")
    world.notify("Q3 numbers.pdf")
    world.notify("lost.pdf")
    world.run()
    sent = "".join(span.to_json() for span in watch.spans()) + "".join(each.to_json() for each in watch.events())
    (attachment_id,) = world.task.attachments
    secrets = (TOKEN, "Q3", "lost", "Receipts", "No such", "sam@", world.task.id, attachment_id)
    assert not [secret for secret in secrets if secret in sent]
    assert set(re.findall(r"attachmentSessions/(\w+|\*)", sent)) == {"*"}


def test_every_attribute_of_an_event_is_one_that_is_documented(watch: Watch) -> None:
    world = WatchedWorld(watch)
    world.drop(PDF)
    world.notify(times=2)
    world.run()
    names = {name for event in watch.events() for name in attributes_of(event)}
    assert names <= {*ATTRIBUTES.values(), "microsoft.custom_event.name"}


def test_metrics_add_up_to_what_was_attached(watch: Watch) -> None:
    world = WatchedWorld(watch)
    for name in ("a.pdf", "b.pdf"):
        world.drop(PDF, name)
        world.notify(name)
    world.run()
    found = watch.metrics()
    (uploads,) = found["todo_attach.uploads"]
    assert (uploads.value, dict(uploads.attributes)) == (2, {"outcome": "attached", "reason": ""})
    assert [point.value for point in found["todo_attach.bytes"]] == [2 * len(PDF)]
    assert [point.value for point in found["todo_attach.slices"]] == [6]
    assert [point.count for point in found["todo_attach.upload.duration"]] == [2]


def test_a_record_that_cannot_be_made_is_told_and_fails_nothing(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    world = WatchedWorld(watch)
    world.application.ports.telemetry.record("step", of_nobody="x")
    assert "a record was lost (step): KeyError" in caplog.text


def test_spans_that_cannot_be_sent_fail_nothing(watch: Watch) -> None:
    class Away(SpanExporter):
        def export(self, spans: object) -> SpanExportResult:
            raise ConnectionError

    watch.tracers.add_span_processor(SimpleSpanProcessor(Away()))
    world = WatchedWorld(watch)
    blob = world.drop(PDF)
    world.notify()
    world.run()
    assert_attached(world, blob, PDF)
    assert world.raised == []


class _RaisesAtTheStart(SpanProcessor):
    def on_start(self, *_: object, **__: object) -> None:
        raise RuntimeError


class _RaisesAtTheEnd(SpanProcessor):
    def on_end(self, *_: object) -> None:
        raise RuntimeError


@pytest.mark.parametrize("processor", [_RaisesAtTheStart, _RaisesAtTheEnd])
def test_spans_that_cannot_be_made_are_told_and_fail_nothing(
    watch: Watch, caplog: pytest.LogCaptureFixture, processor: type[SpanProcessor]
) -> None:
    watch.tracers.add_span_processor(processor())
    world = WatchedWorld(watch)
    blob = world.drop(PDF)
    world.notify()
    world.event("nothing.pdf")
    world.run()
    assert_attached(world, blob, PDF)
    assert world.raised == []
    assert "a span was lost" in caplog.text
    for event in watch.events():
        assert attributes_of(event).get(ATTRIBUTES["upload_id"]) in {None, f"{event.log_record.trace_id:032x}"}
