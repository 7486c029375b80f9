"""The alert rules that are deployed, and when they would fire."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from tests.infra.deployed import Resource, sample
from tests.infra.workspace import Workspace

_OPERATORS: Mapping[str, Callable[[int, int], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqual": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqual": operator.le,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """As Azure runs it: the query over the last window, its rows counted and compared."""

    name: str
    meaning: str
    severity: int
    enabled: bool
    every: timedelta
    window: timedelta
    operator: str
    threshold: int
    query: str

    def fires(self, workspace: Workspace, at: datetime) -> bool:
        rows = workspace.ask(self.query, at=at, window=self.window)
        return _OPERATORS[self.operator](len(rows), self.threshold)


@cache
def rules() -> Mapping[str, Rule]:
    """Name, as in the rule's heading in docs/operations.md -> rule."""
    made = [_rule(each) for each in sample().of("Microsoft.Insights/scheduledQueryRules")]
    return {each.name: each for each in made}


def _rule(deployed: Resource) -> Rule:
    [condition] = deployed.at("criteria.allOf")
    meaning, _, _ = deployed.at("description").partition(" What to do: ")
    return Rule(
        name=deployed.at("displayName").removeprefix("todo-attach "),
        meaning=meaning,
        severity=deployed.at("severity"),
        enabled=deployed.at("enabled"),
        every=duration(deployed.at("evaluationFrequency")),
        window=duration(deployed.at("windowSize")),
        operator=condition["operator"],
        threshold=condition["threshold"],
        query=condition["query"],
    )


def duration(text: str) -> timedelta:
    """`PT15M`, `PT1H`: the forms of ISO 8601 that are used here."""
    found = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?", text)
    if found is None:
        raise ValueError(f"not a duration that this reader knows: {text}")
    return timedelta(hours=int(found[1] or 0), minutes=int(found[2] or 0))
