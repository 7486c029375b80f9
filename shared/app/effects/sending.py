"""One slice, and the question what became of one."""

from shared.app.effects.context import ELSEWHERE, Context
from shared.core import observations as seen
from shared.core.actions import AfterAskSession, AfterSendSlice
from shared.core.ranges import ByteRange
from shared.graph import sessions
from shared.graph.reply import GraphReply


def send_slice(context: Context, part: ByteRange) -> AfterSendSlice:
    entry, graph = context.entry, context.graph
    url = context.session_url()
    if url is None:
        return seen.Unclear(ELSEWHERE)
    # Every read names the pinned ETag, so the server never gets half of one version and half of another.
    body = context.source.read(part)
    if not isinstance(body, bytes):
        return body
    account = graph.identity()  # before anything is sent: it may have to be looked up, in vain
    if not isinstance(account, str):
        return account
    reply = graph.change(sessions.prepare_put_slice(url, part, entry.size, body))
    if not isinstance(reply, GraphReply):
        return reply
    return context.owned(sessions.parse_put_slice(reply, part, entry.size), account)


def ask_session(context: Context) -> AfterAskSession:
    url = context.session_url()
    if url is None:
        return seen.SessionLost(ELSEWHERE)
    reply = context.graph.ask(sessions.prepare_get_session(url))
    return sessions.parse_get_session(reply) if isinstance(reply, GraphReply) else reply
