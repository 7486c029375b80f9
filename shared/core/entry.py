"""The ledger entry: everything that is known about one upload, and who may act on it.

An entry is a value. It is changed by making another and writing that one over it, on the condition that no other
worker wrote in between. Times are UTC and by the storage service's clock, never by this machine's.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.core.attachment import BlobKind, BlobVersion, Reference
from shared.core.content import Piece


class Phase(StrEnum):
    """Where an upload is. `transitions.TRANSITIONS` says what may follow what."""

    ARRIVING = "arriving"  # the blob has no target yet, or not all of its bytes: look at it again
    QUEUED = "queued"  # for its turn at the mailbox, or for the slot; `queue_wait` has the phase to go on with
    RESOLVING = "resolving"  # account, list and task: looked up once, stored, never again
    OPENING = "opening"  # an upload session is wanted (or, for an empty file, the small POST)
    SENDING = "sending"  # the server's offset is known
    LOCATING = "locating"  # a slice was sent, the answer is unknown: ask the session
    CONFIRMING = "confirming"  # the session is gone or unreadable: did the file land?
    VERIFYING = "verifying"  # attached; its bytes are read back before that is reported
    WAITING = "waiting"  # for a person to sign in; `sign_in_wait` has the phase to return to

    ATTACHED = "attached"
    REJECTED = "rejected"  # it can never work: bad metadata, too large, no such task
    FAILED = "failed"  # gave up, with the reason
    SUPERSEDED = "superseded"  # the blob was written again
    WITHDRAWN = "withdrawn"  # the blob was deleted

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL


class Underway(StrEnum):
    """What the blob's tags say of an upload that has not ended, once it takes longer than a person expects."""

    DELAYED = "delayed"  # it waits, and the detail says for what
    UPLOADING = "uploading"


_TERMINAL = frozenset({Phase.ATTACHED, Phase.REJECTED, Phase.FAILED, Phase.SUPERSEDED, Phase.WITHDRAWN})


class Reason(StrEnum):
    """Why an entry waits or ended: stable codes, for tags, queries and people."""

    NONE = ""
    # rejected
    METADATA = "metadata"
    TOO_LARGE = "too-large"
    NO_SUCH_TASK = "no-such-task"
    NO_SUCH_LIST = "no-such-list"
    NO_MAILBOX = "no-mailbox"
    AMBIGUOUS = "ambiguous-name"
    OTHER_ACCOUNT = "other-account"
    FORBIDDEN = "forbidden"
    REFUSED = "refused-by-graph"
    MAILBOX_FULL = "mailbox-full"
    PAGE_BLOB = "page-blob"
    COPY_FAILED = "copy-failed"
    ARCHIVED = "archived"
    KEY_WITHHELD = "customer-key"
    NEVER_SIGNED = "never-signed-for"
    LARGER_THAN_DECLARED = "larger-than-declared"
    # waiting, and failed after it
    SIGN_IN = "needs-sign-in"
    # failed
    SESSIONS = "too-many-sessions"
    NO_PROGRESS = "no-progress"
    QUEUED_TOO_LONG = "queued-too-long"
    TOO_OLD = "too-old"
    WORKERS_DIED = "workers-died"
    GARBLED = "garbled"
    # superseded, withdrawn
    REWRITTEN = "blob-was-rewritten"
    DELETED = "blob-was-deleted"


class LandedAs(StrEnum):
    """How Graph answered "created" without an id that this entry could own."""

    UNNAMED = "unnamed"  # the reply named no id
    OWNED = "owned"  # the reply named the id of an attachment that another upload owns


@dataclass(frozen=True, slots=True)
class Claim:
    """One worker's right to act on an entry until *until*, which is later than the end of any request it may start.

    *tells*: only to write into the blob's tags that the upload is under way. The entry's wait goes on meanwhile.
    """

    owner: str
    until: datetime
    tells: bool = False

    def is_alive(self, now: datetime) -> bool:
        return now < self.until


@dataclass(frozen=True, slots=True)
class Session:
    """An upload session at Graph. What happened in it ends with it: each session starts anew from byte 0."""

    url: str = field(repr=False)  # a secret: it leaves the ledger only towards Graph
    expires_at: datetime | None = None  # as Graph last said
    offset: int = 0  # the first byte that the server says it lacks
    furthest: int = 0  # the greatest offset so far: more than this is progress
    searched: bool = False  # the task's attachments were listed while it was open, without the file
    refused_status: int = 0  # of a PUT that Graph refused at this offset; 0 where it refused none


@dataclass(frozen=True, slots=True)
class Report:
    """What the blob's tags say about the upload, as far as we know, and how often writing them failed since.

    They say a *phase*, the outcome or WAITING; or before that *underway*, with *detail* as the reason.
    """

    phase: Phase | None = None
    failed_tries: int = 0
    underway: Underway | None = None
    detail: str = ""

    @property
    def state(self) -> Phase | Underway | None:
        return self.phase or self.underway


@dataclass(frozen=True, slots=True)
class SignInWait:
    """A wait for a person to sign in: since when, and the phase to return to after it."""

    resume: Phase
    since: datetime


@dataclass(frozen=True, slots=True)
class MayHaveLanded:
    """An upload that ended in doubt. If it attached this same file, then not before *opened_at*."""

    upload_id: str
    opened_at: datetime | None


@dataclass(frozen=True, slots=True)
class Replaced:
    """An attachment made from a part of the file, to be replaced by the whole one. *name*: the one it was made with."""

    attachment_id: str
    name: str
    attached_at: datetime


@dataclass(frozen=True, slots=True)
class QueueWait:
    """A wait for a turn, and the phase to go on with.

    *since*: when it joined the line; None before that, and the time until then counts as age. *for_slot*: it waits for
    another upload of the same name, not for the mailbox.
    """

    resume: Phase
    since: datetime | None = None
    for_slot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One write of one blob, and the attachment that it becomes. docs/ARCHITECTURE.md says what each field holds."""

    # What the sender asked for. Never changes once the blob has arrived.
    upload_id: str
    blob: BlobVersion
    size: int  # bytes
    kind: BlobKind = BlobKind.BLOCK
    account: str
    wanted_list: Reference
    wanted_task: Reference
    attachment_name: str
    created_at: datetime
    modified_at: datetime | None = None  # the blob's Last-Modified

    # Where the upload is.
    phase: Phase
    step: int = 0  # never decreases, also over a new session
    reason: Reason = Reason.NONE
    detail: str = ""  # for people; never a URL, a token, or file contents
    not_before: datetime | None = None
    waits_since: datetime | None = None  # when the first of the waits in a row began
    tell_at: datetime | None = None  # when the tags are to say that it is under way; may be before `not_before`
    sign_in_wait: SignInWait | None = None  # while WAITING
    waited: timedelta = timedelta()  # all finished waits for sign-in together; they do not count as age

    queue_wait: QueueWait | None = None  # while QUEUED
    queued_for: timedelta = timedelta()  # all finished waits for a turn together; they do not count as age

    account_key: str = ""  # of the account whose index has this upload (`sent_file.account_key`)

    # Who may act, and whose write the last one was.
    claim: Claim | None = None
    write_id: str = ""

    # Resolved once.
    list_id: str = ""
    task_id: str = ""

    # The uploads before it under the blob's name.
    older: tuple[str, ...] | None = None  # their ids; None: this upload is not entered there yet
    rewrites: int = 0  # versions in a row that were written over before they were attached
    may_be_of: str = ""  # an older upload that may have landed: if it did, its attachment is this one's
    replaces: Replaced | None = None  # to be removed once this upload is attached

    missing_since: datetime | None = None  # since when no try has found the list or the task

    # What others wait for, and must be given back: `pacing` and `landing` make these keys.
    lease: str = ""  # the mailbox that may have a lease or a ticket of this upload
    slot: str = ""  # the slot that this upload holds, or queues for

    # Sending. There is a session as long as one that we know of may be open.
    session: Session | None = None
    sessions_opened: int = 0  # intents: counted by the claim, before the request
    first_opened_at: datetime | None = None  # Graph's own Date: no older attachment can be this file
    slice_bytes: int = 0
    by_post: bool = False  # Graph opens no session for so small a file
    content: tuple[Piece, ...] = ()  # what was read of the blob

    # Did it land?
    in_doubt: bool = False  # the last slice was sent, its answer is unknown, and it may still be applied
    searches_in_doubt: int = 0  # listings without the file, while in doubt
    landed: LandedAs | None = None  # Graph said "created": never send again, only search

    # Bounds.
    steps_without_progress: int = 0  # in a row
    deferrals: int = 0  # tries in a row that must be made again later; sets the back-off, ends nothing
    times_parked: int = 0  # how often its message was poison
    deaths: int = 0  # workers that died in a row while they acted for it

    # The end.
    read_back: bool = False  # the attachment's bytes are compared with the blob's before the outcome is reported
    garbled: int = 0  # attachments of this upload that had other bytes than the blob
    garbled_id: str = ""  # the last of those, until it is removed
    attachment_id: str = ""
    attached_at: datetime | None = None
    report: Report = Report()
    closing_tries: int = 0  # failed tries to read back, then to cancel the session, then to delete the blob
    delete_source: bool = False  # the blob is to be deleted once it is attached, or where it is too large to keep
    source_deleted: bool = False
    source_gone_since: datetime | None = None  # since when no look has found a blob of its name

    @property
    def is_done(self) -> bool:
        """Terminal, all given back, reported, its session closed, its source deleted: nothing is left to do."""
        return (
            self.phase.is_terminal
            and not self.holds_up_others
            and self.is_reported
            and self.session is None
            and not self.may_remove_replaced
            and (self.source_deleted or not self.may_delete_source)
        )

    @property
    def indexed_at(self) -> datetime:
        """Its time in the index of its account: the same for every worker that enters it, at whatever time."""
        return self.modified_at or self.created_at

    @property
    def is_reported(self) -> bool:
        """The blob's tags say the phase that the entry is in."""
        return self.report.phase is self.phase

    @property
    def holds_up_others(self) -> bool:
        """It may have a lease, a ticket or a slot, and others wait for these."""
        return bool(self.lease or self.slot)

    @property
    def is_in_mailbox_line(self) -> bool:
        """It queues for the mailbox since an earlier step, which has counted the wait that a person reads."""
        return self.queue_wait is not None and self.queue_wait.since is not None and not self.waits_for_slot

    @property
    def is_in_line(self) -> bool:
        """It has a ticket in place of a message: one is sent when what it queues for is given back."""
        if self.phase is not Phase.QUEUED or self.not_before is not None or self.claim is not None:
            return False
        return not self.lease if self.waits_for_slot else bool(self.lease)

    @property
    def line(self) -> str:
        """The key of the line that it queues in."""
        return self.slot if self.waits_for_slot else self.lease

    @property
    def is_in_sign_in_line(self) -> bool:
        """It waits for a person, and the tags say so: it has a ticket in place of a message."""
        is_told = self.phase is Phase.WAITING and self.is_reported
        return is_told and not self.lease and self.claim is None

    def time_waited(self, now: datetime) -> timedelta:
        """All waits for sign-in together, the current one included."""
        return self.waited + (now - self.sign_in_wait.since if self.sign_in_wait is not None else timedelta())

    @property
    def waits_for_slot(self) -> bool:
        return self.queue_wait is not None and self.queue_wait.for_slot

    @property
    def may_delete_source(self) -> bool:
        """The blob may go: it is attached under an id, or larger than what was signed for.

        Without an id, Graph said "created" but the attachment was never found, and the blob may be the only copy. A
        blob that is too large was never allowed.
        """
        is_attached = self.phase is Phase.ATTACHED and bool(self.attachment_id)
        return self.delete_source and (is_attached or self.reason is Reason.LARGER_THAN_DECLARED)

    @property
    def may_remove_replaced(self) -> bool:
        """Attached under an id: until the newer attachment is certainly there, the older one is all there is."""
        return self.replaces is not None and self.phase is Phase.ATTACHED and bool(self.attachment_id)

    @property
    def may_have_landed(self) -> bool:
        """It ended without knowing whether its file is attached."""
        ended = self.phase.is_terminal and self.phase is not Phase.ATTACHED
        return ended and (self.in_doubt or self.landed is not None)

    @property
    def open_session(self) -> Session:
        """The session, in the phases that have one. Raises ValueError where there is none, which is a bug."""
        if self.session is None:
            raise ValueError(f"the entry {self.upload_id} is {self.phase} and has no session")
        return self.session

    @property
    def offset(self) -> int:
        """How many bytes of the file Graph has, as it last said."""
        if self.phase is Phase.ATTACHED or self.attachment_id:
            return self.size
        return self.session.offset if self.session is not None else 0

    @property
    def is_at_last_slice(self) -> bool:
        """The next request with bytes is the one that attaches the file: the small POST takes all of it at once."""
        return self.goes_by_post or self.offset + self.slice_bytes >= self.size

    @property
    def goes_by_post(self) -> bool:
        """The small POST attaches it: no PUT can send an empty file, and Graph may refuse a session for a small one."""
        return self.size == 0 or self.by_post

    @property
    def due_at(self) -> datetime | None:
        """When the next message may act; None: at once."""
        if self.tell_at is None or self.not_before is None:
            return self.not_before
        return min(self.tell_at, self.not_before)

    def has_to_tell(self, now: datetime) -> bool:
        """The next thing to do is to say that it is under way. Where the wait is over, it goes on instead."""
        waits = self.not_before is None or now < self.not_before
        return self.tell_at is not None and now >= self.tell_at and waits

    @property
    def is_telling(self) -> bool:
        """It is claimed only to say that it is under way."""
        return self.claim is not None and self.claim.tells

    @property
    def underway(self) -> Underway:
        """What the tags say of it before it has ended."""
        return Underway.UPLOADING if self.not_before is None else Underway.DELAYED

    @property
    def is_about_to_open(self) -> bool:
        """The next effect may open a session, or be the small POST."""
        return self.phase is Phase.OPENING and (not self.goes_by_post or self.first_opened_at is not None)

    def age(self, now: datetime) -> timedelta:
        """How long it has been tried, without the time spent waiting for a person to sign in, or for its turn."""
        return now - self.created_at - self.time_waited(now) - self.time_queued(now)

    def time_queued(self, now: datetime) -> timedelta:
        """All waits for a turn together, the current one included."""
        since = self.queue_wait.since if self.queue_wait is not None else None
        return self.queued_for + (now - since if since is not None else timedelta())


def claimed(entry: Entry, *, owner: str, until: datetime, now: datetime, taken_over: bool) -> Entry:
    """The entry with a claim on it, and with everything that follows from claiming it.

    - Taken over from a worker that stored nothing: what that worker sent is unknown, so the server is asked first.
      The small POST has no session that could be asked, and the server may still apply it: the taker gives the
      claim back and waits for as long as it would have held, which is longer than a request; then it searches.
    - Waiting for sign-in, and the tags say so: it queues, to go on where the upload stopped.
    - Opening: the intent is counted before the request, so that a worker which dies right after the request, time
      after time, still runs into the bound. A reply that says "nothing was opened" gives the count back.
    - Taken over in any phase: a worker died, or lost its claim. The number in a row has a bound of its own.
    - To say that it is under way: the phase stays as it is, also where the claim is taken over.
    """
    deaths = entry.deaths + (1 if taken_over else 0)
    taken_over = taken_over and not entry.is_telling
    entry = replace(entry, claim=Claim(owner, until, tells=entry.has_to_tell(now)), deaths=deaths)
    if entry.is_telling:
        return entry
    if entry.phase is Phase.WAITING and entry.is_reported and not entry.lease:
        entry = _resumed(entry, now)
    if taken_over and entry.phase is Phase.SENDING:
        return replace(entry, phase=Phase.LOCATING, in_doubt=entry.in_doubt or entry.is_at_last_slice)
    if taken_over and entry.is_about_to_open and entry.goes_by_post:
        return replace(entry, phase=Phase.CONFIRMING, claim=None, not_before=until, in_doubt=True)
    return replace(entry, sessions_opened=entry.sessions_opened + 1) if entry.is_about_to_open else entry


def _resumed(entry: Entry, now: datetime) -> Entry:
    # Without a memory of where it stopped, it goes on where nothing can be done twice.
    wait = entry.sign_in_wait or SignInWait(Phase.RESOLVING, now)
    # Every phase that it may go on with asks Graph, so it takes its turn first.
    return replace(
        entry,
        phase=Phase.QUEUED,
        queue_wait=QueueWait(wait.resume),
        reason=Reason.NONE,
        sign_in_wait=None,
        waited=entry.waited + (now - wait.since),
    )
