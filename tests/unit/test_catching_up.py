"""Which blobs need a look, what a dead letter names, and where a listing goes on."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.attachment import BlobDescription, BlobKind, BlobVersion
from shared.core.catching_up import (
    EVENT_IS_DUE,
    LEDGER_SHARES,
    end_of_share,
    is_attached_as_it_is,
    is_event_due,
    is_signature_over,
    names_in_dead_letter,
    rest_of,
)
from tests.support.entries import NOW
from tests.unit.test_sent_file import SENT

BLOB = BlobDescription(BlobVersion("acct", "attachments", "a.pdf", "0x1"), 5, {}, NOW, modified_at=NOW)
OURS = "/blobServices/default/containers/attachments/blobs/"


@pytest.mark.parametrize(
    ("outcome", "kind", "enough"),
    [
        ("attached", BlobKind.BLOCK, True),
        ("attached", BlobKind.APPEND, False),
        ("rejected", BlobKind.BLOCK, False),
        ("waiting", BlobKind.BLOCK, False),
        ("", BlobKind.BLOCK, False),
    ],
)
def test_only_attached_of_what_does_not_grow_spares_the_ledger(outcome: str, kind: BlobKind, enough: bool) -> None:
    assert is_attached_as_it_is(replace(BLOB, outcome=outcome, kind=kind)) is enough


def test_an_event_is_due_some_minutes_after_the_blob_was_written() -> None:
    assert not is_event_due(BLOB)
    assert not is_event_due(replace(BLOB, date=NOW + EVENT_IS_DUE - timedelta(seconds=1)))
    assert is_event_due(replace(BLOB, date=NOW + EVENT_IS_DUE))
    assert is_event_due(replace(BLOB, modified_at=None))


@pytest.mark.parametrize(
    ("after", "left"),
    [("", ["b", "a", "c"]), ("b", ["a", "c"]), ("a", ["c"]), ("c", []), ("gone", ["b", "a", "c"])],
)
def test_what_is_left_of_a_page_is_told_by_position(after: str, left: list[str]) -> None:
    assert list(rest_of(["b", "a", "c"], after, str)) == left


def test_an_item_without_a_name_is_no_end_of_a_page() -> None:
    assert list(rest_of(["", "a"], "", str)) == ["", "a"]


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        (f"{OURS}a b/ü.pdf", ["a b/ü.pdf"]),
        (f"{OURS}what? #1 100%25.pdf", ["what? #1 100%25.pdf"]),
        (f"{OURS}{OURS}a.pdf", [f"{OURS}a.pdf"]),
        ("/blobServices/default/containers/other/blobs/attachments/a.pdf", []),
        ("/blobServices/default/containers/other/blobs" + OURS + "a.pdf", []),
        (OURS, []),
        (None, []),
    ],
    ids=[
        "as it is",
        "characters that end a URL's path",
        "a name like a subject",
        "another container",
        "another container's blob that is named like ours",
        "no blob",
        "no subject",
    ],
)
def test_a_dead_letter_names_the_blobs_of_the_container(subject: str | None, names: list[str]) -> None:
    url = "https://account.blob.core.windows.net/attachments/what"
    body = json.dumps([{"subject": subject, "data": {"url": url}}, {"subject": 1}, "nonsense"]).encode()
    assert names_in_dead_letter(body, "attachments") == names


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b'"text"', b"[" * 100_000], ids=range(5))
def test_what_is_no_dead_letter_names_no_blob(body: bytes) -> None:
    assert names_in_dead_letter(body, "attachments") == []


@pytest.mark.parametrize(
    ("page", "end"), [("", "01"), ("01", "02"), ("0f", "10"), ("3f" + "e" * 30, "40"), ("fe", "ff"), ("ff", "")]
)
def test_a_share_of_the_ledger_ends_where_the_next_one_begins(page: str, end: str) -> None:
    assert end_of_share(page) == end


def test_all_shares_together_are_the_ledger() -> None:
    ends = [end_of_share("")]
    while ends[-1]:
        ends.append(end_of_share(ends[-1]))
    assert ends == [*(f"{number:02x}" for number in range(1, LEDGER_SHARES)), ""]


def test_a_signature_is_over_an_hour_after_its_end() -> None:
    over_at = SENT.good_until + timedelta(hours=1)
    assert not is_signature_over(SENT, over_at - timedelta(microseconds=1))
    assert is_signature_over(SENT, over_at)
