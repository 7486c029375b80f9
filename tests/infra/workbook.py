"""The workbook, as the JSON that is deployed."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from tests.infra.deployed import sample

DEPLOYED = sample().one("Microsoft.Insights/workbooks")
COMPONENT = sample().one("Microsoft.Insights/components").id
WORKSPACE = sample().one("Microsoft.OperationalInsights/workspaces").id


@cache
def workbook() -> Mapping[str, Any]:
    read: Mapping[str, Any] = json.loads(DEPLOYED.at("serializedData"))
    return read


def items(kind: int) -> list[Mapping[str, Any]]:
    """Every item of a kind: 3 is a query, 9 are parameters."""
    return [item for item in workbook()["items"] if item["type"] == kind]


def parameters() -> list[Mapping[str, Any]]:
    return [parameter for item in items(9) for parameter in item["content"]["parameters"]]


def queries() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Name and settings of every item that asks something."""
    for item in items(3):
        yield item["name"], item["content"]
    for parameter in parameters():
        if "query" in parameter:
            yield parameter["name"], parameter
