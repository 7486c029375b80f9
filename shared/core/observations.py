"""What can be seen of the outside world after an action: the events of the state machine.

An observation says what was seen, never what to do about it: `absorb` decides that. `shared/graph` and
`shared/app/effects` make observations; `actions` says which of them each action can lead to.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.attachment import Reference
from shared.core.entry import MayHaveLanded, Reason, Replaced


@dataclass(frozen=True, slots=True)
class Arrived:
    """The blob is complete and names its target. *name*: the attachment's."""

    list: Reference
    task: Reference
    account: str
    name: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """The blob may still get its metadata, or more bytes. *until*: when to look at it again."""

    until: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """The entry has a lease of *mailbox*, and may ask Graph from *starts_at* on; None: at once.

    *older*: the ids of the other uploads under the blob's name, under which this one is now entered too. *account_key*:
    the key of the account whose index lists it; empty where accounts have no index.
    """

    mailbox: str
    starts_at: datetime | None = None
    older: tuple[str, ...] = ()
    account_key: str = ""


@dataclass(frozen=True, slots=True)
class MustQueue:
    """*mailbox* has no lease to spare, or others were first. *detail*: which, and until about when.

    *older*, *account_key*: as in `Admitted`.
    """

    mailbox: str
    detail: str
    older: tuple[str, ...] = ()
    account_key: str = ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The list and the task are known, and this entry holds the *slot*.

    The rest is about older uploads under the blob's name. *rewrites*: how many versions in a row were written over.
    *may_be_of*: one that may have attached this file. *replaces*: the attachment whose place this one takes.
    """

    list_id: str
    task_id: str
    slot: str
    rewrites: int = 0
    may_be_of: MayHaveLanded | None = None
    replaces: Replaced | None = None


@dataclass(frozen=True, slots=True)
class AlreadyAttached:
    """An older upload under the blob's name has attached the same content to the same task, and it is still there."""

    list_id: str
    task_id: str
    attachment_id: str
    attached_at: datetime | None
    detail: str


@dataclass(frozen=True, slots=True)
class OftenRewritten:
    """So many versions in a row were written over before they were attached: the blob has not come to rest."""

    versions: int


@dataclass(frozen=True, slots=True)
class SlotHeld:
    """Another live entry is attaching under the same name to the same task, or from the same blob.

    *is_own*: this entry holds *slot*, and the other one another slot, so no message comes when that one is over.
    """

    slot: str
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class LeaseReturned:
    """What this entry held is free, and the next upload in line was woken."""


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """An upload session. *url* is a secret. *opened_at* is Graph's own Date, *offset* the byte that it expects."""

    url: str
    expires_at: datetime | None
    offset: int
    opened_at: datetime | None


@dataclass(frozen=True, slots=True)
class PostPrepared:
    """The empty blob is unchanged, and nothing was sent yet. An attachment older than *server_date* is not ours."""

    server_date: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """*offset* is the first byte that the server says it lacks."""

    offset: int
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attached:
    """The request that was just sent created the attachment, and this entry owns it."""

    attachment_id: str


@dataclass(frozen=True, slots=True)
class Adopted:
    """A search found the attachment that an earlier request had created, and this entry owns it now."""

    attachment_id: str


@dataclass(frozen=True, slots=True)
class LandedUnnamed:
    """Graph answered "created", but named no id."""


@dataclass(frozen=True, slots=True)
class LandedUnderOwnedId:
    """Graph answered "created", but named the id of an attachment that another upload owns."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """A request that changes something was sent; whether Graph applied it is unknown."""

    detail: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class SliceRefused:
    """Graph refused the slice with a 4xx *status*, and does not say whether another try could work."""

    status: int
    detail: str


@dataclass(frozen=True, slots=True)
class SessionLost:
    """The session is gone, or its answer cannot be read: only a search can tell whether the file landed."""

    detail: str


@dataclass(frozen=True, slots=True)
class SliceTooLarge:
    """413: the slice is over the server's limit."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Throttled, or a service that is needed is away: nothing was done, try later. Only the entry's age bounds this."""

    detail: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The request failed, and another try may help. It counts as a step without progress."""

    detail: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It can never work."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class TargetMissing:
    """Graph finds no such list or task, by its id or in its listing; one that was just made may not be visible yet."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class TooSmallForSession:
    """Graph opens no session for so small a file, which the small POST may take."""

    detail: str


@dataclass(frozen=True, slots=True)
class NeedsSignIn:
    """The account has no token until a person signs in."""

    detail: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """The task's attachments were listed, and none of them is this file."""


@dataclass(frozen=True, slots=True)
class SessionCancelled:
    """The session is no longer open, as far as we can bring that about."""


@dataclass(frozen=True, slots=True)
class BlobRewritten:
    """The blob has another ETag now; the entry for that version exists, and a message for it is on its way."""


@dataclass(frozen=True, slots=True)
class BlobDeleted:
    """The blob does not exist any more."""


@dataclass(frozen=True, slots=True)
class Reported:
    """The blob's tags say the outcome, or there is no blob left that could say it."""


@dataclass(frozen=True, slots=True)
class TagsRefused:
    """Storage refuses to write the blob's tags: a lease, a legal hold, a missing right. Some of these pass soon."""


@dataclass(frozen=True, slots=True)
class Intact:
    """Read back, the attachment has the blob's bytes."""


@dataclass(frozen=True, slots=True)
class Garbled:
    """Read back, the attachment has other bytes than the blob."""


@dataclass(frozen=True, slots=True)
class NotReadBack:
    """The attachment cannot be compared with the blob, nor will it be later."""

    detail: str


@dataclass(frozen=True, slots=True)
class AttachmentRemoved:
    """The attachment that was to be removed is no longer there."""


@dataclass(frozen=True, slots=True)
class ReplacedLeft:
    """The attachment that would be replaced was changed since we made it, or is out of reach: it stays."""


@dataclass(frozen=True, slots=True)
class SourceDeleted:
    """The blob was deleted after it was attached, as the setting asks."""


# What every action that asks Graph can lead to instead of an answer: nothing was done, and it is tried again.
TryAgain = Deferred | Unavailable | NeedsSignIn
# What every action that reads the blob can lead to.
BlobLost = BlobRewritten | BlobDeleted
# What a request that creates the attachment can lead to once Graph has answered "created".
Landed = Attached | LandedUnnamed | LandedUnderOwnedId

Observation = (
    Arrived
    | NotYet
    | Admitted
    | MustQueue
    | Resolved
    | AlreadyAttached
    | OftenRewritten
    | SlotHeld
    | SessionOpened
    | PostPrepared
    | Progress
    | Landed
    | Adopted
    | Unclear
    | SliceRefused
    | SessionLost
    | SliceTooLarge
    | TryAgain
    | Refused
    | TargetMissing
    | TooSmallForSession
    | NotFound
    | SessionCancelled
    | BlobLost
    | Reported
    | TagsRefused
    | Intact
    | Garbled
    | NotReadBack
    | AttachmentRemoved
    | ReplacedLeft
    | SourceDeleted
    | LeaseReturned
)
