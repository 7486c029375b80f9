"""Twenty large files at once, for several people, against the plain script that takes them one after another."""

from bench.baseline import Baseline
from bench.figures import Figure, ratio_of
from bench.latency import FAR_AWAY, FAR_AWAY_SECONDS, LARGEST
from bench.stack import MeasuredStack

FILES = 20


async def measure(stack: MeasuredStack, plain: Baseline, rounds: int) -> list[Figure]:
    return [await _compare(stack, plain, rounds, "until all are attached", at_most=1.0)]


async def measure_far_away(stack: MeasuredStack, plain: Baseline, rounds: int) -> list[Figure]:
    """The same, with a Graph that is not on this machine."""
    async with stack.slow_graph(FAR_AWAY_SECONDS):
        return [await _compare(stack, plain, rounds, FAR_AWAY)]


async def _compare(
    stack: MeasuredStack, plain: Baseline, rounds: int, name: str, *, at_most: float | None = None
) -> Figure:
    ours, theirs = [], []
    for number in range(rounds):
        files = [await stack.write(LARGEST, stack.people[index % len(stack.people)]) for index in range(FILES)]
        # All of them lie there when either clock starts; each goes first every other time.
        if number % 2 == 1:
            theirs.append((await plain.attach(files)).seconds)
        began = stack.release()
        await stack.done(files)
        ours.append(max(await stack.landed(files)) - began)
        if number % 2 == 0:
            theirs.append((await plain.attach(files)).seconds)
        await stack.delete(files)
    return ratio_of(f"{FILES} x 25 MiB for {len(stack.people)} people, {name}", "s", ours, theirs, at_most=at_most)
