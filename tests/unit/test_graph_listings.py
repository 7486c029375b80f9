"""Listings of lists, tasks and attachments; and the bytes of one attachment."""

from datetime import UTC, date, datetime

import pytest

from shared.core import observations as seen
from shared.core.entry import Reason
from shared.core.landing import ListedAttachment
from shared.core.lookup import Named
from shared.graph import listings
from shared.graph.listings import Page
from shared.graph.reply import GraphReply
from tests.support.entries import ROOT
from tests.support.graph_replies import (
    ATTACHMENT,
    DATE,
    LIST,
    TASK,
    documented_reply,
    reply,
)


def test_the_documented_listings_are_read() -> None:
    modified = datetime(2017, 1, 1, tzinfo=UTC)
    attachments = listings.parse_attachments(documented_reply("list_attachments"), ROOT)
    assert attachments == Page((ListedAttachment(ATTACHMENT, "flower", modified),), "", None)
    lists = listings.parse_lists(documented_reply("list_lists"), ROOT)
    assert lists == Page(
        (Named("AAMkExampleDefaultAAA=", "Tasks", is_default=True), Named(LIST, "Travel items")), "", None
    )
    tasks = listings.parse_tasks(documented_reply("list_tasks"), ROOT)
    created = datetime(2020, 7, 8, 11, 15, 19, 935988, tzinfo=UTC)
    assert tasks == Page((Named(TASK, "Linked entity new task 1", created_at=created),), "", None)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"status": "completed"}, Named("T", "Plan", is_completed=True)),
        ({"status": "inProgress"}, Named("T", "Plan")),
        (
            {"dueDateTime": {"dateTime": "2026-03-05T23:00:00.0000000", "timeZone": "UTC"}},
            Named("T", "Plan", due=date(2026, 3, 5)),
        ),
        ({"dueDateTime": None, "createdDateTime": "nonsense", "status": 1}, Named("T", "Plan")),
    ],
    ids=["completed", "under way", "due", "nonsense"],
)
def test_what_tells_tasks_apart_is_read(row: dict[str, object], named: Named) -> None:
    page = listings.parse_tasks(reply(200, {"value": [{"id": "T", "title": "Plan"} | row]}), ROOT)
    assert page == Page((named,), "", None)


def test_a_shared_list_is_read_as_one() -> None:
    rows = [{"id": "L", "displayName": "Work", "isShared": True}]
    assert listings.parse_lists(reply(200, {"value": rows}), ROOT) == Page(
        (Named("L", "Work", is_shared=True),), "", None
    )


def test_a_page_names_the_next_one_and_the_server_s_time() -> None:
    link = f"{ROOT}/me/todo/lists?$skiptoken=x"
    for parse in (listings.parse_attachments, listings.parse_lists, listings.parse_tasks):
        page = parse(reply(200, {"value": [], "@odata.nextLink": link}, date=DATE), ROOT)
        assert page == Page((), link, datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    "link", ["https://evil.example/x", "http://graph.microsoft.com/x", "/relative", 7, ["x"]], ids=repr
)
def test_a_page_on_another_host_is_never_followed(link: object) -> None:
    expected = seen.Refused(Reason.REFUSED, "a listing goes on at another host than the configured Graph host")
    for parse in (listings.parse_attachments, listings.parse_lists, listings.parse_tasks):
        assert parse(reply(200, {"value": [], "@odata.nextLink": link}), ROOT) == expected


@pytest.mark.parametrize(
    "body", [None, b"<html>", b"[]", {}, {"value": None}, {"value": "x"}, {"value": {"id": "A"}}], ids=repr
)
def test_a_listing_that_cannot_be_read_is_never_taken_for_empty(body: object) -> None:
    """An attached file would be sent a second time."""
    for parse in (listings.parse_attachments, listings.parse_lists, listings.parse_tasks):
        assert parse(reply(200, body), ROOT) == seen.Unavailable("a listing that cannot be read")


@pytest.mark.parametrize("row", [None, 7, "x", [], {}, {"id": 1}, {"id": None, "name": "n"}], ids=repr)
def test_a_row_that_is_none_is_passed_over(row: object) -> None:
    for parse in (listings.parse_attachments, listings.parse_lists, listings.parse_tasks):
        assert parse(reply(200, {"value": [row]}), ROOT) == Page((), "", None)


@pytest.mark.parametrize("id_", [7, None, ["x"]], ids=repr)
def test_a_list_or_task_with_a_name_and_no_usable_id_is_passed_over(id_: object) -> None:
    row = {"id": id_, "displayName": "Work", "title": "Plan", "name": "plan.pdf"}
    for parse in (listings.parse_attachments, listings.parse_lists, listings.parse_tasks):
        assert parse(reply(200, {"value": [row]}), ROOT) == Page((), "", None)


@pytest.mark.parametrize("name", [7, None, ["x"]], ids=repr)
def test_a_list_or_task_with_an_id_and_no_usable_name_is_passed_over(name: object) -> None:
    """Nobody can have meant it."""
    row = {"id": "A", "displayName": name, "title": name}
    for parse in (listings.parse_lists, listings.parse_tasks):
        assert parse(reply(200, {"value": [row]}), ROOT) == Page((), "", None)


def test_an_attachment_without_a_name_is_kept_for_its_bytes_to_tell() -> None:
    listed = listings.parse_attachments(reply(200, {"value": [{"id": "A"}]}), ROOT)
    assert listed == Page((ListedAttachment("A", "", None),), "", None)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "", None, "soon"], ids=repr)
def test_an_attachment_without_a_real_time_has_none(time: object) -> None:
    """Year 1 taken for a time would make it too old to be ours, and the file would be sent again."""
    row = {"id": "A", "name": "n", "lastModifiedDateTime": time}
    page = listings.parse_attachments(reply(200, {"value": [row]}), ROOT)
    assert isinstance(page, Page)
    assert page.items == (ListedAttachment("A", "n", None),)


def test_half_a_surrogate_pair_in_a_title_comes_out_as_text_that_can_be_stored() -> None:
    page = listings.parse_tasks(reply(200, b'{"value":[{"id":"T","title":"cut \\ud83d"}]}'), ROOT)
    assert page == Page((Named("T", "cut ?"),), "", None)


def test_the_value_of_an_attachment_is_its_hash_or_nothing_when_it_is_gone() -> None:
    assert listings.parse_value(GraphReply(200, {}, sha256="abc")) == "abc"
    assert listings.parse_value(reply(404)) == ""


def test_the_documented_round_of_change_tracking_is_a_listing_and_its_delta_link_is_not_followed() -> None:
    lists = listings.parse_lists(documented_reply("list_lists_delta"), ROOT)
    assert lists == Page((Named(LIST, "List1"),), "", None)


def test_a_list_that_was_removed_is_none() -> None:
    rows = [{"id": "A", "displayName": "Gone", "@removed": {"reason": "deleted"}}, {"id": "B", "displayName": "Work"}]
    assert listings.parse_lists(reply(200, {"value": rows}), ROOT) == Page((Named("B", "Work"),), "", None)


def test_the_list_of_flagged_mail_is_told_apart() -> None:
    rows = [{"id": "A", "displayName": "Gekennzeichnet", "wellknownListName": "flaggedEmails"}]
    page = listings.parse_lists(reply(200, {"value": rows}), ROOT)
    assert page == Page((Named("A", "Gekennzeichnet", is_flagged_emails=True),), "", None)
