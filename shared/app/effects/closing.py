"""What is left to do around the end: cancel the session, report the outcome, remove and delete what is to go."""

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

# Between Graph's clock and the storage service's; and for a last slice that was applied long before we heard of it.
_CLOCKS_APART = timedelta(minutes=5)


def cancel_session(context: Context) -> AfterCancelSession:
    url = context.session_url()
    if url is None:
        # Out of our reach: it expires by itself.
        return seen.SessionCancelled()
    reply = context.graph.ask(sessions.prepare_cancel_session(url))
    return sessions.parse_cancel_session(reply) if isinstance(reply, GraphReply) else reply


def report_outcome(context: Context) -> AfterReportOutcome:
    entry, blobs = context.entry, context.blobs
    try:
        existing = blobs.tags(entry.blob)
        wanted = outcome_tags(entry, existing)
        # Delivered again after the tags were written and before the entry was stored.
        if wanted == existing:
            return seen.Reported()
        # Tags are written as a whole. Another worker, after this claim, may have written a later outcome.
        if not context.claim.outlives_a_request():
            return seen.Unavailable("the claim was nearly over")
        blobs.set_tags(entry.blob, wanted)
    except BlobGone:
        return seen.Reported()  # this version has no tags any more
    except BlobChanged:
        return _leave_to_the_newer(context)
    except BlobTagsRefused:
        return seen.TagsRefused()
    except StorageUnavailable:
        return seen.Unavailable("the blob's tags cannot be written")
    return seen.Reported()


def _leave_to_the_newer(context: Context) -> seen.Reported | seen.Unavailable:
    """The newer version carries the tags now. An edit of the metadata raises no event: without this nobody is told."""
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
        # With the task its attachments are gone, or out of reach for good.
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
    """Not in the listing: gone, or the listing lags behind."""
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
