import contextlib
import json
import re
from dataclasses import fields
from datetime import UTC, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.storage.entry_row import COLUMNS, from_row, to_row
from shared.core.attachment import BlobKind, BlobVersion, Reference
from shared.core.content import Piece
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
from shared.core.ranges import ByteRange

ZONES = st.just(UTC) | st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(timezones=ZONES)
COUNTS = st.integers(0, 2**40)
TEXTS = st.text(max_size=8)
# Far more than anybody waits; beyond 270 years seconds in a float lose their microseconds.
DURATIONS = st.timedeltas(timedelta(), timedelta(days=9999))

PARTS = st.builds(lambda start, length: ByteRange(start, start + length), COUNTS, st.integers(1, 2**22))
DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)

STRATEGIES: dict[str, st.SearchStrategy[object]] = {
    "str": TEXTS,
    "int": COUNTS,
    "bool": st.booleans(),
    "datetime": TIMES,
    "timedelta": DURATIONS,
    "Phase": st.sampled_from(Phase),
    "Reason": st.sampled_from(Reason),
    "BlobVersion": st.builds(BlobVersion, TEXTS, TEXTS, TEXTS, TEXTS),
    "Reference": st.builds(Reference, TEXTS, TEXTS),
    "LandedAs": st.sampled_from(LandedAs),
    "BlobKind": st.sampled_from(BlobKind),
    "Claim": st.builds(Claim, TEXTS, TIMES, st.booleans()),
    "Session": st.builds(Session, TEXTS, st.none() | TIMES, COUNTS, COUNTS, st.booleans(), COUNTS),
    "Report": st.builds(
        Report, st.none() | st.sampled_from(Phase), COUNTS, st.none() | st.sampled_from(Underway), TEXTS
    ),
    "Replaced": st.builds(Replaced, TEXTS, TEXTS, TIMES),
    "tuple[Piece, ...]": st.lists(st.builds(Piece, PARTS, DIGESTS), max_size=3).map(tuple),
    "tuple[str, ...]": st.lists(DIGESTS, max_size=3).map(tuple),
    "QueueWait": st.builds(QueueWait, st.sampled_from(Phase), st.none() | TIMES, st.booleans()),
    "SignInWait": st.builds(SignInWait, st.sampled_from(Phase), TIMES),
}


def strategy(annotation: str) -> st.SearchStrategy[object]:
    of = [STRATEGIES[name.strip()] if name.strip() != "None" else st.none() for name in annotation.split("|")]
    return st.one_of(of)


def type_name(annotation: object) -> str:
    return (
        annotation.__name__ if isinstance(annotation, type) else re.sub(r"[a-z_.]+\.(?=[A-Za-z])", "", str(annotation))
    )


ENTRIES = st.builds(Entry, **{each.name: strategy(type_name(each.type)) for each in fields(Entry)})
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(ENTRIES)
def test_every_entry_survives_its_row(entry: Entry) -> None:
    assert from_row(to_row(entry)) == entry


@given(ENTRIES)
def test_every_row_is_flat_and_survives_json(entry: Entry) -> None:
    row = to_row(entry)
    assert from_row(json.loads(json.dumps(row))) == entry


@given(ENTRIES, st.dictionaries(st.text(), PLAIN))
def test_members_of_a_newer_version_never_matter(entry: Entry, more: dict[str, object]) -> None:
    row = to_row(entry)
    assert from_row(row | {name: value for name, value in more.items() if name not in COLUMNS}) == entry


@given(ENTRIES, st.data())
def test_a_spoiled_row_is_an_entry_or_a_value_error(entry: Entry, data: st.DataObject) -> None:
    row: dict[str, object] = dict(to_row(entry))
    for name in data.draw(st.lists(st.sampled_from(sorted(row)), max_size=4)):
        row[name] = data.draw(PLAIN)
    for name in data.draw(st.lists(st.sampled_from(sorted(row)), max_size=2, unique=True)):
        del row[name]
    with contextlib.suppress(ValueError):
        assert isinstance(from_row(row), Entry)


@given(st.dictionaries(st.sampled_from(sorted(COLUMNS)) | st.text(), PLAIN))
def test_any_row_is_an_entry_or_a_value_error(row: dict[str, object]) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(from_row(row), Entry)
