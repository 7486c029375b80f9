"""Performs actions, each by its own effect."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from shared.app.effects import arriving, closing, opening, queueing, reading_back, resolving, searching, sending
from shared.app.effects.context import Context
from shared.app.effects.graph_calls import GraphCalls
from shared.app.effects.held_claim import HeldClaim
from shared.app.effects.source import Source
from shared.app.intake import Intake
from shared.app.pacing import Pacing
from shared.app.sign_in_line import SignInLine
from shared.core import actions as do
from shared.core.entry import Entry
from shared.errors import GraphNoReply, SignInNeeded, StorageUnavailable
from shared.graph import sessions
from shared.graph.exchange import Exchange
from shared.graph.request import Mailbox, with_client_request_id
from shared.ports import Ports


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of an action, and the last exchange with Graph, if there was one."""

    result: do.Result
    exchange: Exchange | None


@dataclass(frozen=True, slots=True)
class Effects:
    """*root* is the Graph root; *deadline* bounds every request; *mailbox_by_id*: `/users/{id}` in place of `/me`.

    *names_others*: whether a rejection names the account's other lists and tasks to the sender.
    """

    ports: Ports
    intake: Intake
    pacing: Pacing
    sign_in_line: SignInLine
    root: str
    mailbox_by_id: bool
    deadline: timedelta
    names_others: bool

    def perform(self, entry: Entry, action: do.Action, claim_left: Callable[[], timedelta]) -> Performed:
        """Do *action* for the claimed *entry*. *claim_left*: how long the claim still holds."""
        # All of this is made anew for each action, so that nothing of one upload can reach another through an effect.
        claim = HeldClaim(claim_left, self.deadline)
        mailbox = Mailbox.of(self.root, account=entry.account, by_id=self.mailbox_by_id)
        graph = GraphCalls(self.ports, entry, mailbox, claim)
        source = Source(self.ports.blobs, self.intake, entry.blob)
        context = Context(
            entry,
            graph,
            source,
            self.ports.ledger,
            self.ports.blobs,
            claim,
            self.names_others,
            self.pacing,
            self.sign_in_line,
            self.ports.account_uploads,
        )
        result = _perform(action, context)
        exchange = graph.exchanges[-1] if graph.exchanges else None
        if entry.lease and exchange is not None and exchange.is_throttled:
            self._hold_others_back(entry.lease, timedelta(seconds=exchange.retry_after or 0))
        return Performed(result, exchange)

    def _hold_others_back(self, mailbox: str, wait: timedelta) -> None:
        try:
            self.pacing.throttled(mailbox, wait)
        except StorageUnavailable:
            # The observation must be stored all the same. The next upload that Graph throttles writes the pace again.
            self.ports.telemetry.record("pace_untold")

    def cancel_orphan(self, entry: Entry, session_url: str) -> None:
        """Cancel a session that the ledger will never know, since its worker could not store that it was opened.

        No claim is needed: no other worker knows the session, so none can be sending to it. There is one try, because a
        session that stays open holds no byte, and expires.
        """
        request = with_client_request_id(sessions.prepare_cancel_session(session_url), self.ports.new_id())
        try:
            token = self.ports.accounts.token(entry.account)
            self.ports.graph.send(request, token)
        except (GraphNoReply, SignInNeeded):
            self.ports.telemetry.record("orphan_session", upload_id=entry.upload_id)


def _perform(action: do.Action, context: Context) -> do.Result:  # noqa: C901, PLR0912 - one case each
    match action:
        case do.LookAtBlob():
            return do.LookAtBlobResult(arriving.look_at_blob(context))
        case do.Admit():
            return do.AdmitResult(queueing.admit(context))
        case do.ReturnLease():
            return do.ReturnLeaseResult(queueing.return_lease(context))
        case do.Resolve():
            return do.ResolveResult(resolving.resolve(context), tuple(context.source.pieces))
        case do.OpenSession():
            return do.OpenSessionResult(opening.open_session(context))
        case do.PreparePost():
            return do.PreparePostResult(opening.prepare_post(context))
        case do.PostFile():
            return do.PostFileResult(opening.post_file(context), tuple(context.source.pieces))
        case do.SendSlice(part):
            return do.SendSliceResult(sending.send_slice(context, part), tuple(context.source.pieces))
        case do.AskSession():
            return do.AskSessionResult(sending.ask_session(context))
        case do.FindAttachment():
            return do.FindAttachmentResult(searching.find_attachment(context), tuple(context.source.pieces))
        case do.ReadBack():
            return do.ReadBackResult(reading_back.read_back(context))
        case do.RemoveGarbled():
            return do.RemoveGarbledResult(reading_back.remove_garbled(context))
        case do.CancelSession():
            return do.CancelSessionResult(closing.cancel_session(context))
        case do.ReportOutcome():
            return do.ReportOutcomeResult(closing.report_outcome(context))
        case do.RemoveReplaced():
            return do.RemoveReplacedResult(closing.remove_replaced(context))
        case do.DeleteSource():
            return do.DeleteSourceResult(closing.delete_source(context))
        case _:
            assert_never(action)
