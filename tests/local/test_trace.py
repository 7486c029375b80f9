"""`up --trace`: what Azure Monitor's own exporter posts, of a run that has about everything in it.

One stack for all: a file that is throttled once, one whose task does not exist, doubled events, and messages that are
poison.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from local.stack.app_settings import POISON_QUEUE, QUEUE, TABLE
from local.stack.plan import PEOPLE
from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.ledger import TableLedger
from shared.adapters.storage.queue import StorageRangeQueue
from shared.core.entry import Entry, Phase, Report
from shared.core.messages import ProposedRange, RangeMessage
from shared.core.ranges import ByteRange
from shared.settings import Connection
from shared.telemetry.metrics import METRICS
from tests.local.processes import wait_until
from tests.local.terminal import Terminal
from tests.support.documents import section, table
from tests.test_telemetry_document import DOCUMENT

pytestmark = pytest.mark.stack

_FAULT = {
    "operation": "put_slice",
    "nth": 2,
    "effect": {"kind": "answer", "status": 429, "code": "TooManyRequests", "retry_after": 1},
}
# Of people who sign in, which nobody does here: tests/sign_in/test_desk.py has their records.
_OF_SIGN_IN = "todo_attach.sign_in."
# Of a file that no event told of: tests/scenarios/test_caught_up.py has its record.
_OF_MISSED = "todo_attach.found_by"
# The exporter gives these a column, or leaves them out of a span where no event has them.
_IN_COLUMNS = {"url.full", "url.scheme", "server.port"}
_OF_THE_EXPORTER = {"logger_name", "_MS.links"}


@dataclass(frozen=True)
class Traced:
    """What the stack stored: rows by table, OTLP documents by upload."""

    directory: Path
    attached: Entry
    missing: Entry
    parked: Entry
    # What the host gave each run, by the run's id.
    contexts: Mapping[str, str]
    secrets: Sequence[str]

    def rows(self, name: str) -> list[dict[str, Any]]:
        path = self.directory / f"{name}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def ours(self) -> list[dict[str, Any]]:
        """Every span and event of ours; the host's stand-in tells of failures."""
        tables = ("AppRequests", "AppDependencies", "AppEvents")
        return [row for name in tables for row in self.rows(name) if row["AppRoleName"] == "todo-attach"]

    def spans(self, upload: Entry) -> list[dict[str, Any]]:
        return [row for row in self.ours() if row["OperationId"] == upload.upload_id and "Id" in row]

    def otlp(self, upload: Entry) -> list[dict[str, Any]]:
        record = json.loads((self.directory / "traces" / f"{upload.upload_id}.json").read_text())
        return [span for part in record["resourceSpans"] for scope in part["scopeSpans"] for span in scope["spans"]]


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Traced:
    directory = tmp_path_factory.mktemp("traced")
    terminal, state = Terminal(directory), directory / "state"
    (directory / "canary-name.pdf").write_bytes(os.urandom(9_000_000))
    with terminal.up("--trace", "--data", state, "--fault", json.dumps(_FAULT), "--duplicate-events", "1") as up:
        connection = Connection(connection_string=up.ready()["storage"])
        emulator = up.emulator()

        def attach(*task: str) -> None:
            terminal.run("attach", directory / "canary-name.pdf", "--data", state, *task)

        attach("--list", "Tasks", "--task", "Receipts")
        attach("--list", "Tasks", "--task", "no such canary")
        with azure_clients.table_client(connection, TABLE) as client:
            ledger = TableLedger(client, lambda: os.urandom(16).hex())
            attached, missing = sorted(_entries(ledger, up.events()), key=lambda entry: entry.phase)
            parked = _poison(ledger, connection, attached)
            proposing = _of_another_range(ledger, attached)
        with azure_clients.queue_client(connection, QUEUE) as queue:
            StorageRangeQueue(queue).send(RangeMessage(missing.upload_id, 0))  # long since done: dropped
            StorageRangeQueue(queue).send(proposing)
        for timer in ("sweep", "catch_up"):
            _run_now(up.ready()["functions"], timer)

        def all_told() -> bool:
            told = {event["upload_id"] for event in up.events() if event.get("event") == "trace"}
            poison = [event for event in up.events() if '"event": "poison"' in str(event.get("message"))]
            said = [str(event.get("message")) for event in up.events()]
            rest = all(
                any(f'"event": "{name}"' in text for text in said)
                for name in ("sweep", "catch_up", "dropped", "other_range")
            )
            return told >= {attached.upload_id, missing.upload_id} and len(poison) == 2 and rest

        wait_until(all_told, "the traces of both files, two poison messages, a sweep, a duplicate and another range")
        up.press_ctrl_c()
        up.status()
        begun = [event for event in up.events() if event.get("event") == "invocation_started"]
        contexts = {event["invocation_id"]: event["trace_parent"] for event in begun}
    secrets = [
        emulator["token"],
        *PEOPLE,
        *("canary-name", "no such canary", "Receipts"),
        *(emulator["list_id"], emulator["task_id"], attached.attachment_id),
        "AccountKey",
    ]
    return Traced(state / "telemetry", attached, missing, parked, contexts, secrets)


def _entries(ledger: TableLedger, events: list[dict[str, Any]]) -> Iterator[Entry]:
    records = [json.loads(event["message"]) for event in events if event.get("logger") == "todo_attach"]
    for upload_id in {record["upload_id"] for record in records if record["event"] == "accepted"}:
        stored = ledger.get(upload_id)
        assert stored is not None
        yield stored.entry


def _poison(ledger: TableLedger, connection: Connection, like: Entry) -> Entry:
    """A message that failed too often, for an upload that may go on; and one that nobody can read."""
    parked = replace(like, upload_id="c" * 32, phase=Phase.RESOLVING, report=Report(), claim=None)
    ledger.insert(parked)
    with azure_clients.queue_client(connection, POISON_QUEUE) as queue:
        StorageRangeQueue(queue).send(RangeMessage(parked.upload_id, parked.step))
        queue.send_message("not ours")
    return parked


def _of_another_range(ledger: TableLedger, like: Entry) -> RangeMessage:
    """It proposes bytes to an upload that has only its outcome to report."""
    unreported = replace(like, upload_id="d" * 32, report=Report(), claim=None)
    ledger.insert(unreported)
    return RangeMessage(unreported.upload_id, unreported.step, range=ProposedRange(ByteRange(0, 5), like.size))


def _run_now(functions: str, timer: str) -> None:
    """Its turn may not come before the stack ends."""
    asked = Request(f"{functions}/admin/functions/{timer}", b"{}", {"Content-Type": "application/json"})
    with urlopen(asked, timeout=60):
        pass


def test_every_span_of_an_upload_is_in_its_trace_and_its_tree_is_whole(traced: Traced) -> None:
    spans = traced.spans(traced.attached)
    ids = {span["Id"] for span in spans}
    assert [span["Name"] for span in spans if not span.get("ParentId")] == ["upload"]
    assert {span["ParentId"] for span in spans if span.get("ParentId")} <= ids
    names = [
        span["Properties"].get("todo_attach.graph.operation") for span in spans if span.get("DependencyType") == "HTTP"
    ]
    assert names.count("put_slice") == 4
    astray = [
        row
        for row in traced.ours()
        if row["Properties"].get("todo_attach.upload.id", row["OperationId"]) != row["OperationId"]
    ]
    assert not astray


def test_a_poison_message_is_in_the_trace_of_its_upload(traced: Traced) -> None:
    events = [row for row in traced.rows("AppEvents") if row["OperationId"] == traced.parked.upload_id]
    assert [row["Name"] for row in events] == ["todo_attach.parked", "todo_attach.poison"]


def test_each_run_is_told_once_and_linked_to_the_context_that_the_host_gave_it(traced: Traced) -> None:
    runs = traced.rows("AppRequests")
    told = [row["Properties"]["faas.invocation_id"] for row in runs]
    assert len(set(told)) == len(told)
    assert set(told) == set(traced.contexts), "none is left out, whatever started it"
    for row in runs:
        _, trace, span, flags = traced.contexts[row["Properties"]["faas.invocation_id"]].split("-")
        assert flags == "00", "as on a real host: nothing of ours may hang on it"
        linked = json.loads(row["Properties"]["_MS.links"])
        assert {"operation_Id": trace, "id": span} in linked


def test_a_run_for_no_upload_is_a_trace_with_its_records_in_it(traced: Traced) -> None:
    (event, *_) = [row for row in traced.rows("AppEvents") if row["Name"] == "todo_attach.sweep"]
    (run,) = [row for row in traced.rows("AppRequests") if row["OperationId"] == event["OperationId"]]
    assert (run["Name"], run["Id"], run.get("ParentId", "")) == ("sweep", event["ParentId"], "")


# What an idle instance may send at most. docs/PERFORMANCE.md has what it sends.
BUDGET = 250  # bytes a second
GAUGES = {"todo_attach.live", "todo_attach.live.oldest_age", "todo_attach.accounts.need_sign_in"}


def test_what_is_sent_while_nothing_happens_keeps_to_its_budget(traced: Traced) -> None:
    """Once a minute: a sweep, the three gauges, and the distribution's own counters. Each by its largest row.

    A run that catches up is counted as if it, too, came once a minute.
    """
    uploads = {row["Properties"].get("todo_attach.upload.id") for row in traced.ours()} - {None}
    sizes: dict[tuple[str, str], int] = {}
    for name in ("AppRequests", "AppDependencies", "AppEvents", "AppMetrics", "AppPerformanceCounters", "AppTraces"):
        for row in traced.rows(name):
            told = (name, row["Name"])
            if row.get("OperationId") not in uploads:
                sizes[told] = max(sizes.get(told, 0), row["_BilledSize"])
    of_work = {("AppRequests", "park_range"), ("AppEvents", "todo_attach.poison")}  # the message that nobody can read
    of_work |= {("AppMetrics", each.name) for each in METRICS if each.name not in GAUGES}
    idle = {told: size for told, size in sizes.items() if told not in of_work}
    counters = {told for told in idle if told[0] == "AppPerformanceCounters"}
    assert idle.keys() - counters == {
        ("AppRequests", "sweep"),
        ("AppEvents", "todo_attach.sweep"),
        ("AppRequests", "catch_up"),
        ("AppEvents", "todo_attach.catch_up"),
        *(("AppMetrics", name) for name in GAUGES),
    }
    assert sum(idle.values()) <= BUDGET * 60


def test_the_throttled_request_is_seen_and_the_run_that_made_it_did_not_fail(traced: Traced) -> None:
    (throttled,) = [row for row in traced.rows("AppDependencies") if row["ResultCode"] == "429"]
    assert not throttled["Success"]
    assert throttled["Properties"]["todo_attach.graph.code"] == "TooManyRequests"
    (run,) = [row for row in traced.rows("AppRequests") if row["Id"] == throttled["ParentId"] if row["Success"]]
    assert run["Properties"]["todo_attach.waits_for"] == "throttling"


def test_one_outcome_is_sent_for_each_upload(traced: Traced) -> None:
    outcomes = [row for row in traced.rows("AppEvents") if row["Name"] == "todo_attach.outcome"]
    assert {row["OperationId"]: row["Properties"]["todo_attach.reason"] for row in outcomes} == {
        traced.attached.upload_id: "",
        traced.missing.upload_id: "no-such-task",
    }
    assert len(outcomes) == 2


def test_every_documented_attribute_is_sent_and_no_other(traced: Traced) -> None:
    documented = {row[0].strip("`") for row in table(section(DOCUMENT, "## Every field"))}
    sent = {name for row in traced.ours() for name in row["Properties"]} - _OF_THE_EXPORTER
    assert sent <= documented
    missing = {name for name in documented - sent - _IN_COLUMNS if not name.startswith(_OF_SIGN_IN)}
    assert missing == {_OF_MISSED}


def test_every_metric_is_sent_and_adds_up(traced: Traced) -> None:
    sums: dict[str, float] = {}
    for row in traced.rows("AppMetrics"):
        sums[row["Name"]] = sums.get(row["Name"], 0) + row["Sum"]
    assert set(sums) == {metric.name for metric in METRICS}
    assert sums["todo_attach.bytes"] == traced.attached.size
    assert sums["todo_attach.uploads"] == 2


def test_nothing_that_was_sent_names_a_person_a_file_or_a_task_or_holds_a_secret(traced: Traced) -> None:
    sent = "".join(path.read_text() for path in traced.directory.rglob("*.json*"))
    assert sent.count(traced.attached.upload_id) > 10
    assert not [secret for secret in traced.secrets if secret in sent]
    assert set(re.findall(r"attachmentSessions/([^/\"]+)", sent)) == {"*"}


def test_the_otlp_document_has_the_same_tree_and_ids_in_hexadecimal(traced: Traced) -> None:
    spans = traced.otlp(traced.attached)
    assert {span["traceId"] for span in spans} == {traced.attached.upload_id}
    assert {span["spanId"]: span.get("parentSpanId", "") for span in spans} == {
        span["Id"]: span.get("ParentId", "") for span in traced.spans(traced.attached)
    }
    assert all(re.fullmatch(r"\d{19}", span[end]) for span in spans for end in ("startTimeUnixNano", "endTimeUnixNano"))
