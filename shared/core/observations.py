"""What can be seen of the outside world after an action: h11's events, for an upload.

Values only. `wire` and `effects` make them, `upload.absorb` takes them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.entry import Reason


@dataclass(frozen=True, slots=True)
class Resolved:
    """The list and the task are known, and the slot is ours."""

    list_id: str
    task_id: str


@dataclass(frozen=True, slots=True)
class SlotHeld:
    """Another live entry is attaching under the same name to the same task."""


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """An upload session. *url* is a secret. *opened_at* is the server's own Date."""

    url: str
    expires_at: datetime | None
    offset: int
    opened_at: datetime | None


@dataclass(frozen=True, slots=True)
class IntentRecorded:
    """Nothing was sent yet: the server's Date, from which on an attachment can be ours."""

    opened_at: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """The server's word for the first byte that it lacks."""

    offset: int
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attached:
    """The attachment exists and is claimed for this entry."""

    attachment_id: str


@dataclass(frozen=True, slots=True)
class LandedUnnamed:
    """Graph answered "created" without an id."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """A request that changes something was sent; whether it was applied is unknown."""

    detail: str
    retry_after: timedelta | None = None
    refused: int = 0  # the status, where the server refused it in so many words


@dataclass(frozen=True, slots=True)
class SessionLost:
    """The session is gone, or cannot be read: only a listing can tell whether the file landed."""

    detail: str


@dataclass(frozen=True, slots=True)
class SliceTooLarge:
    """413: the slice is over the server's limit."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Throttled, or something needed is away: nothing was done, come back later. Only age bounds it."""

    detail: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Nothing came of it, and trying again may help: bounded, as a step without progress."""

    detail: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It can never work."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class TargetMissing:
    """Graph finds no such list or task. One that another app has just made may not be visible to this one yet."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class TooSmallForSession:
    """Graph opens no session for so small a file, which the small POST may take."""

    detail: str


@dataclass(frozen=True, slots=True)
class NeedsSignIn:
    """Nobody's token can be had for the account."""

    detail: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """The task's attachments were listed, and none of them is ours."""


@dataclass(frozen=True, slots=True)
class SessionCancelled:
    """The session is no longer open, as far as we can bring that about."""


@dataclass(frozen=True, slots=True)
class BlobRewritten:
    """The blob has another ETag now; the entry for that one exists and is announced."""


@dataclass(frozen=True, slots=True)
class BlobDeleted:
    """There is no such blob any more."""


@dataclass(frozen=True, slots=True)
class Reported:
    """The blob's tags tell the outcome, or there is no blob left to tell."""


@dataclass(frozen=True, slots=True)
class SourceDeleted:
    """The blob was deleted after it was attached, as the setting asks."""


Observation = (
    Resolved
    | SlotHeld
    | SessionOpened
    | IntentRecorded
    | Progress
    | Attached
    | LandedUnnamed
    | Unclear
    | SessionLost
    | SliceTooLarge
    | Deferred
    | Unavailable
    | Refused
    | TargetMissing
    | TooSmallForSession
    | NeedsSignIn
    | NotFound
    | SessionCancelled
    | BlobRewritten
    | BlobDeleted
    | Reported
    | SourceDeleted
)
