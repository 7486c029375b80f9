import unicodedata
from datetime import UTC, date, datetime

import pytest

from shared.core.attachment import Reference
from shared.core.entry import Reason
from shared.core.lookup import Named, are_hidden, find_list, find_task
from shared.core.observations import Refused, TargetMissing

TASKS = Named("D", "Aufgaben", is_default=True)
WORK = Named("W", "Work")
HOME = Named("H", "Home")


def test_no_list_named_means_the_default_list_however_it_is_called() -> None:
    assert find_list(Reference(), [WORK, TASKS, HOME]) == TASKS


def test_a_list_is_found_by_its_name() -> None:
    assert find_list(Reference(name="Work"), iter([WORK, TASKS])) == WORK


@pytest.mark.parametrize(
    "title", ["Plan", " Plan ", "Plan\u00a0"], ids=["exact", "outer spaces", "outer no-break space"]
)
def test_outer_spaces_which_nobody_sees_do_not_count(title: str) -> None:
    assert find_task(Reference(name="Plan"), [Named("T", title)]) == Named("T", title)


def test_both_ways_to_write_an_accent_are_one_name() -> None:
    assert find_task(Reference(name="Mu\u0308ll"), [Named("T", "Müll")]) == Named("T", "Müll")


@pytest.mark.parametrize("title", ["Planning", "Plan 2", "P lan", ""], ids=repr)
def test_no_other_name_will_do(title: str) -> None:
    found = find_task(Reference(name="Plan"), [Named("T", title)])
    assert found == TargetMissing(Reason.NO_SUCH_TASK, f'no task is named "Plan". Found "{title}"')


@pytest.mark.parametrize(
    ("lists", "found"),
    [
        ([], "none at all"),
        ([WORK], '"Work"'),
        ([TASKS, Named("E", "Tasks", is_default=True)], '"Aufgaben" / "Tasks"'),
    ],
    ids=["none", "another", "two"],
)
def test_not_exactly_one_default_list_is_an_error_that_names_what_was_found(lists: list[Named], found: str) -> None:
    expected = Refused(Reason.NO_SUCH_LIST, f"set list or listid. No default list is among {found}")
    assert find_list(Reference(), lists) == expected


def test_no_such_list_names_what_was_found() -> None:
    found = find_list(Reference(name="Wrok"), [WORK, HOME])
    assert found == TargetMissing(Reason.NO_SUCH_LIST, 'no list is named "Wrok". Found "Work" / "Home"')


OPEN, COMPLETED = Named("O", "Plan"), Named("C", "Plan", is_completed=True)
OTHER_CASE, COMPLETED_OTHER_CASE = Named("o", "PLAN"), Named("c", "plan", is_completed=True)


@pytest.mark.parametrize(
    ("tasks", "found"),
    [
        ([COMPLETED, OTHER_CASE, OPEN], OPEN),
        ([COMPLETED, COMPLETED, OPEN, OTHER_CASE, OTHER_CASE], OPEN),
        ([COMPLETED, OTHER_CASE], OTHER_CASE),
        ([COMPLETED_OTHER_CASE, COMPLETED], COMPLETED),
    ],
    ids=["exact and open", "though lower ranks are ambiguous", "open but for the case", "exact and completed"],
)
def test_the_best_rank_counts_and_a_completed_task_is_the_last_choice(tasks: list[Named], found: Named) -> None:
    assert find_task(Reference(name="Plan"), tasks) == found


@pytest.mark.parametrize(
    "tasks", [[OPEN, OPEN], [OTHER_CASE, Named("p", "plan"), COMPLETED], [COMPLETED, COMPLETED]], ids=str
)
def test_two_in_one_rank_are_ambiguous_whatever_the_ranks_below_hold(tasks: list[Named]) -> None:
    found = find_task(Reference(name="Plan"), tasks)
    assert isinstance(found, Refused)
    assert (found.reason, found.detail[:25]) == (Reason.AMBIGUOUS, '2 tasks are named "Plan":')


def test_a_completed_task_that_differs_in_case_is_none() -> None:
    found = find_task(Reference(name="Plan"), [COMPLETED_OTHER_CASE])
    assert found == TargetMissing(Reason.NO_SUCH_TASK, 'no task is named "Plan". Found "plan"')


def test_a_list_that_differs_in_case_only_is_found_unless_another_has_the_very_name() -> None:
    shouted = Named("S", "WORK")
    assert find_list(Reference(name="work"), [HOME, shouted]) == shouted
    assert find_list(Reference(name="Work"), [shouted, WORK]) == WORK


def test_several_matches_are_never_guessed_between_and_what_tells_them_apart_is_told() -> None:
    tasks = [
        Named("A=", "Plan", due=date(2026, 3, 5), created_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        Named("B=", "Plan", created_at=datetime(2026, 2, 1, 9, 30, 5, tzinfo=UTC)),
        Named("X=", "Other"),
    ]
    assert find_task(Reference(name="Plan"), tasks, list_name="Work") == Refused(
        Reason.AMBIGUOUS,
        '2 tasks are named "Plan" in the list "Work": rename one of them, or set taskid. They are '
        "due 2026-03-05 created 2026-03-01 09:30:00 / created 2026-02-01 09:30:05. Their ids: A= / B=",
    )


def test_lists_of_one_name_are_told_apart_by_what_they_are() -> None:
    lists = [Named("A=", "Work", is_default=True), Named("B=", "Work", is_shared=True), Named("C=", "Work")]
    assert find_list(Reference(name="Work"), lists) == Refused(
        Reason.AMBIGUOUS,
        '3 lists are named "Work": rename one of them, or set listid. They are '
        "the default list / shared / one without a date. Their ids: A= / B= / C=",
    )


def test_completed_tasks_of_one_name_are_told_apart_from_each_other_too() -> None:
    tasks = [Named("A=", "Plan", is_completed=True, due=date(2026, 3, 5)), Named("B=", "Plan", is_completed=True)]
    found = find_task(Reference(name="Plan"), tasks)
    assert isinstance(found, Refused)
    assert "They are completed due 2026-03-05 / completed. " in found.detail


def test_of_many_matches_some_are_told_and_nothing_that_is_true_of_all_of_them() -> None:
    found = find_task(Reference(name="Plan"), [Named(str(number), "Plan") for number in range(8)])
    assert isinstance(found, Refused)
    assert found.detail == (
        '8 tasks are named "Plan": rename one of them, or set taskid. Their ids: 0 / 1 / 2 / 3 / 4 and 3 more'
    )


def test_a_name_is_normalised_once_however_long_the_listing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """8 KB of combining marks cost milliseconds each time: per title of a listing, seconds."""
    normalised: list[str] = []
    normalize = unicodedata.normalize

    def counted(form: str, text: str) -> str:
        normalised.append(text)
        return normalize(form, text)  # type: ignore[arg-type]

    monkeypatch.setattr(unicodedata, "normalize", counted)
    marks = "a" + "\u0323\u0307" * 4000
    find_task(Reference(name=marks), [Named(str(number), f"Task {number}") for number in range(50)])
    assert normalised.count(marks) == 1
    assert len(normalised) == 51


def test_a_long_listing_is_shown_in_part() -> None:
    found = find_task(Reference(name="x"), [Named(str(number), f"task {number} " + "y" * 99) for number in range(8)])
    assert isinstance(found, TargetMissing)
    assert found.detail.endswith("and 3 more")
    assert len(found.detail) < 300


@pytest.mark.parametrize(("length", "told"), [(40, "{}" * 40), (41, "{}" * 37 + "...")], ids=["whole", "cut"])
def test_five_names_are_shown_each_with_at_most_forty_characters(length: int, told: str) -> None:
    found = find_task(Reference(name="x"), [Named(letter, letter * length) for letter in "abcde"])
    shown = " / ".join('"' + told.replace("{}", letter) + '"' for letter in "abcde")
    assert found == TargetMissing(Reason.NO_SUCH_TASK, f'no task is named "x". Found {shown}')


def test_what_is_open_is_shown_first() -> None:
    done = [Named(letter, f"done {letter}", is_completed=True) for letter in "abcde"]
    found = find_task(Reference(name="x"), [*done, Named("o", "open")])
    assert isinstance(found, TargetMissing)
    assert 'Found "open" / "done a"' in found.detail


def test_a_wanted_name_is_not_repeated_at_any_length() -> None:
    found = find_task(Reference(name="x" * 8000), [])
    assert isinstance(found, TargetMissing)
    assert len(found.detail) < 150


def test_an_empty_mailbox_is_said_to_be_empty() -> None:
    assert find_task(Reference(name="x"), []) == TargetMissing(
        Reason.NO_SUCH_TASK, 'no task is named "x". Found none at all'
    )


@pytest.mark.parametrize(
    ("lists", "hidden"),
    [
        ((), True),
        ((Named("F", "Flagged Emails", is_flagged_emails=True),), True),
        ((Named("F", "Flagged Emails", is_flagged_emails=True), Named("A", "Work")), False),
        ((Named("A", "Tasks", is_default=True),), False),
    ],
    ids=["nothing", "flagged mail only", "flagged mail and another", "the default list"],
)
def test_lists_are_hidden_where_flagged_mail_is_all_that_shows(lists: tuple[Named, ...], hidden: bool) -> None:
    assert are_hidden(lists) is hidden


PLAN = Reference(name="Plan")


@pytest.mark.parametrize(
    ("wanted", "lists", "expected"),
    [
        (
            Reference(),
            [WORK, HOME],
            Refused(Reason.NO_SUCH_LIST, "set list or listid. No default list was found"),
        ),
        (PLAN, [WORK, HOME], TargetMissing(Reason.NO_SUCH_LIST, 'no list is named "Plan"')),
        (
            PLAN,
            [Named("Home", "plan", is_shared=True), Named("Work", "plan")],
            Refused(Reason.AMBIGUOUS, 'several lists are named "Plan": set listid'),
        ),
    ],
    ids=["no default list", "no such list", "several"],
)
def test_a_sender_who_shall_learn_nothing_of_the_lists_reads_only_what_the_file_named_and_what_to_set(
    wanted: Reference, lists: list[Named], expected: Refused | TargetMissing
) -> None:
    assert find_list(wanted, lists, names_others=False) == expected


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ([WORK, HOME], TargetMissing(Reason.NO_SUCH_TASK, 'no task is named "Plan" in the list "A"')),
        (
            [Named("Work", "plan", due=date(2026, 3, 5)), Named("Home", "plan")],
            Refused(Reason.AMBIGUOUS, 'several tasks are named "Plan" in the list "A": set taskid'),
        ),
    ],
    ids=["no such task", "several"],
)
def test_a_sender_who_shall_learn_nothing_of_the_tasks_reads_only_what_the_file_named_and_what_to_set(
    tasks: list[Named], expected: Refused | TargetMissing
) -> None:
    assert find_task(PLAN, tasks, list_name="A", names_others=False) == expected
