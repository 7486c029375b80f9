"""A turn at the mailbox: asked for before the first request to Graph, and given back as soon as others may have it."""

from shared.app.effects import name
from shared.app.effects.context import Context
from shared.app.pacing import Turn
from shared.core import observations as seen
from shared.core.actions import AfterAdmit, AfterReturnLease
from shared.core.outcome import queued_tags
from shared.core.underway import PATIENCE
from shared.errors import BlobChanged, BlobGone, BlobTagsRefused, StorageUnavailable


def admit(context: Context) -> AfterAdmit:
    entry, graph = context.entry, context.graph
    # Before anything that needs the account: a file that waits for a sign-in must hold its blob's name already.
    older = entry.older if entry.older is not None else name.take(context)
    if not isinstance(older, tuple):
        return older
    # Before the lease: a person who must sign in first would hold others up, and would learn of it only after them.
    token = graph.token()
    if not isinstance(token, str):
        return token
    if entry.waited:
        context.sign_in_line.wake_next(entry)
    # An upload that queued has its lease at the mailbox it queued for. Its account's name may lead elsewhere by now.
    account = entry.lease or graph.identity()
    if not isinstance(account, str):
        return account
    mailbox = entry.lease or context.pacing.mailbox(account)
    if entry.lease and (lost := context.source.lost()) is not None:
        # Deleted or written again while it queued: its lease goes to the next one at once.
        return lost
    turn = context.pacing.arrive(mailbox, entry)
    if isinstance(turn, Turn):
        return seen.Admitted(mailbox, turn.starts_at, older)
    if entry.is_in_mailbox_line:
        # What it was told counted the whole line. Now only the head of it was read.
        return seen.MustQueue(mailbox, entry.detail, older)
    if turn.until - turn.since <= PATIENCE:
        return seen.MustQueue(mailbox, turn.why, older)
    why = f"{turn.why}, expected at about {turn.until:%Y-%m-%d %H:%M} UTC"
    tell(context, why)
    return seen.MustQueue(mailbox, why, older)


def tell(context: Context, reason: str) -> None:
    """Say in the blob's tags that it queues, and why: no message would do it later.

    While the claim is held, so that nobody writes an outcome meanwhile. One try: what counts is the outcome.
    """
    entry, blobs = context.entry, context.blobs
    try:
        existing = blobs.tags(entry.blob)
        if context.claim.outlives_a_request():
            blobs.set_tags(entry.blob, queued_tags(reason, existing))
    except (BlobChanged, BlobGone, BlobTagsRefused, StorageUnavailable):
        context.graph.ports.telemetry.record("queue_untold", upload_id=entry.upload_id)


def return_lease(context: Context) -> AfterReturnLease:
    entry, pacing = context.entry, context.pacing
    if entry.lease:
        pacing.leave(entry.lease, entry)
    # An upload that only waits keeps its slot, and its place in the slot's line.
    if entry.slot and entry.phase.is_terminal:
        pacing.next_for_slot(entry.slot)
    return seen.LeaseReturned()
