"""`demo`: sends real files through the real pipeline, and checks what the product promises."""

import argparse
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.commands import interruptible
from local.commands.options import add_host_option, host_of
from local.commands.progress import terminal
from local.commands.put import PutError
from local.commands.sending import Outcome, Parcel, Sending, StackGone
from local.commands.target import new_stack
from local.stack.child import ChildFailed
from local.stack.emulator import Emulator
from local.stack.plan import Plan
from local.stack.state_dir import EmulatorRecord, RunningRecord
from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.blobs import BlobStore
from shared.core.entry import Phase
from shared.core.outcome import REASON, STATE
from shared.core.ranges import MAX_SLICE_BYTES
from shared.core.size_text import size_text
from shared.settings import MAX_FILE_BYTES, Connection

_PATIENCE_SECONDS = 120.0
_INTRODUCTION = """\
Five files on their way to a task in Microsoft To Do, on this machine alone: Azurite stores them, Microsoft's Python
worker runs function_app.py, an emulator stands in for To Do. The fifth names no task, and is rejected for it.
"""
_WHAT_ELSE = """\
With `.venv/bin/python -m local up --sign-in` people send files from a page of their own; it prints the page's address.\
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = _INTRODUCTION
    add_host_option(parser)


def run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Returns 0 only where all went as promised."""
    return interruptible.run(_demo(terminal(stderr=False), Plan(host=host_of(parser, options))))


async def _demo(console: Console, plan: Plan) -> int:
    started = time.monotonic()
    console.print(_INTRODUCTION, soft_wrap=True)
    try:
        arrivals = await _arrivals(console, plan)
    except (ChildFailed, PutError, StackGone) as error:
        console.print(f"todo-attach: {error}", markup=False, highlight=False, soft_wrap=True)
        return 1
    console.print(_table(arrivals))
    promises = [*_promises_of_files(arrivals), *_promises_of_graph(arrivals)]
    for promise in promises:
        mark = Text("ok  ", "green") if promise.kept else Text("NO  ", "bold red")
        console.print(mark, promise.text, sep="", highlight=False, soft_wrap=True)
    seconds = time.monotonic() - started
    if not all(promise.kept for promise in promises):
        console.print(f"\nNot all went as promised, in {seconds:.0f} s.", style="bold red", highlight=False)
        return 1
    console.print(f"\nAll went as promised, in {seconds:.0f} s.", style="bold", highlight=False)
    console.print(_WHAT_ELSE, highlight=False, soft_wrap=True)
    return 0


@dataclass(frozen=True, slots=True)
class _Arrivals:
    """The outcomes of the files, and what the emulator counted meanwhile. The last file is the one without a task."""

    outcomes: Sequence[Outcome]
    tags: Sequence[Mapping[str, str]]
    requests: Mapping[str, int]
    offences: Mapping[str, int]


async def _arrivals(console: Console, plan: Plan) -> _Arrivals:
    with TemporaryDirectory(prefix="todo-attach-demo-") as directory:
        async with new_stack(plan, None, console) as stack:
            record = stack.record
            assert record.emulator is not None  # noqa: S101 - the plan names no other Graph
            parcels = _parcels(Path(directory), record.emulator)
            sending = Sending(record, parcels)
            await sending.run(console, gone=stack.gone, within_seconds=_PATIENCE_SECONDS)
            emulator = Emulator(record.emulator)
            tags = _tags(record, sending.outcomes)
            return _Arrivals(sending.outcomes, tags, emulator.requests(), emulator.offences())


def _parcels(directory: Path, emulator: EmulatorRecord) -> list[Parcel]:
    task = {"listid": emulator.list_id, "taskid": emulator.task_id}
    files: list[tuple[str, int, Mapping[str, str]]] = [
        ("note.txt", 12, task),
        ("one byte over a slice.bin", MAX_SLICE_BYTES + 1, task),
        ("25 MiB, the most that fits.bin", MAX_FILE_BYTES, task),
        ("Größe, 50% + 見積書.txt", 4321, task),
        ("names no task.txt", 99, {"listid": emulator.list_id}),
    ]
    # Random bytes, which never repeat, so that a slice in the wrong place changes the hash.
    noise = random.Random(25)  # noqa: S311 - no secret
    for name, size, _ in files:
        (directory / name).write_bytes(noise.randbytes(size))
    return [Parcel(directory / name, metadata) for name, _, metadata in files]


@dataclass(frozen=True, slots=True)
class _Promise:
    """A promise, in words that fit whether or not it was kept."""

    text: str
    kept: bool


def _promises_of_files(arrivals: _Arrivals) -> Iterator[_Promise]:
    *good, bad = arrivals.outcomes
    *good_tags, bad_tags = arrivals.tags
    whole = [each for each in good if each.is_good and each.same]
    yield _Promise(f"{len(whole)} of {len(good)} files attached, byte for byte (SHA-256)", len(whole) == len(good))
    tagged = [tags for tags in good_tags if tags.get(STATE) == Phase.ATTACHED]
    yield _Promise(f"{len(tagged)} of {len(good)} blobs tagged as attached", len(tagged) == len(good))
    explained = bad_tags.get(STATE) == Phase.REJECTED and "no task" in bad_tags.get(REASON, "")
    yield _Promise(f"the fifth: {bad.word}, and its tags say why", bad.word == Phase.REJECTED and explained)


def _promises_of_graph(arrivals: _Arrivals) -> Iterator[_Promise]:
    fewest = sum(1 + math.ceil(each.file.size / MAX_SLICE_BYTES) for each in arrivals.outcomes[:-1])
    asked = sum(arrivals.requests.values())
    yield _Promise(f"{asked} requests to To Do ({_counts(arrivals.requests)}), where {fewest} must be", asked == fewest)
    offences = _counts(arrivals.offences) or "none"
    yield _Promise(f"things that a sound client does not do: {offences}", not arrivals.offences)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _tags(record: RunningRecord, outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
    connection = Connection(connection_string=record.storage)
    with azure_clients.container_client(connection, record.container) as container:
        blobs = BlobStore(container)
        return [blobs.tags(outcome.file.blob) for outcome in outcomes]


def _table(arrivals: _Arrivals) -> Table:
    table = Table(title="\nWhat the blobs' own tags say", title_justify="left", title_style="", box=box.SIMPLE_HEAD)
    table.add_column("file", overflow="fold", min_width=30)
    table.add_column("size", justify="right")
    table.add_column(STATE)
    table.add_column(REASON)
    for outcome, tag in zip(arrivals.outcomes, arrivals.tags, strict=True):
        state = tag.get(STATE, "")
        style = "green" if state == Phase.ATTACHED else "yellow"
        table.add_row(
            Text(outcome.file.name), size_text(outcome.file.size), Text(state, style), Text(tag.get(REASON, ""))
        )
    return table
