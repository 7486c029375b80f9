"""What is left to do at the end: cancel the session, report, remove the replaced attachment, delete the blob."""

from datetime import timedelta

from shared.app.effects.context import Context
from shared.core import observations as seen
from shared.core.actions import AfterCancelSession, AfterDeleteSource, AfterRemoveReplaced, AfterReportOutcome
from shared.core.entry import Replaced
from shared.core.landing import ListedAttachment, loose_name
from shared.core.outcome import outcome_tags
from shared.errors import BlobChanged, BlobGone, BlobTagsRefused, StorageUnavailable
from shared.graph import listings, removal, sessions
from shared.graph.reply import GraphReply

# Graph's clock and the storage service's may differ; and Graph may have applied a last slice long before we knew of it.
_CLOCKS_APART = timedelta(minutes=5)


def cancel_session(context: Context) -> AfterCancelSession:
    url = context.session_url()
    if url is None:
        # The session is at another Graph host, where our token must not go: it expires by itself.
        return seen.SessionCancelled()
    reply = context.graph.ask(sessions.prepare_cancel_session(url))
    return sessions.parse_cancel_session(reply) if isinstance(reply, GraphReply) else reply


def report_outcome(context: Context) -> AfterReportOutcome:
    entry, blobs = context.entry, context.blobs
    try:
        existing = blobs.tags(entry.blob)
        wanted = outcome_tags(entry, existing)
        # An earlier worker wrote the tags, and died before it stored the entry.
        if wanted == existing:
            return seen.Reported()
        # Tags are written as a whole. Once this claim is over, this write could undo a later outcome of another worker.
        if not context.claim.outlives_a_request():
            return seen.Unavailable("the claim was nearly over")
        blobs.set_tags(entry.blob, wanted)
    except BlobGone:
        return seen.Reported()  # the tags went with the blob
    except BlobChanged:
        return _leave_to_the_newer(context)
    except BlobTagsRefused:
        return seen.TagsRefused()
    except StorageUnavailable:
        return seen.Unavailable("the blob's tags cannot be written")
    return seen.Reported()


def _leave_to_the_newer(context: Context) -> seen.Reported | seen.Unavailable:
    """Enter the newer version, which has the tags now: an edit of the metadata raises no event that would enter it."""
    try:
        context.source.lost()
    except StorageUnavailable:
        return seen.Unavailable("the blob cannot be described")
    return seen.Reported()


def remove_replaced(context: Context) -> AfterRemoveReplaced:
    entry, graph = context.entry, context.graph
    replaced = entry.replaces
    if replaced is None:
        raise ValueError(f"the entry {entry.upload_id} replaces nothing")
    listed = graph.pages(graph.list_attachments(), listings.parse_attachments)
    if isinstance(listed, seen.Refused | seen.TargetMissing):
        # The task is gone, and its attachments with it; or they are out of reach for good.
        return seen.ReplacedLeft()
    if not isinstance(listed, list):
        return listed
    older = next((each for each in listed if each.id == replaced.attachment_id), None)
    if older is None:
        return _is_gone(context, replaced)
    if not _is_as_made(older, replaced):
        return seen.ReplacedLeft()
    reply = graph.ask(
        removal.prepare_delete_attachment(graph.mailbox, entry.list_id, entry.task_id, replaced.attachment_id)
    )
    return removal.parse_delete_attachment(reply) if isinstance(reply, GraphReply) else reply


def _is_gone(context: Context, replaced: Replaced) -> seen.AttachmentRemoved | seen.ReplacedLeft | seen.TryAgain:
    """An attachment that is not in the listing is gone, or the listing lags behind: a read of its content decides."""
    entry, graph = context.entry, context.graph
    reply = graph.ask(listings.prepare_value(graph.mailbox, entry.list_id, entry.task_id, replaced.attachment_id))
    if not isinstance(reply, GraphReply):
        return reply
    there = listings.parse_value(reply)
    if isinstance(there, seen.Refused | seen.TargetMissing):
        return seen.ReplacedLeft()
    if not isinstance(there, str):
        return there
    return seen.Unavailable("the listing lags behind") if there else seen.AttachmentRemoved()


def _is_as_made(older: ListedAttachment, replaced: Replaced) -> bool:
    untouched = older.modified_at is None or older.modified_at <= replaced.attached_at + _CLOCKS_APART
    return untouched and loose_name(older.name) in {loose_name(replaced.name), ""}


def delete_source(context: Context) -> AfterDeleteSource:
    try:
        context.blobs.delete(context.entry.blob)
    except StorageUnavailable:
        return seen.Unavailable("the blob could not be deleted")
    return seen.SourceDeleted()
