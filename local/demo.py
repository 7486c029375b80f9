"""`demo`: real files through the real pipeline, and what they are promised, checked."""

import argparse
import asyncio
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

from local import interruptible
from local.at_hand import new_stack
from local.child import ChildFailed
from local.emulator import Emulator
from local.journey import Outcome, Parcel, StackGone, send
from local.progress import terminal
from local.stack import Plan
from local.state_dir import EmulatorRecord, RunningRecord
from local.wording import size_text
from shared.adapters import azure_clients
from shared.adapters.blob_store import BlobStore
from shared.ledger import Phase
from shared.outcome import REASON, STATE
from shared.ranges import MAX_SLICE_BYTES
from shared.settings import MAX_FILE_BYTES, Connection

_PATIENCE_SECONDS = 120.0
_INTRODUCTION = """\
Five files on their way to a task in Microsoft To Do, on this machine alone: Azurite stores them, Microsoft's Python
worker runs function_app.py, an emulator stands in for To Do. The fifth names no task, and is told so.
"""


def main(arguments: Sequence[str]) -> int:
    """0 only where all went as promised."""
    parser = argparse.ArgumentParser(prog="python -m local demo", description=_INTRODUCTION)
    parser.parse_args(arguments)
    return interruptible.run(_demo(terminal(stderr=False)))


async def _demo(console: Console) -> int:
    started = time.monotonic()
    console.print(_INTRODUCTION, soft_wrap=True)
    try:
        with TemporaryDirectory(prefix="todo-attach-demo-") as directory:
            async with new_stack(Plan(), None, console) as stack:
                assert stack.record.emulator is not None  # noqa: S101 - the plan names no other Graph
                parcels = _parcels(Path(directory), stack.record.emulator)
                outcomes = await send(stack.record, parcels, console, gone=stack.gone, within_seconds=_PATIENCE_SECONDS)
                tags = await asyncio.to_thread(_tags, stack.record, outcomes)
                promises = [*_promises_of_files(outcomes, tags), *_promises_of_graph(stack.record.emulator, outcomes)]
    except (ChildFailed, StackGone) as error:
        console.print(f"todo-attach: {error}", markup=False, highlight=False, soft_wrap=True)
        return 1
    console.print(_table(outcomes, tags))
    for promise in promises:
        console.print(
            Text("ok  ", "green") if promise.kept else Text("NO  ", "bold red"),
            promise.text,
            sep="",
            highlight=False,
            soft_wrap=True,
        )
    all_kept = all(promise.kept for promise in promises)
    verdict = "All went as promised" if all_kept else "Not all went as promised"
    console.print(
        f"\n{verdict}, in {time.monotonic() - started:.0f} s.",
        style="bold" if all_kept else "bold red",
        highlight=False,
    )
    return 0 if all_kept else 1


def _parcels(directory: Path, emulator: EmulatorRecord) -> list[Parcel]:
    task = {"listid": emulator.list_id, "taskid": emulator.task_id}
    files: list[tuple[str, int, Mapping[str, str]]] = [
        ("note.txt", 12, task),
        ("one byte over a slice.bin", MAX_SLICE_BYTES + 1, task),
        ("25 MiB, the most that fits.bin", MAX_FILE_BYTES, task),
        ("Größe, 50% + 見積書.txt", 4321, task),
        ("names no task.txt", 99, {"listid": emulator.list_id}),
    ]
    # Bytes that repeat nowhere, so that a slice in the wrong place cannot go unseen.
    noise = random.Random(25)  # noqa: S311 - no secret
    for name, size, _ in files:
        (directory / name).write_bytes(noise.randbytes(size))
    return [Parcel(directory / name, metadata) for name, _, metadata in files]


@dataclass(frozen=True, slots=True)
class _Promise:
    """What was promised, in words that hold in both cases, and whether it was kept."""

    text: str
    kept: bool


def _promises_of_files(outcomes: Sequence[Outcome], tags: Sequence[Mapping[str, str]]) -> Iterator[_Promise]:
    *good, bad = outcomes
    whole = [each for each in good if each.is_good and each.same]
    told = [each for each, tag in zip(good, tags, strict=False) if tag.get(STATE) == Phase.ATTACHED]
    yield _Promise(f"{len(whole)} of {len(good)} files attached, byte for byte (SHA-256)", len(whole) == len(good))
    yield _Promise(f"{len(told)} of {len(good)} blobs tagged as attached", len(told) == len(good))
    reason = tags[-1].get(REASON, "")
    rejected = bad.entry is not None and bad.entry.phase is Phase.REJECTED and tags[-1].get(STATE) == Phase.REJECTED
    yield _Promise(f"the fifth is {bad.word}, and its tags say why", rejected and "taskid" in reason)


def _promises_of_graph(record: EmulatorRecord, outcomes: Sequence[Outcome]) -> Iterator[_Promise]:
    fewest = sum(1 + math.ceil(each.file.size / MAX_SLICE_BYTES) for each in outcomes[:-1])
    emulator = Emulator(record)
    asked = emulator.requests()
    what = ", ".join(f"{count} {operation}" for operation, count in asked.items())
    yield _Promise(
        f"{sum(asked.values())} requests to To Do ({what}), where {fewest} must be", sum(asked.values()) == fewest
    )
    offences = emulator.offences()
    what = ", ".join(f"{count} {offence}" for offence, count in offences.items()) or "none"
    yield _Promise(f"things that a sound client does not do: {what}", not offences)


def _tags(record: RunningRecord, outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
    connection = Connection(connection_string=record.storage)
    with azure_clients.container_client(connection, record.container) as container:
        blobs = BlobStore(container)
        return [blobs.tags(outcome.file.blob) for outcome in outcomes]


def _table(outcomes: Sequence[Outcome], tags: Sequence[Mapping[str, str]]) -> Table:
    table = Table(title="\nWhat the blobs' own tags say", title_justify="left", title_style="", box=box.SIMPLE_HEAD)
    table.add_column("file", overflow="fold", min_width=30)
    table.add_column("size", justify="right")
    table.add_column(STATE)
    table.add_column(REASON)
    for outcome, tag in zip(outcomes, tags, strict=True):
        state = tag.get(STATE, "")
        style = "green" if state == Phase.ATTACHED else "yellow"
        table.add_row(
            Text(outcome.file.name), size_text(outcome.file.size), Text(state, style), Text(tag.get(REASON, ""))
        )
    return table
