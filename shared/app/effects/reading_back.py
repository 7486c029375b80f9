"""Reading an attachment back before its outcome is reported, and removing one that is not the file."""

from shared.app.effects.context import Context
from shared.core import observations as seen
from shared.core.actions import AfterReadBack, AfterRemoveGarbled
from shared.graph import listings, removal
from shared.graph.reply import GraphReply


def read_back(context: Context) -> AfterReadBack:
    """Compare the bytes that Graph gives with those of the version that was sent."""
    entry, graph = context.entry, context.graph
    reply = graph.ask(listings.prepare_value(graph.mailbox, entry.list_id, entry.task_id, entry.attachment_id))
    if not isinstance(reply, GraphReply):
        return reply
    theirs = listings.parse_value(reply)
    if isinstance(theirs, seen.Refused | seen.TargetMissing):
        return seen.NotReadBack(theirs.detail)
    if not isinstance(theirs, str):
        return theirs
    if not theirs:
        # It does not show yet, or the person has removed it. Neither is a reason to attach the file once more.
        return seen.Unavailable("Graph does not show the attachment")
    ours = context.source.sha256(size=entry.size, slice_bytes=entry.slice_bytes)
    match ours:
        case str():
            return seen.Intact() if ours == theirs else seen.Garbled()
        case seen.Deferred():
            return ours
        case seen.Refused(_, detail):
            return seen.NotReadBack(detail)
        case seen.BlobRewritten():
            return seen.NotReadBack("the blob was written again")
        case seen.BlobDeleted():
            return seen.NotReadBack("the blob was deleted")


def remove_garbled(context: Context) -> AfterRemoveGarbled:
    entry, graph = context.entry, context.graph
    reply = graph.ask(removal.prepare_delete_attachment(graph.mailbox, entry.list_id, entry.task_id, entry.garbled_id))
    return removal.parse_delete_attachment(reply) if isinstance(reply, GraphReply) else reply
