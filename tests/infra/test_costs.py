"""docs/deploying.md tells what an attachment costs, as counted operations. Here they are counted."""

import re
from collections import Counter
from dataclasses import dataclass, field

import pytest

from shared.core.ranges import MAX_SLICE_BYTES
from tests.infra.tools import ROOT
from tests.support.fakes.seam import Seam
from tests.support.fakes.world import FULL_SIZE, World

PAGE = ROOT / "docs/deploying.md"
# The document's rows -> the calls of ports that are such an operation, each one request.
ROWS = {
    "Graph requests": r"graph\..*",
    "ledger reads": r"ledger\.get",
    "ledger writes": r"ledger\.(?!get).*",
    "requests for its turn": r"paces\..*",
    "queue sends": r"queue\.send",
    "blob reads": r"blobs\.(describe|read|tags)",
    "blob writes": r"blobs\.(set_tags|delete)",
}


@dataclass
class Counting(Seam):
    """Counts every call of a port."""

    calls: Counter[str] = field(default_factory=Counter)

    def enter(self, operation: str, *, changes: bool) -> None:
        self.calls[operation] += 1


def counted(slices: int) -> dict[str, int]:
    """One clean upload of *slices* slices whose metadata has ids, through the whole application on fakes."""
    world, seam = World(limits=FULL_SIZE), Counting()
    blob = world.drop(b"x" * min(slices * MAX_SLICE_BYTES, 26_214_400))
    world.put_in(seam)
    world.notify()
    world.run(until=lambda: world.settled(blob))
    return {
        row: sum(count for call, count in seam.calls.items() if re.fullmatch(calls, call))
        for row, calls in ROWS.items()
    }


def test_where_people_sign_in_a_file_is_one_write_more_and_what_the_page_sends_is_five_requests_more() -> None:
    """The document has it in words."""

    def calls(*, signs_in: bool, by_page: bool) -> Counter[str]:
        world, seam = World(signs_in=signs_in), Counting()
        blob = world.send(b"x") if by_page else world.drop(b"x")
        world.put_in(seam)
        world.notify(blob.name)
        world.run(until=lambda: world.settled(blob))
        return seam.calls

    plain, listed = calls(signs_in=False, by_page=False), calls(signs_in=True, by_page=False)
    assert (listed - plain, plain - listed) == ({"account_uploads.add": 1}, {})
    sent = calls(signs_in=True, by_page=True)
    more = {"sent_files.find": 1, "sent_files.used": 1, "blobs.delete": 1, "ledger.replace": 1}
    assert (sent - listed, listed - sent) == (more, {}), "used is a read and a write"


def table_per_file() -> list[tuple[str, str, str]]:
    """Row, formula, and its value for 25 MiB. Other tables of the page count other things."""
    table = PAGE.read_text(encoding="utf-8").partition("| operation | per file | 25 MiB |")[2].partition("\n\n")[0]
    return re.findall(r"^\| ([A-Za-z ]+) \| ([0-9N +]+) \| (\d+) \|", table, re.MULTILINE)


def told() -> dict[str, str]:
    """The formulas of the document, in the number N of slices."""
    table = table_per_file()
    return {row: formula for row, formula, _ in table}


def evaluated(formula: str, slices: int) -> int:
    """`2N + 9` for a number."""
    total = 0
    for term in formula.split("+"):
        factor, letter, _ = term.strip().partition("N")
        total += int(factor or 1) * (slices if letter else 1)
    return total


@pytest.mark.parametrize("slices", [1, 2, 7])
def test_the_document_s_formulas_are_what_is_counted(slices: int) -> None:
    formulas = told()
    assert {row: evaluated(formulas[row], slices) for row in ROWS} == counted(slices)


def test_the_document_s_numbers_for_25_mib_are_its_formulas() -> None:
    table = table_per_file()
    assert len(table) >= len(ROWS)
    assert {row: int(number) for row, _, number in table} == {row: evaluated(formula, 7) for row, formula, _ in table}
