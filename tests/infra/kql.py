"""The Kusto queries of infra/kql, and what Microsoft's language service says about a query."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from tests.infra.deployed import INFRA, sample
from tests.infra.tools import ROOT

KQL = INFRA / "kql"

_TELEMETRY = {
    "TimeGenerated": "datetime",
    "OperationId": "string",
    "OperationName": "string",
    "ParentId": "string",
    "Properties": "dynamic",
    "Measurements": "dynamic",
    "AppRoleName": "string",
    "AppRoleInstance": "string",
}
_CALL = {"Id": "string", "Name": "string", "DurationMs": "real", "ResultCode": "string", "Success": "bool"}
# The tables of the workspace and what queries may read of them: names and types as in Microsoft's reference of Azure
# Monitor's tables (learn.microsoft.com/azure/azure-monitor/reference/tables/, then its name in small letters), compared
# with the source of those pages (github.com/MicrosoftDocs/azure-reference-other, azure-monitor-ref/tables/).
# The reference calls MetricName a metric's display name. A record that Azure exported, as others published it, has the
# name of the REST API there ("SuccessServerLatency"), and so have the queries here; no workspace was asked.
TABLES: Mapping[str, Mapping[str, str]] = {
    "AppDependencies": {**_TELEMETRY, **_CALL, "DependencyType": "string", "Target": "string", "Data": "string"},
    "AppEvents": {**_TELEMETRY, "Name": "string"},
    "AppExceptions": {
        **_TELEMETRY,
        "ExceptionType": "string",
        "ProblemId": "string",
        "OuterMessage": "string",
        "SeverityLevel": "int",
    },
    "AppMetrics": {
        **{name: kind for name, kind in _TELEMETRY.items() if name != "Measurements"},
        "Name": "string",
        "Sum": "real",
        "Min": "real",
        "Max": "real",
        "ItemCount": "int",
    },
    "AppRequests": {**_TELEMETRY, **_CALL, "Source": "string", "Url": "string"},
    "AppTraces": {**_TELEMETRY, "Message": "string", "SeverityLevel": "int"},
    "FunctionAppLogs": {
        "TimeGenerated": "datetime",
        "Category": "string",
        "Level": "string",
        "Message": "string",
        "ExceptionType": "string",
        "ExceptionMessage": "string",
        "FunctionName": "string",
        "FunctionInvocationId": "string",
        "HostInstanceId": "string",
        "HostVersion": "string",
    },
    "AzureMetrics": {
        "TimeGenerated": "datetime",
        "ResourceProvider": "string",
        "Resource": "string",
        "MetricName": "string",
        "UnitName": "string",
        "TimeGrain": "string",
        "Total": "real",
        "Count": "real",
        "Average": "real",
        "Minimum": "real",
        "Maximum": "real",
    },
}


@dataclass(frozen=True, slots=True)
class StoredFunction:
    """A function of the workspace; *parameters* as Azure wants them: `name:type, ...`."""

    name: str
    parameters: str
    body: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the language service knows of one query: problems, the columns of its result, and the texts in it."""

    problems: Sequence[str]
    columns: Mapping[str, str]
    keys: Sequence[str]  # in brackets behind a column: Properties["..."]
    literals: Sequence[str]  # everywhere else


def every_query() -> dict[str, str]:
    """Path below infra/kql -> text."""
    return {str(path.relative_to(KQL)): path.read_text(encoding="utf-8") for path in sorted(KQL.rglob("*.kql"))}


@cache
def functions() -> Sequence[StoredFunction]:
    """The functions that are saved in the workspace."""
    saved = sample().of("Microsoft.OperationalInsights/workspaces/savedSearches")
    return [
        StoredFunction(each.at("functionAlias"), each.properties.get("functionParameters") or "", each.at("query"))
        for each in saved
    ]


def analyse(queries: Mapping[str, str]) -> dict[str, Analysis]:
    """Parse *queries* and resolve every name in them, against the tables and functions of the workspace."""
    given = {
        "tables": {name: _schema(columns) for name, columns in TABLES.items()},
        "functions": [
            {"name": each.name, "parameters": f"({each.parameters})", "body": each.body} for each in functions()
        ],
        "queries": dict(queries),
    }
    program = ROOT / "tests/infra/kusto.mjs"
    done = subprocess.run(["node", program], input=json.dumps(given), capture_output=True, text=True, check=True)
    return {name: Analysis(**found) for name, found in json.loads(done.stdout).items()}


def _schema(columns: Mapping[str, str]) -> str:
    return "(" + ", ".join(f"['{name}']: {kind}" for name, kind in columns.items()) + ")"


@cache
def analysed() -> Mapping[str, Analysis]:
    """The analysis of every file."""
    return analyse({name: _with_parameters(name, text) for name, text in every_query().items()})


def _with_parameters(name: str, text: str) -> str:
    """A function's body is no query by itself: its parameters must be there."""
    kinds = {"string": '""', "int": "0"}
    for each in functions():
        if name == f"functions/{each.name}.kql" and each.parameters:
            given = (parameter.split(":") for parameter in each.parameters.split(","))
            text = "".join(f"let {parameter.strip()} = {kinds[kind]}; " for parameter, kind in given) + text
    return text
