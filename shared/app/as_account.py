"""Requests to Graph as one account: its token, what a 401 means, and what is known when no reply came."""

from collections.abc import Callable
from dataclasses import dataclass, field

from shared.core import observations as seen
from shared.core.tag_text import quoted
from shared.errors import GraphNoReply, SignInNeeded, TokenUnavailable
from shared.graph.exchange import Exchange
from shared.graph.reply import GraphReply, claims_challenge, is_challenge, status_and_code
from shared.graph.request import GraphRequest, with_client_request_id
from shared.ports import Ports


@dataclass(frozen=True, slots=True)
class NoReply:
    """No complete reply came. *sent* is False only where no byte of the request can have left."""

    detail: str
    sent: bool


@dataclass(frozen=True, slots=True)
class TokenRejected:
    """Graph accepts no token of the account. *reply* is its last 401, to *token*; *needed* asks for a sign-in."""

    reply: GraphReply
    token: str
    needed: seen.NeedsSignIn


def _always(_request: GraphRequest) -> None: ...


@dataclass(frozen=True, slots=True)
class AsAccount:
    """*exchanges* collects every exchange, in order. *hold_back* says why a request must not be sent now, or None."""

    ports: Ports
    account: str
    hold_back: Callable[[GraphRequest], seen.Deferred | None] = _always
    exchanges: list[Exchange] = field(default_factory=list)

    def exchange(self, request: GraphRequest) -> GraphReply | NoReply | TokenRejected | seen.TryAgain:
        """One exchange; after a 401, one more with a fresh token. To repeat anything else is left to the caller."""
        accounts, account = self.ports.accounts, self.account
        token = self.of_accounts(lambda: accounts.token(account), request)
        if not isinstance(token, str):
            return token
        reply = self.send(request, token)
        if not isinstance(reply, GraphReply) or not is_challenge(reply):
            return reply
        rejected, claims = token, claims_challenge(reply)
        # The rejected token is passed on, so that only one of many workers that hold it asks for another.
        fresh = self.of_accounts(lambda: accounts.refreshed(account, rejected, claims), request)
        if isinstance(fresh, seen.Deferred):
            return fresh
        if isinstance(fresh, seen.NeedsSignIn):
            return TokenRejected(reply, token, fresh)
        reply = self.send(request, fresh)
        if not isinstance(reply, GraphReply) or not is_challenge(reply):
            return reply
        needed = seen.NeedsSignIn(f"Graph does not take the account's token ({status_and_code(reply)})")
        return TokenRejected(reply, fresh, needed)

    def of_accounts(
        self, ask: Callable[[], str], request: GraphRequest | None = None
    ) -> str | seen.Deferred | seen.NeedsSignIn:
        """What *ask* gets from the accounts port: a token for *request*, or an identity.

        Where the identity provider, Key Vault or the app's client credential fails, the upload is deferred. That does
        not count as a step without progress: the upload can do nothing about it.
        """
        try:
            return ask()
        except SignInNeeded as error:
            # The tag names the account, since the person who reads it may have misspelt it. The exception's text does
            # not: exceptions are logged.
            return seen.NeedsSignIn(f"{quoted(self.account)}: {error.detail}")
        except TokenUnavailable as error:
            # Recorded as an exchange, so that the step's record shows what the upload waits for.
            kind = type(error).__name__
            self.exchanges.append(Exchange.unanswered(request, kind) if request else Exchange.unasked(kind))
            return seen.Deferred(error.detail)

    def send(self, request: GraphRequest, token: str) -> GraphReply | NoReply | seen.Deferred:
        """One request with exactly this token."""
        if (reason := self.hold_back(request)) is not None:
            return reason
        request = with_client_request_id(request, self.ports.new_id())
        try:
            reply = self.ports.graph.send(request, token)
        except GraphNoReply as error:
            self.exchanges.append(Exchange.unanswered(request, type(error).__name__))
            return NoReply(error.detail, error.sent)
        self.exchanges.append(Exchange.answered(request, reply))
        return reply
