from datetime import datetime, timedelta

import pytest

from shared.core.landing import ListedAttachment, candidates, loose_name, slot
from tests.support.entries import NOW


def listed(name: str = "plan.pdf", modified_at: datetime | None = NOW) -> ListedAttachment:
    return ListedAttachment("A", name, modified_at)


def is_candidate(attachment: ListedAttachment, opened_at: datetime | None = NOW) -> bool:
    return candidates([attachment], name="plan.pdf", opened_at=opened_at) == [attachment]


@pytest.mark.parametrize(
    ("after_opening", "expected"),
    [(3600.0, True), (0.0, True), (-5.0, True), (-5.1, False), (-3600.0, False)],
    ids=["later", "at once", "within the clocks' tolerance", "just before", "long before"],
)
def test_only_what_was_created_since_the_first_session_opened_may_be_ours(after_opening: float, expected: bool) -> None:
    assert is_candidate(listed(modified_at=NOW + timedelta(seconds=after_opening))) is expected


@pytest.mark.parametrize(
    ("modified_at", "opened_at"),
    [(None, NOW), (NOW - timedelta(days=9), None), (None, None)],
    ids=["listing without a time", "session without a time", "neither"],
)
def test_without_a_time_the_hash_decides(modified_at: datetime | None, opened_at: datetime | None) -> None:
    assert is_candidate(listed(modified_at=modified_at), opened_at)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plan.pdf", True),
        ("PLAN.pdf", True),
        (" plan.pdf ", True),
        ("ｐｌａｎ.pdf", True),  # noqa: RUF001
        ("plan_pdf", True),
        ("plan.pdf.exe", False),
        ("plan (1).pdf", False),
        ("", True),
    ],
    ids=repr,
)
def test_a_name_is_compared_as_graph_might_have_altered_it(name: str, expected: bool) -> None:
    assert is_candidate(listed(name)) is expected


def test_loose_names_fold_case_spaces_and_forms() -> None:
    assert loose_name(" Ma\u0301s   STRASSE\t.PDF ") == loose_name("más straße .pdf")


def test_every_candidate_is_returned_in_the_listing_s_order() -> None:
    rows = [ListedAttachment(number, "plan.pdf", NOW) for number in "123"]
    assert candidates(rows, name="plan.pdf", opened_at=NOW) == rows


def test_a_slot_is_the_same_for_names_that_cannot_be_told_apart() -> None:
    assert slot("Sam@Example.com", "L", "T", "Plan.PDF") == slot("sam@example.com", "L", "T", "plan.pdf")


@pytest.mark.parametrize(
    "other",
    [
        ("kim@example.com", "L", "T", "plan.pdf"),
        ("sam@example.com", "l", "T", "plan.pdf"),
        ("sam@example.com", "L", "t", "plan.pdf"),
        ("sam@example.com", "L", "T", "plan2.pdf"),
        ("sam@example.com", "LT", "", "plan.pdf"),
    ],
    ids=["account", "list: ids are case-sensitive", "task: ids are case-sensitive", "name", "run together"],
)
def test_another_place_is_another_slot(other: tuple[str, str, str, str]) -> None:
    assert slot(*other) != slot("sam@example.com", "L", "T", "plan.pdf")


def test_a_slot_is_fit_for_a_table_key_whatever_is_in_it() -> None:
    assert set(slot("a/b", "#?", "\0\ud83d", "\ud83d")) <= set("0123456789abcdef")


def test_a_slot_is_called_the_same_by_every_version_of_the_code() -> None:
    """An upgrade meets uploads that are under way: two versions of the code must not hold two slots for one name."""
    assert slot("sam@example.com", "L", "T", "plan.pdf") == "5e50f6ad7dddb6f928462ab986f7ba00"
