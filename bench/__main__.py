"""`python -m bench`: measures, prints a table, writes JSON."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench import cold, latency, mailbox, memory, report, scale, throughput
from bench.baseline import Baseline
from bench.figures import Figure
from bench.stack import Failed, MeasuredStack
from local.stack.child import REPOSITORY, ChildFailed

_RESULTS = REPOSITORY / "bench" / "results"
_PARTS = ("latency", "throughput", "memory", "scale", "mailbox", "cold")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Profile:
    """How much to measure. *people*: the mailboxes over which files are spread."""

    name: str
    latency_rounds: int
    far_away_rounds: int
    throughput_rounds: int
    far_away_throughput_rounds: int
    memory_files: int
    many: int
    for_one: int
    mailbox_files: int
    finished: int
    scale_rounds: int
    cold_rounds: int
    people: int = 20


_FULL = _Profile(
    name="full",
    latency_rounds=12,
    far_away_rounds=4,
    throughput_rounds=4,
    far_away_throughput_rounds=2,
    memory_files=40,
    many=2_000,
    for_one=1_000,
    mailbox_files=30,
    finished=50_000,
    scale_rounds=5,
    cold_rounds=15,
)
_QUICK = _Profile(
    name="quick",
    latency_rounds=3,
    far_away_rounds=1,
    throughput_rounds=1,
    far_away_throughput_rounds=0,
    memory_files=8,
    many=30,
    for_one=30,
    mailbox_files=4,
    finished=500,
    scale_rounds=1,
    cold_rounds=1,
)


def main(arguments: Sequence[str]) -> int:
    """Returns 0 where everything could be measured, whether or not the budgets are met."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure the budgets, each against the plain script in the same run."
    )
    parser.add_argument("--quick", action="store_true", help="fewer of everything: about two minutes")
    parser.add_argument("--only", choices=_PARTS, action="append", metavar="PART", help=f"one of {', '.join(_PARTS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    options = parser.parse_args(arguments)
    profile = _QUICK if options.quick else _FULL
    began = time.monotonic()
    try:
        figures = asyncio.run(_measure(profile, options.only or _PARTS, lambda text: _say(text, began)))
    except (Failed, ChildFailed) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    console = Console()
    report.show(console if console.is_terminal else Console(width=160), figures)
    record = report.as_json(figures, profile=profile.name, seconds=time.monotonic() - began)
    target = options.json or _RESULTS / f"{record['at'].replace(':', '')}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(record, indent=2) + "\n")
    print(f"{record['seconds']:g} s; written to {target}")
    return 0


async def _measure(profile: _Profile, parts: Sequence[str], say: Callable[[str], None]) -> list[Figure]:
    figures: list[Figure] = []
    say("starting a stack")
    if "latency" in parts or "throughput" in parts:
        async with MeasuredStack(profile.people) as stack, Baseline(stack) as plain:
            if "latency" in parts:
                say("latency: one file at a time")
                figures += await latency.measure(stack, plain, profile.latency_rounds)
                figures += await latency.measure_far_away(stack, plain, profile.far_away_rounds)
            if "throughput" in parts:
                say("throughput: large files, all at once")
                figures += await throughput.measure(stack, plain, profile.throughput_rounds)
                if profile.far_away_throughput_rounds:
                    figures += await throughput.measure_far_away(stack, plain, profile.far_away_throughput_rounds)
    if "memory" in parts or "scale" in parts:
        async with MeasuredStack(profile.people) as stack:
            if "memory" in parts:
                say("memory: a small file, then many large ones")
                figures += await memory.measure(stack, profile.memory_files)
            if "scale" in parts:
                say("scale: many small files, and a long history")
                figures += await scale.measure(
                    stack, profile.many, profile.for_one, profile.finished, profile.scale_rounds
                )
    if "mailbox" in parts:
        say("mailbox: files for one person, who has limits")
        figures += await mailbox.measure(profile.mailbox_files)
    if "cold" in parts:
        say("cold: a worker's start, and a file, with telemetry and without")
        figures += await cold.measure(profile.cold_rounds)
    return figures


def _say(text: str, began: float) -> None:
    print(f"{time.monotonic() - began:6.1f} s  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
