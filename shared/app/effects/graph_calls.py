"""Requests to Graph for one claimed upload: what may be sent, and what an answer that never came means."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from shared.app.as_account import AsAccount, NoReply, TokenRejected
from shared.app.effects.held_claim import HeldClaim
from shared.core import observations as seen
from shared.core.entry import Entry
from shared.graph.exchange import Exchange
from shared.graph.listings import (
    ListingFailed,
    Page,
    parse_attachments,
    prepare_list_attachments,
    prepare_next_page,
)
from shared.graph.reply import GraphReply
from shared.graph.request import GraphRequest, Mailbox
from shared.graph.sessions import SESSION_OPERATIONS
from shared.ports import Ports
from shared.telemetry.records import CLAIM_NEARLY_OVER

# A listing longer than this is not one that a person made.
MAX_PAGES = 200


@dataclass(frozen=True, slots=True)
class GraphCalls:
    """*exchanges* collects every exchange, in order, for the record of the step."""

    ports: Ports
    entry: Entry
    mailbox: Mailbox
    claim: HeldClaim
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def root(self) -> str:
        return self.mailbox.root

    def identity(self) -> str | seen.Deferred | seen.NeedsSignIn:
        """The account under one name: two blobs that name the same person differently compete for the same things."""
        return self._as_account.of_accounts(lambda: self.ports.accounts.identity(self.entry.account))

    def is_same_person(self, account: str) -> bool | seen.Deferred:
        """Whether *account* is this upload's by another name. Nobody knows of an account that is not connected."""
        mine, theirs = self.identity(), self._as_account.of_accounts(lambda: self.ports.accounts.identity(account))
        for each in (mine, theirs):
            if isinstance(each, seen.Deferred):
                return each
        return isinstance(mine, str) and mine == theirs

    def token(self) -> str | seen.Deferred | seen.NeedsSignIn:
        """A token that is good now, as far as is known."""
        return self._as_account.of_accounts(lambda: self.ports.accounts.token(self.entry.account))

    def ask(self, request: GraphRequest) -> GraphReply | seen.TryAgain:
        """A request that may be sent again whatever became of it: a read, a create that attaches nothing, a DELETE."""
        reply = self._exchange(request)
        return seen.Unavailable(reply.detail) if isinstance(reply, NoReply) else reply

    def change(self, request: GraphRequest) -> GraphReply | seen.Unclear | seen.TryAgain:
        """A request that may have been applied although no reply came.

        Only where not one byte of it can have left is it known that nothing was done.
        """
        reply = self._exchange(request)
        if not isinstance(reply, NoReply):
            return reply
        return seen.Unclear(reply.detail) if reply.sent else seen.Unavailable(reply.detail)

    def pages[Item](
        self,
        request: GraphRequest,
        parse: Callable[[GraphReply, str], Page[Item] | ListingFailed],
    ) -> list[Item] | seen.Refused | seen.TargetMissing | seen.TryAgain:
        """All items of a listing, page by page."""
        items: list[Item] = []
        for _ in range(MAX_PAGES):
            reply = self.ask(request)
            if not isinstance(reply, GraphReply):
                return reply
            page = parse(reply, self.root)
            if not isinstance(page, Page):
                return page
            items += page.items
            if not page.next_url:
                return items
            request = prepare_next_page(request, page.next_url)
        return seen.Unavailable(f"a listing of more than {MAX_PAGES} pages")

    def list_attachments(self) -> GraphRequest:
        return self.list_attachments_of(self.entry.list_id, self.entry.task_id)

    def list_attachments_of(self, list_id: str, task_id: str) -> GraphRequest:
        return prepare_list_attachments(self.mailbox, list_id, task_id)

    def _exchange(self, request: GraphRequest) -> GraphReply | NoReply | seen.TryAgain:
        # One refresh, and no other retry: the message is retried by the queue, with a back-off that is in the ledger.
        # Retries in here would multiply with those, while the claim runs out.
        reply = self._as_account.exchange(request)
        return self._unless_only_the_session_refuses(request, reply) if isinstance(reply, TokenRejected) else reply

    def _unless_only_the_session_refuses(
        self, request: GraphRequest, rejected: TokenRejected
    ) -> GraphReply | seen.TryAgain:
        """A session that is over may answer 401 too. Only the task itself shows whether the person must sign in.

        Otherwise a session that expired would ask a person to sign in who is signed in.
        """
        if request.operation not in SESSION_OPERATIONS:
            return rejected.needed
        # The same token, the same task, and no session in it.
        listed = self._as_account.send(self.list_attachments(), rejected.token)
        if isinstance(listed, NoReply):
            return seen.Unavailable(listed.detail)
        if not isinstance(listed, GraphReply):
            return listed
        if listed.status == 401:
            return rejected.needed
        page = parse_attachments(listed, self.root)
        if isinstance(page, seen.Deferred | seen.Unavailable):
            # Not answered, and perhaps throttled: the request that got the 401 was not applied, so all of it waits.
            return page
        return rejected.reply

    @property
    def _as_account(self) -> AsAccount:
        return AsAccount(self.ports, self.entry.account, self._without_a_claim, self.exchanges)

    def _without_a_claim(self, request: GraphRequest) -> seen.Deferred | None:
        # Reads are free: they may go on when the claim is over, since they change nothing. Before anything else, what
        # is left of the claim must cover the request for as long as it can last.
        if request.method == "GET" or self.claim.outlives_a_request():
            return None
        self.exchanges.append(Exchange.unanswered(request, CLAIM_NEARLY_OVER))
        return seen.Deferred("the claim was nearly over", timedelta())
