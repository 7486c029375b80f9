"""The queries on rows that Azure Monitor's own exporter wrote, of two files that went through the embedded stack.

One is throttled once and attached, in four requests with bytes; from the fifth on Graph refuses them, and the other
one fails.
"""

import json
import os
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.infra.alert_rules import rules
from tests.infra.kql import KQL, TABLES
from tests.infra.workspace import Workspace
from tests.local.processes import wait_until
from tests.local.terminal import Terminal

# They look at one stack, so they stay in one process, however many there are.
pytestmark = [pytest.mark.infra, pytest.mark.stack, pytest.mark.xdist_group("real run")]

_THROTTLED = {"kind": "answer", "status": 429, "code": "TooManyRequests", "retry_after": 1}
_REFUSED = {"kind": "answer", "status": 400, "code": "invalidRequest"}
_FAULTS = [
    {"operation": "put_slice", "nth": 2, "effect": _THROTTLED},
    {"operation": "put_slice", "nth": 5, "count": None, "effect": _REFUSED},
]
type Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """By table."""
    directory = tmp_path_factory.mktemp("real")
    terminal, state = Terminal(directory), directory / "state"
    (directory / "file.pdf").write_bytes(os.urandom(9_000_000))
    faults = [argument for fault in _FAULTS for argument in ("--fault", json.dumps(fault))]
    with terminal.up("--trace", "--data", state, *faults) as up:
        up.ready()
        for _ in ("attached", "failed"):
            terminal.run("attach", directory / "file.pdf", "--data", state, "--list", "Tasks", "--task", "Receipts")
        wait_until(
            lambda: [event.get("event") for event in up.events()].count("trace") == 2, "the traces of both files"
        )
        up.press_ctrl_c()
        up.status()
    return {
        path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in (state / "telemetry").glob("*.jsonl")
    }


@pytest.fixture(scope="module")
def workspace(rows: Rows) -> Workspace:
    workspace = Workspace()
    for table in rows.keys() & TABLES.keys():
        for row in rows[table]:
            known = {name: value for name, value in row.items() if name in TABLES[table]}
            workspace.add(table, {**known, "TimeGenerated": _time(row)})
    return workspace


@pytest.fixture(scope="module")
def end(rows: Rows) -> datetime:
    return max(_time(row) for row in rows["AppEvents"]) + timedelta(seconds=1)


def _time(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["TimeGenerated"]).replace(tzinfo=None)


def shown(workspace: Workspace, end: datetime, name: str, upload: str = "") -> list[dict[str, Any]]:
    query = (KQL / f"workbook/{name}.kql").read_text(encoding="utf-8")
    query = query.replace("{Account}", "*").replace("{Upload}", upload)
    return workspace.ask(query, at=end, window=timedelta(hours=1))


@pytest.fixture(scope="module")
def attached(workspace: Workspace, end: datetime) -> dict[str, Any]:
    [upload] = [row for row in shown(workspace, end, "uploads") if row["State"] == "attached"]
    return upload


def test_the_upload_is_one_tree_and_each_run_is_told_once(
    workspace: Workspace, end: datetime, attached: dict[str, Any]
) -> None:
    tree = shown(workspace, end, "trace", attached["Upload"])
    ids = {row["Id"] for row in tree}
    assert [row["Name"] for row in tree if row["ParentId"] not in ids] == ["upload"]
    runs = [row for row in tree if row["What"] == "invocation"]
    assert [row for row in tree if row["What"] == "host"] == [], "the host tells of failures only"
    assert len({row["Detail"] for row in runs}) == len(runs)
    assert {row["Name"] for row in runs} == {"open_upload", "send_range"}
    puts = [row["Detail"].split()[0] for row in tree if row["Name"] == "put_slice"]
    assert sorted(puts) == ["200", "200", "201", "429"]


def test_the_workbook_tells_the_story(workspace: Workspace, end: datetime, attached: dict[str, Any]) -> None:
    assert (attached["DonePercent"], attached["Size"], attached["Sessions"]) == (100, 9_000_000, 1)
    [cost] = shown(workspace, end, "throttling")
    assert (cost["Throttled"], cost["HeldBack"], cost["Uploads"], cost["LongestRetryAfter"]) == (1, 1, 2, 1)
    [duration] = shown(workspace, end, "durations")
    assert (duration["FileSize"], duration["Files"]) == ("2: up to 10 MiB", 1)
    tiles = {tile["Measure"]: tile["Value"] for tile in shown(workspace, end, "now")}
    assert (tiles["attached"], tiles["failed"]) == (1, 1)
    assert [(row["Phase"], row["Uploads"]) for row in shown(workspace, end, "failures")] == [("failed", 1)]
    steps = shown(workspace, end, "steps", attached["Upload"])
    assert all(step["InvocationId"] for step in steps)
    assert [step["Error"] for step in steps if step["WaitsFor"] == "throttling"] == ["429"]


def test_the_failed_upload_is_told_and_nothing_else(workspace: Workspace, end: datetime) -> None:
    """The timer may not have run in these few seconds; nothing can be said of the rule that waits for it."""
    fired = {rule.name for rule in rules().values() if rule.name != "silent" and rule.fires(workspace, end)}
    assert fired == {"failed"}
