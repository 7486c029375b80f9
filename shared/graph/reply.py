"""Replies from Graph, read with suspicion: what each part means, in every form that is documented or reported.

Where the documentation contradicts itself or is silent, both readings are accepted. A reply that cannot be understood
never counts as success.
"""

import base64
import binascii
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from shared.core.backoff import parse_http_date, parse_retry_after

# A server that is not Graph, or one gone wrong, may send anything up to what the transport takes: 64 KB a header, and
# megabytes of body. Reading it must not hold a worker, whose claim runs out meanwhile. So a text is cut off or passed
# over by its length first, and each repeat in an expression has a bound.
_CODE = re.compile(r"[A-Za-z0-9_.\-]{1,80}")
_CLAIMS = re.compile(r'claims="([A-Za-z0-9+/=_-]{1,16000})"')
_LONGEST_CHALLENGE = 20_000
# The longest sample has 180 characters; no bound is published.
_LONGEST_ID = 1_024
# Enough for an error, or for the state of a session. For a listing, or an attachment with its bytes, the caller sets a
# larger bound.
_LONGEST_OBJECT = 64 * 1024
# Deeper than any nesting of errors that was seen.
_DEEPEST_ERROR = 8


@dataclass(frozen=True, slots=True)
class GraphReply:
    """One complete reply. *headers* have lower-case names. *sha256* only where a digest was asked.

    *received_at* is by this machine's clock: for nothing but a Retry-After date in a reply without a Date.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    sha256: str = ""
    received_at: datetime | None = None

    def date(self) -> datetime | None:
        """The server's own Date."""
        return parse_http_date(self.headers.get("date", ""))

    def retry_after(self) -> timedelta | None:
        """What Retry-After asks for, in any of its forms."""
        return parse_retry_after(self.headers.get("retry-after"), now=self.date() or self.received_at)


# -- the body --


def json_object(reply: GraphReply, *, longest: int = _LONGEST_OBJECT) -> dict[str, Any]:
    """The reply's JSON object with lower-case names: casing differs between create and PUT, and between clouds.

    Empty where the body is not an object, or has more than *longest* bytes: a gateway may answer with its own page. An
    object inside ``{"value": {...}}``, as in the reference's example of an attachment, is unwrapped.
    """
    if len(reply.body) > longest:
        return {}
    try:
        content = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    names = lower_names(content)
    wrapped = names.get("value")
    return lower_names(wrapped) if isinstance(wrapped, dict) else names


def lower_names(content: Mapping[str, Any]) -> dict[str, Any]:
    """*content* with lower-case names, one level deep, and with texts that can be sent and stored."""
    return {name.lower(): _encodable(value) for name, value in content.items()}


def _encodable(value: Any) -> Any:
    """JSON may hold half of a surrogate pair, such as a title cut within an emoji, which no request or ledger takes."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def timestamp(value: object) -> datetime | None:
    """A Graph timestamp: seven fractional digits, or none; a zone, or none (then UTC).

    .NET's year 1 stands for "not set". As a time, it would mean that a session was over before it began, and that an
    attachment is too old to be ours.
    """
    if not isinstance(value, str):
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return None
    if when.year == 1:
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)


def created_id(reply: GraphReply) -> str:
    """The id of what was created: the last segment of Location, else the body's id; opaque, case-sensitive.

    Location comes as ``/Attachments/{id}`` in the walkthrough and as ``attachments('{id}')`` elsewhere in OData. Its
    host is ignored: nothing is ever sent there. Empty where no usable id is named.
    """
    attachment_id = _id_of_location(reply.headers.get("location", ""))
    if not attachment_id or attachment_id.lower() == "attachments":
        # The reply to the small POST may repeat the file in Base64.
        named = json_object(reply, longest=sys.maxsize).get("id")
        attachment_id = named if isinstance(named, str) else ""
    return attachment_id if len(attachment_id) <= _LONGEST_ID else ""


def _id_of_location(location: str) -> str:
    try:
        path = urlsplit(location).path
    except ValueError:
        return ""
    segment = unquote(path.rstrip("/").rpartition("/")[2])
    _, opened, key = segment.removesuffix("')").rpartition("('")
    return key if opened and segment.endswith("')") else segment


# -- errors --


def status_and_code(reply: GraphReply) -> str:
    """``HTTP 404 ErrorItemNotFound``, for the ledger and the log. Never the message: it may repeat the URL or more."""
    code = error_code(reply)
    return f"HTTP {reply.status} {code}" if code else f"HTTP {reply.status}"


def error_code(reply: GraphReply) -> str:
    """The most specific error code of a reply. Empty where there is none."""
    codes = error_codes(reply)
    return codes[-1] if codes else ""


def error_codes(reply: GraphReply) -> list[str]:
    """The codes of a reply's error, the most specific one last: inner errors nest, under two spellings."""
    codes: list[str] = []
    error = json_object(reply).get("error")
    for _ in range(_DEEPEST_ERROR):
        if not isinstance(error, dict):
            break
        error = lower_names(error)
        if isinstance(error.get("code"), str) and _CODE.fullmatch(error["code"]):
            codes.append(error["code"])
        error = error.get("innererror")
    return codes


# -- challenges --


def is_challenge(reply: GraphReply) -> bool:
    """Whether another token may help: a 401; or a 403 by which Conditional Access asks for more claims."""
    demand = "insufficient_claims" in reply.headers.get("www-authenticate", "")
    return reply.status == 401 or (reply.status == 403 and demand)


def claims_challenge(reply: GraphReply) -> str:
    """The claims of a continuous-access-evaluation challenge in a 401, decoded; empty where there are none."""
    found = _CLAIMS.search(reply.headers.get("www-authenticate", "")[:_LONGEST_CHALLENGE])
    if found is None:
        return ""
    text = found[1].replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeError):
        return ""
