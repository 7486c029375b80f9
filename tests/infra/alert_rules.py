"""The alert rules of alerts.bicep, and when they would fire."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from tests.infra.bicep import INFRA, load
from tests.infra.kql import text_of
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
    module = load(INFRA / "modules/alerts.bicep")
    listed = module.variables["rules"]
    assert isinstance(listed, list)
    made = [
        Rule(
            name=str(each["name"]),
            meaning=str(each["meaning"]),
            severity=int(str(each["severity"])),
            every=duration(str(each["every"])),
            window=duration(str(each["window"])),
            operator=str(each["operator"]),
            threshold=int(str(each["threshold"])),
            query=text_of(each["query"], module.path),
        )
        for each in listed
        if isinstance(each, dict)
    ]
    return {each.name: each for each in made}


def duration(text: str) -> timedelta:
    """`PT15M`, `PT1H`: the forms of ISO 8601 that are used here."""
    found = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?", text)
    if found is None:
        raise ValueError(f"not a duration that this reader knows: {text}")
    return timedelta(hours=int(found[1] or 0), minutes=int(found[2] or 0))
