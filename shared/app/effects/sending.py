"""Sends one slice, or asks the session how far it has come."""

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
    # Every read is conditional on the version's ETag, so Graph never gets parts of two versions.
    body = context.source.read(part)
    if not isinstance(body, bytes):
        return body
    account = graph.identity()  # before anything is sent: the look-up may fail
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
