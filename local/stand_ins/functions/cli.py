"""The command line: `python -m local.stand_ins.functions --app DIR`. Environment variables are the app settings.

stdout has JSON lines only: one with `"ready": true`, then events. Everything for people goes to stderr.
SIGTERM, SIGINT and (with --tether) the end of stdin drain the host; a second signal, or the time limit, ends it hard.
Exit status: 0 drained, or ended by itself as the real host does; 1 ended hard; 2 refused.
"""

import argparse
import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from local.stand_ins.functions.ending import LONGEST_LOSS
from local.stand_ins.functions.event_stream import EventStream
from local.stand_ins.functions.host import CLOUD_LEASE, Host, Plan
from local.stand_ins.functions.refusal import HostRefusedError

_LONGEST_LEASE_SECONDS = 7 * 24 * 3600


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    events = EventStream()
    plan = Plan(
        app_directory=options.app.resolve(),
        environment=dict(os.environ),
        port=options.port,
        lease=timedelta(seconds=options.lease),
        keyless=options.keyless,
        longest_loss=timedelta(seconds=options.storage_loss_seconds),
    )
    try:
        return asyncio.run(_run(plan, events, options.drain_seconds, tethered=options.tether))
    except HostRefusedError as refusal:
        events.emit("refused", problems=refusal.problems)
        for problem in refusal.problems:
            print(f"refused: {problem}", file=sys.stderr)
        print("Azure's host would start, and say so in its log only; what depends on it would not run", file=sys.stderr)
        return 2
    finally:
        events.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.stand_ins.functions", description=__doc__.partition("\n")[0])
    parser.add_argument("--app", type=Path, required=True, metavar="DIR", help="the directory of function_app.py")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes any free port")
    parser.add_argument(
        "--lease",
        type=_whole_seconds,
        default=CLOUD_LEASE.total_seconds(),
        metavar="SECONDS",
        help="how long a received message stays invisible; not the cloud's, which is 600, always",
    )
    parser.add_argument(
        "--keyless", action="store_true", help="ask no key of the webhook, as Core Tools do; Azure's host always does"
    )
    parser.add_argument("--tether", action="store_true", help="drain when stdin reaches its end")
    parser.add_argument("--drain-seconds", type=float, default=10.0, metavar="S", help="the bound of a drain")
    parser.add_argument(
        "--storage-loss-seconds",
        type=float,
        default=LONGEST_LOSS.total_seconds(),
        metavar="S",
        help="how long storage may refuse connections before the host ends (default: %(default)g, as the real host)",
    )
    return parser


def _whole_seconds(text: str) -> float:
    seconds = float(text)
    if not seconds.is_integer() or not 1 <= seconds <= _LONGEST_LEASE_SECONDS:
        raise ValueError(text)
    return seconds


async def _run(plan: Plan, events: EventStream, drain_seconds: float, *, tethered: bool) -> int:
    asked_once, asked_twice = asyncio.Event(), asyncio.Event()

    def ask() -> None:
        (asked_twice if asked_once.is_set() else asked_once).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask)
    if tethered:
        _when_stdin_ends(lambda: loop.call_soon_threadsafe(asked_once.set))
    host = Host(plan, events)
    try:
        starting = asyncio.create_task(host.start())
        asked = asyncio.create_task(asked_once.wait())
        await asyncio.wait((starting, asked), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.wait([starting])
            return 1
        starting.result()
        ended = asyncio.create_task(host.end.reason())
        await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            events.emit("host_ended", reason=ended.result())
            print(f"the host ends: {ended.result()}", file=sys.stderr)
            return 0
        ended.cancel()
        return await _drain(host, events, asked_twice, drain_seconds)
    finally:
        await host.close()


async def _drain(host: Host, events: EventStream, asked_twice: asyncio.Event, drain_seconds: float) -> int:
    draining = asyncio.create_task(host.drain())
    impatient = asyncio.create_task(asked_twice.wait())
    await asyncio.wait((draining, impatient), timeout=drain_seconds, return_when=asyncio.FIRST_COMPLETED)
    impatient.cancel()
    if draining.done():
        draining.result()
        events.emit("drained")
        return 0
    # As when the platform kills an instance: whatever is in flight stays leased.
    draining.cancel()
    events.emit("stopped_hard")
    return 1


def _when_stdin_ends(ended: Callable[[], object]) -> None:
    def watch() -> None:
        # Not through sys.stdin: a thread that holds its lock while the interpreter ends is a fatal error.
        while os.read(0, 4096):
            pass
        ended()

    threading.Thread(target=watch, name="tether", daemon=True).start()
