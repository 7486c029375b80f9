"""Removing an attachment: one that a newer version of its file has taken the place of, or that is not the file."""

from shared.core import observations as seen
from shared.graph.reply import GraphReply
from shared.graph.request import GraphRequest, Mailbox
from shared.graph.statuses import Kind, deferred, meaning_of, unavailable

type RemovalObservation = seen.AttachmentRemoved | seen.Deferred | seen.Unavailable


def prepare_delete_attachment(mailbox: Mailbox, list_id: str, task_id: str, attachment_id: str) -> GraphRequest:
    return GraphRequest("delete_attachment", "DELETE", mailbox.attachment(list_id, task_id, attachment_id))


def parse_delete_attachment(reply: GraphReply) -> RemovalObservation:
    """Sent again whatever became of it: an attachment that is gone is what was wanted.

    Documented is 204. A service that says 200, or 202 for later, has taken the request all the same.
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
            # Refused for good or not: a bound ends the tries.
            return unavailable(reply)
