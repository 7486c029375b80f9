"""Listings of lists, tasks and attachments, page by page; and the bytes of one attachment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from shared.core import observations as seen
from shared.core.entry import Reason
from shared.core.landing import ListedAttachment
from shared.core.lookup import Named
from shared.graph.reply import GraphReply, json_object, lower_names, timestamp
from shared.graph.request import LONGEST_URL, GraphRequest, Mailbox, is_within
from shared.graph.statuses import Kind, deferred, meaning_of, refused, target_missing, unavailable

# Always sent, and nextLink always followed: without $top, lists are known to end early and without a nextLink.
PAGE_SIZE = 100
# A hundred tasks may each have a long note. A page of more bytes, or of more rows than Graph gives, is not Graph's.
_LONGEST_PAGE = 8 * 1024 * 1024
_MAX_ROWS = 10_000

type ListingFailed = seen.TargetMissing | seen.Deferred | seen.Unavailable | seen.Refused


@dataclass(frozen=True, slots=True)
class Page[Item]:
    """One page of a listing. *next_url* is empty at the end. *date* is the server's."""

    items: tuple[Item, ...]
    next_url: str
    date: datetime | None


def prepare_list_attachments(mailbox: Mailbox, list_id: str, task_id: str) -> GraphRequest:
    return GraphRequest("list_attachments", "GET", f"{mailbox.attachments(list_id, task_id)}?$top={PAGE_SIZE}")


def prepare_list_lists(mailbox: Mailbox) -> GraphRequest:
    """No $select (400 is reported for To Do) and no $filter (its logic is reported to be wrong): we compare."""
    return GraphRequest("list_lists", "GET", f"{mailbox.lists()}?$top={PAGE_SIZE}")


def prepare_list_lists_delta(mailbox: Mailbox) -> GraphRequest:
    """The first round of change tracking, which lists every list: also for accounts whose plain listing hides them.

    It is asked without $top, which its documentation does not name; it pages by nextLink all the same. Its deltaLink is
    not followed.
    """
    return GraphRequest("list_lists_delta", "GET", f"{mailbox.lists()}/delta")


def prepare_list_tasks(mailbox: Mailbox, list_id: str) -> GraphRequest:
    return GraphRequest("list_tasks", "GET", f"{mailbox.tasks(list_id)}?$top={PAGE_SIZE}")


def prepare_list_open_tasks(mailbox: Mailbox, list_id: str) -> GraphRequest:
    """The tasks that are not completed, if Graph follows the filter: each one in the answer says its status."""
    url = f"{mailbox.tasks(list_id)}?$top={PAGE_SIZE}&$filter=status%20ne%20'completed'"
    return GraphRequest("list_tasks", "GET", url)


def prepare_next_page(previous: GraphRequest, next_url: str) -> GraphRequest:
    return GraphRequest(previous.operation, "GET", next_url)


def parse_attachments(reply: GraphReply, root: str) -> Page[ListedAttachment] | ListingFailed:
    return _page(reply, root, _listed_attachment, Reason.NO_SUCH_TASK)


def parse_lists(reply: GraphReply, root: str) -> Page[Named] | ListingFailed:
    return _page(reply, root, _named_list, Reason.NO_SUCH_LIST)


def parse_tasks(reply: GraphReply, root: str) -> Page[Named] | ListingFailed:
    return _page(reply, root, _named_task, Reason.NO_SUCH_LIST)


def prepare_value(mailbox: Mailbox, list_id: str, task_id: str, attachment_id: str) -> GraphRequest:
    """The raw bytes of an attachment, hashed as they come."""
    url = f"{mailbox.attachment(list_id, task_id, attachment_id)}/$value"
    return GraphRequest("get_value", "GET", url, digest=True)


def parse_value(reply: GraphReply) -> str | ListingFailed:
    """The SHA-256 of an attachment's bytes; empty where the attachment is gone."""
    if reply.status == 200:
        return reply.sha256
    if meaning_of(reply).kind in {Kind.NOT_FOUND, Kind.GONE}:
        return ""  # removed since it was listed
    return _not_listed(reply, Reason.NO_SUCH_TASK)


def _page[Item](reply: GraphReply, root: str, read: Any, missing: Reason) -> Page[Item] | ListingFailed:
    if reply.status != 200:
        return _not_listed(reply, missing)
    content = json_object(reply, longest=_LONGEST_PAGE)
    rows, next_url = content.get("value"), content.get("@odata.nextlink") or ""
    endless = isinstance(next_url, str) and len(next_url) > LONGEST_URL
    if not isinstance(rows, list) or len(rows) > _MAX_ROWS or endless:
        # Never read as "nothing there": that would send a file again that is attached already.
        return seen.Unavailable("a listing that cannot be read")
    if not isinstance(next_url, str) or (next_url and not is_within(next_url, root)):
        return seen.Refused(Reason.REFUSED, "a listing goes on at another host than the configured Graph host")
    items = tuple(item for row in rows if isinstance(row, dict) and (item := read(lower_names(row))) is not None)
    return Page(items, next_url, reply.date())


def _not_listed(reply: GraphReply, missing: Reason) -> ListingFailed:
    """*missing*: the reason where the answer is 404 or 410."""
    meaning = meaning_of(reply)
    match meaning.kind:
        case Kind.THROTTLED | Kind.AWAY:
            return deferred(reply)
        case Kind.PASSING | Kind.FULL | Kind.UNEXPECTED:
            return unavailable(reply)
        case Kind.NOT_FOUND:
            return target_missing(missing, reply)
        case Kind.GONE:
            return refused(missing, reply)
        case Kind.PERMANENT:
            return refused(meaning.reason, reply)
        case Kind.BODY_TOO_LARGE | Kind.FILE_TOO_SMALL | Kind.WRONG_RANGE | Kind.REFUSED:
            # No bytes of a file were sent, so it cannot be the file's size that Graph refuses.
            return refused(Reason.REFUSED, reply)


def _listed_attachment(row: Mapping[str, Any]) -> ListedAttachment | None:
    attachment_id, name = row.get("id"), row.get("name")
    if not isinstance(attachment_id, str):
        return None
    # One without a name may be ours: its bytes will show that.
    return ListedAttachment(
        attachment_id, name if isinstance(name, str) else "", timestamp(row.get("lastmodifieddatetime"))
    )


def _named_list(row: Mapping[str, Any]) -> Named | None:
    list_id, name, wellknown = row.get("id"), row.get("displayname"), row.get("wellknownlistname")
    if not isinstance(list_id, str) or not isinstance(name, str) or "@removed" in row:
        return None
    return Named(
        list_id,
        name,
        is_default=wellknown == "defaultList",
        is_flagged_emails=wellknown == "flaggedEmails",
        is_shared=row.get("isshared") is True,
    )


def _named_task(row: Mapping[str, Any]) -> Named | None:
    task_id, title = row.get("id"), row.get("title")
    if not isinstance(task_id, str) or not isinstance(title, str):
        return None
    return Named(
        task_id,
        title,
        is_completed=row.get("status") == "completed",
        due=_due(row.get("duedatetime")),
        created_at=timestamp(row.get("createddatetime")),
    )


def _due(value: object) -> date | None:
    """The day only: To Do keeps no time of day, and writes midnight in the time zone that it names beside it."""
    when = timestamp(value.get("dateTime")) if isinstance(value, dict) else None
    return when.date() if when is not None else None
