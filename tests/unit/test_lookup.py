import pytest

from shared.core.attachment import Reference
from shared.core.entry import Reason
from shared.core.lookup import Named, are_hidden, find_list, find_task
from shared.core.observations import Refused

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


@pytest.mark.parametrize("title", ["plan", "Planning", "Plan 2", ""], ids=repr)
def test_no_other_name_will_do(title: str) -> None:
    found = find_task(Reference(name="Plan"), [Named("T", title)])
    assert found == Refused(Reason.NO_SUCH_TASK, f'no task is named "Plan"; found "{title}"')


@pytest.mark.parametrize(
    ("lists", "found"),
    [
        ([], "none at all"),
        ([WORK], '"Work"'),
        ([TASKS, Named("E", "Tasks", is_default=True)], '"Aufgaben", "Tasks"'),
    ],
    ids=["none", "another", "two"],
)
def test_not_exactly_one_default_list_is_an_error_that_names_what_was_found(lists: list[Named], found: str) -> None:
    expected = Refused(Reason.NO_SUCH_LIST, f"no default list among {found}: set list or listid")
    assert find_list(Reference(), lists) == expected


def test_no_such_list_names_what_was_found() -> None:
    found = find_list(Reference(name="Wrok"), [WORK, HOME])
    assert found == Refused(Reason.NO_SUCH_LIST, 'no list is named "Wrok"; found "Work", "Home"')


def test_several_matches_are_never_guessed_between_and_their_ids_are_told() -> None:
    found = find_task(Reference(name="Plan"), [Named("A=", "Plan"), Named("B=", "Plan"), Named("C=", "Other")])
    assert found == Refused(Reason.AMBIGUOUS, '2 tasks are named "Plan": set taskid instead, one of A=, B=')


def test_a_long_listing_is_shown_in_part() -> None:
    found = find_task(Reference(name="x"), [Named(str(number), f"task {number} " + "y" * 99) for number in range(8)])
    assert isinstance(found, Refused)
    assert found.detail.endswith("and 3 more")
    assert len(found.detail) < 300


def test_five_names_are_shown_whole_up_to_forty_characters() -> None:
    found = find_task(Reference(name="x"), [Named(letter, letter * 41) for letter in "abcde"])
    shown = ", ".join(f'"{letter * 40}"' for letter in "abcde")
    assert found == Refused(Reason.NO_SUCH_TASK, f'no task is named "x"; found {shown}')


def test_an_empty_mailbox_is_said_to_be_empty() -> None:
    assert find_task(Reference(name="x"), []) == Refused(Reason.NO_SUCH_TASK, 'no task is named "x"; found none at all')


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
