"""Lists the lists and tasks of a To Do, the emulator's or the real one, by Graph's own protocol."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from local.commands.wording import in_words
from local.stack.emulator import NamedList, NamedTask
from shared.adapters.graph import RequestsGraph
from shared.core.lookup import Named
from shared.errors import GraphNoReply
from shared.graph import listings
from shared.graph.reply import GraphReply, status_and_code
from shared.graph.request import GraphRequest, Mailbox

_DEADLINE = timedelta(seconds=30)
_MOST_PAGES = 100

type _Parse = Callable[[GraphReply, str], listings.Page[Named] | listings.ListingFailed]


class GraphTrouble(Exception):  # noqa: N818 - the name says what is the case
    """Graph gave no listing. The text says why, for a person."""


class TodoLists:
    """The To Do of the account whose *token* this is. Every method may raise GraphTrouble."""

    def __init__(self, root: str, token: str) -> None:
        self._root = root
        self._token = token
        self._graph = RequestsGraph(root, _DEADLINE)
        self._mailbox = Mailbox.of(root, account="", by_id=False)

    def check(self) -> None:
        """Raise GraphTrouble unless Graph answers, and accepts the token."""
        self._page(listings.prepare_list_lists(self._mailbox), listings.parse_lists)

    def lists(self) -> list[Named]:
        """The lists, without their tasks."""
        return list(self._all(listings.prepare_list_lists(self._mailbox), listings.parse_lists))

    def tasks(self, list_id: str) -> list[Named]:
        """The tasks of one list."""
        return list(self._all(listings.prepare_list_tasks(self._mailbox, list_id), listings.parse_tasks))

    def everything(self) -> tuple[NamedList, ...]:
        """All lists with all their tasks."""
        return tuple(
            NamedList(
                each.id,
                each.name,
                each.is_default,
                tuple(NamedTask(task.id, task.name) for task in self.tasks(each.id)),
            )
            for each in self.lists()
        )

    def _all(self, request: GraphRequest, parse: _Parse) -> Iterator[Named]:
        for _ in range(_MOST_PAGES):
            page = self._page(request, parse)
            yield from page.items
            if not page.next_url:
                return
            request = listings.prepare_next_page(request, page.next_url)

    def _page(self, request: GraphRequest, parse: _Parse) -> listings.Page[Named]:
        try:
            reply = self._graph.send(request, self._token)
        except GraphNoReply as error:
            raise GraphTrouble(f"{self._root}: {in_words(error.detail)}") from None
        if reply.status == 401:
            raise GraphTrouble(f"{self._root} does not take the token: it is wrong, or has expired. Get a new one")
        page = parse(reply, self._root)
        if not isinstance(page, listings.Page):
            raise GraphTrouble(f"{self._root} does not list: {status_and_code(reply)}")
        return page
