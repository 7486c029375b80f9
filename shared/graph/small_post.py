"""The small POST: name and bytes in one request, for an empty file, which no range can describe."""

from shared.core import observations as seen
from shared.graph.reply import GraphReply, created_id, status_and_code
from shared.graph.request import GraphRequest, Mailbox, json_request
from shared.graph.statuses import not_created


def prepare_post_empty(mailbox: Mailbox, list_id: str, task_id: str, *, name: str) -> GraphRequest:
    record = {"@odata.type": "#microsoft.graph.taskFileAttachment", "name": name, "contentBytes": ""}
    return json_request("post_attachment", mailbox.attachments(list_id, task_id), record)


def parse_post_empty(reply: GraphReply) -> seen.Observation:
    if reply.status in {200, 201}:
        attachment_id = created_id(reply)
        return seen.Attached(attachment_id) if attachment_id else seen.LandedUnnamed()
    refused = 400 <= reply.status < 500 and reply.status not in {408, 409}
    if refused or reply.status in {507, 509}:
        return not_created(reply)
    # Also a time-out and a conflict: the conflict may be with what this very request created.
    return seen.Unclear(status_and_code(reply), reply.retry_after())
