"""Requests to Graph for one claimed upload: which may be sent, and what it means where no reply came."""

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

# No person has made a listing longer than this: it bounds a server that gives page after page.
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
        """The account's identity: two blobs that name one account differently share its mailbox and slots."""
        return self._as_account.of_accounts(lambda: self.ports.accounts.identity(self.entry.account))

    def is_same_person(self, account: str) -> bool | seen.Deferred:
        """Whether *account* is another name of this upload's account. False where either account is not connected."""
        mine, theirs = self.identity(), self._as_account.of_accounts(lambda: self.ports.accounts.identity(account))
        for each in (mine, theirs):
            if isinstance(each, seen.Deferred):
                return each
        return isinstance(mine, str) and mine == theirs

    def token(self) -> str | seen.Deferred | seen.NeedsSignIn:
        """A token that has not expired, and that Graph is not known to have rejected."""
        return self._as_account.of_accounts(lambda: self.ports.accounts.token(self.entry.account))

    def ask(self, request: GraphRequest) -> GraphReply | seen.TryAgain:
        """Send a request that may be repeated whatever became of it: a read, a DELETE, the opening of a session."""
        reply = self._exchange(request)
        return seen.Unavailable(reply.detail) if isinstance(reply, NoReply) else reply

    def change(self, request: GraphRequest) -> GraphReply | seen.Unclear | seen.TryAgain:
        """Send a request that must not be repeated blindly: without a reply, Graph may have applied it.

        Only where no byte of it can have left is it certain that Graph has not.
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
        # One fresh token, and no other retry: the queue retries the step, with a back-off that the ledger keeps.
        # Retries here would multiply with the queue's, while the claim runs out.
        reply = self._as_account.exchange(request)
        return self._unless_only_the_session_refuses(request, reply) if isinstance(reply, TokenRejected) else reply

    def _unless_only_the_session_refuses(
        self, request: GraphRequest, rejected: TokenRejected
    ) -> GraphReply | seen.TryAgain:
        """Find out whether a 401 to a request of a session is about the token, or only about the session.

        A session that is over may answer 401 too, and a person who is connected must not be asked to sign in for that.
        So the task is asked with the same token: only where it answers 401 as well must the person sign in.
        """
        if request.operation not in SESSION_OPERATIONS:
            return rejected.needed
        # The same token and task, but not through the session.
        listed = self._as_account.send(self.list_attachments(), rejected.token)
        if isinstance(listed, NoReply):
            return seen.Unavailable(listed.detail)
        if not isinstance(listed, GraphReply):
            return listed
        if listed.status == 401:
            return rejected.needed
        page = parse_attachments(listed, self.root)
        if isinstance(page, seen.Deferred | seen.Unavailable):
            # Graph gave no answer, and may have throttled. The request that got the 401 was not applied: it can wait.
            return page
        return rejected.reply

    @property
    def _as_account(self) -> AsAccount:
        return AsAccount(self.ports, self.entry.account, self._without_a_claim, self.exchanges)

    def _without_a_claim(self, request: GraphRequest) -> seen.Deferred | None:
        # A read changes nothing, so it may outlast the claim. Any other request must end before the claim does, however
        # long it takes: otherwise two workers could change the same thing at once.
        if request.method == "GET" or self.claim.outlives_a_request():
            return None
        self.exchanges.append(Exchange.unanswered(request, CLAIM_NEARLY_OVER))
        return seen.Deferred("the claim was nearly over", timedelta())
