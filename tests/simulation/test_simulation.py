"""A small part of the simulation, and the proof that it can see: variants that are wrong must not get through.

`make soak` plays far more of it.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.support.simulation.broken import VARIANTS
from tests.support.simulation.schedule import run

SCHEDULES = 300
# Within so many schedules each variant must be found out.
AT_MOST = 500


@pytest.mark.parametrize("batch", range(6))
def test_whatever_happens_each_file_is_attached_once_or_its_end_is_true(batch: int) -> None:
    for seed in range(batch * SCHEDULES // 6, (batch + 1) * SCHEDULES // 6):
        run(seed)


def test_a_schedule_is_repeatable() -> None:
    def told(seed: int) -> list[str]:
        lines: list[str] = []
        run(seed, lines.append)
        return lines

    assert told(11) == told(11)
    assert told(11) != told(12)


def test_requests_go_wrong_at_random_too_and_not_by_rule_only() -> None:
    def faults(odds: float) -> int:
        return sum(run(seed, focus={"graph_fault": odds, "rules": []})["graph faults"] for seed in range(10))

    assert faults(0.0) == 0
    assert faults(0.5) > 20


def test_a_time_out_of_one_run_leaves_others_hanging_and_breaks_no_promise() -> None:
    """What the real host does: they fail when their own time is over, and their claims have run out long before."""
    slow = {"slow": 0.4, "workers": 6, "frozen": 0.0, "kill": 0.0, "restart": 0.0}
    timed_out = sum(run(seed, focus=slow)["time-outs"] for seed in range(60))
    assert timed_out > 10


@pytest.mark.parametrize(("variant", "focus"), VARIANTS.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_a_variant_that_is_wrong_in_one_place_is_seen(
    variant: Callable[[], AbstractContextManager[None]], focus: Mapping[str, Any]
) -> None:
    with variant():
        found = next((seed for seed in range(AT_MOST) if fails(seed, focus)), None)
    assert found is not None, "the simulation did not see it"
    assert not fails(found, focus), "the sound application fails there too"


def fails(seed: int, focus: Mapping[str, Any]) -> bool:
    try:
        run(seed, focus=focus)
    except AssertionError:
        return True
    return False
