"""docs/TELEMETRY.md lists every field, event and metric that there is, docs/configuration.md every setting of them."""

import ast
from collections.abc import Iterator
from pathlib import Path

from local.stack.app_settings import telemetry_settings
from shared.telemetry.metrics import METRICS
from shared.telemetry.records import ATTRIBUTES
from tests.support.documents import CONFIGURATION, ROOT, section, table

DOCUMENT = ROOT / "docs" / "TELEMETRY.md"
# These are where telemetry goes, not how.
OF_EVERY_APP = {"APPLICATIONINSIGHTS_CONNECTION_STRING", "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY"}


def rows(heading: str, document: Path = DOCUMENT) -> list[list[str]]:
    return [[cell.strip("`") for cell in row] for row in table(section(document, heading))]


def events_recorded() -> Iterator[str]:
    """The first argument of every call of `record` in what is deployed."""
    for path in (ROOT / "shared").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "record":
                name = node.args[0]
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    yield f"todo_attach.{name.value}"


def test_every_field_is_listed_under_both_its_names() -> None:
    assert {attribute: name for attribute, name, *_ in rows("## Every field")} == {
        attribute: name for name, attribute in ATTRIBUTES.items()
    }


def test_of_every_field_it_is_said_what_it_holds_and_why_it_is_no_personal_data() -> None:
    assert [row for row in rows("## Every field") if len(row) != 5 or not all(row)] == []


def test_every_event_is_listed() -> None:
    assert {name for name, _ in rows("## Events")} == set(events_recorded())


def test_every_metric_is_listed_with_its_instrument() -> None:
    listed = {name: instrument.partition(",")[0] for name, instrument, *_ in rows("## Metrics")}
    assert listed == {each.name: each.instrument for each in METRICS}


def test_every_setting_of_telemetry_is_listed_with_its_value() -> None:
    """tests/infra/test_parity.py holds what is deployed to the same."""
    listed = {name: value for name, value, _ in rows("## Telemetry", CONFIGURATION)}
    assert listed == {
        name: value for name, value in telemetry_settings("InstrumentationKey=x").items() if name not in OF_EVERY_APP
    }
