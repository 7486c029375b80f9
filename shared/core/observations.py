"""What can be seen of the outside world after an action: h11's events, for an upload.

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
    """The blob may still get its metadata, or more bytes: look at it again then."""

    until: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """The entry has a lease of *mailbox*, and may ask Graph from *starts_at* on.

    *older*: the ids of the other uploads under the blob's name, where this one is entered by now. *account_key*: of the
    account whose index it is entered in; empty where accounts have none.
    """

    mailbox: str
    starts_at: datetime
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

    The rest is about older uploads under the blob's name: how many versions in a row were written over; one whose
    attachment may be this file; the attachment whose place this one is to take.
    """

    list_id: str
    task_id: str
    slot: str
    rewrites: int = 0
    may_be_of: MayHaveLanded | None = None
    replaces: Replaced | None = None


@dataclass(frozen=True, slots=True)
class AlreadyAttached:
    """An older upload under the blob's name has attached the same content to the same task, and it stands there."""

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

    *is_own*: this entry has the *slot*, the other one another: it will not say when it is over.
    """

    slot: str
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class LeaseReturned:
    """Others may have what this entry held, and the next of them is on its way."""


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
    """The server's word for the first byte that it lacks."""

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
    """Graph answered the slice with a 4xx *status* that says no, and nothing about why it could work later."""

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
    """Throttled, or something needed is away: nothing was done, come back later. Only the entry's age bounds it."""

    detail: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Nothing came of it, and trying again may help: it counts as a step without progress."""

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
    """The attachment whose place the newer one would take is not as we made it: a person's, by now."""


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
