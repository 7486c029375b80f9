"""`status`: where each file is, and why, by the ledger of the stack that runs."""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from local.commands import exit_codes, interruptible
from local.commands.options import add_data_option, seconds, text
from local.commands.progress import terminal
from local.commands.running import NoStack, running_stack
from local.commands.uploads import Unknown, Upload, Uploads, does, title_of
from local.commands.wording import arrived, because, moment_text, size_text, utc_now
from local.stack.emulator import Emulator
from local.stack.state_dir import RunningRecord
from shared.core.attachment import Reference
from shared.core.entry import Phase
from shared.errors import StorageUnavailable

_RECENT = 10
_WATCH_SECONDS = 1.0
_COLOURS = {Phase.ATTACHED: "green", Phase.REJECTED: "red", Phase.FAILED: "red", Phase.WAITING: "yellow"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Where each file is, and why. Without a NAME: what is under way, and how the last "
        f"{_RECENT} uploads ended. docs/configuration.md describes --json."
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
    """0 where a stack runs and answers, and has something of every NAME."""
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
        print(json.dumps(_as_json(seen, record), indent=2, ensure_ascii=False))
    else:
        _print(seen, record, terminal(stderr=False))
    return exit_codes.FAILED if options.names and seen.is_empty else exit_codes.OK


@dataclass(frozen=True, slots=True)
class _Seen:
    """The ledger at one moment. *counts* are of all uploads; *asked*: something in particular was."""

    at: datetime
    counts: Mapping[str, int]
    under_way: Sequence[Upload]
    ended: Sequence[Upload]
    unknown: Sequence[Unknown]
    asked: bool

    @property
    def is_empty(self) -> bool:
        return not (self.under_way or self.ended or self.unknown)


def _look(uploads: Uploads, options: argparse.Namespace) -> _Seen:
    live = uploads.under_way()
    known = {upload.upload_id for upload in live}
    ended = [upload for upload in uploads.newest_first() if upload.upload_id not in known]
    counts = Counter(str(upload.entry.phase) if upload.entry else "entering" for upload in [*live, *ended])
    asked = bool(options.names or options.state or options.all)
    found = (upload for upload in ended if _is_wanted(upload, options))
    # Of files that no upload knows, only who asks for them by name, or for everything, is told.
    look_further = not options.state and (options.names or options.all)
    return _Seen(
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
    """Until Ctrl-C, which is how this is meant to end; or until the stack has gone."""
    console = terminal(stderr=False)
    seen = None
    try:
        if options.json or not console.is_terminal:
            await _print_changes(uploads, record, options)
        # On the terminal's other screen: what is longer than the screen is cut off there, and never scrolls.
        with Live(console=console, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
            while True:
                seen = await asyncio.to_thread(_look, uploads, options)
                live.update(Group(*map(_wrapped, _lines(seen, record))), refresh=True)
                await _pause(options)
    except asyncio.CancelledError:
        if seen is not None:
            _print(seen, record, console)
        return exit_codes.OK


async def _print_changes(uploads: Uploads, record: RunningRecord, options: argparse.Namespace) -> None:
    said = None
    while True:
        seen = await asyncio.to_thread(_look, uploads, options)
        facts = {name: value for name, value in _as_json(seen, record).items() if name != "at"}
        if facts != said:
            said = facts
            if options.json:
                print(json.dumps({"at": _iso(seen.at), **facts}, ensure_ascii=False), flush=True)
            else:
                _print(seen, record, terminal(stderr=False))
        await _pause(options)


async def _pause(options: argparse.Namespace) -> None:
    await asyncio.sleep(options.interval)
    running_stack(options)


# -- for people --


def _print(seen: _Seen, record: RunningRecord, console: Console) -> None:
    # At a terminal lines are wrapped where it ends. Elsewhere they stay whole, for whoever searches them.
    for line in _lines(seen, record):
        if console.is_terminal:
            console.print(_wrapped(line))
        else:
            print(f"{' ' * line.indent}{line.text.plain}")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, as long as it is. No table: a name may have a thousand characters, and a terminal eighty columns."""

    text: Text
    indent: int = 0


def _wrapped(line: _Line) -> Padding:
    return Padding(line.text, (0, 0, 0, line.indent))


def _lines(seen: _Seen, record: RunningRecord) -> Iterator[_Line]:
    names = _Names.of(record)
    yield _Line(Text(_heading(seen)))
    for unknown in seen.unknown:
        yield _Line(Text())
        yield _Line(Text.assemble(("not seen", "yellow"), f"  {unknown.name}"))
        yield _indented(f"{size_text(unknown.size)}, in the container; no event has arrived. `reconcile` starts it")
    for title, uploads in (("Under way", seen.under_way), ("Ended last", seen.ended)):
        if uploads:
            yield _Line(Text())
            yield _Line(Text(title, style="bold"))
        for upload in uploads:
            yield from _lines_of(upload, record, names, seen.at)
    if seen.is_empty:
        yield _Line(Text())
        yield _Line(Text("Nothing like that." if seen.asked else "Nothing is under way, and nothing has ended yet."))


def _heading(seen: _Seen) -> str:
    counts = ", ".join(f"{seen.counts[name]} {name}" for name in _in_order(seen.counts))
    return f"{counts or 'no uploads'} (at {moment_text(seen.at)})"


def _in_order(counts: Mapping[str, int]) -> list[str]:
    order = ["entering", *map(str, Phase)]
    return sorted(counts, key=order.index)


def _lines_of(upload: Upload, record: RunningRecord, names: "_Names", now: datetime) -> Iterator[_Line]:
    entry = upload.entry
    if entry is None or upload.stored is None:
        yield _Line(Text(f"entering  upload {upload.upload_id[:8]}"))
        return
    yield _Line(Text.assemble((str(entry.phase), _COLOURS.get(entry.phase, "bold")), f"  {title_of(upload)}"))
    if upload.is_under_way:
        yield _indented(f"{arrived(entry)} arrived; {does(upload, record, now)}")
    elif why := because(entry):
        yield _indented(why)
    task, task_list = names.of_task(entry.wanted_task), names.of_list(entry.wanted_list)
    yield _indented(f"to {task} in {task_list}, of {entry.account}")
    verb = "last step" if upload.is_under_way else "ended"
    yield _indented(
        f"put {moment_text(entry.created_at)}, {verb} {moment_text(upload.stored.written_at)}; "
        f"upload {upload.upload_id[:8]}"
    )


def _indented(text: str) -> _Line:
    return _Line(Text(text), indent=4)


@dataclass(frozen=True, slots=True)
class _Names:
    """What ids mean, where the emulator can tell."""

    lists: Mapping[str, str]
    tasks: Mapping[str, str]

    @classmethod
    def of(cls, record: RunningRecord) -> "_Names":
        try:
            mailboxes = Emulator(record.emulator).mailboxes() if record.emulator is not None else []
        except OSError:
            mailboxes = []  # it is being started again; ids will do
        lists = [each for mailbox in mailboxes for each in mailbox.lists]
        return cls(
            {each.id: each.name for each in lists}, {task.id: task.name for each in lists for task in each.tasks}
        )

    def of_list(self, wanted: Reference) -> str:
        return _named(wanted, self.lists) if wanted.id or wanted.name else "the default list"

    def of_task(self, wanted: Reference) -> str:
        return _named(wanted, self.tasks) if wanted.id or wanted.name else "no task"


def _named(wanted: Reference, names: Mapping[str, str]) -> str:
    return f'"{names[wanted.id]}"' if wanted.id in names else str(wanted)


# -- for programs --


def _as_json(seen: _Seen, record: RunningRecord) -> dict[str, object]:
    return {
        "at": _iso(seen.at),
        "counts": dict(seen.counts),
        "under_way": [_facts(upload, record, seen.at) for upload in seen.under_way],
        "ended": [_facts(upload, record, seen.at) for upload in seen.ended],
        "not_seen": [{"blob": each.name, "size": each.size} for each in seen.unknown],
    }


def _facts(upload: Upload, record: RunningRecord, now: datetime) -> dict[str, object]:
    """Chosen one by one: the entry also holds the upload URL, which is a secret."""
    entry = upload.entry
    if entry is None or upload.stored is None:
        return {"upload_id": upload.upload_id, "does": does(upload, record, now)}
    return {
        "upload_id": upload.upload_id,
        "container": entry.blob.container,
        "blob": entry.blob.name,
        "etag": entry.blob.etag,
        "attachment_name": entry.attachment_name,
        "account": entry.account,
        "list": entry.wanted_list.name,
        "list_id": entry.list_id or entry.wanted_list.id,
        "task": entry.wanted_task.name,
        "task_id": entry.task_id or entry.wanted_task.id,
        "state": entry.phase,
        "reason": entry.reason,
        "detail": entry.detail,
        "does": does(upload, record, now) if upload.is_under_way else None,
        "size": entry.size,
        "offset": entry.offset,
        "step": entry.step,
        "sessions_opened": entry.sessions_opened,
        "not_before": _iso(entry.not_before),
        "claimed_until": _iso(entry.claim.until if entry.claim is not None else None),
        "created_at": _iso(entry.created_at),
        "written_at": _iso(upload.stored.written_at),
        "told_in_tags": entry.reported,
        "attachment_id": entry.attachment_id,
    }


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when is not None else None
