"""The lists and tasks to choose from: the person's own, and within their mailbox's budget."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from local.stand_ins.todo.behaviour import DOCUMENTED
from local.stand_ins.todo.faults import Answer, Rule
from shared.core.pacing import Budget
from tests.my_files.on_fakes import KIM, SAM, Site, said
from tests.support.fakes.world import MAILBOX_LIMITS, World


def asked(site: Site) -> list[str]:
    """What Graph was asked for."""
    return [operation for operation, _ in site.world.requests()]


def titles(body: str) -> list[str]:
    return re.findall(r'<span class="title">(.*?)</span>', body)


def test_a_person_chooses_among_their_own_lists_and_tasks_and_sees_nobody_else_s() -> None:
    site = Site()
    page = site.sign_in().visit()
    assert titles(page.body) == ["Receipts"]
    assert "Tasks" in said(page)
    assert "secret" not in page.body
    assert titles(site.sign_in(KIM).visit().body) == ["Kim&#x27;s secret task"]


def test_another_list_is_chosen_by_its_id_and_a_strange_one_chooses_none() -> None:
    site = Site()
    work = site.world.todo.add_list(site.world.mailbox, "Work")
    site.world.todo.add_task(work, "Report")
    assert titles(site.sign_in().visit(list=work.id).body) == ["Report"]
    assert titles(site.sign_in().visit(list="<script>").body) == ["Receipts"]
    assert "<script>" not in site.sign_in().visit(list="<script>").body


def test_another_person_s_list_is_none() -> None:
    site = Site()
    assert "Graph finds no such list" in said(site.sign_in().tasks(site.kims_list.id))


@pytest.mark.parametrize("list_id", ["", "..", ".", "x" * 2_000, "a b", "a/\n"])
def test_what_can_be_no_list_s_id_is_not_even_asked_for(list_id: str) -> None:
    site = Site()
    answer = site.sign_in().ask("GET", "tasks", parameters={"list": list_id})
    assert answer.status == 400
    assert asked(site) == []


def test_open_tasks_come_first() -> None:
    site = Site()
    site.world.todo.add_task(site.world.list, "Done").completed = True
    site.world.todo.add_task(site.world.list, "Still open")
    assert titles(site.sign_in().tasks().body) == ["Receipts", "Still open", "Done"]


def test_typing_and_refreshing_ask_graph_nothing_for_half_a_minute() -> None:
    site = Site()
    browser = site.sign_in()
    browser.visit()
    assert asked(site) == ["list_lists", "list_tasks"]
    for _ in range(5):
        browser.visit()
        browser.tasks()
        browser.listing()
    assert len(asked(site)) == 2
    site.world.clock.advance(31)
    browser.tasks()
    assert len(asked(site)) == 3


def test_one_person_s_lists_are_not_remembered_for_another() -> None:
    site = Site()
    site.sign_in().visit()
    assert "Receipts" not in site.sign_in(KIM).visit().body


def test_each_request_counts_in_the_mailbox_s_budget() -> None:
    site = Site()
    site.sign_in().visit()
    pacing = site.world.application.pacing
    pace = site.world.paces.load(pacing.mailbox(SAM.object_id)).pace
    assert sum(use.need.requests for use in pace.uses) == 2
    assert sum(use.need.bytes for use in pace.uses) == 0


def test_where_the_budget_has_no_room_the_person_reads_so_and_graph_is_not_asked() -> None:
    limits = replace(MAILBOX_LIMITS, requests=Budget(20, timedelta(minutes=10)))
    site = Site(World(signs_in=True, mailbox_limits=limits))
    pacing = site.world.application.pacing
    assert pacing.spend(pacing.mailbox(SAM.object_id), 20)
    page = site.sign_in().visit()
    assert "Try again in a minute" in said(page)
    assert page.status == 200, "their files are shown all the same"
    assert asked(site) == []
    site.world.clock.advance(timedelta(minutes=11))
    assert titles(site.sign_in().visit().body) == ["Receipts"]


@pytest.mark.parametrize(("retry_after", "seconds"), [(60, 60), (None, 2)], ids=["as asked", "not said how long"])
def test_a_mailbox_that_graph_throttles_is_left_alone_by_the_page_and_by_uploads_alike(
    retry_after: float | None, seconds: int
) -> None:
    throttled = Rule(Answer(429, retry_after=retry_after), "list_lists")
    site = Site(World(signs_in=True, faults=(throttled,)))
    browser = site.sign_in()
    assert "Try again in a minute" in said(browser.visit())
    assert "Try again in a minute" in said(browser.visit())
    assert len(asked(site)) == 1, "not asked again before the time is over"
    blob = site.drop_for(SAM, "report.pdf")
    site.world.run(until=lambda: site.world.settled(blob))
    assert site.world.clock.now >= site.world.entry(blob).created_at + timedelta(seconds=seconds)


def test_a_person_whose_sign_in_is_over_is_told_to_connect_again() -> None:
    site = Site()
    del site.world.accounts.tokens[SAM.object_id]
    assert "Connect your To Do again" in said(site.sign_in().visit())


def test_a_token_that_graph_rejects_is_refreshed_once() -> None:
    site = Site()
    good = site.world.accounts.tokens[SAM.object_id]
    site.world.accounts.tokens[SAM.object_id] = "one that was revoked"
    site.world.accounts.next_tokens[SAM.object_id] = [good]
    assert titles(site.sign_in().visit().body) == ["Receipts"]


def test_graph_that_gives_no_answer_is_said_in_words_and_asked_again_at_the_next_visit() -> None:
    site = Site()
    site.world.graph.unreachable = True
    assert "does not answer just now" in said(site.sign_in().visit())
    site.world.graph.unreachable = False
    assert titles(site.sign_in().visit().body) == ["Receipts"]


def test_a_list_of_very_many_tasks_is_cut_and_says_so() -> None:
    site = Site()
    for number in range(620):
        site.world.todo.add_task(site.world.list, f"Task {number}")
    page = site.sign_in().tasks()
    assert len(titles(page.body)) == 500
    assert "more tasks than are shown" in said(page)
    assert asked(site) == ["list_tasks"] * 5


@pytest.mark.parametrize("filters", ["exact", "ignored", 400])
def test_open_tasks_behind_hundreds_of_completed_ones_are_there_where_graph_can_list_them_alone(
    filters: Literal["exact", "ignored", 400],
) -> None:
    site = Site(World(signs_in=True, behaviour=replace(DOCUMENTED, filters=filters)))
    for number in range(510):
        site.world.todo.add_task(site.world.list, f"Done {number}").completed = True
    site.world.todo.add_task(site.world.list, "Still open")
    page = site.sign_in().tasks()
    first = titles(page.body)[:2]
    assert first == (["Receipts", "Still open"] if filters == "exact" else ["Receipts", "Done 0"])
    assert "more tasks than are shown" in said(page)
    assert len(asked(site)) <= 10


def test_where_the_budget_ends_before_the_open_tasks_what_was_listed_is_shown() -> None:
    limits = replace(MAILBOX_LIMITS, requests=Budget(5, timedelta(minutes=10)))
    site = Site(World(signs_in=True, mailbox_limits=limits))
    for number in range(510):
        site.world.todo.add_task(site.world.list, f"Done {number}").completed = True
    assert len(titles(site.sign_in().tasks().body)) == 500
    assert asked(site) == ["list_tasks"] * 5


def test_lists_that_graph_hides_are_found_by_its_other_listing() -> None:
    site = Site(World(signs_in=True, behaviour=replace(DOCUMENTED, listed_lists="only_in_delta")))
    assert titles(site.sign_in().visit().body) == ["Receipts"]


def test_what_is_remembered_is_bounded() -> None:
    site = Site()
    browser = site.sign_in()
    for number in range(150):
        task_list = site.world.todo.add_list(site.world.mailbox, f"List {number}")
        browser.tasks(task_list.id)
    assert len(site.endpoints.choices._kept.listings) == 100
