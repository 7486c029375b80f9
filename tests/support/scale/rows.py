"""The rows of the table: what is measured, and the figure that is required.

Each measures with *few* times fewer files than the table says. *seed* varies how long requests take.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil
from random import Random
from statistics import median_high

from local.stand_ins.todo.behaviour import DOCUMENTED
from shared.app.sweep import Swept
from shared.core.entry import Phase
from tests.support.entries import an_entry
from tests.support.fakes.world import World, content
from tests.support.scale.engine import Engine, TimedSeam
from tests.support.scale.town import FILES_PER_WINDOW, LIMITED, MB_25, STORAGE_SECONDS, Town, about

WINDOW = 300.0
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Row:
    """One figure. *at_least*: the required figure is the least; otherwise it is the most."""

    what: str
    measured: float
    wanted: float
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        return self.measured >= self.wanted if self.at_least else self.measured <= self.wanted

    def __str__(self) -> str:
        sign, met = (">=" if self.at_least else "<="), ("met" if self.is_met else "MISSED")
        return f"{self.what:<78} {self.measured:>10.3f}  {sign} {self.wanted:<8g} {met}"


def _many(town: Town, count: int) -> Town:
    for number in range(count):
        town.drop(f"{number:05}.bin", MB_25)
    town.run()
    return town


def one_mailbox(few: int, seed: int) -> Iterator[Row]:
    """Many large files to one mailbox."""
    count = 1_000 // few
    for instances in (1, 4, 20):
        town = _many(Town(instances, seed=seed), count)
        name = f"{count} x 25 MB to one mailbox, {instances} instances"
        # The files of the last window do not wait for its end.
        ideal = (ceil(count / FILES_PER_WINDOW) - 1) * WINDOW
        yield Row(f"{name}: attached", town.attached, 1.0, at_least=True)
        yield Row(f"{name}: of the ideal throughput", ideal / town.elapsed, 0.95, at_least=True)
        yield Row(f"{name}: refused", town.refused, 0.01)
        yield Row(f"{name}: bytes sent over payload", town.graph.sent / (count * MB_25), 1.02)
        if few == 1:
            # In a short line more of the writes meet each other: all instances begin at once.
            yield Row(f"{name}: operations a file for pacing", town.pacing_operations, 15)


def refused_bytes_count(few: int, seed: int) -> Iterator[Row]:
    count = 100 // few
    town = _many(Town(seed=seed, published=replace(LIMITED, refused_bytes_count=True)), count)
    yield Row(f"{count} x 25 MB where refused bytes count: attached", town.attached, 1.0, at_least=True)
    yield Row(f"{count} x 25 MB where refused bytes count: refused", town.refused, 0.01)


def small_files(few: int, seed: int) -> Iterator[Row]:
    count, limit = 2_000 // few, 1_000 // few
    town = Town(seed=seed, requests=limit, published=replace(LIMITED, requests=limit))
    for number in range(count):
        town.drop(f"{number:05}.txt", 4)
    town.run()
    name = f"{count} small files, {limit} requests per 10 minutes"
    yield Row(f"{name}: attached", town.attached, 1.0, at_least=True)
    yield Row(f"{name}: refused", town.refused, 0.01)
    # Each file makes two requests, for its session and its slice: they fit exactly into this many windows.
    windows = 2 * count / limit
    yield Row(f"{name}: windows of ten minutes", town.elapsed / 600, windows)


def short_sessions(few: int, seed: int) -> Iterator[Row]:
    count = 300 // few
    town = _many(Town(seed=seed, behaviour=replace(DOCUMENTED, session_lifetime=3_600.0)), count)
    yield Row(f"sessions that live an hour, {count} files: sessions a file", town.sessions, 1.0)


def another_person(few: int, seed: int) -> Iterator[Row]:
    town, count = Town(seed=seed), 1_000 // few
    kim = town.person("kim@example.com")
    for number in range(count):
        town.drop(f"{number:05}.bin", MB_25)
    town.drop("kim.bin", MB_25, kim, after=5.0)
    town.engine.run(
        lambda: any(file.name == "kim.bin" and file.upload_id() in town.ends for file in town.files), at_most=_DAY
    )
    file = next(file for file in town.files if file.name == "kim.bin")
    yield Row(f"one file 5 s after another person's {count}: seconds", town.seconds_of(file), 20)


def slow_mailboxes(few: int, seed: int) -> Iterator[Row]:
    each = max(20 // few, 10)  # with fewer, even batches of eight would do
    for count in (1, 2):
        slow = [f"slow{number}@example.com" for number in range(count)]
        others = [f"p{number}@example.com" for number in range(20 - count)]
        town = Town(seed=seed, latency=lambda token: 28.0 if token.startswith("token-of-slow") else 0.7)
        for name in (*slow, *others):
            town.person(name)
        for number in range(each):
            for name in (*slow, *others):
                town.drop(f"{name}-{number}.bin", MB_25 // 4, name)
        town.run()
        name = f"{count} of 20 mailboxes 40 times slower, batches of {town.batch} at {town.threshold}"
        yield Row(f"{name}: seconds, median of the others", median_high(map(town.median_of, others)), 180)


def one_name(few: int, seed: int) -> Iterator[Row]:
    def operations(count: int) -> float:
        town = Town(seed=seed)
        for number in range(count):
            town.drop(f"{number:05}.bin", 4, filename="same.bin")
        town.run()
        yield_attached.append(town.attached)
        return town.operations

    yield_attached: list[float] = []
    count = 300 // few
    third, whole = operations(count // 3), operations(count)
    yield Row(f"{count} files of one name: attached", min(yield_attached), 1.0, at_least=True)
    yield Row(f"{count} files of one name: operations a file, against a third as many", whole / third, 1.2)


def a_whole_day(few: int, seed: int) -> Iterator[Row]:
    count = 1_728 * 2 // few
    town = _many(Town(4, seed=seed), count)
    yield Row(
        f"{count} x 25 MB, {town.elapsed / 3600:.0f} hours of one mailbox: attached", town.attached, 1.0, at_least=True
    )


def many_in_flight(few: int, seed: int) -> Iterator[Row]:
    """Uploads that are deferred for a day, so that a sweep only looks at them."""
    count = 100_000 // few
    world, engine = _timed_world(seed)
    deferred = an_entry(Phase.SENDING, claim=None, not_before=world.clock.now + _DAY)
    for number in range(count):
        upload_id = f"{number * 2**128 // count:032x}"
        world.ledger.mark_live(upload_id)
        world.ledger.insert(replace(deferred, upload_id=upload_id))
    swept, seconds = list[Swept](), list[float]()
    while not swept or swept[-1].was_cut:
        seconds.append(_timed(engine, lambda: swept.append(world.application.sweep_live())))
    name = f"{count} uploads in flight"
    yield Row(f"{name}: looked at", sum(each.live for each in swept) / count, 1.0, at_least=True)
    yield Row(f"{name}: sweeps, one a minute, until each was looked at", len(swept), 30)
    yield Row(f"{name}: seconds of the longest sweep", max(seconds), 50)


def sign_in(few: int, seed: int) -> Iterator[Row]:
    count = 2_000 // few
    world, engine = _timed_world(seed)
    for number in range(count):
        where = {"user": "kim@example.com", "listid": world.list.id, "taskid": world.task.id}
        world.drop(content(4, number + 1), f"{number}.txt", **where)
        world.event(f"{number}.txt")
    line = world.application.sign_in_line
    # The first report of each is written before its ticket.
    world.run(until=lambda: len(world.paces.queues.get(line.key("kim@example.com"), ())) == count)
    name = f"sign-in while {count} uploads wait"
    woken: list[int] = []
    seconds = _timed(engine, lambda: woken.append(line.wake_first("kim@example.com")))
    yield Row(f"{name}: woken", woken[0], 8, at_least=True)
    yield Row(f"{name}: seconds in the callback", seconds, 1)


def _timed_world(seed: int) -> tuple[World, Engine]:
    """A world without instances, in which each request to storage takes its time."""
    world, chance = World(), Random(seed)
    world.ledger.by_record = False
    engine = Engine(world.clock)
    world.put_in(TimedSeam(engine, lambda: about(STORAGE_SECONDS, chance)))
    return world, engine


def _timed(engine: Engine, work: Callable[[], object]) -> float:
    """Do *work* in simulated time. Returns its seconds."""
    began, over = engine.clock.now, list[bool]()

    def do() -> None:
        work()
        over.append(True)

    engine.start(do)
    engine.run(lambda: bool(over), at_most=_DAY)
    return (engine.clock.now - began).total_seconds()


ROWS: tuple[Callable[[int, int], Iterator[Row]], ...] = (
    one_mailbox,
    refused_bytes_count,
    small_files,
    short_sessions,
    another_person,
    slow_mailboxes,
    one_name,
    a_whole_day,
    many_in_flight,
    sign_in,
)
