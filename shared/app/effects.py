"""An action becomes requests, the replies become one observation.

At most one of the requests changes anything outside; the others only read. Errors of the outside world end here:
they come out as observations. What storage refuses to tell is raised, except where nothing was sent to Graph yet.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from shared.app.intake import Intake
from shared.core import observations as seen
from shared.core import upload
from shared.core.entry import Entry, Phase
from shared.core.landing import candidates, slot
from shared.core.lookup import HIDDEN, Named, are_hidden, find_list, find_task
from shared.core.outcome import outcome_tags
from shared.core.ranges import ByteRange
from shared.errors import (
    BlobChanged,
    BlobGone,
    BlobTagsRefused,
    GraphNoReply,
    SignInNeeded,
    StorageUnavailable,
    TokenUnavailable,
)
from shared.graph import listings, sessions, small_post
from shared.graph.exchange import Exchange
from shared.graph.listings import Page
from shared.graph.reply import GraphReply, claims_challenge, is_challenge, status_and_code
from shared.graph.request import GraphRequest, Mailbox, is_within, with_client_request_id
from shared.ports import Ports
from shared.telemetry.records import CLAIM_NEARLY_OVER

# A listing longer than this is not one that a person made.
MAX_PAGES = 200
_ELSEWHERE = "the session belongs to another Graph host than the configured one"


class _Observed(Exception):  # noqa: N818 - not an error: the way out of a deep call
    """Ends an effect early with what was seen."""

    def __init__(self, observation: seen.Observation) -> None:
        super().__init__()
        self.observation = observation


@dataclass(frozen=True, slots=True)
class Performed:
    """What was seen of the outside, and the last exchange with Graph that told it, if there was one."""

    observation: seen.Observation
    exchange: Exchange | None


@dataclass(frozen=True, slots=True)
class Effects:
    """Performs actions. *deadline* bounds every request; *mailbox_of* knows the path of an account's To Do."""

    ports: Ports
    intake: Intake
    root: str
    mailbox_by_id: bool
    deadline: timedelta

    def perform(self, entry: Entry, action: upload.Effect, claim_left: Callable[[], timedelta]) -> Performed:
        """Do *action* for the claimed *entry*. *claim_left* tells how long the claim still holds."""
        effect = _Effect(self, entry, claim_left)
        observation = self._observe(effect, action)
        return Performed(observation, effect.exchanges[-1] if effect.exchanges else None)

    def _observe(self, effect: "_Effect", action: upload.Effect) -> seen.Observation:
        try:
            return effect.perform(action)
        except _Observed as early:
            return early.observation
        except SignInNeeded as error:
            return seen.NeedsSignIn(error.detail)
        except BlobChanged:
            return self._rewritten(effect.entry)
        except BlobGone:
            return seen.BlobDeleted()

    def cancel_orphan(self, entry: Entry, session_url: str) -> None:
        """Cancel a session that this entry's ledger record will never know: opened after the claim was lost."""
        request = with_client_request_id(sessions.prepare_cancel_session(session_url), self.ports.new_id())
        try:
            token = self.ports.accounts.token(entry.account)
            self.ports.graph.send(request, token)
        except (GraphNoReply, SignInNeeded):
            self.ports.telemetry.record("orphan_session", upload_id=entry.upload_id)

    def _rewritten(self, entry: Entry) -> seen.Observation:
        """Enter and announce the blob's present version: a metadata edit changes the ETag and raises no event."""
        now = self.ports.blobs.describe(entry.blob.name)
        if now is None:
            return seen.BlobDeleted()
        if now.version == entry.blob:
            raise StorageUnavailable("the blob was said to have changed, and has not")
        stored, _ = self.intake.enter(now)
        self.intake.announce(stored)
        return seen.BlobRewritten()


@dataclass(frozen=True, slots=True)
class _Effect:
    """One action for one entry."""

    world: Effects
    entry: Entry
    claim_left: Callable[[], timedelta]
    exchanges: list[Exchange] = field(default_factory=list)

    def perform(self, action: upload.Effect) -> seen.Observation:
        match action:
            case upload.Resolve():
                return self._resolve()
            case upload.OpenSession():
                return self._open_session()
            case upload.RecordIntent():
                return self._record_intent()
            case upload.PostEmpty():
                return self._post_empty()
            case upload.SendSlice(part):
                return self._send_slice(part)
            case upload.AskSession():
                return self._ask_session()
            case upload.LookForAttachment():
                return self._look()
            case upload.CancelSession():
                return self._cancel_session()
            case upload.ReportOutcome():
                return self._report()
            case upload.DeleteSource():
                return self._delete_source()

    # -- resolving --

    def _resolve(self) -> seen.Observation:
        list_id, task_id = self.entry.wanted_list.id, self.entry.wanted_task.id
        if not list_id:
            found = self._find_list()
            if isinstance(found, seen.Refused):
                return found
            list_id = found.id
        if not task_id:
            request = listings.prepare_list_tasks(self._mailbox(), list_id)
            found = find_task(self.entry.wanted_task, self._pages(request, listings.parse_tasks))
            if isinstance(found, seen.Refused):
                return found
            task_id = found.id
        return seen.Resolved(list_id, task_id) if self._take_slot(list_id, task_id) else seen.SlotHeld()

    def _find_list(self) -> Named | seen.Refused:
        """The wanted list; for some accounts the plain listing hides it, and the change tracking's does not."""
        wanted = self.entry.wanted_list
        lists = tuple(self._pages(listings.prepare_list_lists(self._mailbox()), listings.parse_lists))
        found = find_list(wanted, lists)
        if isinstance(found, Named) or not are_hidden(lists):
            return found
        lists = tuple(self._pages(listings.prepare_list_lists_delta(self._mailbox()), listings.parse_lists))
        return HIDDEN if are_hidden(lists) else find_list(wanted, lists)

    def _take_slot(self, list_id: str, task_id: str) -> bool:
        ledger, mine = self.world.ports.ledger, self.entry.upload_id
        name = slot(self._identity(), list_id, task_id, self.entry.attachment_name)
        holder = ledger.take_slot(name, mine)
        if holder == mine:
            return True
        # A holder enters the ledger before it takes a slot: one that is not there was cleared away long ago.
        other = ledger.get(holder)
        if other is not None and other.entry.phase is Phase.WAITING:
            # The same account's: to wait for the slot would be to wait for the sign-in, and to age meanwhile.
            raise SignInNeeded(self.entry.account, "another upload of this name waits for it")
        return (other is None or other.entry.phase.is_terminal) and ledger.pass_slot(name, holder, mine)

    def _identity(self) -> str:
        """The account under one name: two blobs that name the same person differently compete for the same things."""
        return self._from_accounts(lambda: self.world.ports.accounts.identity(self.entry.account))

    # -- sending --

    def _open_session(self) -> seen.Observation:
        entry = self.entry
        request = sessions.prepare_create_session(
            self._mailbox(), entry.list_id, entry.task_id, name=entry.attachment_name, size=entry.size
        )
        # A create whose reply is lost has opened at most a session that holds no byte: it attaches nothing.
        return sessions.parse_create_session(self._ask(request), self.world.root)

    def _send_slice(self, part: ByteRange) -> seen.Observation:
        if not self._session_is_here():
            return seen.Unclear(_ELSEWHERE)
        body = self._read(part)
        account = self._identity()  # before anything is sent: it may have to be looked up, in vain
        request = sessions.prepare_put_slice(self.entry.session_url, part, self.entry.size, body)
        reply = self._change(request)
        if not isinstance(reply, GraphReply):
            return reply
        return self._claimed_for_us(sessions.parse_put_slice(reply, part, self.entry.size), account)

    def _ask_session(self) -> seen.Observation:
        if not self._session_is_here():
            return seen.SessionLost(_ELSEWHERE)
        return sessions.parse_get_session(self._ask(sessions.prepare_get_session(self.entry.session_url)))

    def _record_intent(self) -> seen.Observation:
        self._still_there()
        reply = self._ask(self._list_attachments())
        page = listings.parse_attachments(reply, self.world.root)
        return seen.IntentRecorded(page.date) if isinstance(page, Page) else page

    def _post_empty(self) -> seen.Observation:
        self._still_there()
        entry, account = self.entry, self._identity()
        request = small_post.prepare_post_attachment(
            self._mailbox(), entry.list_id, entry.task_id, name=entry.attachment_name, content=b""
        )
        reply = self._change(request)
        if not isinstance(reply, GraphReply):
            return reply
        return self._claimed_for_us(small_post.parse_post_attachment(reply), account)

    def _still_there(self) -> None:
        """An empty file has no bytes whose reading would tell that it is gone or rewritten."""
        blob = self.world.ports.blobs.describe(self.entry.blob.name)
        if blob is None:
            raise BlobGone
        if blob.version != self.entry.blob:
            raise BlobChanged

    def _claimed_for_us(self, observation: seen.Observation, account: str) -> seen.Observation:
        """An attachment counts only once it is claimed in the ledger: no two entries may own the same one."""
        if not isinstance(observation, seen.Attached):
            return observation
        mine = self.entry.upload_id
        owner = self.world.ports.ledger.claim_attachment(account, observation.attachment_id, mine)
        return observation if owner == mine else seen.LandedUnnamed()

    def _cancel_session(self) -> seen.Observation:
        if not self._session_is_here():
            return seen.SessionCancelled()
        return sessions.parse_cancel_session(self._ask(sessions.prepare_cancel_session(self.entry.session_url)))

    def _session_is_here(self) -> bool:
        """False for one that was opened when another Graph root was configured: the token must not go there."""
        return is_within(self.entry.session_url, self.world.root)

    # -- did it land? --

    def _look(self) -> seen.Observation:
        entry, mine, account = self.entry, self.entry.upload_id, self._identity()
        listed = self._pages(self._list_attachments(), listings.parse_attachments)
        ours = ""
        for candidate in candidates(listed, name=entry.attachment_name, opened_at=entry.first_opened_at):
            request = listings.prepare_value(self._mailbox(), entry.list_id, entry.task_id, candidate.id)
            theirs = listings.parse_value(self._ask(request))
            if not isinstance(theirs, str):
                return theirs
            ours = ours or self._digest()
            if theirs == ours and self.world.ports.ledger.claim_attachment(account, candidate.id, mine) == mine:
                return seen.Attached(candidate.id)
        return seen.NotFound()

    def _digest(self) -> str:
        """SHA-256 of the pinned version, slice by slice: the file never stands in memory whole."""
        digest, offset = hashlib.sha256(), 0
        while offset < self.entry.size:
            part = ByteRange.next_slice(offset, size=self.entry.size, slice_bytes=self.entry.slice_bytes)
            digest.update(self._read(part))
            offset = part.stop
        return digest.hexdigest()

    # -- the end --

    def _report(self) -> seen.Observation:
        blobs, blob = self.world.ports.blobs, self.entry.blob
        try:
            existing = blobs.tags(blob)
            wanted = outcome_tags(self.entry, existing)
            if wanted == existing:
                return seen.Reported()
            if not self._claim_holds():
                return seen.Unavailable("the claim was nearly over")
            blobs.set_tags(blob, wanted)
        except (BlobChanged, BlobGone):
            return seen.Reported()  # nobody is left to be told
        except (BlobTagsRefused, StorageUnavailable):
            return seen.Unavailable("the blob's tags cannot be written")
        return seen.Reported()

    def _delete_source(self) -> seen.Observation:
        try:
            self.world.ports.blobs.delete(self.entry.blob)
        except StorageUnavailable:
            return seen.Unavailable("the blob could not be deleted")
        return seen.SourceDeleted()

    # -- requests --

    def _mailbox(self) -> Mailbox:
        return Mailbox.of(self.world.root, account=self.entry.account, by_id=self.world.mailbox_by_id)

    def _list_attachments(self) -> GraphRequest:
        return listings.prepare_list_attachments(self._mailbox(), self.entry.list_id, self.entry.task_id)

    def _pages[Item](
        self,
        request: GraphRequest,
        parse: Callable[[GraphReply, str], Page[Item] | seen.Observation],
    ) -> Iterator[Item]:
        for _ in range(MAX_PAGES):
            page = parse(self._ask(request), self.world.root)
            if not isinstance(page, Page):
                raise _Observed(page)
            yield from page.items
            if not page.next_url:
                return
            request = listings.prepare_next_page(request, page.next_url)
        raise _Observed(seen.Unavailable(f"a listing of more than {MAX_PAGES} pages"))

    def _ask(self, request: GraphRequest) -> GraphReply:
        """A request that may be sent again whatever became of it."""
        try:
            return self._exchange(request)
        except GraphNoReply as error:
            raise _Observed(seen.Unavailable(error.detail)) from error

    def _change(self, request: GraphRequest) -> GraphReply | seen.Observation:
        """A request that may have been applied although no reply came."""
        try:
            return self._exchange(request)
        except GraphNoReply as error:
            return seen.Unclear(error.detail) if error.sent else seen.Unavailable(error.detail)

    def _exchange(self, request: GraphRequest) -> GraphReply:
        """One exchange; after a 401, one more with a fresh token. Everything else is the queue's to repeat."""
        accounts, account = self.world.ports.accounts, self.entry.account
        token = self._from_accounts(lambda: accounts.token(account), request)
        reply = self._send(request, token)
        if not is_challenge(reply):
            return reply
        rejected, claims = token, claims_challenge(reply)
        try:
            token = self._from_accounts(lambda: accounts.refreshed(account, rejected, claims), request)
        except SignInNeeded as error:
            needed = error
        else:
            reply = self._send(request, token)
            if not is_challenge(reply):
                return reply
            needed = SignInNeeded(account, f"Graph does not take the account's token ({status_and_code(reply)})")
        if self._only_the_session_is_refused(request, token):
            return reply
        raise needed

    def _from_accounts(self, ask: Callable[[], str], request: GraphRequest | None = None) -> str:
        """What the accounts say: a token for *request*, or whose they are.

        Identity provider, key vault or the app's proof out of order: a delay, not a step without progress.
        """
        try:
            return ask()
        except TokenUnavailable as error:
            kind = type(error).__name__
            self.exchanges.append(Exchange.unanswered(request, kind) if request else Exchange.unasked(kind))
            raise _Observed(seen.Deferred(error.detail)) from error

    def _only_the_session_is_refused(self, request: GraphRequest, token: str) -> bool:
        """Whether the token is still good for the task: a session that is over may answer 401 too."""
        if request.operation not in sessions.SESSION_OPERATIONS:
            return False
        try:
            reply = self._send(self._list_attachments(), token)
        except GraphNoReply as error:
            raise _Observed(seen.Unavailable(error.detail)) from error
        if reply.status == 401:
            return False
        page = listings.parse_attachments(reply, self.world.root)
        if isinstance(page, seen.Deferred | seen.Unavailable):
            # Not told, and perhaps throttled: the request that got the 401 was not applied, so all of it waits.
            raise _Observed(page)
        return True

    def _send(self, request: GraphRequest, token: str) -> GraphReply:
        if request.method != "GET" and not self._claim_holds():
            self.exchanges.append(Exchange.unanswered(request, CLAIM_NEARLY_OVER))
            raise _Observed(seen.Deferred("the claim was nearly over", timedelta()))
        request = with_client_request_id(request, self.world.ports.new_id())
        try:
            reply = self.world.ports.graph.send(request, token)
        except GraphNoReply as error:
            self.exchanges.append(Exchange.unanswered(request, type(error).__name__))
            raise
        self.exchanges.append(Exchange.answered(request, reply))
        return reply

    def _claim_holds(self) -> bool:
        """Whether the claim outlives a whole request.

        Otherwise another worker could send to the same session while this one still does, or tell an outcome that
        this one then overwrites with an older one.
        """
        return self.claim_left() >= self.world.deadline

    def _read(self, part: ByteRange) -> bytes:
        try:
            return self.world.ports.blobs.read(self.entry.blob, part)
        except StorageUnavailable:
            # Nothing was sent, so this can be recorded and the claim be released.
            raise _Observed(seen.Deferred("blob storage did not answer")) from None
