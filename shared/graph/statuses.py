"""What an answer other than success means."""

from shared.core import observations as seen
from shared.core.entry import Reason
from shared.graph.reply import GraphReply, error_code, status_and_code

# Seen for mail where a file went over the mailbox's message size.
TOO_LARGE_CODE = "ErrorMessageSizeExceeded"


def try_again(reply: GraphReply) -> seen.Observation | None:
    if reply.status in {423, 429, 503, 509}:
        return seen.Deferred(status_and_code(reply), reply.retry_after())
    if reply.status >= 500 or reply.status in {408, 409}:
        return seen.Unavailable(status_and_code(reply), reply.retry_after())
    return None


def not_created(reply: GraphReply) -> seen.Observation:
    """What an answer other than success means, to a request that would create something."""
    if reply.status == 507:
        return refused(Reason.MAILBOX_FULL, reply)
    if again := try_again(reply):
        return again
    reason = {403: Reason.FORBIDDEN, 404: Reason.NO_SUCH_TASK, 410: Reason.NO_SUCH_TASK, 413: Reason.TOO_LARGE}
    if error_code(reply) == TOO_LARGE_CODE:
        return refused(Reason.TOO_LARGE, reply)
    if reply.status < 400:
        return seen.Unavailable(status_and_code(reply))
    return refused(reason.get(reply.status, Reason.REFUSED), reply)


def listing_failed(reply: GraphReply, missing: Reason) -> seen.Observation:
    """*missing*: what it is that a 404 says is not there."""
    if again := try_again(reply):
        return again
    if reply.status < 400:
        return seen.Unavailable(status_and_code(reply))
    reason = {403: Reason.FORBIDDEN, 404: missing, 410: missing}
    return refused(reason.get(reply.status, Reason.REFUSED), reply)


# For a person, who sees a status and a code of Graph for the first time.
_MEANING = {
    Reason.FORBIDDEN: "Graph forbids it to this account",
    Reason.NO_SUCH_LIST: "Graph finds no such list",
    Reason.NO_SUCH_TASK: "Graph finds no such task in that list",
    Reason.TOO_LARGE: "Graph takes no file of this size",
    Reason.MAILBOX_FULL: "the mailbox is full",
}


def refused(reason: Reason, reply: GraphReply) -> seen.Refused:
    return seen.Refused(reason, ": ".join(filter(None, (_MEANING.get(reason), status_and_code(reply)))))
