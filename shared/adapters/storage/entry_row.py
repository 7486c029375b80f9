"""A ledger entry as the columns of a table row, and back.

A nested value becomes columns named `outer_inner`. A field that is None, or has the entry's default, has no column:
every step writes and reads a row, and each column costs time. So a field's default must never change its meaning, or
the rows that lack the field would change with it.

A row may come from another version of this code: an unknown column is ignored. A row that cannot be an entry raises
ValueError.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import datetime, timedelta
from typing import Any

from shared.core import content
from shared.core.attachment import BlobKind, BlobVersion, Reference
from shared.core.entry import (
    Claim,
    Entry,
    LandedAs,
    Phase,
    QueueWait,
    Reason,
    Replaced,
    Report,
    Session,
    SignInWait,
    Underway,
)

Plain = str | int | bool | float

# Outer field -> its type, and the inner columns that a row must have for the field to be other than None.
_NESTED: Mapping[str, tuple[type[Any], tuple[str, ...]]] = {
    "blob": (BlobVersion, ("storage_account", "container", "name", "etag")),
    "wanted_list": (Reference, ("id", "name")),
    "wanted_task": (Reference, ("id", "name")),
    "claim": (Claim, ("owner", "until")),
    "session": (Session, ("url",)),
    "sign_in_wait": (SignInWait, ("resume", "since")),
    "queue_wait": (QueueWait, ("resume",)),
    "report": (Report, ()),
    "replaces": (Replaced, ("attachment_id", "name", "attached_at")),
}
_FROM_PLAIN: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(
        (
            "created_at",
            "modified_at",
            "attached_at",
            "replaces_attached_at",
            "not_before",
            "waits_since",
            "tell_at",
            "sign_in_wait_since",
            "queue_wait_since",
            "session_expires_at",
            "first_opened_at",
            "missing_since",
            "claim_until",
            "source_gone_since",
        ),
        datetime.fromisoformat,
    ),
    **dict.fromkeys(("phase", "sign_in_wait_resume", "queue_wait_resume", "report_phase"), Phase),
    "report_underway": Underway,
    "kind": BlobKind,
    "reason": Reason,
    "landed": LandedAs,
    "older": lambda text: tuple(str(text).split()),
    "content": lambda text: content.from_text(str(text)),
    **dict.fromkeys(("waited", "queued_for"), lambda seconds: timedelta(seconds=float(seconds))),
}

# Computed once, since every step of an upload reads a row and writes one.
# Field -> its default; MISSING where it has none.
_DEFAULTS: Mapping[str, Any] = {each.name: each.default for each in fields(Entry)}
# Outer field -> its inner fields, with the column and the default of each. A field that is needed always has a column.
_INNER: Mapping[str, Sequence[tuple[str, str, Any]]] = {
    outer: [
        (each.name, f"{outer}_{each.name}", MISSING if each.name in needed else each.default) for each in fields(kind)
    ]
    for outer, (kind, needed) in _NESTED.items()
}
# Every column that an entry may have.
COLUMNS = frozenset(
    _DEFAULTS.keys() - _NESTED.keys() | {column for inner in _INNER.values() for _, column, _ in inner},
)


def to_row(entry: Entry) -> dict[str, Plain]:
    """Every field that is neither None nor its default. Times as ISO 8601, durations in seconds."""
    row: dict[str, Plain] = {}
    for name, default in _DEFAULTS.items():
        value = getattr(entry, name)
        if value is None or value == default:
            continue
        if name not in _INNER:
            row[name] = _to_plain(value)
            continue
        for part, column, usual in _INNER[name]:
            inner = getattr(value, part)
            if inner is not None and inner != usual:
                row[column] = _to_plain(inner)
    return row


def from_row(row: Mapping[str, Any]) -> Entry:
    """The entry that `to_row` made. Raises ValueError for a row that holds none."""
    try:
        values = {name: _from_plain(name, value) for name, value in row.items() if name in COLUMNS}
        for outer, (kind, needed) in _NESTED.items():
            inner = {part: values.pop(column) for part, column, _ in _INNER[outer] if column in values}
            if all(part in inner for part in needed):
                values[outer] = kind(**inner)
        return Entry(**values)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("a ledger row that holds no entry") from error


def _from_plain(column: str, value: Any) -> Any:
    convert = _FROM_PLAIN.get(column)
    return value if convert is None else convert(value)


def _to_plain(value: Any) -> Plain:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, tuple):
        is_ids = all(isinstance(each, str) for each in value)
        return " ".join(value) if is_ids else content.to_text(value)
    plain: Plain = value
    return plain
