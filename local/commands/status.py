"""`status`: prints where each file is, and why, from the ledger of the stack that runs."""

import argparse
import asyncio
import json
import sys
from collections import Counter
from itertools import islice

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding

from local.commands import exit_codes, interruptible
from local.commands.options import add_data_option, seconds, text
from local.commands.progress import terminal
from local.commands.report import Line, Seen, as_json, lines
from local.commands.running import NoStack, running_stack
from local.commands.uploads import Upload, Uploads
from local.commands.wording import utc_now
from local.stack.state_dir import RunningRecord
from shared.core.entry import Phase
from shared.errors import StorageUnavailable

_RECENT = 10
_WATCH_SECONDS = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Where each file is, and why. Without a NAME: what is under way, and how the last "
        f"{_RECENT} uploads ended. docs/local-stack.md describes --json."
    )
    parser.add_argument(
        "names",
        nargs="*",
        type=text,
        metavar="NAME",
        help="only files with this in their name, or the beginning of an upload's id",
    )
    parser.add_argument(
        "--state",
        action="append",
        choices=[str(phase) for phase in Phase],
        metavar="STATE",
        help=f"only uploads in this state; may be given several times. One of {', '.join(Phase)}",
    )
    parser.add_argument("--all", action="store_true", help=f"not only the last {_RECENT} that ended")
    parser.add_argument("--watch", action="store_true", help="look again and again, until Ctrl-C")
    parser.add_argument(
        "--interval", type=seconds, default=_WATCH_SECONDS, metavar="SECONDS", help="for --watch (default: %(default)g)"
    )
    parser.add_argument("--json", action="store_true", help="for programs; with --watch, a line for each change")
    add_data_option(parser, "the stack that keeps its data in DIR")


def run(_parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Returns 0 where a stack runs and answers, and some upload matches the NAMEs, if there are any."""
    try:
        record = running_stack(options)
        with Uploads(record) as uploads:
            if options.watch:
                return interruptible.run(_watch(uploads, record, options))
            seen = _look(uploads, options)
    except (NoStack, StorageUnavailable) as error:
        print(f"todo-attach: {error}", file=sys.stderr)
        return exit_codes.FAILED
    if options.json:
        print(json.dumps(as_json(seen, record), indent=2, ensure_ascii=False))
    else:
        _print(seen, record, terminal(stderr=False))
    return exit_codes.FAILED if options.names and seen.is_empty else exit_codes.OK


def _look(uploads: Uploads, options: argparse.Namespace) -> Seen:
    live = uploads.under_way()
    known = {upload.upload_id for upload in live}
    ended = [upload for upload in uploads.newest_first() if upload.upload_id not in known]
    counts = Counter(str(upload.entry.phase) if upload.entry else "entering" for upload in [*live, *ended])
    asked = bool(options.names or options.state or options.all)
    found = (upload for upload in ended if _is_wanted(upload, options))
    # To list the container takes time: it is done only for a NAME, or with --all.
    look_further = not options.state and (options.names or options.all)
    return Seen(
        at=utc_now(),
        counts=counts,
        under_way=[upload for upload in live if _is_wanted(upload, options)],
        ended=list(found if asked else islice(found, _RECENT)),
        unknown=uploads.unknown(options.names) if look_further else [],
        asked=asked,
    )


def _is_wanted(upload: Upload, options: argparse.Namespace) -> bool:
    if options.state and (upload.entry is None or str(upload.entry.phase) not in options.state):
        return False
    return not options.names or any(upload.answers_to(name) for name in options.names)


# -- again and again --


async def _watch(uploads: Uploads, record: RunningRecord, options: argparse.Namespace) -> int:
    """Print until Ctrl-C, the usual end, or until the stack has ended."""
    console = terminal(stderr=False)
    seen = None
    try:
        if options.json or not console.is_terminal:
            await _print_changes(uploads, record, options)
        # On the terminal's alternate screen, where a text longer than the screen is cut off and does not scroll.
        with Live(console=console, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
            while True:
                seen = await asyncio.to_thread(_look, uploads, options)
                live.update(Group(*map(_wrapped, lines(seen, record))), refresh=True)
                await _pause(options)
    except asyncio.CancelledError:
        if seen is not None:
            _print(seen, record, console)
        return exit_codes.OK


async def _print_changes(uploads: Uploads, record: RunningRecord, options: argparse.Namespace) -> None:
    said = None
    while True:
        seen = await asyncio.to_thread(_look, uploads, options)
        facts = {name: value for name, value in as_json(seen, record).items() if name != "at"}
        if facts != said:
            said = facts
            if options.json:
                print(json.dumps({"at": seen.at.isoformat(), **facts}, ensure_ascii=False), flush=True)
            else:
                _print(seen, record, terminal(stderr=False))
        await _pause(options)


async def _pause(options: argparse.Namespace) -> None:
    await asyncio.sleep(options.interval)
    running_stack(options)


# -- for people --


def _print(seen: Seen, record: RunningRecord, console: Console) -> None:
    # At a terminal, lines are wrapped to its width. Elsewhere they stay whole, so that programs can search them.
    for line in lines(seen, record):
        if console.is_terminal:
            console.print(_wrapped(line))
        else:
            print(f"{' ' * line.indent}{line.text.plain}")


def _wrapped(line: Line) -> Padding:
    return Padding(line.text, (0, 0, 0, line.indent))
