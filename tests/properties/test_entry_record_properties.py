import contextlib
import json
from dataclasses import fields
from datetime import UTC, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.storage.entry_record import from_record, to_record
from shared.core.attachment import BlobVersion, Reference
from shared.core.entry import Claim, Entry, Phase, Reason

ZONES = st.just(UTC) | st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(timezones=ZONES)
COUNTS = st.integers(0, 2**40)
TEXTS = st.text(max_size=8)
# Far more than anybody waits; beyond 270 years seconds in a float lose their microseconds.
DURATIONS = st.timedeltas(timedelta(), timedelta(days=9999))

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
    "Claim": st.builds(Claim, TEXTS, TIMES),
}


def strategy(annotation: str) -> st.SearchStrategy[object]:
    of = [STRATEGIES[name.strip()] if name.strip() != "None" else st.none() for name in annotation.split("|")]
    return st.one_of(of)


def type_name(annotation: object) -> str:
    return (
        annotation.__name__
        if isinstance(annotation, type)
        else str(annotation).replace("shared.core.entry.", "").replace("datetime.datetime", "datetime")
    )


ENTRIES = st.builds(Entry, **{each.name: strategy(type_name(each.type)) for each in fields(Entry)})
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(ENTRIES)
def test_every_entry_survives_its_record(entry: Entry) -> None:
    assert from_record(to_record(entry)) == entry


@given(ENTRIES)
def test_every_record_is_flat_and_survives_json(entry: Entry) -> None:
    record = to_record(entry)
    assert from_record(json.loads(json.dumps(record))) == entry


@given(ENTRIES, st.dictionaries(st.text(), PLAIN))
def test_members_of_a_newer_version_never_matter(entry: Entry, more: dict[str, object]) -> None:
    record = to_record(entry)
    reserved = record.keys() | {each.name for each in fields(Entry)} | {"claim_owner", "claim_until"}
    assert from_record(record | {name: value for name, value in more.items() if name not in reserved}) == entry


@given(ENTRIES, st.data())
def test_a_spoiled_record_is_an_entry_or_a_value_error(entry: Entry, data: st.DataObject) -> None:
    record: dict[str, object] = dict(to_record(entry))
    for name in data.draw(st.lists(st.sampled_from(sorted(record)), max_size=4)):
        record[name] = data.draw(PLAIN)
    for name in data.draw(st.lists(st.sampled_from(sorted(record)), max_size=2, unique=True)):
        del record[name]
    with contextlib.suppress(ValueError):
        assert isinstance(from_record(record), Entry)


@given(st.dictionaries(st.sampled_from([each.name for each in fields(Entry)]) | st.text(), PLAIN))
def test_any_record_is_an_entry_or_a_value_error(record: dict[str, object]) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(from_record(record), Entry)
