"""The ledger entry: everything that is known about one upload, and who may act on it.

An entry is a value. It is changed by making another and writing that one over it, on the condition that nobody
else wrote in between. Times are UTC and by the storage service's clock, never by this machine's.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.core.attachment import BlobVersion, Reference


class Phase(StrEnum):
    """Where an upload stands. `upload.TRANSITIONS` says what may follow what."""

    RESOLVING = "resolving"  # account, list and task: looked up once, recorded, never again
    OPENING = "opening"  # an upload session is wanted (or, for an empty file, the small POST)
    SENDING = "sending"  # the server's offset is known
    LOCATING = "locating"  # a slice was sent, the answer is unknown: ask the session
    CONFIRMING = "confirming"  # the session is gone or unreadable: did the file land?
    WAITING = "waiting"  # for a person to sign in; `resume` says where to go on

    ATTACHED = "attached"
    REJECTED = "rejected"  # it can never work: bad metadata, too large, no such task
    FAILED = "failed"  # gave up, with the reason
    SUPERSEDED = "superseded"  # the blob was written again
    WITHDRAWN = "withdrawn"  # the blob was deleted

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL


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
    FORBIDDEN = "forbidden"
    REFUSED = "refused-by-graph"
    MAILBOX_FULL = "mailbox-full"
    # waiting, and failed after it
    SIGN_IN = "needs-sign-in"
    # failed
    SESSIONS = "too-many-sessions"
    NO_PROGRESS = "no-progress"
    TOO_OLD = "too-old"
    # superseded, withdrawn
    REWRITTEN = "blob-was-rewritten"
    DELETED = "blob-was-deleted"


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody's right to act on an entry until *until*. It outlives every request that its holder may start."""

    owner: str
    until: datetime

    def is_alive(self, now: datetime) -> bool:
        return now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One write of one blob, and the attachment that it becomes. docs/ARCHITECTURE.md tells each field's story."""

    # What was asked. Never changes.
    upload_id: str
    blob: BlobVersion
    size: int  # bytes
    account: str
    wanted_list: Reference
    wanted_task: Reference
    attachment_name: str
    created_at: datetime

    # Where it stands.
    phase: Phase
    step: int = 0  # never decreases, also over a new session
    reason: Reason = Reason.NONE
    detail: str = ""  # for people; never a URL, a token, or file contents
    not_before: datetime | None = None
    resume: Phase | None = None  # while WAITING: the phase to return to
    waiting_since: datetime | None = None
    waited: timedelta = timedelta()  # for sign-in, in all; does not count as age

    # Who may act, and whose write the last one was.
    claim: Claim | None = None
    write_id: str = ""

    # Resolved once.
    list_id: str = ""
    task_id: str = ""

    # The upload session.
    session_url: str = ""  # a secret: it leaves the ledger only towards Graph
    session_expires_at: datetime | None = None
    sessions_opened: int = 0  # intents: counted by the claim, before the request
    first_opened_at: datetime | None = None  # Graph's own Date: nothing older can be ours
    offset: int = 0  # the server's word for the first byte that it lacks
    furthest: int = 0  # the greatest offset of this session: more than this is progress
    slice_bytes: int = 0
    looked: bool = False  # in this session, the task's attachments were listed before the last slice
    in_doubt: bool = False  # the last slice was sent, its answer is unknown, and it may still be applied
    searched: int = 0  # listings without it, while in doubt
    landed: bool = False  # Graph said "created" without a name: never send again, only look

    # Bounds.
    stalled: int = 0  # steps in a row without progress
    deferrals: int = 0  # tries in a row that come back later; sets the back-off, never fails
    refused: int = 0  # the status of a PUT that was refused at this offset, once
    parked: int = 0  # times that its message was poison

    # The end.
    attachment_id: str = ""
    reported: Phase | None = None  # what the blob's tags say
    report_tries: int = 0
    closing_tries: int = 0  # to cancel the session, then to delete the blob
    delete_source: bool = False  # the blob is to be deleted once it is attached
    source_deleted: bool = False

    @property
    def is_done(self) -> bool:
        """Terminal, its session cancelled, its outcome reported: nothing is left to do."""
        return (
            self.phase.is_terminal
            and self.reported is self.phase
            and not self.session_url
            and (self.source_deleted or not self.may_delete_source)
        )

    @property
    def may_delete_source(self) -> bool:
        """Attached under an id: "created" that was never found is no ground for deleting the only copy."""
        return self.delete_source and self.phase is Phase.ATTACHED and bool(self.attachment_id)

    @property
    def is_at_last_slice(self) -> bool:
        """The next slice is the one that attaches the file."""
        return self.offset + self.slice_bytes >= self.size

    @property
    def is_about_to_open(self) -> bool:
        """The next effect may open a session, or be an empty file's small POST."""
        return self.phase is Phase.OPENING and (self.size > 0 or self.first_opened_at is not None)

    def age(self, now: datetime) -> timedelta:
        """How long it has been tried, without the time spent waiting for a person to sign in."""
        waiting = now - self.waiting_since if self.waiting_since is not None else timedelta()
        return now - self.created_at - self.waited - waiting


def claimed(entry: Entry, *, owner: str, until: datetime, now: datetime, taken_over: bool) -> Entry:
    """The entry with a claim on it, and with all that the act of claiming already tells.

    - Taken over from a holder who never recorded: what that holder sent is unknown, so the server is asked first.
      An empty file's POST has no session that could be asked, and the server may still apply it: the taker gives the
      claim back and waits for as long as it would have held, which is longer than a request; then it looks.
    - Waiting for sign-in, and the person has been told: go on where it stopped.
    - Opening: the intent is counted before the request, so that a worker which dies right after the request, time
      after time, still runs into the bound. A reply that says "nothing was opened" gives the count back.
    """
    entry = replace(entry, claim=Claim(owner, until))
    if entry.phase is Phase.WAITING and entry.reported is Phase.WAITING:
        entry = _awake(entry, now)
    if taken_over and entry.phase is Phase.SENDING:
        return replace(entry, phase=Phase.LOCATING, in_doubt=entry.in_doubt or entry.is_at_last_slice)
    if taken_over and entry.is_about_to_open and entry.size == 0:
        return replace(entry, phase=Phase.CONFIRMING, claim=None, not_before=until, in_doubt=True)
    return replace(entry, sessions_opened=entry.sessions_opened + 1) if entry.is_about_to_open else entry


def _awake(entry: Entry, now: datetime) -> Entry:
    since = entry.waiting_since or now
    return replace(
        entry,
        phase=entry.resume or Phase.RESOLVING,
        reason=Reason.NONE,
        resume=None,
        waiting_since=None,
        waited=entry.waited + (now - since),
    )
