"""The stand-in for Application Insights: what it takes, keeps and shows. test_trace.py has a real run."""

import asyncio
import gzip
import io
import json
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console

from local.stand_ins.insights.endpoint import Endpoint
from local.stand_ins.insights.rows import Row, row_of
from local.stand_ins.insights.trace import Trace
from local.stand_ins.insights.workspace import Workspace

UPLOAD = "0123456789abcdef0123456789abcdef"


def span(name: str, span_id: str, parent: str = "", *, at: int = 0, **changes: Any) -> Row:
    row = {
        "TimeGenerated": f"2026-01-02T03:04:{at:02}.000000Z",
        "OperationId": UPLOAD,
        "ParentId": parent,
        "Id": span_id,
        "Name": name,
        "DurationMs": 12.0,
        "Success": True,
        "ResultCode": "0",
        "DependencyType": "InProc",
        "AppRoleName": "todo-attach",
        "Properties": {"todo_attach.upload.id": UPLOAD},
    }
    return {**row, **changes}


def outcome() -> Row:
    told = {"todo_attach.upload.id": UPLOAD, "todo_attach.phase": "attached", "todo_attach.size": "10"}
    return {"OperationId": UPLOAD, "Name": "todo_attach.outcome", "Properties": told}


def shown(trace: Trace) -> list[str]:
    console = Console(file=io.StringIO(), width=120)
    console.print(trace.tree())
    text: str = console.file.getvalue()  # type: ignore[attr-defined] # it is the StringIO of the line above
    return [line.rstrip() for line in text.splitlines()]


def event(name: str) -> dict[str, Any]:
    data = {"baseType": "EventData", "baseData": {"name": name, "properties": {"a": "1"}}}
    return {"time": "2026-01-02T03:04:05Z", "tags": {"ai.operation.id": UPLOAD}, "data": data}


def posted(envelopes: Any) -> tuple[int, Any, list[tuple[str, Row]]]:
    """What the endpoint answers to *envelopes*, and what it took of them."""
    taken: list[tuple[str, Row]] = []

    async def post() -> tuple[int, Any]:
        async with (
            Endpoint(lambda table, row: taken.append((table, row))) as endpoint,
            aiohttp.ClientSession() as session,
        ):
            root = dict(part.split("=", 1) for part in endpoint.connection_string.split(";"))["IngestionEndpoint"]
            body, headers = gzip.compress(json.dumps(envelopes).encode()), {"Content-Encoding": "gzip"}
            async with session.post(f"{root}v2.1/track", data=body, headers=headers) as answer:
                return answer.status, await answer.json()

    status, answer = asyncio.run(post())
    return status, answer, taken


def test_what_is_posted_becomes_rows() -> None:
    status, answer, taken = posted([event("one"), event("two")])
    assert (status, answer["itemsAccepted"]) == (200, 2)
    assert [(table, row["Name"], row["OperationId"]) for table, row in taken] == [
        ("AppEvents", "one", UPLOAD),
        ("AppEvents", "two", UPLOAD),
    ]


def test_an_envelope_of_a_strange_kind_is_refused_and_the_others_are_taken() -> None:
    strange = {**event("x"), "data": {"baseType": "PageViewData", "baseData": {}}}
    status, answer, taken = posted([event("one"), strange])
    assert (status, answer["itemsAccepted"], [each["index"] for each in answer["errors"]]) == (206, 1, [1])
    assert len(taken) == 1


def test_a_performance_counter_is_no_metric_of_ours() -> None:
    metric = {"name": "\\Memory\\Available Bytes", "value": 3}
    data = {"baseType": "MetricData", "baseData": {"metrics": [metric]}}
    table, row = row_of({"time": "2026-01-02T03:04:05Z", "tags": {}, "data": data})
    assert (table, row["Sum"]) == ("AppPerformanceCounters", 3)


def test_the_tree_has_children_in_the_order_in_which_they_began_and_names_what_they_did() -> None:
    trace = Trace(UPLOAD)
    step = {"todo_attach.action": "SendSlice", "todo_attach.observation": "Deferred", "todo_attach.wait": "7.0"}
    told = {"todo_attach.waits_for": "throttling", "todo_attach.dequeue_count": "2"}
    asked = {"todo_attach.graph.operation": "put_slice", "todo_attach.graph.code": "TooMany"}
    trace.add("AppRequests", span("send_range", "b" * 16, "a" * 16, at=2, Properties=step | told))
    put = span("PUT /*", "d" * 16, "b" * 16, at=3, DependencyType="HTTP", ResultCode="429", Properties=asked)
    trace.add("AppDependencies", put)
    trace.add("AppRequests", span("open_upload", "c" * 16, "a" * 16, at=1))
    trace.add("AppDependencies", span("upload", "a" * 16))
    trace.add("AppEvents", outcome())
    assert shown(trace) == [
        f"trace {UPLOAD}: attached, 10 bytes",
        "└── upload  +0.00 s  12 ms",
        "    ├── open_upload  +1.00 s  12 ms",
        "    └── send_range  +2.00 s  12 ms  SendSlice: Deferred  waits 7 s for throttling  delivery 2",
        "        └── put_slice  +3.00 s  12 ms  HTTP 429 TooMany",
    ]


def test_a_span_whose_parent_never_came_is_shown_all_the_same() -> None:
    trace = Trace(UPLOAD)
    trace.add("AppRequests", span("send_range", "b" * 16, "a" * 16))
    assert shown(trace)[1:] == ["└── send_range  +0.00 s  12 ms"]


def test_what_a_run_raised_is_an_event_of_its_span_in_otlp() -> None:
    trace = Trace(UPLOAD)
    trace.add("AppRequests", span("send_range", "b" * 16, Success=False))
    details = [{"typeName": "StorageUnavailable", "message": "StorageUnavailable", "stack": "runner.py"}]
    trace.add("AppExceptions", {**span("", "", "b" * 16), "Details": details})
    record = json.loads(trace.otlp())
    (written,) = record["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert (written["traceId"], written["spanId"], written["status"]) == (UPLOAD, "b" * 16, {"code": 2})
    assert [each["name"] for each in written["events"]] == ["exception"]


def test_an_upload_is_told_of_once_and_a_late_span_is_kept_in_its_table(tmp_path: Path) -> None:
    told: list[int] = []

    async def fill() -> None:
        workspace = Workspace(tmp_path, lambda trace, _path: told.append(len(trace)))
        workspace.add("AppDependencies", span("upload", "a" * 16))
        workspace.add("AppEvents", outcome())
        workspace.close()
        workspace.add("AppRequests", span("send_range", "b" * 16, "a" * 16))
        workspace.close()

    asyncio.run(fill())
    assert told == [1]
    assert len((tmp_path / "AppRequests.jsonl").read_text().splitlines()) == 1
    assert (tmp_path / "traces" / f"{UPLOAD}.json").exists()


def test_another_run_begins_with_nothing(tmp_path: Path) -> None:
    async def fill_and_forget() -> None:
        workspace = Workspace(tmp_path, lambda _trace, _path: None)
        workspace.add("AppEvents", outcome())
        workspace.close()
        workspace.forget()

    asyncio.run(fill_and_forget())
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_only_its_owner_can_read_what_is_stored(tmp_path: Path) -> None:
    directory = tmp_path / "chosen" / "telemetry"
    Workspace(directory, lambda _trace, _path: None)
    assert directory.stat().st_mode & 0o077 == 0
