"""Did it land? The search for an attachment that an earlier request may have created."""

from shared.app.effects.context import Context
from shared.core import observations as seen
from shared.core.actions import AfterFindAttachment
from shared.core.landing import candidates
from shared.graph import listings
from shared.graph.reply import GraphReply


def find_attachment(context: Context) -> AfterFindAttachment:
    """List the task's attachments, and compare the bytes of those that may be this file with the blob's."""
    entry, graph = context.entry, context.graph
    account = graph.identity()
    if not isinstance(account, str):
        return account
    listed = graph.pages(graph.list_attachments(), listings.parse_attachments)
    if not isinstance(listed, list):
        return listed
    ours = ""
    for candidate in candidates(listed, name=entry.attachment_name, opened_at=entry.first_opened_at):
        reply = graph.ask(listings.prepare_value(graph.mailbox, entry.list_id, entry.task_id, candidate.id))
        if not isinstance(reply, GraphReply):
            return reply
        theirs = listings.parse_value(reply)
        if not isinstance(theirs, str):
            return theirs
        if not ours:
            # Only where there is a candidate: a search without one does not read the blob.
            digest = context.source.sha256(size=entry.size, slice_bytes=entry.slice_bytes)
            if not isinstance(digest, str):
                return digest
            ours = digest
        # The same bytes under the same name may be another upload's: the ledger knows whose each attachment is.
        owner = context.ledger.own_attachment(account, candidate.id, entry.upload_id) if theirs == ours else ""
        if owner and owner in {entry.upload_id, entry.may_be_of}:
            return seen.Adopted(candidate.id)
    return seen.NotFound()
