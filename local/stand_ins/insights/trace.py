"""The spans of one upload, made from the rows that came in: a tree for a terminal, OTLP JSON for a viewer.

The exporter turns some attributes into columns (a status into ResultCode, a host into Target), and durations into
milliseconds. What it drops cannot be restored here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry.exporter.otlp.json.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from rich.text import Text
from rich.tree import Tree

from local.stand_ins.insights.rows import Row
from shared.core.size_text import size_text

_MS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCOPE = InstrumentationScope("todo_attach")


class Trace:
    """One upload's trace, as far as it has come: rows of requests and dependencies, exceptions, and the outcome."""

    def __init__(self, upload_id: str) -> None:
        self.upload_id = upload_id
        self._spans: dict[str, Row] = {}
        self._kinds: dict[str, SpanKind] = {}
        self._exceptions: list[Row] = []
        self.outcome: Mapping[str, str] | None = None

    def add(self, table: str, row: Row) -> None:
        match table:
            case "AppRequests" | "AppDependencies":
                self._spans[row["Id"]] = row
                self._kinds[row["Id"]] = _kind(table, row)
            case "AppExceptions":
                self._exceptions.append(row)
            case "AppEvents" if row["Name"] == "todo_attach.outcome":
                self.outcome = row["Properties"]
            case _:
                pass

    def __len__(self) -> int:
        return len(self._spans)

    def tree(self) -> Tree:
        """The spans as a tree, in the order in which they began. A span whose parent never came is at the top."""
        began = min((_time(row) for row in self._spans.values()), default=None)
        tree = Tree(Text(self._title(), style="bold"), guide_style="dim")

        def grow(branch: Tree, parent: str) -> None:
            for row in self._children(parent):
                grow(branch.add(_line(row, self._kinds[row["Id"]], began)), row["Id"])

        grow(tree, "")
        return tree

    def otlp(self) -> str:
        """One OTLP JSON document. Ids are hexadecimal there, unlike in protobuf's usual JSON."""
        return json.dumps(encode_spans(self._readable()).to_dict())

    def _title(self) -> str:
        told = f"trace {self.upload_id}"
        if self.outcome is None:
            return told
        size = size_text(int(self.outcome["todo_attach.size"]))
        return f"{told}: {self.outcome['todo_attach.phase']}, {size}"

    def _children(self, parent: str) -> Iterator[Row]:
        def above(row: Row) -> str:
            return row["ParentId"] if row.get("ParentId") in self._spans else ""

        yield from sorted((row for row in self._spans.values() if above(row) == parent), key=_time)

    def _readable(self) -> Sequence[ReadableSpan]:
        return [self._span(row) for row in self._spans.values()]

    def _span(self, row: Row) -> ReadableSpan:
        attributes = {name: text for name, text in row["Properties"].items() if name != "_MS.links"}
        if row.get("DependencyType") == "HTTP":
            attributes |= {"http.response.status_code": row["ResultCode"], "url.full": row["Data"]}
        start = _nanoseconds(row)
        return ReadableSpan(
            row["Properties"]["todo_attach.graph.operation"]
            if self._kinds[row["Id"]] is SpanKind.CLIENT
            else row["Name"],
            context=_context(self.upload_id, row["Id"]),
            parent=_context(self.upload_id, row["ParentId"]) if row.get("ParentId") else None,
            resource=Resource({"service.name": row.get("AppRoleName", "")}),
            attributes=attributes,
            events=[_event(each) for each in self._exceptions if each.get("ParentId") == row["Id"]],
            links=[_link(each) for each in _links(row)],
            kind=self._kinds[row["Id"]],
            status=Status(StatusCode.UNSET if row["Success"] else StatusCode.ERROR),
            start_time=start,
            end_time=start + round(row["DurationMs"] * _MS),
            instrumentation_scope=_SCOPE,
        )


def _kind(table: str, row: Row) -> SpanKind:
    if table == "AppRequests":
        return SpanKind.CONSUMER
    if row["DependencyType"] == "InProc":
        return SpanKind.INTERNAL
    return SpanKind.PRODUCER if row["DependencyType"].startswith("Queue Message") else SpanKind.CLIENT


def _line(row: Row, kind: SpanKind, began: datetime | None) -> Text:
    after = (_time(row) - began).total_seconds() if began is not None else 0.0
    style = "" if row["Success"] else "red"
    # The exporter names a request over HTTP by method and path.
    line = Text(row["Properties"]["todo_attach.graph.operation"] if kind is SpanKind.CLIENT else row["Name"], style)
    line.append(f"  +{after:.2f} s  {row['DurationMs']:g} ms", style="dim")
    if told := "  ".join(_facts(row, kind)):
        line.append(f"  {told}")
    return line


def _facts(row: Row, kind: SpanKind) -> Iterable[str]:
    properties: Mapping[str, str] = row["Properties"]

    def of(name: str) -> str:
        return properties.get(f"todo_attach.{name}", "")

    match kind:
        case SpanKind.CONSUMER:
            if of("action"):
                yield f"{of('action')}: {of('observation') or 'the end'}"
            if of("range.stop"):
                yield f"bytes {of('range.start')} to {of('range.stop')}"
            if of("waits_for"):
                yield f"waits {round(float(of('wait')), 1):g} s for {of('waits_for')}"
            if int(of("dequeue_count") or 1) > 1:
                yield f"delivery {of('dequeue_count')}"
        case SpanKind.CLIENT:
            yield f"HTTP {row['ResultCode']} {of('graph.code')}".rstrip() if row["ResultCode"] != "0" else "no reply"
        case SpanKind.PRODUCER if float(of("wait") or 0):
            yield f"in {round(float(of('wait')), 1):g} s"
        case _:
            return


def _time(row: Row) -> datetime:
    return datetime.fromisoformat(row["TimeGenerated"])


def _nanoseconds(row: Row) -> int:
    return (_time(row) - _EPOCH) // timedelta(microseconds=1) * 1000


def _context(trace_id: str, span_id: str) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _links(row: Row) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(row["Properties"].get("_MS.links", "[]"))
    return found


def _link(link: Mapping[str, str]) -> Link:
    return Link(_context(link["operation_Id"], link["id"]))


def _event(row: Row) -> Event:
    (raised,) = row["Details"]
    attributes: dict[str, Any] = {"exception.type": raised["typeName"], "exception.stacktrace": raised["stack"]}
    return Event("exception", attributes, _nanoseconds(row))
