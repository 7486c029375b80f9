"""Microsoft's own description of resource types, and whether a resource keeps to it.

The types come from the offline tool of the package msmcp-azure in .venv-bicep, one call per type, and are kept in
.local/bicep-types. Run as a module, this fills that directory.
"""

import difflib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Self

from tests.infra.bicep import ROOT, Expression, Problem, Resource, Value, every_file, load, to_value

TOOL = ROOT / ".venv-bicep/bin/azmcp"
STAMP = ROOT / ".venv-bicep/.installed"
CACHE = ROOT / ".local/bicep-types"


def _hand(version: str, **objects: dict[str, str]) -> dict[str, Any]:
    """A description in the tool's own form: property -> 'type' or 'type!' for a required one."""
    described = [
        {
            "$type": "Object",
            "name": name,
            "properties": [
                {"name": key, "type": kind.rstrip("!"), "flags": "Required" if kind.endswith("!") else ""}
                for key, kind in properties.items()
            ],
        }
        for name, properties in objects.items()
    ]
    return {"version": version, "types": described}


# The tool does not know these; what infra/ uses of them is written down here, from the definitions of the same version
# in Azure's public REST API specifications (specification/monitor, actionGroups_API.json, scheduledQueryRule_API.json,
# diagnosticsSettings_API.json).
BY_HAND = {
    "Microsoft.Insights/actionGroups": _hand(
        "2023-01-01",
        Body={"name": "string!", "location": "string!", "tags": "object", "properties": "ActionGroup"},
        ActionGroup={"groupShortName": "string!", "enabled": "bool!", "emailReceivers": "EmailReceiver[]"},
        EmailReceiver={"name": "string!", "emailAddress": "string!", "useCommonAlertSchema": "bool"},
    ),
    "Microsoft.Insights/diagnosticSettings": _hand(
        "2021-05-01-preview",
        Body={"name": "string!", "properties": "DiagnosticSettings"},
        DiagnosticSettings={"workspaceId": "string", "logs": "LogSettings[]", "metrics": "MetricSettings[]"},
        LogSettings={"category": "string", "categoryGroup": "string", "enabled": "bool!"},
        MetricSettings={"category": "string", "enabled": "bool!"},
    ),
    "Microsoft.Insights/scheduledQueryRules": _hand(
        "2022-06-15",
        Body={
            "name": "string!",
            "location": "string!",
            "tags": "object",
            "kind": "LogAlert | LogToMetric",
            "properties": "Rule!",
        },
        Rule={
            "displayName": "string",
            "description": "string",
            "severity": "int",
            "enabled": "bool!",
            "scopes": "string[]!",
            "evaluationFrequency": "string",
            "windowSize": "string",
            "overrideQueryTimeRange": "string",
            "muteActionsDuration": "string",
            "targetResourceTypes": "string[]",
            "autoMitigate": "bool",
            "skipQueryValidation": "bool",
            "checkWorkspaceAlertsStorageConfigured": "bool",
            "criteria": "Criteria!",
            "actions": "Actions",
        },
        Criteria={"allOf": "Condition[]"},
        Condition={
            "query": "string",
            "timeAggregation": "Average | Count | Maximum | Minimum | Total",
            "metricMeasureColumn": "string",
            "resourceIdColumn": "string",
            "dimensions": "Dimension[]",
            "operator": "Equals | GreaterThan | GreaterThanOrEqual | LessThan | LessThanOrEqual",
            "threshold": "int",
            "failingPeriods": "FailingPeriods",
            "metricName": "string",
        },
        Dimension={"name": "string!", "operator": "Exclude | Include", "values": "string[]!"},
        FailingPeriods={"numberOfEvaluationPeriods": "int", "minFailingPeriodsToAlert": "int"},
        Actions={"actionGroups": "string[]", "customProperties": "object"},
    ),
}

# What every resource may have besides its type's own properties.
_BICEP_ONLY = {"parent", "scope", "dependsOn"}


class Schema:
    """One resource type."""

    def __init__(self, version: str, types: list[dict[str, Any]]) -> None:
        self.version = version
        self.body = _merged(types[0].get("bodyType", types[0]))
        self.types = {each["name"]: _merged(each) for each in types if "name" in each and each["$type"] != "Resource"}


def _merged(kind: dict[str, Any]) -> dict[str, Any]:
    return {**kind, "properties": kind.get("properties", kind.get("baseProperties", []))}


@cache
def schema(resource_type: str) -> Schema:
    """The description of *resource_type*, from the cache."""
    if resource_type in BY_HAND:
        known = BY_HAND[resource_type]
        return Schema(known["version"], known["types"])
    found = json.loads(_cached(resource_type).read_text(encoding="utf-8"))
    return Schema(found[0]["name"].partition("@")[2], found)


def _cached(resource_type: str) -> Path:
    return CACHE / f"{resource_type.replace('/', '_')}.json"


def is_cached() -> bool:
    return (CACHE / ".complete").exists()


def fill() -> None:
    """Ask the tool for every type that infra/ uses and that is not there yet."""
    stamp = STAMP.read_text(encoding="utf-8")
    complete = CACHE / ".complete"
    if complete.exists() and complete.read_text(encoding="utf-8") != stamp:
        for stale in CACHE.iterdir():
            stale.unlink()
    CACHE.mkdir(parents=True, exist_ok=True)
    used = {resource.type for path in every_file() for resource in load(path).resources.values()}
    wanted = [each for each in sorted(used - BY_HAND.keys()) if not _cached(each).exists()]
    if wanted:
        print(f"setup-checks: {len(wanted)} resource types into {CACHE.relative_to(ROOT)}", file=sys.stderr)
        with _Tool() as tool:
            for resource_type in wanted:
                described = tool.describe(resource_type)
                _cached(resource_type).write_text(json.dumps(described), encoding="utf-8")
    complete.write_text(stamp, encoding="utf-8")


class _Tool:
    """The tool as a server of the Model Context Protocol: it takes seconds to start, and then a third of one a type."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [TOOL, "server", "start", "--mode", "all", "--namespace", "bicepschema"],
            env={**os.environ, "AZURE_MCP_COLLECT_TELEMETRY": "false"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._calls = 0

    def __enter__(self) -> Self:
        client = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "checks", "version": "1"}}
        self._call("initialize", client)
        self._send({"method": "notifications/initialized"})
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def describe(self, resource_type: str) -> list[dict[str, Any]]:
        arguments = {"name": "bicepschema_get", "arguments": {"resource-type": resource_type}}
        answer = json.loads(self._call("tools/call", arguments)["content"][0]["text"])
        if answer["status"] != 200:
            raise RuntimeError(f"{resource_type}: {answer['message']}")
        return [each for each in answer["results"]["BicepSchemaResult"] if each["$type"] != "ResourceInstanceFunction"]

    def _call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._calls += 1
        self._send({"id": self._calls, "method": method, "params": params})
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            if message.get("id") == self._calls:
                result: dict[str, Any] = message["result"]
                return result
        raise RuntimeError(f"{TOOL.name} ended without an answer")

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self._process.stdin.flush()


# -- does a resource keep to its type? --


def type_problems(file: str, resource: Resource) -> Iterator[Problem]:
    """What Microsoft's types say against *resource*."""
    described = schema(resource.type)
    if described.version != resource.api_version:
        yield Problem(
            file, resource.line, f"{resource.type}@{resource.api_version}: the types are those of {described.version}"
        )
    body: dict[str, Value] = {name: value for name, value in resource.body.items() if name not in _BICEP_ONLY}
    for text in _object(described, described.body, body, resource.symbol, is_existing=resource.is_existing):
        yield Problem(file, resource.line, text)


def _object(
    described: Schema, kind: Mapping[str, Any], given: Mapping[str, Value], where: str, *, is_existing: bool = False
) -> Iterator[str]:
    if "discriminator" in kind:
        chosen = given.get(kind["discriminator"])
        elements = [_merged(element) for element in kind["elements"]]
        for element in elements:
            own = next((each for each in element["properties"] if each["name"] == kind["discriminator"]), None)
            if own is not None and own["type"] == chosen:
                joined = {**element, "properties": [*kind["properties"], *element["properties"]]}
                yield from _object(described, joined, given, where, is_existing=is_existing)
                return
        yield f"{where}.{kind['discriminator']}: {chosen!r} is none of the kinds"
        return
    known = {each["name"]: each for each in kind["properties"]}
    if "additionalPropertiesType" in kind and not known:
        for name, value in given.items():
            yield from _value(described, kind["additionalPropertiesType"], value, f"{where}.{name}")
        return
    for name, value in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            yield f"{where} has no property {name}" + (f"; did you mean {near[0]}?" if near else "")
        elif "ReadOnly" in known[name].get("flags", ""):
            yield f"{where}.{name} is read-only"
        else:
            yield from _value(described, known[name]["type"], value, f"{where}.{name}")
    if not is_existing:
        for name, each in known.items():
            if "Required" in each.get("flags", "") and "ReadOnly" not in each.get("flags", "") and name not in given:
                yield f"{where} lacks the property {name}"


_SCALARS = {"string": str, "int": int, "bool": bool}


def _value(described: Schema, kind: str, value: Value, where: str) -> Iterator[str]:
    if value is None or isinstance(value, Expression):
        yield from _inside_expression(described, kind, value, where)
    elif kind.endswith("[]"):
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _value(described, kind[:-2], item, f"{where}[{index}]")
        else:
            yield f"{where} wants a list, not {value!r}"
    elif kind in described.types:
        if isinstance(value, dict):
            yield from _object(described, described.types[kind], value, where)
        else:
            yield f"{where} wants an object, not {value!r}"
    elif kind in _SCALARS:
        if type(value) is not _SCALARS[kind]:
            yield f"{where} wants {kind}, not {value!r}"
    elif kind not in {"object", "any"}:
        # An enumeration. Where Microsoft leaves it open ("| string"), ours still may only hold a value that is listed.
        allowed = [each.strip() for each in kind.split(" | ") if each.strip() not in _SCALARS]
        if value not in allowed:
            near = difflib.get_close_matches(str(value), allowed, 1)
            yield f"{where}: {value!r} is not one of {', '.join(allowed)}" + (
                f"; did you mean {near[0]}?" if near else ""
            )


def _inside_expression(described: Schema, kind: str, value: Value, where: str) -> Iterator[str]:
    """Both ends of `a ? b : c` are values of the same type."""
    if isinstance(value, Expression) and value.node.type == "ternary_expression":
        for end in ("consequence", "alternative"):
            node = value.node.child_by_field_name(end)
            if node is not None:
                yield from _value(described, kind, to_value(node), where)


if __name__ == "__main__":
    fill()
