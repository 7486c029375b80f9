"""The lease of a mailbox: taken before the first request to Graph, and given back as soon as others may have it."""

from shared.app.effects import name
from shared.app.effects.context import Context
from shared.app.pacing import Turn
from shared.core import observations as seen
from shared.core.actions import AfterAdmit, AfterReturnLease
from shared.core.outcome import queued_tags
from shared.core.sent_file import account_key
from shared.core.underway import PATIENCE
from shared.errors import BlobChanged, BlobGone, BlobTagsRefused, StorageUnavailable


def admit(context: Context) -> AfterAdmit:
    entry, graph = context.entry, context.graph
    # The name comes first, before all that needs the account: a file that waits for a sign-in must have it already.
    older = entry.older if entry.older is not None else name.take(context)
    if not isinstance(older, tuple):
        return older
    # The token comes before the lease: a file that waits for a sign-in must not hold up others, and its person should
    # learn of it before all others in the line are done.
    token = graph.token()
    if not isinstance(token, str):
        return token
    if entry.waited:
        context.sign_in_line.wake_next(entry)
    mailbox, key = entry.lease, entry.account_key
    # An upload that was in the line has its lease at that mailbox. By now the account's name may lead to another one.
    if not mailbox:
        account = graph.identity()
        if not isinstance(account, str):
            return account
        mailbox, key = context.pacing.mailbox(account), _enter_in_index(context, account)
    elif (lost := context.source.lost()) is not None:
        # The blob was deleted or written again while its upload was in the line: the next one gets the lease at once.
        return lost
    turn = context.pacing.arrive(mailbox, entry)
    if isinstance(turn, Turn):
        return seen.Admitted(mailbox, turn.starts_at, older, key)
    if entry.is_in_mailbox_line:
        # Keep the wait that the tag says: it was estimated from the whole line, and now only the head was read.
        return seen.MustQueue(mailbox, entry.detail, older, key)
    if turn.until - turn.since <= PATIENCE:
        return seen.MustQueue(mailbox, turn.why, older, key)
    why = f"{turn.why}, expected at about {turn.until:%Y-%m-%d %H:%M} UTC"
    tell(context, why)
    return seen.MustQueue(mailbox, why, older, key)


def _enter_in_index(context: Context, account: str) -> str:
    """Enter the upload into the index of *account*, an identity. Returns its key there, which is stored with the lease.

    Where there is no index, the entry's key stays as it is. It happens before Graph is asked: a worker that dies in
    between leaves a row that the next one finds.
    """
    index, entry = context.account_uploads, context.entry
    if index is None:
        return entry.account_key
    key = account_key(account)
    if key != entry.account_key:
        index.add(key, entry.upload_id, entry.indexed_at)
        if entry.account_key:
            # While the upload waited for a sign-in, its account's name came to lead to another account. The page of the
            # first one must not show this file.
            index.remove(entry.account_key, entry.upload_id, entry.indexed_at)
    return key


def tell(context: Context, reason: str) -> None:
    """Write into the blob's tags that the upload waits in a line, and why: no message comes to do so later.

    The claim is held, so that no other worker writes an outcome meanwhile. There is one try: only the outcome must be
    reported for certain.
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
