"""The workbook of workbook.bicep, as the JSON that is deployed."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from tests.infra.bicep import INFRA, Expression, Value, load
from tests.infra.kql import text_of

MODULE = INFRA / "modules/workbook.bicep"
COMPONENT, WORKSPACE = "/subscriptions/0/component", "/subscriptions/0/workspace"


@cache
def workbook() -> Mapping[str, Any]:
    built = _resolved(load(MODULE).variables["content"])
    assert isinstance(built, dict)
    return built


def _resolved(value: Value) -> Any:
    """What Bicep makes of *value*: files are read, parameters have values."""
    match value:
        case dict():
            return {name: _resolved(each) for name, each in value.items()}
        case list():
            return [_resolved(each) for each in value]
        case Expression("componentId"):
            return COMPONENT
        case Expression("workspaceId"):
            return WORKSPACE
        case Expression(text) if text.startswith("guid("):
            return text
        case Expression():
            return text_of(value, MODULE)
        case _:
            return value


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
