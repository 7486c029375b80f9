"""The table of an upload's phases: what is done in each, what may be seen then, and where that leads."""

# THEORY OF OPERATION
#
# An upload is an entry in the ledger that goes through phases. One step of it is one invocation:
#
#     decide (pure)     the entry as it was claimed      -> one action, or an end
#     an effect         the action                       -> one observation of the outside
#     absorb (pure)     the entry and the observation    -> the next entry, which is stored
#
# Two of these modules know phases, and both do so by cases that the type checker counts: `decide` chooses the action
# by phase, `absorb` handles, for each action, the observations that it can lead to. This table says in one place what
# the two of them amount to. It is data: docs/ARCHITECTURE.md draws its picture from it, and the tests hold `decide`
# and `absorb` to it, move by move, in both directions. The application itself does not read it.
#
# The normal way is queued, resolving, opening, sending, attached; before it, a blob that is not complete is arriving.
# QUEUED waits for a lease of the mailbox (`pacing`), or for the upload that holds the slot. An upload that queues has a
# ticket in place of a message: the upload that gives a lease or a slot back sends the message for the first ticket. A
# lease decides when an upload may ask Graph, never whether.
#
# Everything else exists because a request can be applied although we never saw its answer. There are two such
# moments, and each has a phase of its own:
#
# LOCATING: a slice was sent, and the answer is unknown. The session knows: it is asked which byte it expects, and
#     that is the new offset, whether the slice arrived or not. While an answer is unknown nothing else is sent, so that
#     the server holds a prefix of the file at all times.
#
# CONFIRMING: the session cannot be asked any more, and the file may or may not be attached. To send it again could
#     attach it twice. Where the only session is gone right after its last slice, the task's attachments are searched at
#     once: mostly the file is among them, and only the answer was lost. If it is not, and in all other cases, the
#     session is cancelled (no request of ours can be applied to it afterwards, except one that the server had taken
#     already); one request deadline is waited out, for that one; and then the attachments are searched. Only if the
#     file is not among them may another session be opened. A listing may lag behind, so where the last slice itself is
#     in doubt the search is repeated, with growing waits.
#     An upload comes here straight from RESOLVING where an older one of the same file ended in doubt: for example, the
#     blob's metadata was edited while its last answer was missing. If the older one did attach the file, this one
#     adopts that attachment.
#
#     The search before the last slice of every later session, in SENDING, asks the same question once more: a request
#     of an earlier session might have been applied after the search for it.
#
# VERIFYING: where the setting asks for it, the attachment is read back before the outcome is reported. One that has
#     other bytes than the blob is removed, and the file is sent anew. The ledger says that it is wrong before it is
#     removed: otherwise, after a worker's death, an attachment that is gone could be one that the person removed. An
#     adopted attachment does not come here: the search has compared its bytes.
#
# Not in the table, since no observation leads there:
#
# - `entry.claimed` moves an entry when it is claimed. Taken over from a worker that stored nothing, SENDING becomes
#   LOCATING, and the small POST becomes CONFIRMING: what that worker sent is unknown. An entry in WAITING goes into the
#   queue once the blob's tags say that it waits, and from there back to the phase that it came from.
# - `entry.claimed` may claim an entry only to say in the blob's tags that it is under way (`underway`): such a step
#   interrupts a wait, and leaves everything else as it was.
# - `decide` ends an entry that has reached a bound: too old, queued too long, no progress, too many sessions.
# - `endings.withdrawn` ends an entry that no worker acts for, once its person has deleted the blob from the page.
#
# A terminal phase is never left. What is still to be done there, report, cancel, delete, changes other fields, each
# within a bound of its own; when nothing is left to be done the entry is done, and every message for it ends quietly.
#
# To add a phase: name it in `entry.Phase` and give it a row here. Then mypy names the two places that must handle it:
# the choice of the action in `decide`, and, for a new action or observation, its case in `absorb` and its effect.

from collections.abc import Mapping

from shared.core import actions as do
from shared.core import observations as seen
from shared.core.entry import Phase

type Targets = frozenset[Phase]
type Seen = Mapping[type[seen.Observation], Targets]


def _to(*phases: Phase) -> Targets:
    return frozenset(phases)


def _or_again(phase: Phase) -> dict[type[seen.Observation], Targets]:
    """Any action that asks Graph may have to be tried again, or may find that a person must sign in."""
    return _later(phase) if phase.is_terminal else _later(phase) | {seen.NeedsSignIn: _to(Phase.WAITING, Phase.FAILED)}


def _later(phase: Phase) -> dict[type[seen.Observation], Targets]:
    """Once the file is attached or the upload has ended, nothing waits for a person to sign in."""
    return {seen.Deferred: _to(phase), seen.Unavailable: _to(phase), seen.NeedsSignIn: _to(phase)}


_BLOB_LOST: Mapping[type[seen.Observation], Targets] = {
    seen.BlobRewritten: _to(Phase.SUPERSEDED),
    seen.BlobDeleted: _to(Phase.WITHDRAWN),
}
_AFTER_THE_QUEUE = (Phase.RESOLVING, Phase.OPENING, Phase.SENDING, Phase.LOCATING, Phase.CONFIRMING)
_LANDED: Mapping[type[seen.Observation], Targets] = {
    seen.Attached: _to(Phase.ATTACHED, Phase.VERIFYING),
    seen.LandedUnnamed: _to(Phase.CONFIRMING),
    seen.LandedUnderOwnedId: _to(Phase.CONFIRMING),
}


def _refused(phase: Phase) -> dict[type[seen.Observation], Targets]:
    """A missing target may not be visible yet, so it is asked for again, for some minutes."""
    return {seen.Refused: _to(Phase.REJECTED), seen.TargetMissing: _to(phase, Phase.REJECTED)}


def _told(phase: Phase) -> dict[type[do.Action], Seen]:
    """Reporting that the upload is under way, or waits, or its outcome, never changes the phase."""
    return {do.ReportOutcome: {seen.Reported: _to(phase), seen.TagsRefused: _to(phase), seen.Unavailable: _to(phase)}}


def _ending(phase: Phase) -> dict[type[do.Action], Seen]:
    return {
        **_told(phase),
        do.ReturnLease: {seen.LeaseReturned: _to(phase)},
        do.CancelSession: {seen.SessionCancelled: _to(phase), **_or_again(phase)},
    }


def _source_deleted(phase: Phase) -> dict[type[do.Action], Seen]:
    return {do.DeleteSource: {seen.SourceDeleted: _to(phase), seen.Unavailable: _to(phase)}}


TRANSITIONS: Mapping[Phase, Mapping[type[do.Action], Seen]] = {
    Phase.ARRIVING: {
        **_told(Phase.ARRIVING),
        do.LookAtBlob: {
            seen.Arrived: _to(Phase.QUEUED),
            seen.NotYet: _to(Phase.ARRIVING),
            seen.Refused: _to(Phase.REJECTED),
            **_BLOB_LOST,
        },
    },
    Phase.QUEUED: {
        **_told(Phase.QUEUED),
        do.Admit: {
            # To the phase that it queued for: RESOLVING for a new upload, else the one that was interrupted.
            seen.Admitted: _to(*_AFTER_THE_QUEUE),
            seen.MustQueue: _to(Phase.QUEUED),
            seen.OftenRewritten: _to(Phase.QUEUED),
            seen.Deferred: _to(Phase.QUEUED),
            seen.NeedsSignIn: _to(Phase.WAITING, Phase.FAILED),
            seen.Refused: _to(Phase.REJECTED),
            **_BLOB_LOST,
        },
        do.ReturnLease: {seen.LeaseReturned: _to(Phase.QUEUED)},
    },
    Phase.RESOLVING: {
        **_told(Phase.RESOLVING),
        do.Resolve: {
            seen.Resolved: _to(Phase.OPENING, Phase.CONFIRMING),
            seen.AlreadyAttached: _to(Phase.ATTACHED),
            seen.SlotHeld: _to(Phase.QUEUED),
            **_refused(Phase.RESOLVING),
            **_or_again(Phase.RESOLVING),
            **_BLOB_LOST,
        },
    },
    Phase.OPENING: {
        **_told(Phase.OPENING),
        do.OpenSession: {
            seen.SessionOpened: _to(Phase.SENDING, Phase.CONFIRMING),
            seen.TooSmallForSession: _to(Phase.OPENING, Phase.REJECTED),
            **_refused(Phase.OPENING),
            **_or_again(Phase.OPENING),
        },
        do.PreparePost: {
            seen.PostPrepared: _to(Phase.OPENING),
            **_refused(Phase.OPENING),
            **_or_again(Phase.OPENING),
            **_BLOB_LOST,
        },
        do.PostFile: {
            **_LANDED,
            seen.Unclear: _to(Phase.CONFIRMING),
            **_refused(Phase.OPENING),
            **_or_again(Phase.OPENING),
            **_BLOB_LOST,
        },
    },
    Phase.SENDING: {
        **_told(Phase.SENDING),
        do.SendSlice: {
            seen.Progress: _to(Phase.SENDING, Phase.CONFIRMING),
            **_LANDED,
            seen.Unclear: _to(Phase.LOCATING),
            seen.SliceRefused: _to(Phase.LOCATING, Phase.FAILED),
            seen.SliceTooLarge: _to(Phase.SENDING, Phase.REJECTED),
            seen.Refused: _to(Phase.REJECTED),
            **_or_again(Phase.SENDING),
            **_BLOB_LOST,
        },
        do.FindAttachment: {
            seen.Adopted: _to(Phase.ATTACHED),
            seen.NotFound: _to(Phase.SENDING),
            **_refused(Phase.SENDING),
            **_or_again(Phase.SENDING),
            **_BLOB_LOST,
        },
        do.CancelSession: {
            seen.SessionCancelled: _to(Phase.CONFIRMING),
            **_or_again(Phase.SENDING),
        },
    },
    Phase.LOCATING: {
        **_told(Phase.LOCATING),
        do.AskSession: {
            seen.Progress: _to(Phase.SENDING, Phase.CONFIRMING),
            seen.SessionLost: _to(Phase.CONFIRMING),
            **_or_again(Phase.LOCATING),
        },
    },
    Phase.CONFIRMING: {
        **_told(Phase.CONFIRMING),
        do.CancelSession: {
            seen.SessionCancelled: _to(Phase.CONFIRMING),
            **_or_again(Phase.CONFIRMING),
        },
        do.FindAttachment: {
            seen.Adopted: _to(Phase.ATTACHED),
            seen.NotFound: _to(Phase.OPENING, Phase.CONFIRMING),
            **_refused(Phase.CONFIRMING),
            **_or_again(Phase.CONFIRMING),
            **_BLOB_LOST,
        },
    },
    Phase.VERIFYING: {
        **_told(Phase.VERIFYING),
        do.ReadBack: {
            seen.Intact: _to(Phase.ATTACHED),
            seen.Garbled: _to(Phase.VERIFYING),
            seen.NotReadBack: _to(Phase.ATTACHED),
            **_later(Phase.VERIFYING),
        },
        do.RemoveGarbled: {
            seen.AttachmentRemoved: _to(Phase.OPENING, Phase.FAILED),
            **_later(Phase.VERIFYING),
        },
    },
    Phase.WAITING: {**_told(Phase.WAITING), do.ReturnLease: {seen.LeaseReturned: _to(Phase.WAITING)}},
    Phase.ATTACHED: {
        **_ending(Phase.ATTACHED),
        do.RemoveReplaced: {
            seen.AttachmentRemoved: _to(Phase.ATTACHED),
            seen.ReplacedLeft: _to(Phase.ATTACHED),
            **_or_again(Phase.ATTACHED),
        },
        **_source_deleted(Phase.ATTACHED),
    },
    # Only a blob that is larger than what was signed for is deleted there.
    Phase.REJECTED: {**_ending(Phase.REJECTED), **_source_deleted(Phase.REJECTED)},
    Phase.FAILED: _ending(Phase.FAILED),
    Phase.SUPERSEDED: _ending(Phase.SUPERSEDED),
    Phase.WITHDRAWN: _ending(Phase.WITHDRAWN),
}
