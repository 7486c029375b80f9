"""Every query of infra/kql, read by Microsoft's own language service and held to what the code emits."""

import ast
import re

import pytest

from shared.telemetry.metrics import METRICS
from shared.telemetry.records import ATTRIBUTES
from tests.infra.kql import KQL, TABLES, analyse, analysed, every_query, functions
from tests.infra.tools import ROOT
from tests.support.documents import markdown_files

pytestmark = pytest.mark.infra
each_query = pytest.mark.parametrize("name", every_query())
each_alert = pytest.mark.parametrize("name", [name for name in every_query() if name.startswith("alerts/")])


@each_query
def test_a_query_parses_and_every_name_in_it_is_known(name: str) -> None:
    assert analysed()[name].problems == []


@each_query
def test_a_query_says_what_it_shows(name: str) -> None:
    assert every_query()[name].startswith("// ")


@each_query
def test_a_query_reads_dimensions_in_brackets_only(name: str) -> None:
    """`Properties.x` could not be told from a path of another dynamic value, and would not be held to the code."""
    assert not [key for key in analysed()[name].keys if "." in key and key.startswith("Properties")]


def test_the_functions_are_the_files() -> None:
    files = {path.stem: path.read_text(encoding="utf-8") for path in (KQL / "functions").glob("*.kql")}
    assert {each.name: each.body for each in functions()} == files


def test_the_queries_of_documents_are_queries_too() -> None:
    fences = {
        f"{path.name} {number}": text
        for path in markdown_files()
        for number, text in enumerate(re.findall(r"```kusto\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL))
    }
    assert fences
    assert {name: found.problems for name, found in analyse(fences).items() if found.problems} == {}


def test_the_query_of_the_scripts_is_a_query_too() -> None:
    text = (ROOT / "scripts/host-errors.kql").read_text(encoding="utf-8")
    assert analyse({"host-errors": text})["host-errors"].problems == []


SEEDED = {
    "AppEvents | where Nmae == 'x'": "'Nmae' does not refer to any known column",
    "AppEvent | take 1": "'AppEvent' does not refer to any known table",
    "AppEvents | extend a = tolowr(Name)": "'tolowr' does not refer to any known function",
    "AppEvents | where TimeGenerated > 5": "not defined for the operand types datetime and long",
    "AppEvents | extend a = todouble(Properties['b']) / 'c'": "not defined for the operand types real and string",
    "AppEvents | extend a = bin(Name, 1h)": "not compatible with arguments (string, timespan)",
    "AppEvents | where Name == ": "Missing expression",
    "AppEvents | sumarize count()": "Query operator expected",
    "TodoAttachSteps | project Speed": "'Speed' does not refer to any known column",
    "TodoAttachUpload()": "expects 1 argument",
    "TodoAttachUploads('a')": "'TodoAttachUploads' does not refer to any known",
    "AzureMetrics | summarize sum(Totals)": "'Totals' does not refer to any known column",
}


def test_seeded_mistakes_are_seen() -> None:
    found = analyse({text: text for text in SEEDED})
    assert [text for text, said in SEEDED.items() if said not in " ".join(found[text].problems)] == []


# -- what Azure asks of an alert rule's query: learn.microsoft.com/azure/azure-monitor/alerts/alerts-log-query and
# alerts-create-log-alert-rule --


def code_of(name: str) -> str:
    return re.sub(r"^ *//.*\n", "", every_query()[name], flags=re.MULTILINE)


@each_alert
def test_an_alert_s_query_begins_with_a_table(name: str) -> None:
    assert code_of(name).split()[0] in TABLES


@each_alert
def test_an_alert_s_query_uses_nothing_that_alert_rules_refuse(name: str) -> None:
    words = set(re.findall(r"\w+", code_of(name)))
    assert words.isdisjoint({"search", "union", "take", "limit", "bag_unpack", "pivot", "narrow", "AggregatedValue"})
    assert all(re.fullmatch(r"\d+[smhd]", ago) for ago in re.findall(r"\bago\((.*?)\)", code_of(name)))
    assert len(every_query()[name].encode()) < 64_000


@each_alert
def test_an_alert_s_query_stands_alone(name: str) -> None:
    """A rule that used a saved function would change its meaning with it, and could not be made before it."""
    assert not [each.name for each in functions() if each.name in code_of(name)]


# -- what the code emits: records.ATTRIBUTES and metrics.METRICS are all names that there are --

# The host's own, in its lines.
HOSTS_OWN = {"Category", "InvocationId"}


def events() -> set[str]:
    """First arguments of every `.record(...)` in shared/."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "shared").rglob("*.py"))
    calls = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {
        f"todo_attach.{ast.literal_eval(call.args[0])}"
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "record"
        and isinstance(call.args[0], ast.Constant)
    }


@each_query
def test_a_query_reads_only_dimensions_that_the_code_emits(name: str) -> None:
    assert set(analysed()[name].keys) <= {*ATTRIBUTES.values(), *HOSTS_OWN}


@each_query
def test_a_query_looks_for_events_and_metrics_that_the_code_emits(name: str) -> None:
    named = {text for text in analysed()[name].literals if text.startswith("todo_attach.")}
    known = {metric.name for metric in METRICS} if "AppMetrics" in every_query()[name] else events()
    assert named <= known


def test_dimensions_and_events_are_found_at_all() -> None:
    found = analyse({"one": "AppEvents | where Name == 'todo_attach.x' | extend a = Properties['todo_attach.y']"})[
        "one"
    ]
    assert (found.keys, found.literals) == (["todo_attach.y"], ["todo_attach.x"])
    assert {"todo_attach.step", "todo_attach.outcome", "todo_attach.sweep"} <= events()
