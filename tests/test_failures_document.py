"""docs/FAILURES.md names tests: each of them exists."""

import re

import pytest

from tests.support.documents import ROOT

TEXT = (ROOT / "docs" / "FAILURES.md").read_text(encoding="utf-8")
WRITTEN = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_\w+)`", TEXT))))
def test_every_test_that_is_named_exists(name: str) -> None:
    assert f"def {name}(" in WRITTEN


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(tests/[\w/.]+)`", TEXT))))
def test_every_path_that_is_named_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_row_is_proved() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| failure")]
    assert [row for row in rows if "test_" not in row] == []
