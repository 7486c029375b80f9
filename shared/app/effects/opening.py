"""How an attachment begins: an upload session, or the small POST, which is all of it."""

from shared.app.effects.context import Context
from shared.core import observations as seen
from shared.core.actions import AfterOpenSession, AfterPostFile, AfterPreparePost
from shared.core.ranges import ByteRange
from shared.graph import listings, sessions, small_post
from shared.graph.reply import GraphReply


def open_session(context: Context) -> AfterOpenSession:
    entry, graph = context.entry, context.graph
    request = sessions.prepare_create_session(
        graph.mailbox, entry.list_id, entry.task_id, name=entry.attachment_name, size=entry.size
    )
    # This may be repeated: a request whose answer is lost has opened at most a session that holds no byte.
    reply = graph.ask(request)
    return sessions.parse_create_session(reply, graph.root) if isinstance(reply, GraphReply) else reply


def prepare_post(context: Context) -> AfterPreparePost:
    if (lost := context.source.lost()) is not None:
        return lost
    # Only for the server's date. The ledger must have it before the POST is sent: if the POST's answer is lost, the
    # date distinguishes its attachment from an older one of the same name.
    reply = context.graph.ask(context.graph.list_attachments())
    if not isinstance(reply, GraphReply):
        return reply
    page = listings.parse_attachments(reply, context.graph.root)
    return seen.PostPrepared(page.date) if isinstance(page, listings.Page) else page


def post_file(context: Context) -> AfterPostFile:
    entry, graph = context.entry, context.graph
    body = _whole(context)
    if not isinstance(body, bytes):
        return body
    account = graph.identity()  # before anything is sent: the look-up may fail
    if not isinstance(account, str):
        return account
    request = small_post.prepare_post_attachment(
        graph.mailbox, entry.list_id, entry.task_id, name=entry.attachment_name, content=body
    )
    reply = graph.change(request)
    if not isinstance(reply, GraphReply):
        return reply
    return context.owned(small_post.parse_post_attachment(reply), account)


def _whole(context: Context) -> bytes | seen.Deferred | seen.Refused | seen.BlobLost:
    """The whole file: at most `ranges.MAX_POST_BYTES`, which is smaller than a slice may be."""
    if context.entry.size > 0:
        return context.source.read(ByteRange(0, context.entry.size))
    return context.source.lost() or b""
