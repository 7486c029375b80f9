"""One file at a time, on an idle stack: the time from blob written to attached, and what it is spent on."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from bench.baseline import Baseline
from bench.figures import Figure, Spread, count_of, ratio_of
from bench.plain import SLICE_BYTES
from bench.stack import MeasuredStack, Place, Written
from bench.tally import since

KIB, MIB = 1024, 1024 * 1024
LARGEST = 25 * MIB
_SIZES = {"1 KiB": KIB, "one slice": SLICE_BYTES, "25 MiB": LARGEST}
SLICES = -(-LARGEST // SLICE_BYTES)
_BUDGET_25_MIB = 2.5
# What a network and a real mailbox may add to each request. Not measured: a guess on the low side.
FAR_AWAY_SECONDS = 0.25
_BUDGET_FAR_AWAY = 1.12
FAR_AWAY = f"each request to Graph {FAR_AWAY_SECONDS * 1000:.0f} ms slower"
# Long enough that the queue's listener polls as rarely as it ever does.
_IDLE_SECONDS = 0.8


@dataclass(frozen=True, slots=True)
class _Request:
    """A request to Graph, and when its head reached the server, in seconds since the file was written."""

    operation: str
    at: float


@dataclass(frozen=True, slots=True)
class _Trip:
    """One upload, in either way. Times in seconds since *began*; *puts*: when each slice's PUT reached the server."""

    landed: float
    opened: float
    puts: tuple[float, ...]

    @property
    def cycles(self) -> list[float]:
        return [later - earlier for earlier, later in pairwise(self.puts)]


@dataclass(frozen=True, slots=True)
class _Pair:
    """The same blob in both ways. *counts*: the application's requests to storage; *graph*: those to Graph."""

    ours: _Trip
    plain: _Trip
    counts: dict[str, int]
    deliveries: int
    graph: int


async def measure(stack: MeasuredStack, plain: Baseline, rounds: int) -> list[Figure]:
    pairs: dict[str, list[_Pair]] = {name: [] for name in _SIZES}
    await _warm_up(stack, plain)
    for number in range(rounds):
        for name, size in _SIZES.items():
            place = stack.people[number % len(stack.people)]
            # Each goes first every other time.
            pairs[name].append(await _pair(stack, plain, size, place, plain_first=number % 2 == 1))
    return [*_latencies(pairs), *_breakdown(pairs["25 MiB"]), *_operations(pairs["25 MiB"], pairs["one slice"])]


async def measure_far_away(stack: MeasuredStack, plain: Baseline, rounds: int) -> list[Figure]:
    """The same for the largest file, with a Graph that is not on this machine."""
    async with stack.slow_graph(FAR_AWAY_SECONDS):
        pairs = [
            await _pair(stack, plain, LARGEST, stack.people[number % len(stack.people)], plain_first=number % 2 == 1)
            for number in range(rounds)
        ]
    ours, theirs = [pair.ours.landed for pair in pairs], [pair.plain.landed for pair in pairs]
    return [ratio_of(f"25 MiB, {FAR_AWAY}", "s", ours, theirs, at_most=_BUDGET_FAR_AWAY)]


async def _warm_up(stack: MeasuredStack, plain: Baseline) -> None:
    for size in (KIB, LARGEST):
        await _pair(stack, plain, size, stack.people[0], plain_first=False)


async def _pair(stack: MeasuredStack, plain: Baseline, size: int, place: Place, *, plain_first: bool) -> _Pair:
    file = await stack.write(size, place)
    # A random pause, so that files do not come in step with the listener's polls.
    await asyncio.sleep(_IDLE_SECONDS + random.random() / 2)
    theirs = await _plain_trip(stack, plain, file) if plain_first else None
    before, deliveries = stack.tally.snapshot(), stack.deliveries
    began = stack.release()
    await stack.done([file])
    (landed,) = await stack.landed([file])
    counts = since(before, stack.tally.snapshot())
    delivered = stack.deliveries - deliveries
    requests = await _requests(stack, place.account, began)
    ours = _trip(requests, began, landed)
    theirs = theirs or await _plain_trip(stack, plain, file)
    await stack.delete([file])
    return _Pair(ours, theirs, counts, delivered, len(requests))


async def _plain_trip(stack: MeasuredStack, plain: Baseline, file: Written) -> _Trip:
    attached = await plain.attach([file])
    return _trip(await _requests(stack, stack.plain.account, attached.began), attached.began, attached.landed)


async def _requests(stack: MeasuredStack, account: str, began: float) -> list[_Request]:
    found = [
        _Request(each["operation"], datetime.fromisoformat(each["time"]).timestamp() - began)
        for each in await stack.journal()
        if each["mailbox"] == account
    ]
    return [each for each in found if each.at >= 0]


def _trip(requests: Sequence[_Request], began: float, landed: float) -> _Trip:
    opened = next(each.at for each in requests if each.operation == "create_session")
    return _Trip(landed - began, opened, tuple(each.at for each in requests if each.operation == "put_slice"))


def _latencies(pairs: dict[str, list[_Pair]]) -> list[Figure]:
    return [
        ratio_of(
            f"{name}, from blob written to attached",
            "s",
            [pair.ours.landed for pair in some],
            [pair.plain.landed for pair in some],
            at_most=_BUDGET_25_MIB if name == "25 MiB" else None,
        )
        for name, some in pairs.items()
    ]


def _breakdown(pairs: Sequence[_Pair]) -> list[Figure]:
    """What the time of 25 MiB is spent on, as the server sees it."""

    def both(name: str, of: Callable[[_Trip], float]) -> Figure:
        return ratio_of(name, "ms", [of(pair.ours) * 1000 for pair in pairs], [of(pair.plain) * 1000 for pair in pairs])

    beyond = [(ours - Spread.of(pair.plain.cycles).median) * 1000 for pair in pairs for ours in pair.ours.cycles]
    return [
        both("  until the session is asked for", lambda trip: trip.opened),
        both("  from there to the first PUT", lambda trip: trip.puts[0] - trip.opened),
        both("  from PUT to PUT (plain: one PUT, one GET)", lambda trip: Spread.of(trip.cycles).median),
        Figure("  per slice, beyond GET and PUT", "ms", Spread.of(beyond)),
    ]


def _operations(large: Sequence[_Pair], single: Sequence[_Pair]) -> list[Figure]:
    """The requests of an upload without faults. What a slice adds is the difference between the two sizes."""

    def per_slice(kind: str) -> list[float]:
        return [
            (most.counts.get(kind, 0) - least.counts.get(kind, 0)) / (SLICES - 1)
            for most, least in zip(large, single, strict=True)
        ]

    received = [(most.deliveries - least.deliveries) / (SLICES - 1) for most, least in zip(large, single, strict=True)]
    ledger = ("ledger read", "ledger write", "ledger live row")
    queue = ("queue send", "queue delete")
    return [
        count_of("Graph requests, 25 MiB", [pair.graph for pair in large], exactly=1 + SLICES),
        count_of("Graph requests, one slice", [pair.graph for pair in single], exactly=2),
        count_of("ledger writes per slice", per_slice("ledger write"), exactly=2),
        count_of("ledger reads per slice", per_slice("ledger read")),
        count_of("queue receives per slice", received, exactly=1),
        count_of("queue sends per slice", per_slice("queue send"), exactly=1),
        count_of("queue deletes per slice", per_slice("queue delete"), exactly=1),
        count_of("blob reads per slice", per_slice("blob GET"), exactly=1),
        # The host's own looks at the blob are among them.
        count_of("requests to storage, one-slice file, all in all", [_of_storage(pair) for pair in single]),
        count_of("ledger requests, one-slice file, all in all", [_sum(pair, ledger) for pair in single]),
        count_of(
            "queue requests, one-slice file, all in all", [_sum(pair, queue) + pair.deliveries for pair in single]
        ),
    ]


def _sum(pair: _Pair, kinds: Sequence[str]) -> int:
    return sum(pair.counts.get(kind, 0) for kind in kinds)


def _of_storage(pair: _Pair) -> int:
    # Empty polls are not counted: they come with the time that passes, not with a file.
    return sum(number for kind, number in pair.counts.items() if "poll" not in kind) + pair.deliveries
