"""The results of a measurement: medians with their spread, and whether budgets are met."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some samples, and the least and the most of them."""

    median: float
    lowest: float
    highest: float
    samples: tuple[float, ...]

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Spread":
        return cls(statistics.median(samples), min(samples), max(samples), tuple(samples))


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report.

    *against* is what it is compared with: the plain script, or the same with fewer files. *ratio* is the median over
    pairs that were measured one after the other, so that other load on the machine affects both alike.
    """

    name: str
    unit: str
    ours: Spread
    against: Spread | None = None
    ratio: Spread | None = None
    budget: str = ""
    met: bool | None = None


def ratio_of(
    name: str, unit: str, ours: Sequence[float], against: Sequence[float], *, at_most: float | None = None
) -> Figure:
    """A figure of pairs; *at_most* is the budget for the ratio."""
    ratio = Spread.of([mine / theirs for mine, theirs in zip(ours, against, strict=True)])
    return Figure(
        name,
        unit,
        Spread.of(ours),
        Spread.of(against),
        ratio,
        budget=f"ratio at most {at_most:g}" if at_most is not None else "",
        met=ratio.median <= at_most if at_most is not None else None,
    )


def count_of(name: str, counts: Sequence[float], *, exactly: float | None = None) -> Figure:
    """A figure that is counted, not timed; *exactly* is its budget."""
    counted = Spread.of(counts)
    met = None if exactly is None else counted.lowest == counted.highest == exactly
    return Figure(name, "", counted, budget=f"{exactly:g}" if exactly is not None else "", met=met)
