"""What a status and a code of Graph mean: one table, for every call.

The table sorts answers into a few kinds. Each call has its own policy for each kind, in its own parser, because one
answer means different things: after a GET, a 500 says that nothing came of it; after a PUT, the bytes may have been
stored all the same. A parser matches the kinds one by one and has no "otherwise", so that a new kind is a type error
until every call has chosen.

A code after which no other try can work is one row here: its statuses, its name, `PERMANENT`, and the reason that the
person reads.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from enum import Enum, auto

from shared.core import observations as seen
from shared.core.entry import Reason
from shared.graph.reply import GraphReply, error_codes, status_and_code


class Kind(Enum):
    """What an answer other than success means for the next try."""

    THROTTLED = auto()  # nothing was done: come back when it says
    AWAY = auto()  # the service or the mailbox is away for a while; what was sent may have been applied
    PASSING = auto()  # a fault or a conflict of this moment; what was sent may have been applied
    UNEXPECTED = auto()  # below 400, and not what the call takes for success: a redirect, a gateway's page
    NOT_FOUND = auto()  # not yet, perhaps: another app may have made it a moment ago
    GONE = auto()
    WRONG_RANGE = auto()
    BODY_TOO_LARGE = auto()  # this request's, not necessarily the file
    FILE_TOO_SMALL = auto()  # for an upload session
    FULL = auto()
    PERMANENT = auto()  # no other try can work, and the row says why
    REFUSED = auto()  # nothing in the answer says whether another try could work


@dataclass(frozen=True, slots=True)
class Row:
    """*code* is empty where the status alone decides. *reason* is what the person reads where the call is refused."""

    statuses: Container[int]
    code: str
    kind: Kind
    reason: Reason = Reason.REFUSED


_ANY = ""
# The first row that fits counts, but a row with a code comes before those without. Graph's error page advises to take
# the most specific code that one knows; the others decide nothing. There is no row for 401: before a parser sees one,
# another token has been tried, and a 401 that stays is a refusal like others.
TABLE = (
    # Seen for mail, where a file went over the mailbox's message size: docs-contrib#2561.
    Row({400}, "ErrorMessageSizeExceeded", Kind.PERMANENT, Reason.TOO_LARGE),
    # Mail's upload sessions are for files from 3 MB on; To Do's are documented for every size.
    Row({400}, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize", Kind.FILE_TOO_SMALL),
    # Seen with status 404, but not for one missing thing: Graph finds no list and no task of this account, ever.
    Row(range(400, 500), "MailboxNotEnabledForRESTAPI", Kind.PERMANENT, Reason.NO_MAILBOX),
    Row({403}, _ANY, Kind.PERMANENT, Reason.FORBIDDEN),
    Row({404}, _ANY, Kind.NOT_FOUND),
    # A conflict or a time-out may have followed the work: the conflict may be with what this very request created.
    Row({408, 409}, _ANY, Kind.PASSING),
    Row({410}, _ANY, Kind.GONE),
    Row({413}, _ANY, Kind.BODY_TOO_LARGE, Reason.TOO_LARGE),
    Row({416}, _ANY, Kind.WRONG_RANGE),
    # Locked, too many requests, bandwidth exceeded: documented as "try again after a while".
    Row({423, 429, 509}, _ANY, Kind.THROTTLED),
    Row(range(400, 500), _ANY, Kind.REFUSED),
    Row({503}, _ANY, Kind.AWAY),
    Row({507}, _ANY, Kind.FULL, Reason.MAILBOX_FULL),
    Row(range(500, 1000), _ANY, Kind.PASSING),
    Row(range(400), _ANY, Kind.UNEXPECTED),
)
# The answers that ask to come back later, without anything being broken.
COME_BACK_LATER = frozenset({Kind.THROTTLED, Kind.AWAY})


def row_for(status: int, codes: Iterable[str] = ()) -> Row:
    """The row of an answer. *codes* from the most specific one on; one that no row knows is passed over."""
    fitting = [row for row in TABLE if status in row.statuses]
    for code in codes:
        for row in fitting:
            if row.code == code:
                return row
    return next(row for row in fitting if row.code == _ANY)


def meaning_of(reply: GraphReply) -> Row:
    """The row of a reply that its call does not take for success."""
    return row_for(reply.status, reversed(error_codes(reply)))


# -- what most calls make of a kind --


def deferred(reply: GraphReply) -> seen.Deferred:
    is_throttled = meaning_of(reply).kind is Kind.THROTTLED
    words = "Graph asks to slow down" if is_throttled else "Graph is not available"
    return seen.Deferred(f"{words}: {status_and_code(reply)}", reply.retry_after())


def unavailable(reply: GraphReply) -> seen.Unavailable:
    return seen.Unavailable(status_and_code(reply), reply.retry_after())


def unclear(reply: GraphReply) -> seen.Unclear:
    return seen.Unclear(status_and_code(reply), reply.retry_after())


# For a person who sees a status and a code of Graph for the first time.
_MEANING = {
    Reason.FORBIDDEN: "Graph forbids it to this account",
    Reason.NO_SUCH_LIST: "Graph finds no such list",
    Reason.NO_SUCH_TASK: "Graph finds no such task in that list",
    Reason.NO_MAILBOX: "this account has no mailbox that Graph can reach, a guest's or an unlicensed one for example: "
    "sign in with the account that owns the list",
    Reason.TOO_LARGE: "Graph takes no file of this size",
    Reason.MAILBOX_FULL: "the mailbox is full",
}


def refused(reason: Reason, reply: GraphReply) -> seen.Refused:
    return seen.Refused(reason, _detail(reason, reply))


def target_missing(reason: Reason, reply: GraphReply) -> seen.TargetMissing:
    return seen.TargetMissing(reason, _detail(reason, reply))


def _detail(reason: Reason, reply: GraphReply) -> str:
    return ": ".join(filter(None, (_MEANING.get(reason), status_and_code(reply))))
