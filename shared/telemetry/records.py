"""Records for operators. Each field is chosen here by name, so that no secret and no person's name can slip in.

`ATTRIBUTES` has every field of records, log lines and spans; docs/TELEMETRY.md says what each holds, and why it is not
personal data. Names that people chose (of files, lists, tasks, accounts) and Graph's ids of them are not among them:
those are in the ledger and in the blob's tags.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from shared.core import observations as seen
from shared.core.account_name import ascii_lower
from shared.core.actions import Decision, SendSlice
from shared.core.entry import Entry, Phase
from shared.core.ranges import ByteRange
from shared.errors import TokenUnavailable
from shared.graph.exchange import Exchange

# The error of a request that was not sent, because it could have lasted longer than the claim.
CLAIM_NEARLY_OVER = "ClaimNearlyOver"

type Fields = dict[str, str | int | float]

# The field's name in a log line -> the attribute's name, from OpenTelemetry's conventions where they have one.
ATTRIBUTES: Mapping[str, str] = {
    "upload_id": "todo_attach.upload.id",
    "account": "todo_attach.account",
    "size": "todo_attach.size",
    "offset": "todo_attach.offset",
    "phase": "todo_attach.phase",
    "next_phase": "todo_attach.next_phase",
    "reason": "todo_attach.reason",
    "step": "todo_attach.step",
    "action": "todo_attach.action",
    "observation": "todo_attach.observation",
    "range_start": "todo_attach.range.start",
    "range_stop": "todo_attach.range.stop",
    "proposed_start": "todo_attach.proposed.start",
    "proposed_stop": "todo_attach.proposed.stop",
    "duration": "todo_attach.duration",
    "wait": "todo_attach.wait",
    "waits_for": "todo_attach.waits_for",
    "elapsed": "todo_attach.elapsed",
    "sessions": "todo_attach.sessions",
    "steps": "todo_attach.steps",
    "parked": "todo_attach.parked",
    "why": "todo_attach.why",
    "result": "todo_attach.poison.result",
    "graph_operation": "todo_attach.graph.operation",
    "graph_code": "todo_attach.graph.code",
    "request_id": "todo_attach.graph.request_id",
    "client_request_id": "todo_attach.graph.client_request_id",
    "retry_after": "todo_attach.retry_after",
    "method": "http.request.method",
    "status": "http.response.status_code",
    "server": "server.address",
    "port": "server.port",
    "scheme": "url.scheme",
    "url": "url.full",
    "error": "error.type",
    "function": "faas.name",
    "trigger": "faas.trigger",
    "invocation_id": "faas.invocation_id",
    "dequeue_count": "todo_attach.dequeue_count",
    "queue_age": "todo_attach.queue_age",
    "live": "todo_attach.live",
    "announced": "todo_attach.announced",
    "cleared": "todo_attach.cleared",
    "requeued": "todo_attach.requeued",
    "was_cut": "todo_attach.was_cut",
    "oldest_age": "todo_attach.oldest_age",
    "stalled_age": "todo_attach.stalled_age",
    "accounts_waiting": "todo_attach.accounts_waiting",
    "found_by": "todo_attach.found_by",
    "looked_at": "todo_attach.catch_up.looked_at",
    "entered": "todo_attach.catch_up.entered",
    "letters": "todo_attach.catch_up.letters",
    "strange": "todo_attach.catch_up.strange",
    "unfinished": "todo_attach.catch_up.unfinished",
    "failed": "todo_attach.catch_up.failed",
    "aged_out": "todo_attach.catch_up.aged_out",
    "version": "todo_attach.version",
    "package": "todo_attach.package",
    "by_name": "todo_attach.sign_in.by_name",
    "resumed": "todo_attach.sign_in.resumed",
    "was_connected": "todo_attach.sign_in.was_connected",
    "problem": "todo_attach.sign_in.problem",
    "code": "todo_attach.sign_in.code",
}


def pseudonym(account: str) -> str:
    """A text that is the same for all uploads of an account, and does not name it."""
    return hashlib.sha256(ascii_lower(account).encode()).hexdigest()[:12] if account else ""


def describe_accepted(entry: Entry, *, wait: timedelta) -> Fields:
    """A blob became an entry."""
    return {
        **_upload(entry),
        "phase": entry.phase,
        "reason": entry.reason,
        "wait": wait.total_seconds(),
        # A new entry can wait for its blob only.
        "waits_for": _blob_lacks(entry) if wait else "",
    }


def describe_step(
    before: Entry,
    after: Entry,
    decision: Decision,
    observation: seen.Observation | None,
    exchange: Exchange | None,
    *,
    duration: float,
    wait: timedelta,
) -> Fields:
    """A step was stored. *exchange*: its last one with Graph. *duration* in seconds; *wait*: until the next step."""
    fields: Fields = {
        **_upload(after),
        "step": before.step,
        "phase": before.phase,
        "action": type(decision).__name__,
        "observation": type(observation).__name__ if observation is not None else "",
        "next_phase": after.phase,
        "reason": after.reason,
        "duration": round(duration, 3),
        "wait": wait.total_seconds(),
        "waits_for": _waits_for(after, observation, exchange) if _begins_to_wait(before, after, wait) else "",
    }
    if isinstance(decision, SendSlice):
        fields |= {"range_start": decision.range.start, "range_stop": decision.range.stop}
    return fields | exchange.fields() if exchange is not None else fields


def describe_other_range(entry: Entry, part: ByteRange | None, proposed: ByteRange | None) -> Fields:
    """A message *proposed* another range than the ledger's, *part*. None: the step sends no bytes."""
    fields: Fields = {"upload_id": entry.upload_id, "step": entry.step, "phase": entry.phase}
    if part is not None:
        fields |= {"range_start": part.start, "range_stop": part.stop}
    if proposed is not None:
        fields |= {"proposed_start": proposed.start, "proposed_stop": proposed.stop}
    return fields


def describe_outcome(entry: Entry, *, elapsed: timedelta) -> Fields:
    """An upload reached a terminal phase. *elapsed*: since the app first saw its blob."""
    return {
        **_upload(entry),
        "phase": entry.phase,
        "reason": entry.reason,
        "elapsed": elapsed.total_seconds(),
        "sessions": entry.sessions_opened,
        "steps": entry.step,
    }


def _upload(entry: Entry) -> Fields:
    return {
        "upload_id": entry.upload_id,
        "account": pseudonym(entry.account),
        "size": entry.size,
        "offset": entry.offset,
    }


def _begins_to_wait(before: Entry, after: Entry, wait: timedelta) -> bool:
    # A step that only writes tags in the middle of a wait is not counted: the wait was counted when it began.
    return not before.is_telling and (bool(wait) or after.phase is Phase.WAITING)


def _blob_lacks(entry: Entry) -> str:
    return "blob" if entry.phase is Phase.ARRIVING else "empty-file"


def _waits_for(after: Entry, observation: seen.Observation | None, exchange: Exchange | None) -> str:
    """What the next step waits for, in a word."""
    if after.phase is Phase.WAITING:
        return "sign-in"
    match observation:
        case seen.NotYet() | seen.Arrived():
            return _blob_lacks(after)
        case seen.OftenRewritten():
            return "blob"
        case seen.SlotHeld():
            return "slot"
        case seen.NotFound() | seen.SessionCancelled() | seen.Resolved():
            return "landing"  # a request that we gave up on may still be applied
        case _ if exchange is None:
            return "storage"
        case seen.Deferred() if not exchange.error:
            return "storage"  # Graph answered, and then the blob could not be read
        case _ if exchange.is_throttled:
            return "throttling"
        case _ if exchange.error == TokenUnavailable.__name__:
            return "token"
        case _:
            return "claim" if exchange.error == CLAIM_NEARLY_OVER else "graph"
