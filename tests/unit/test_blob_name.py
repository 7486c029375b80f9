from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.core.blob_name import (
    ids_being_removed,
    is_same_account,
    is_same_target,
    is_taken,
    must_slow_down,
    name_key,
    newest_first,
    replaced_by,
    rewrites,
    worth_remembering,
)
from shared.core.entry import Entry, Phase, Replaced
from shared.core.limits import FREE_REWRITES
from tests.support.entries import NOW, an_entry

MINUTE = timedelta(minutes=1)
LIVE = [phase for phase in Phase if not phase.is_terminal]
ENDED = [phase for phase in Phase if phase.is_terminal and phase is not Phase.SUPERSEDED]
BLOB = an_entry().blob


def an_upload(number: int, phase: Phase = Phase.ATTACHED, **changes: object) -> Entry:
    """The *number*-th upload under one name, each a second after the one before."""
    at = NOW + timedelta(seconds=number)
    known = {"upload_id": f"{number:032x}", "created_at": at, "modified_at": at}
    if phase is Phase.ATTACHED:
        known |= {"attachment_id": f"A{number}", "attached_at": at}
    return an_entry(phase, **(known | changes))


def attached_at(moment: datetime) -> Entry:
    return an_upload(1, attached_at=moment)


@pytest.mark.parametrize("is_newest", [True, False])
@pytest.mark.parametrize("phase", LIVE)
def test_a_name_is_taken_while_an_upload_under_it_has_not_ended(phase: Phase, is_newest: bool) -> None:
    assert is_taken(an_upload(1, phase), is_newest=is_newest)


@pytest.mark.parametrize("phase", ENDED)
def test_a_name_is_free_once_its_upload_has_ended(phase: Phase) -> None:
    assert not is_taken(an_upload(1, phase), is_newest=True)


def test_a_file_that_was_written_over_keeps_its_name_until_something_newer_follows_it() -> None:
    assert is_taken(an_upload(1, Phase.SUPERSEDED), is_newest=True)
    assert not is_taken(an_upload(1, Phase.SUPERSEDED), is_newest=False)


def test_two_accounts_whose_names_fold_to_one_are_two() -> None:
    sam = an_upload(1, account="sam@example.com")
    assert is_same_account(sam, replace(sam, account="Sam@Example.com"))
    assert not is_same_account(sam, replace(sam, account="\u017fam@example.com"))


def test_each_name_in_each_container_has_a_key_of_its_own() -> None:
    others = [
        replace(BLOB, storage_account="b"),
        replace(BLOB, container="b"),
        replace(BLOB, name="b"),
        replace(BLOB, container=f"{BLOB.container}\0", name=BLOB.name[1:]),
    ]
    assert len({name_key(each) for each in (BLOB, *others)}) == 5
    assert name_key(replace(BLOB, etag="another")) == name_key(BLOB)


def test_the_key_of_a_name_is_the_same_in_every_version_of_the_code() -> None:
    """Otherwise an upgrade would forget which account each name belongs to, and what is attached under it."""
    assert name_key(BLOB) == "4c46a52c871388f1364ad8979dc91471"


def test_a_name_with_half_a_surrogate_pair_still_has_a_key() -> None:
    assert len(name_key(replace(BLOB, name="\ud83d.pdf"))) == 32


@pytest.mark.parametrize(
    ("target", "is_same"),
    [(("L", "T"), True), (("L", "other"), False), (("other", "T"), False)],
    ids=["the same task", "another task", "another list"],
)
def test_two_uploads_go_to_the_same_task_where_list_and_task_are_the_same(
    target: tuple[str, str], is_same: bool
) -> None:
    assert is_same_target(an_upload(1, list_id="L", task_id="T"), *target) is is_same


def test_what_was_never_resolved_goes_to_no_task() -> None:
    assert is_same_target(an_upload(1), "", "") is False


# -- what a name remembers --


def test_a_name_forgets_what_no_newer_upload_has_to_look_at() -> None:
    newest, attached, under_way = an_upload(9, Phase.REJECTED), an_upload(5), an_upload(4, Phase.WAITING)
    in_doubt = an_upload(3, Phase.SUPERSEDED, in_doubt=True)
    over = [an_upload(2, phase) for phase in (Phase.SUPERSEDED, Phase.FAILED, Phase.WITHDRAWN, Phase.REJECTED)]
    others = [newest, attached, under_way, in_doubt, *over]
    assert worth_remembering(others) == [newest, attached, under_way, in_doubt]
    assert worth_remembering(over) == over[:1]


def test_the_uploads_of_a_name_are_looked_at_from_the_newest_on() -> None:
    uploads = [an_upload(number) for number in (2, 3, 1)]
    assert [each.attachment_id for each in newest_first(uploads)] == ["A3", "A2", "A1"]


@pytest.mark.parametrize(("phase", "in_doubt"), [(p, d) for p in Phase for d in (True, False)])
def test_a_name_does_not_grow_without_end(phase: Phase, in_doubt: bool) -> None:
    others = newest_first(an_upload(number, phase, in_doubt=in_doubt) for number in range(100))
    assert len(worth_remembering(others)) <= 18
    assert worth_remembering(others)[0] is others[0]


def test_what_is_attached_is_remembered_whatever_is_written_after_it() -> None:
    others = newest_first([an_upload(0), *(an_upload(number, Phase.SENDING) for number in range(1, 50))])
    assert an_upload(0) in worth_remembering(others)


# -- a blob that does not come to rest --


def test_versions_that_come_to_nothing_are_counted_in_a_row() -> None:
    assert rewrites([]) == 0
    assert rewrites([an_upload(2, Phase.SUPERSEDED, rewrites=4), an_upload(1)]) == 5
    assert rewrites([an_upload(2, Phase.SENDING, rewrites=4)]) == 5
    for phase in ENDED:
        assert rewrites([an_upload(2, phase, rewrites=4)]) == 0


def test_an_upload_after_many_rewritten_versions_waits_and_does_so_once() -> None:
    fresh, waited = an_upload(9, Phase.RESOLVING), an_upload(9, Phase.RESOLVING, rewrites=FREE_REWRITES + 1)
    assert not must_slow_down(fresh, FREE_REWRITES)
    assert must_slow_down(fresh, FREE_REWRITES + 1)
    assert must_slow_down(replace(fresh, rewrites=FREE_REWRITES), FREE_REWRITES + 1)
    assert not must_slow_down(waited, FREE_REWRITES + 1)


# -- what takes whose place --

NEWER = an_upload(100, Phase.RESOLVING)
WRITTEN = NOW + timedelta(seconds=100)


@pytest.mark.parametrize(
    ("ago", "within", "is_replaced"),
    [
        (timedelta(), MINUTE, True),
        (-timedelta(seconds=5), MINUTE, True),  # written while the older one was still on its way
        (MINUTE, MINUTE, True),
        (MINUTE + timedelta(seconds=1), MINUTE, False),
        (timedelta(days=300), timedelta.max, True),
        (-timedelta(seconds=5), timedelta(), False),
    ],
)
def test_what_was_attached_shortly_before_the_next_write_is_replaced(
    ago: timedelta, within: timedelta, is_replaced: bool
) -> None:
    older = attached_at(WRITTEN - ago)
    expected = Replaced("A1", "plan.pdf", WRITTEN - ago) if is_replaced else None
    assert replaced_by(NEWER, [older], within=within) == expected


def test_only_the_last_attachment_is_replaced_and_none_that_another_upload_removes() -> None:
    last, older = an_upload(98), an_upload(97)
    assert replaced_by(NEWER, [last, older], within=MINUTE) == Replaced("A98", "plan.pdf", NOW + timedelta(seconds=98))
    removing = an_upload(98, replaces=Replaced("A97", "plan.pdf", NOW))
    assert ids_being_removed([removing, older]) == {"A97"}
    assert replaced_by(NEWER, [removing, older], within=MINUTE) == replaced_by(NEWER, [removing], within=MINUTE)


def test_a_version_that_was_written_over_hands_on_what_it_was_to_replace() -> None:
    part = Replaced("A1", "plan.pdf", NOW)
    between = an_upload(50, Phase.SUPERSEDED, replaces=part)
    assert replaced_by(NEWER, [between, an_upload(1)], within=MINUTE) == part


@pytest.mark.parametrize(
    "between",
    [
        an_upload(99, Phase.SUPERSEDED),
        an_upload(99, Phase.FAILED, replaces=Replaced("A1", "plan.pdf", NOW)),
        an_upload(99, Phase.REJECTED),
    ],
    ids=["written over, and to replace nothing", "failed, and to replace another", "rejected"],
)
def test_what_came_to_nothing_in_between_leaves_the_older_attachment_to_be_replaced(between: Entry) -> None:
    expected = Replaced("A98", "plan.pdf", NOW + timedelta(seconds=98))
    assert replaced_by(NEWER, [between, an_upload(98)], within=MINUTE) == expected


@pytest.mark.parametrize("changes", [{"attachment_id": ""}, {"attached_at": None}])
def test_what_is_not_known_well_enough_is_not_replaced(changes: dict[str, object]) -> None:
    assert replaced_by(NEWER, [an_upload(99, **changes)], within=MINUTE) is None  # type: ignore[arg-type]
    assert replaced_by(replace(NEWER, modified_at=None), [an_upload(99)], within=MINUTE) is None
