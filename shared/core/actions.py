"""What can be done for an upload in one step, and what each of these actions can lead to.

`decide` chooses an `Action`, or an `End`. An effect (`shared/app/effects`) performs the action and returns its
`Result`, which holds one of the observations that this action can lead to, and no other. `absorb` takes the result.
So the type checker follows an observation from the effect to the code that handles it: one that is not handled, or
that the action cannot lead to, is a type error.
"""

from dataclasses import dataclass

from shared.core import observations as seen
from shared.core.content import Piece
from shared.core.entry import Phase, Reason
from shared.core.ranges import ByteRange


@dataclass(frozen=True, slots=True)
class End:
    """Stop trying. There is no outside effect, so there is nothing to observe."""

    phase: Phase
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class LookAtBlob:
    """Describe the blob again, and judge whether it has its target and all of its bytes by now."""


AfterLookAtBlob = seen.Arrived | seen.NotYet | seen.Refused | seen.BlobLost


@dataclass(frozen=True, slots=True)
class LookAtBlobResult:
    seen: AfterLookAtBlob


@dataclass(frozen=True, slots=True)
class Admit:
    """Take the blob's name, and ask for a lease of the mailbox: all before the first request to Graph."""


AfterAdmit = (
    seen.Admitted
    | seen.MustQueue
    | seen.OftenRewritten
    | seen.Deferred
    | seen.NeedsSignIn
    | seen.Refused
    | seen.BlobLost
)


@dataclass(frozen=True, slots=True)
class AdmitResult:
    seen: AfterAdmit


@dataclass(frozen=True, slots=True)
class Resolve:
    """Look up the list and the task, take the slot, and look at older uploads under the blob's name."""


AfterResolve = (
    seen.Resolved
    | seen.AlreadyAttached
    | seen.SlotHeld
    | seen.Refused
    | seen.TargetMissing
    | seen.TryAgain
    | seen.BlobLost
)


@dataclass(frozen=True, slots=True)
class ResolveResult:
    seen: AfterResolve
    read: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Ask Graph for an upload session."""


# A create whose answer is lost is not `Unclear`: it opened at most a session without a byte, which attaches nothing.
AfterOpenSession = seen.SessionOpened | seen.TooSmallForSession | seen.Refused | seen.TargetMissing | seen.TryAgain


@dataclass(frozen=True, slots=True)
class OpenSessionResult:
    seen: AfterOpenSession


@dataclass(frozen=True, slots=True)
class PreparePost:
    """Before the small POST: check that the blob is unchanged, and learn Graph's Date."""


AfterPreparePost = seen.PostPrepared | seen.Refused | seen.TargetMissing | seen.TryAgain | seen.BlobLost


@dataclass(frozen=True, slots=True)
class PreparePostResult:
    seen: AfterPreparePost


@dataclass(frozen=True, slots=True)
class PostFile:
    """Attach the whole file by the small POST: an empty one, or one that Graph finds too small for a session."""


AfterPostFile = seen.Landed | seen.Unclear | seen.Refused | seen.TargetMissing | seen.TryAgain | seen.BlobLost


@dataclass(frozen=True, slots=True)
class PostFileResult:
    seen: AfterPostFile
    read: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class SendSlice:
    """PUT one slice."""

    range: ByteRange


AfterSendSlice = (
    seen.Progress
    | seen.Landed
    | seen.Unclear
    | seen.SliceRefused
    | seen.SliceTooLarge
    | seen.Refused
    | seen.TryAgain
    | seen.BlobLost
)


@dataclass(frozen=True, slots=True)
class SendSliceResult:
    seen: AfterSendSlice
    read: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class AskSession:
    """GET the session, for the byte that it expects next."""


AfterAskSession = seen.Progress | seen.SessionLost | seen.TryAgain


@dataclass(frozen=True, slots=True)
class AskSessionResult:
    seen: AfterAskSession


@dataclass(frozen=True, slots=True)
class FindAttachment:
    """Search the task's attachments for this file, and adopt the one that is this file."""


AfterFindAttachment = seen.Adopted | seen.NotFound | seen.Refused | seen.TargetMissing | seen.TryAgain | seen.BlobLost


@dataclass(frozen=True, slots=True)
class FindAttachmentResult:
    seen: AfterFindAttachment
    read: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Compare the bytes of the attachment with the blob's, before the outcome is reported."""


AfterReadBack = seen.Intact | seen.Garbled | seen.NotReadBack | seen.TryAgain


@dataclass(frozen=True, slots=True)
class ReadBackResult:
    seen: AfterReadBack


@dataclass(frozen=True, slots=True)
class RemoveGarbled:
    """DELETE the attachment that was read back with other bytes than the blob's."""


AfterRemoveGarbled = seen.AttachmentRemoved | seen.TryAgain


@dataclass(frozen=True, slots=True)
class RemoveGarbledResult:
    seen: AfterRemoveGarbled


@dataclass(frozen=True, slots=True)
class CancelSession:
    """DELETE the session."""


AfterCancelSession = seen.SessionCancelled | seen.TryAgain


@dataclass(frozen=True, slots=True)
class CancelSessionResult:
    seen: AfterCancelSession


@dataclass(frozen=True, slots=True)
class ReportOutcome:
    """Write into the blob's tags the outcome, or that the upload waits for a sign-in, or that it is under way."""


AfterReportOutcome = seen.Reported | seen.TagsRefused | seen.Unavailable


@dataclass(frozen=True, slots=True)
class ReportOutcomeResult:
    seen: AfterReportOutcome


@dataclass(frozen=True, slots=True)
class RemoveReplaced:
    """DELETE the attachment whose place this one takes, unless it was changed since we made it."""


AfterRemoveReplaced = seen.AttachmentRemoved | seen.ReplacedLeft | seen.TryAgain


@dataclass(frozen=True, slots=True)
class RemoveReplacedResult:
    seen: AfterRemoveReplaced


@dataclass(frozen=True, slots=True)
class ReturnLease:
    """Give back what others wait for, the lease or the slot, and wake the next of them."""


AfterReturnLease = seen.LeaseReturned


@dataclass(frozen=True, slots=True)
class ReturnLeaseResult:
    seen: AfterReturnLease


@dataclass(frozen=True, slots=True)
class DeleteSource:
    """Delete the blob."""


AfterDeleteSource = seen.SourceDeleted | seen.Unavailable


@dataclass(frozen=True, slots=True)
class DeleteSourceResult:
    seen: AfterDeleteSource


Action = (
    LookAtBlob
    | Admit
    | Resolve
    | OpenSession
    | PreparePost
    | PostFile
    | SendSlice
    | AskSession
    | FindAttachment
    | ReadBack
    | RemoveGarbled
    | CancelSession
    | ReportOutcome
    | RemoveReplaced
    | DeleteSource
    | ReturnLease
)
Decision = Action | End
Result = (
    LookAtBlobResult
    | AdmitResult
    | ResolveResult
    | OpenSessionResult
    | PreparePostResult
    | PostFileResult
    | SendSliceResult
    | AskSessionResult
    | FindAttachmentResult
    | ReadBackResult
    | RemoveGarbledResult
    | CancelSessionResult
    | ReportOutcomeResult
    | RemoveReplacedResult
    | DeleteSourceResult
    | ReturnLeaseResult
)
