"""Figures as a table for people and as JSON for programs."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.figures import Figure, Spread

_MET = {True: Text("met", style="green"), False: Text("missed", style="red"), None: Text("")}


def show(console: Console, figures: Sequence[Figure]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("what", "ours", "against", "ratio", "from .. to", "budget", ""):
        table.add_column(heading, justify="left" if heading in {"what", "budget", ""} else "right", overflow="fold")
    for figure in figures:
        table.add_row(
            Text(figure.name),
            _value(figure.ours, figure.unit),
            _value(figure.against, figure.unit),
            f"{figure.ratio.median:.2f}" if figure.ratio else "",
            f"{figure.ratio.lowest:.2f} .. {figure.ratio.highest:.2f}" if figure.ratio else "",
            figure.budget,
            _MET[figure.met],
        )
    console.print(table)


def as_json(figures: Sequence[Figure], *, profile: str, seconds: float) -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "profile": profile,
        "seconds": round(seconds, 1),
        "machine": machine(),
        "figures": [asdict(figure) for figure in figures],
    }


def machine() -> dict[str, Any]:
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": os.getloadavg(),
    }


def _value(spread: Spread | None, unit: str) -> str:
    if spread is None:
        return ""
    return f"{spread.median:,.{_digits(spread.median)}f} {unit}".rstrip()


def _digits(value: float) -> int:
    if value == int(value):
        return 0
    return 2 if abs(value) < 100 else 0
