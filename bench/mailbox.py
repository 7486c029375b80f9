"""Files for one mailbox that limits requests and bytes as Microsoft publishes: none refused, and how long it takes."""

from datetime import datetime

from bench.figures import Figure, Spread, count_of
from bench.latency import MIB
from bench.stack import MeasuredStack

SIZE = 5 * MIB
# What one request to a real mailbox may take. Not measured: a guess, the one that `make simulate-scale` makes.
REQUEST_SECONDS = 0.7
_REFUSED = 429


async def measure(count: int) -> list[Figure]:
    """150 MB go in a window of five minutes: 30 files are a little more, and wait for the next one."""
    async with MeasuredStack(1, published_limits=True) as stack, stack.slow_graph(REQUEST_SECONDS):
        files = [await stack.write(SIZE, stack.people[0]) for _ in range(count)]
        began = stack.release()
        await stack.done(files, within_seconds=600 + 20 * count)
        seconds = max(await stack.landed(files)) - began
        requests = [
            each
            for each in await stack.journal()
            if each["mailbox"] == stack.people[0].account and datetime.fromisoformat(each["time"]).timestamp() >= began
        ]
    name = f"{count} x 5 MiB to one mailbox, published limits, {REQUEST_SECONDS:g} s a request"
    return [
        Figure(f"{name}: until all are attached", "s", Spread.of([seconds])),
        count_of("  requests to Graph", [len(requests)]),
        count_of("  of them refused", [sum(each["status"] == _REFUSED for each in requests)], exactly=0),
    ]
