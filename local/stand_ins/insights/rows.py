"""Makes rows of a workspace's tables of the exporter's envelopes, and of failures at the host's stand-in.

Columns are those of Microsoft's reference of the tables (AppRequests and the like), except those that nothing here
fills. `Properties` holds texts only, as the exporter sends it.
"""

import json
import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

type Row = dict[str, Any]

TABLES = {
    "RequestData": "AppRequests",
    "RemoteDependencyData": "AppDependencies",
    "EventData": "AppEvents",
    "MetricData": "AppMetrics",
    "ExceptionData": "AppExceptions",
    "MessageData": "AppTraces",
}
_DURATION = re.compile(r"(?:(\d+)\.)?(\d+):(\d+):(\d+(?:\.\d+)?)")
_TAGS = {
    "OperationId": "ai.operation.id",
    "ParentId": "ai.operation.parentId",
    "OperationName": "ai.operation.name",
    "AppRoleName": "ai.cloud.role",
    "AppRoleInstance": "ai.cloud.roleInstance",
    "SDKVersion": "ai.internal.sdkVersion",
}


def row_of(envelope: Mapping[str, Any]) -> tuple[str, Row]:
    """The table, and the row. Raises KeyError for an envelope of a kind that our exporter does not send."""
    kind, data = envelope["data"]["baseType"], envelope["data"]["baseData"]
    tags = envelope.get("tags") or {}
    row: Row = {
        "TimeGenerated": envelope["time"],
        **{column: tags[tag] for column, tag in _TAGS.items() if tag in tags},
        "Properties": data.get("properties") or {},
        "ItemCount": 1,
        # The workspace's own column. Here it is the size of the envelope: how the service counts is not known exactly.
        "_BilledSize": len(json.dumps(envelope, separators=(",", ":")).encode()),
    }
    row |= _COLUMNS[kind](data)
    if kind == "MetricData" and row["Name"].startswith("\\"):
        return "AppPerformanceCounters", row
    return TABLES[kind], row


def host_failure(event: Mapping[str, Any], ended: datetime) -> list[tuple[str, Row]]:
    """What the host itself records of a run that failed, with our host.json: a line of its log, and an exception.

    It records nothing of a run that succeeded, and no request. Its rows are in a trace of their own, and have the run's
    id. Seen on a real host: these two rows. Their columns are as documented.
    """
    name, run = event["function"], event["invocation_id"]
    operation = (event.get("trace_parent") or f"00-{uuid.uuid4().hex}-0-00").split("-")[1]
    shared: Row = {
        "TimeGenerated": ended.isoformat(),
        "OperationId": operation,
        "ParentId": "",
        "OperationName": name,
        "AppRoleName": "stand-in for the host",
        "SeverityLevel": 3,
        "Properties": {"Category": f"Function.{name}", "LogLevel": "Error", "InvocationId": run},
        "ItemCount": 1,
    }
    kind = "Microsoft.Azure.WebJobs.Host.FunctionInvocationException"
    message = f"Executed 'Functions.{name}' (Failed, Id={run}, Duration={event['ms']:.0f}ms)"
    return [
        ("AppTraces", {**shared, "Message": message}),
        ("AppExceptions", {**shared, "ExceptionType": kind, "OuterType": kind, "ProblemId": f"{kind} at {name}"}),
    ]


def _request(data: Mapping[str, Any]) -> Row:
    return {**_span(data), "ResultCode": data["responseCode"], "Source": data.get("source") or ""}


def _dependency(data: Mapping[str, Any]) -> Row:
    return {
        **_span(data),
        "ResultCode": data["resultCode"],
        "DependencyType": data.get("type") or "",
        "Target": data.get("target") or "",
        "Data": data.get("data") or "",
    }


def _span(data: Mapping[str, Any]) -> Row:
    return {
        "Id": data["id"],
        "Name": data["name"],
        "DurationMs": _milliseconds(data["duration"]),
        "Success": data["success"],
    }


def _event(data: Mapping[str, Any]) -> Row:
    return {"Name": data["name"]}


def _metric(data: Mapping[str, Any]) -> Row:
    (point,) = data["metrics"]
    value = point["value"]
    return {
        "Name": point["name"],
        "Sum": value,
        "Min": point.get("min") if point.get("min") is not None else value,
        "Max": point.get("max") if point.get("max") is not None else value,
        "ItemCount": point.get("count") or 1,
    }


def _exception(data: Mapping[str, Any]) -> Row:
    outermost = data["exceptions"][0]
    return {
        "ExceptionType": outermost["typeName"],
        "OuterType": outermost["typeName"],
        "OuterMessage": outermost["message"],
        "SeverityLevel": data.get("severityLevel"),
        "Details": data["exceptions"],
    }


def _message(data: Mapping[str, Any]) -> Row:
    return {"Message": data["message"], "SeverityLevel": data.get("severityLevel")}


def _milliseconds(text: str) -> float:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a duration")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000, 3)


_COLUMNS = {
    "RequestData": _request,
    "RemoteDependencyData": _dependency,
    "EventData": _event,
    "MetricData": _metric,
    "ExceptionData": _exception,
    "MessageData": _message,
}
