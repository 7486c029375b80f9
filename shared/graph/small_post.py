"""The small POST: name and bytes in one request.

For an empty file, which no range can describe; and for a file of at most `ranges.MAX_POST_BYTES` where Graph opens no
session for it.
"""

import base64

from shared.core import observations as seen
from shared.core.entry import Reason
from shared.graph.reply import GraphReply, created_id
from shared.graph.request import GraphRequest, Mailbox, json_request
from shared.graph.statuses import Kind, deferred, meaning_of, refused, target_missing, unclear

type PostObservation = (
    seen.Attached | seen.LandedUnnamed | seen.Unclear | seen.TargetMissing | seen.Deferred | seen.Refused
)


def prepare_post_attachment(mailbox: Mailbox, list_id: str, task_id: str, *, name: str, content: bytes) -> GraphRequest:
    """*content* is the whole file: at most `ranges.MAX_POST_BYTES`."""
    encoded = base64.b64encode(content).decode()
    attachment = {"@odata.type": "#microsoft.graph.taskFileAttachment", "name": name, "contentBytes": encoded}
    return json_request("post_attachment", mailbox.attachments(list_id, task_id), attachment)


def parse_post_attachment(reply: GraphReply) -> PostObservation:
    if reply.status in {200, 201}:
        attachment_id = created_id(reply)
        return seen.Attached(attachment_id) if attachment_id else seen.LandedUnnamed()
    meaning = meaning_of(reply)
    match meaning.kind:
        case Kind.THROTTLED:
            return deferred(reply)
        case Kind.AWAY | Kind.PASSING | Kind.UNEXPECTED:
            # The request may have been applied, and unlike most slices it attaches the file at once.
            return unclear(reply)
        case Kind.NOT_FOUND:
            return target_missing(Reason.NO_SUCH_TASK, reply)
        case Kind.GONE:
            return refused(Reason.NO_SUCH_TASK, reply)
        case Kind.BODY_TOO_LARGE | Kind.FILE_TOO_SMALL | Kind.FULL | Kind.PERMANENT | Kind.WRONG_RANGE | Kind.REFUSED:
            return refused(meaning.reason, reply)
