"""docs/FAILURES.md and docs/SECURITY.md name tests: each of them exists, and each row has one."""

import re

import pytest

from tests.support.documents import ROOT

TEXTS = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("FAILURES.md", "SECURITY.md")}
WRITTEN = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
# What is about a failure or an attack, and no other table.
_PROVED = re.compile(r"^\| (?:failure|attack) \|.*\n\|[-|]+\n((?:\|.*\n)+)", re.MULTILINE)


def named(pattern: str) -> list[str]:
    return sorted({found for text in TEXTS.values() for found in re.findall(pattern, text)})


@pytest.mark.parametrize("name", named(r"`(test_\w+)`"))
def test_every_test_that_is_named_exists(name: str) -> None:
    assert f"def {name}(" in WRITTEN


@pytest.mark.parametrize("path", named(r"`(tests/[\w/.]+)`"))
def test_every_path_that_is_named_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("document", TEXTS)
def test_every_row_is_proved(document: str) -> None:
    rows = [row for found in _PROVED.findall(TEXTS[document]) for row in found.splitlines()]
    assert len(rows) > 20
    assert [row for row in rows if "test_" not in row] == []
