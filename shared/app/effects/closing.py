"""What is left to do around the end: cancel the session, report the outcome, delete the source."""

from shared.app.effects.context import Context
from shared.core import observations as seen
from shared.core.actions import AfterCancelSession, AfterDeleteSource, AfterReportOutcome
from shared.core.outcome import outcome_tags
from shared.errors import BlobChanged, BlobGone, BlobTagsRefused, StorageUnavailable
from shared.graph import sessions
from shared.graph.reply import GraphReply


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


def delete_source(context: Context) -> AfterDeleteSource:
    try:
        context.blobs.delete(context.entry.blob)
    except StorageUnavailable:
        return seen.Unavailable("the blob could not be deleted")
    return seen.SourceDeleted()
