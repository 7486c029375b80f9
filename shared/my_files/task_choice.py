"""The lists and tasks that a person chooses from, within the budget that Graph gives their mailbox.

Uploads share that budget. So each request is counted before it is sent, and where the budget has no room, the person is
asked to wait, so that Graph does not refuse an upload for it. A listing is kept for half a minute: to reload the page
costs no request.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from shared.app.as_account import AsAccount, TokenRejected
from shared.app.pacing import Pacing
from shared.core import observations as seen
from shared.core.lookup import Named, are_hidden
from shared.graph import listings
from shared.graph.listings import ListingFailed, Page
from shared.graph.reply import GraphReply
from shared.graph.request import GraphRequest, Mailbox
from shared.my_files.pages import Choice, TaskChoice
from shared.ports import Ports
from shared.sign_in.person import Person

_KEPT_SECONDS = 30.0
# In listings; each may hold several hundred titles.
_MOST_KEPT = 100
# Of one listing, a hundred items each.
_MOST_PAGES = 5
# For one listing, since a person waits for it.
_MOST_SECONDS = 20.0

_BUSY = "Your To Do is asked for too much just now. Try again in a minute."
_AWAY = "Microsoft To Do does not answer just now. Try again in a minute."
_CONNECT = "This app has no sign-in of yours that is good. Connect your To Do again, and come back."


@dataclass(frozen=True, slots=True)
class Tasks:
    """The tasks of a list. *is_cut*: there are more."""

    items: tuple[TaskChoice, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class _Listed:
    """What Graph listed. *is_cut*: there is more."""

    items: tuple[Named, ...]
    is_cut: bool


@dataclass(slots=True)
class _Kept:
    """Listings by person and list, each with the second until which it is valid. Read and changed under *lock*."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    listings: OrderedDict[tuple[str, str], tuple[float, _Listed]] = field(default_factory=OrderedDict)


@dataclass(frozen=True, slots=True)
class TaskChoices:
    """One per process. *root* is the Graph root; *by_id*: `/users/{id}` in place of `/me`.

    Where Graph gives no listing, the result is a text for the person. Every method may raise StorageUnavailable.
    """

    ports: Ports
    pacing: Pacing
    root: str
    by_id: bool
    _kept: _Kept = field(default_factory=_Kept)

    def lists(self, person: Person) -> Sequence[Choice] | str:
        """Their lists, the default one first."""
        listed = self._remembered((person.object_id, ""), lambda: self._lists(person))
        if isinstance(listed, str):
            return listed
        default_first = sorted(listed.items, key=lambda each: not each.is_default)
        return tuple(Choice(each.id, each.name) for each in default_first if not each.is_flagged_emails)

    def tasks(self, person: Person, list_id: str) -> Tasks | str:
        """The tasks of one of their lists."""
        listed = self._remembered((person.object_id, list_id), lambda: self._tasks(person, list_id))
        if isinstance(listed, str):
            return listed
        choices = tuple(TaskChoice(each.id, each.name, is_open=not each.is_completed) for each in listed.items)
        return Tasks(choices, listed.is_cut)

    def _lists(self, person: Person) -> _Listed | str:
        mailbox = self._mailbox(person)
        listed = self._listed(person, listings.prepare_list_lists(mailbox), listings.parse_lists)
        if isinstance(listed, _Listed) and are_hidden(listed.items):
            # For some accounts the plain listing hides the lists, and the listing for change tracking (delta) shows
            # them.
            return self._listed(person, listings.prepare_list_lists_delta(mailbox), listings.parse_lists)
        return listed

    def _tasks(self, person: Person, list_id: str) -> _Listed | str:
        mailbox = self._mailbox(person)
        listed = self._listed(person, listings.prepare_list_tasks(mailbox, list_id), listings.parse_tasks)
        if not isinstance(listed, _Listed) or not listed.is_cut or not any(each.is_completed for each in listed.items):
            return listed
        # In a list that is years old, most tasks are completed, and the open ones may come last.
        still_open = self._listed(person, listings.prepare_list_open_tasks(mailbox, list_id), listings.parse_tasks)
        if not isinstance(still_open, _Listed):
            return listed  # the filter is refused, or there is no room for more: what was listed is shown
        by_id = {each.id: each for each in (*listed.items, *still_open.items)}
        return _Listed(tuple(by_id.values()), is_cut=True)

    def _listed(
        self, person: Person, request: GraphRequest, parse: Callable[[GraphReply, str], Page[Named] | ListingFailed]
    ) -> _Listed | str:
        """What Graph lists, page by page, until a bound of pages, time or budget is reached."""
        mailbox, items = self.pacing.mailbox(person.object_id), list[Named]()
        began = self.ports.monotonic()
        for _ in range(_MOST_PAGES):
            if not self.pacing.spend(mailbox, 1):
                return _Listed(tuple(items), is_cut=True) if items else _BUSY
            page = self._page(person, mailbox, request, parse)
            if isinstance(page, str):
                return page
            items += page.items
            if not page.next_url:
                return _Listed(tuple(items), is_cut=False)
            if self.ports.monotonic() - began > _MOST_SECONDS:
                break
            request = listings.prepare_next_page(request, page.next_url)
        return _Listed(tuple(items), is_cut=True)

    def _page(
        self,
        person: Person,
        mailbox: str,
        request: GraphRequest,
        parse: Callable[[GraphReply, str], Page[Named] | ListingFailed],
    ) -> Page[Named] | str:
        reply = AsAccount(self.ports, person.object_id).exchange(request)
        if isinstance(reply, TokenRejected | seen.NeedsSignIn):
            return _CONNECT
        if not isinstance(reply, GraphReply):
            return _AWAY
        match parse(reply, self.root):
            case seen.Deferred(retry_after=wait):
                self.pacing.throttled(mailbox, wait or timedelta())
                return _BUSY
            case seen.Unavailable():
                return _AWAY
            case seen.Refused(detail=detail) | seen.TargetMissing(detail=detail):
                return f"{detail[:1].upper()}{detail[1:]}."
            case page:
                return page

    def _mailbox(self, person: Person) -> Mailbox:
        return Mailbox.of(self.root, account=person.object_id, by_id=self.by_id)

    def _remembered(self, key: tuple[str, str], ask: Callable[[], _Listed | str]) -> _Listed | str:
        kept, now = self._kept, self.ports.monotonic()
        with kept.lock:
            until, listed = kept.listings.get(key, (0.0, None))
        if listed is not None and now < until:
            return listed
        answer = ask()
        if isinstance(answer, _Listed):
            with kept.lock:
                kept.listings[key] = (self.ports.monotonic() + _KEPT_SECONDS, answer)
                kept.listings.move_to_end(key)
                while len(kept.listings) > _MOST_KEPT:
                    kept.listings.popitem(last=False)
        return answer
