"""What `status` prints about the ledger: lines for people, and an object for programs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.text import Text

from local.commands.uploads import Unknown, Upload, does, title_of
from local.commands.wording import arrived, because, moment_text
from local.stack.emulator import Emulator
from local.stack.state_dir import RunningRecord
from shared.core.attachment import Reference
from shared.core.entry import Phase
from shared.core.size_text import size_text

_COLOURS = {Phase.ATTACHED: "green", Phase.REJECTED: "red", Phase.FAILED: "red", Phase.WAITING: "yellow"}


@dataclass(frozen=True, slots=True)
class Seen:
    """The ledger at one moment. *counts* are of all uploads; *asked*: the command line selects some of them."""

    at: datetime
    counts: Mapping[str, int]
    under_way: Sequence[Upload]
    ended: Sequence[Upload]
    unknown: Sequence[Unknown]
    asked: bool

    @property
    def is_empty(self) -> bool:
        return not (self.under_way or self.ended or self.unknown)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of any length. There is no table: a name may have a thousand characters, and a terminal eighty columns."""

    text: Text
    indent: int = 0


def lines(seen: Seen, record: RunningRecord) -> Iterator[Line]:
    names = _Names.of(record)
    yield Line(Text(_heading(seen)))
    for unknown in seen.unknown:
        yield Line(Text())
        yield Line(Text.assemble(("not seen", "yellow"), f"  {unknown.name}"))
        yield _indented(f"{size_text(unknown.size)}, in the container; no event has arrived. `reconcile` starts it")
    for title, uploads in (("Under way", seen.under_way), ("Ended last", seen.ended)):
        if uploads:
            yield Line(Text())
            yield Line(Text(title, style="bold"))
        for upload in uploads:
            yield from _lines_of(upload, record, names, seen.at)
    if seen.is_empty:
        yield Line(Text())
        yield Line(Text("Nothing matches." if seen.asked else "Nothing is under way, and nothing has ended yet."))


def _heading(seen: Seen) -> str:
    counts = ", ".join(f"{seen.counts[name]} {name}" for name in _in_order(seen.counts))
    return f"{counts or 'no uploads'} (at {moment_text(seen.at)})"


def _in_order(counts: Mapping[str, int]) -> list[str]:
    order = ["entering", *map(str, Phase)]
    return sorted(counts, key=order.index)


def _lines_of(upload: Upload, record: RunningRecord, names: "_Names", now: datetime) -> Iterator[Line]:
    entry = upload.entry
    if entry is None or upload.stored is None:
        yield Line(Text(f"entering  upload {upload.upload_id[:8]}"))
        return
    yield Line(Text.assemble((str(entry.phase), _COLOURS.get(entry.phase, "bold")), f"  {title_of(upload)}"))
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


def _indented(text: str) -> Line:
    return Line(Text(text), indent=4)


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of ids, where the emulator knows them."""

    lists: Mapping[str, str]
    tasks: Mapping[str, str]

    @classmethod
    def of(cls, record: RunningRecord) -> "_Names":
        try:
            mailboxes = Emulator(record.emulator).mailboxes() if record.emulator is not None else []
        except OSError:
            mailboxes = []  # the emulator is being started again: the ids are shown instead
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


def as_json(seen: Seen, record: RunningRecord) -> dict[str, Any]:
    return {
        "at": _iso(seen.at),
        "counts": dict(seen.counts),
        "under_way": [_facts(upload, record, seen.at) for upload in seen.under_way],
        "ended": [_facts(upload, record, seen.at) for upload in seen.ended],
        "not_seen": [{"blob": each.name, "size": each.size} for each in seen.unknown],
    }


def _facts(upload: Upload, record: RunningRecord, now: datetime) -> dict[str, Any]:
    """The facts of an upload, chosen one by one: the entry also holds the upload URL, which is a secret."""
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
        "reported": entry.report.state,
        "attachment_id": entry.attachment_id,
    }


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when is not None else None
