"""Removing an attachment: one whose place a newer version of its file has taken, or one that has other bytes."""

from shared.core import observations as seen
from shared.graph.reply import GraphReply
from shared.graph.request import GraphRequest, Mailbox
from shared.graph.statuses import Kind, deferred, meaning_of, unavailable

type RemovalObservation = seen.AttachmentRemoved | seen.Deferred | seen.Unavailable


def prepare_delete_attachment(mailbox: Mailbox, list_id: str, task_id: str, attachment_id: str) -> GraphRequest:
    return GraphRequest("delete_attachment", "DELETE", mailbox.attachment(list_id, task_id, attachment_id))


def parse_delete_attachment(reply: GraphReply) -> RemovalObservation:
    """Safe to send again: an attachment that is already gone counts as removed.

    204 is documented. A service that answers 200, or 202 for later, has taken the request too.
    """
    if reply.status in {200, 202, 204}:
        return seen.AttachmentRemoved()
    match meaning_of(reply).kind:
        case Kind.NOT_FOUND | Kind.GONE:
            return seen.AttachmentRemoved()
        case Kind.THROTTLED | Kind.AWAY:
            return deferred(reply)
        case (
            Kind.PASSING
            | Kind.UNEXPECTED
            | Kind.BODY_TOO_LARGE
            | Kind.FILE_TOO_SMALL
            | Kind.FULL
            | Kind.PERMANENT
            | Kind.WRONG_RANGE
            | Kind.REFUSED
        ):
            # Refused for good or for now: the bound on the tries ends both.
            return unavailable(reply)
