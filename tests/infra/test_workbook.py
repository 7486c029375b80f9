"""The workbook: its JSON, its queries, its parameters; and what it shows of hours that the application lived."""

import re
from datetime import timedelta
from typing import Any

import pytest

from local.stand_ins.todo.faults import Answer
from shared.core.entry import Phase
from tests.infra.kql import KQL, analysed
from tests.infra.watched import Watched
from tests.infra.workbook import COMPONENT, DEPLOYED, WORKSPACE, items, parameters, queries, workbook
from tests.scenarios.promise import FILE, fault

# Several look at the same hours, so they stay in one process, however many there are.
pytestmark = [pytest.mark.infra, pytest.mark.xdist_group("workbook")]
DAY = timedelta(days=1)


def test_it_is_json_that_a_workbook_is_made_of() -> None:
    again = workbook()
    assert again["version"] == "Notebook/1.0"
    assert {item["type"] for item in again["items"]} == {3, 9}
    names = [item["name"] for item in again["items"]]
    assert len(set(names)) == len(names)
    assert again["fallbackResourceIds"] == [COMPONENT] == [DEPLOYED.at("sourceId")]


def test_its_queries_are_the_checked_files_each_once() -> None:
    files = {path.read_text(encoding="utf-8") for path in (KQL / "workbook").glob("*.kql")}
    asked = [content["query"] for _, content in queries()]
    assert sorted(asked) == sorted(files)


def test_every_query_asks_the_workspace_for_the_chosen_time() -> None:
    for name, content in queries():
        assert content["timeContextFromParameter"] == "TimeRange", name
        assert content["crossComponentResources"] == [WORKSPACE], name
        assert content["resourceType"] == "microsoft.operationalinsights/workspaces", name
        assert content["queryType"] == 0, name


def test_every_parameter_is_used_and_every_used_one_is_there_before() -> None:
    known = {parameter["name"] for parameter in parameters()}
    unused = known - {"TimeRange"}
    for item in items(3):
        asked = set(re.findall(r"\{(\w+)\}", item["content"]["query"]))
        shown_if = item.get("conditionalVisibility", {}).get("parameterName")
        asked |= {shown_if} if shown_if else set()
        assert asked <= known, item["name"]
        unused -= asked
        exported = item["content"].get("exportParameterName")
        if exported:
            known.add(exported)
            unused.add(exported)
    assert unused == set()


@pytest.mark.parametrize("name", [name for name, content in queries() if "version" in content and name != "Account"])
def test_a_setting_names_only_columns_that_its_query_returns(name: str) -> None:
    [content] = [each for title, each in queries() if title == name]
    columns = analysed()[f"workbook/{name}.kql"].columns.keys()
    named = {text for column in _named_columns(content) for text in column.split("|")}
    assert named <= columns


def _named_columns(settings: Any) -> list[str]:
    keys = {"columnMatch", "idColumn", "parentColumn", "expanderColumn", "exportFieldName", "sortCriteriaField"}
    match settings:
        case dict():
            own = [str(value) for key, value in settings.items() if key in keys]
            return own + [name for value in settings.values() for name in _named_columns(value)]
        case list():
            return [name for value in settings for name in _named_columns(value)]
        case _:
            return []


def test_a_drill_down_leads_from_an_upload_to_its_trace() -> None:
    [chooser] = [content for _, content in queries() if content.get("exportParameterName") == "Upload"]
    assert chooser["exportFieldName"] == "Upload"
    led_to = [item["name"] for item in items(3) if "{Upload}" in item["content"]["query"]]
    assert led_to == ["trace", "steps"]


def test_what_has_ended_is_not_waited_for() -> None:
    ended = {phase.value for phase in Phase if phase.is_terminal}
    assert ended <= set(analysed()["workbook/waiting.kql"].literals)
    assert {phase.value for phase in Phase} & set(analysed()["workbook/waiting.kql"].literals) == ended


# -- what an operator sees --


def shown(watched: Watched, name: str, *, account: str = "*", upload: str = "") -> list[dict[str, Any]]:
    query = (KQL / f"workbook/{name}.kql").read_text(encoding="utf-8")
    query = query.replace("{Account}", account).replace("{Upload}", upload)
    return watched.workspace.ask(query, at=watched.now, window=DAY)


@pytest.fixture(scope="module")
def hours() -> Watched:
    """One file attached, one throttled on its way, one that names no task, one that waits, one that is refused."""
    watched = Watched(faults=(fault(Answer(429, retry_after=120), "put_slice", nth=2),))
    world = watched.world
    world.drop(FILE, "attached.pdf")
    world.notify("attached.pdf")
    watched.live(0.25)
    world.drop(FILE, "mistaken.pdf", task="No such task")
    world.notify("mistaken.pdf")
    watched.live(0.25)
    world.accounts.tokens.clear()
    world.drop(FILE, "waiting.pdf")
    world.drop(b"", "empty.txt")
    world.notify("waiting.pdf")
    world.notify("empty.txt")
    watched.live(1 / 12)
    return watched


def test_the_tiles_say_how_things_are(hours: Watched) -> None:
    tiles = {tile["Measure"]: tile["Value"] for tile in shown(hours, "now")}
    assert tiles["attached"] == 1
    assert tiles["rejected"] == 1
    assert tiles["failed"] == 0
    assert tiles["under way"] == 2
    assert tiles["accounts to sign in"] == 1


def test_waiting_says_what_is_waited_for(hours: Watched) -> None:
    assert {row["For"]: row["Uploads"] for row in shown(hours, "waiting")} == {"sign-in": 1, "empty-file": 1}


def test_uploads_have_their_present_state(hours: Watched) -> None:
    rows = {row["Upload"]: row for row in shown(hours, "uploads")}
    states = {hours.world.ledger.entry(upload).blob.name: row["State"] for upload, row in rows.items()}
    assert states == {
        "attached.pdf": "attached",
        "mistaken.pdf": "rejected",
        "waiting.pdf": "waiting",
        "empty.txt": "queued",
    }
    [done] = [row for row in rows.values() if row["State"] == "attached"]
    assert (done["DonePercent"], done["Size"], done["Sessions"]) == (100, len(FILE), 1)
    assert done["ElapsedSeconds"] >= 120


def test_throttling_has_its_price(hours: Watched) -> None:
    [row] = shown(hours, "throttling")
    assert (row["Throttled"], row["HeldBack"], row["LongestRetryAfter"]) == (1, 1, 120)
    assert row["ThrottledMinutes"] >= 2
    assert row["PercentOfTheirTime"] > 0


def test_failures_durations_and_waits_are_told(hours: Watched) -> None:
    assert [(row["Phase"], row["Uploads"]) for row in shown(hours, "failures")] == [("rejected", 1)]
    [duration] = shown(hours, "durations")
    assert duration["Files"] == 1
    assert duration["MedianSeconds"] == duration["LongestSeconds"] >= 120
    # "graph": the task that was named by mistake was looked for again, for some minutes.
    assert (
        {"throttling", "empty-file", "graph", "sign-in"} >= {row["WaitsFor"] for row in shown(hours, "waits")} > set()
    )


def test_an_account_is_chosen_by_its_pseudonym(hours: Watched) -> None:
    [choice] = shown(hours, "accounts")
    assert len(shown(hours, "uploads", account=choice["Account"])) == 4
    for name in ("uploads", "waiting", "failures", "durations", "throttling", "waits"):
        assert shown(hours, name, account="somebody-else") == []


def test_steps_of_one_upload_are_in_order(hours: Watched) -> None:
    [upload] = [row["Upload"] for row in shown(hours, "uploads") if row["State"] == "attached"]
    steps = shown(hours, "steps", upload=upload)
    # Two steps that were one write in the ledger have one number.
    assert sorted({row["Step"] for row in steps}) == list(range(-1, steps[-1]["Step"] + 1))
    assert [row["Phase"] for row in steps[1:]] == [row["NextPhase"] for row in steps[:-1]]
    assert [row["Status"] for row in steps if row["WaitsFor"] == "throttling"] == [429]


def test_surprises_are_shown() -> None:
    watched = Watched()
    watched.world.poison.put(b"not ours")
    watched.live(1 / 12)
    assert [(row["Name"], row["Result"]) for row in shown(watched, "surprises")] == [("todo_attach.poison", "foreign")]


def test_uploads_under_way_are_counted_over_time(hours: Watched) -> None:
    assert [row["Live"] for row in shown(hours, "live")][-1] == 2


def test_what_the_host_tells_of_a_failed_run_hangs_below_it() -> None:
    """As the exporter and the host write rows: the trace of the upload, and the host's line in a trace of its own."""
    watched, upload = Watched(), "0123456789abcdef0123456789abcdef"
    of_the_host = {"OperationId": "h", "SeverityLevel": 3, "Message": "Executed (Failed)"}
    rows: list[tuple[str, dict[str, Any]]] = [
        ("AppDependencies", {"OperationId": upload, "Id": "root", "Name": "upload"}),
        (
            "AppRequests",
            {
                "OperationId": upload,
                "Id": "run",
                "ParentId": "root",
                "Name": "send_range",
                "Properties": {"faas.invocation_id": "i-1"},
            },
        ),
        (
            "AppDependencies",
            {"OperationId": upload, "Id": "put", "ParentId": "run", "Name": "put_slice", "ResultCode": "429"},
        ),
        ("AppEvents", {"OperationId": upload, "ParentId": "run", "Name": "todo_attach.step"}),
        ("AppTraces", {**of_the_host, "Properties": {"Category": "Function.send_range", "InvocationId": "i-1"}}),
        ("AppTraces", {**of_the_host, "Properties": {"Category": "Function.sweep", "InvocationId": "i-2"}}),
        ("AppExceptions", {"OperationId": upload, "ParentId": "run", "ExceptionType": "Surprise", "ProblemId": "p"}),
    ]
    for table, row in rows:
        watched.workspace.add(table, {"TimeGenerated": watched.now, **row})
    tree = {(row["Name"], row["What"]): row["ParentId"] for row in shown(watched, "trace", upload=upload)}
    assert tree == {
        ("upload", "span"): None,
        ("send_range", "invocation"): "root",
        ("put_slice", "span"): "run",
        ("todo_attach.step", "event"): "run",
        ("Surprise", "exception"): "run",
        ("Function.send_range", "host"): "run",
    }
    assert [row["Detail"] for row in shown(watched, "trace", upload=upload) if row["Name"] == "put_slice"] == ["429"]
