"""A ledger entry as a flat record of plain values, and back: how it lies in the table.

Reading is lenient where versions of the code may differ: an unknown member is ignored, a missing one has the
entry's default. What cannot be an entry at all raises ValueError.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from shared.core.attachment import BlobVersion, Reference
from shared.core.entry import Claim, Entry, Phase, Reason

Plain = str | int | bool | float

_NESTED: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "blob": (BlobVersion, ("storage_account", "container", "name", "etag")),
    "wanted_list": (Reference, ("id", "name")),
    "wanted_task": (Reference, ("id", "name")),
    "claim": (Claim, ("owner", "until")),
}
_READ: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(
        ("created_at", "not_before", "waiting_since", "session_expires_at", "first_opened_at", "claim_until"),
        datetime.fromisoformat,
    ),
    **dict.fromkeys(("phase", "resume", "reported"), Phase),
    "reason": Reason,
    "waited": lambda seconds: timedelta(seconds=float(seconds)),
}


def to_record(entry: Entry) -> dict[str, Plain]:
    """Every field that is not None, nested ones as `outer_inner`. Times as ISO 8601, durations in seconds."""
    record: dict[str, Plain] = {}
    for each in fields(Entry):
        value = getattr(entry, each.name)
        if each.name in _NESTED and value is not None:
            _, inner = _NESTED[each.name]
            record.update({f"{each.name}_{name}": _plain(getattr(value, name)) for name in inner})
        elif value is not None:
            record[each.name] = _plain(value)
    return record


def from_record(record: Mapping[str, Any]) -> Entry:
    """The entry that `to_record` made. Raises ValueError for a record that holds none."""
    try:
        given = {name: _READ.get(name, _same)(value) for name, value in record.items()}
        for outer, (make, inner) in _NESTED.items():
            names = [f"{outer}_{name}" for name in inner]
            if all(name in given for name in names):
                given[outer] = make(*(given[name] for name in names))
        known = {each.name for each in fields(Entry)}
        return Entry(**{name: value for name, value in given.items() if name in known})
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("a ledger record that holds no entry") from error


def _same(value: Any) -> Any:
    return value


def _plain(value: Any) -> Plain:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value) if isinstance(value, str) else value
