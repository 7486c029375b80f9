"""A ledger entry as the columns of a table row, and back.

A nested value becomes `outer_inner` columns, and what is None has no column. Reading is lenient where versions of the
code may differ: an unknown column is ignored, a missing one has the entry's default. What cannot be an entry at all
raises ValueError.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from shared.core import content
from shared.core.attachment import BlobKind, BlobVersion, Reference
from shared.core.entry import Claim, Entry, LandedAs, Phase, Reason, Replaced, Report, Session, SignInWait, Underway

Plain = str | int | bool | float

# Outer field -> what it holds, and the inner fields without which it is not there.
_NESTED: Mapping[str, tuple[type[Any], tuple[str, ...]]] = {
    "blob": (BlobVersion, ("storage_account", "container", "name", "etag")),
    "wanted_list": (Reference, ("id", "name")),
    "wanted_task": (Reference, ("id", "name")),
    "claim": (Claim, ("owner", "until")),
    "session": (Session, ("url",)),
    "sign_in_wait": (SignInWait, ("resume", "since")),
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
            "session_expires_at",
            "first_opened_at",
            "missing_since",
            "claim_until",
        ),
        datetime.fromisoformat,
    ),
    **dict.fromkeys(("phase", "sign_in_wait_resume", "report_phase"), Phase),
    "report_underway": Underway,
    "kind": BlobKind,
    "reason": Reason,
    "landed": LandedAs,
    "content": lambda text: content.from_text(str(text)),
    "waited": lambda seconds: timedelta(seconds=float(seconds)),
}


def columns() -> frozenset[str]:
    """Every column that an entry may have."""
    plain = {each.name for each in fields(Entry)} - _NESTED.keys()
    nested = {f"{outer}_{each.name}" for outer, (kind, _) in _NESTED.items() for each in fields(kind)}
    return frozenset(plain | nested)


def to_row(entry: Entry) -> dict[str, Plain]:
    """Every field that is not None. Times as ISO 8601, durations in seconds."""
    row: dict[str, Plain] = {}
    for each in fields(Entry):
        value = getattr(entry, each.name)
        if value is None:
            continue
        if each.name not in _NESTED:
            row[each.name] = _to_plain(value)
            continue
        inner = {f"{each.name}_{part.name}": getattr(value, part.name) for part in fields(value)}
        row.update({name: _to_plain(part) for name, part in inner.items() if part is not None})
    return row


def from_row(row: Mapping[str, Any]) -> Entry:
    """The entry that `to_row` made. Raises ValueError for a row that holds none."""
    known = columns()
    try:
        values = {name: _FROM_PLAIN.get(name, _same)(value) for name, value in row.items() if name in known}
        for outer, (kind, needed) in _NESTED.items():
            names = {part.name: f"{outer}_{part.name}" for part in fields(kind)}
            inner = {part: values.pop(name) for part, name in names.items() if name in values}
            if inner.keys() >= set(needed):
                values[outer] = kind(**inner)
        return Entry(**values)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("a ledger row that holds no entry") from error


def _same(value: Any) -> Any:
    return value


def _to_plain(value: Any) -> Plain:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, tuple):
        return content.to_text(value)
    return str(value) if isinstance(value, str) else value
