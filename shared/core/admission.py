"""A blob, just seen, becomes a new entry: the first decision about it, before anything is asked of Graph."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from shared.core import endings
from shared.core.arrival import arrival
from shared.core.attachment import BlobDescription, Reference
from shared.core.blob_path import DEFAULT_PATTERNS, PathPattern
from shared.core.entry import Entry, Phase, QueueWait
from shared.core.limits import Limits
from shared.core.observations import Arrived, NotYet, Refused
from shared.core.sent_file import SentFile, account_key, token_of
from shared.core.underway import noted


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for a blob that does not say otherwise. *delete_sent*: *delete_source* for what the page sent."""

    account: str
    delete_source: bool
    read_back: bool = False
    paths: tuple[PathPattern, ...] = DEFAULT_PATTERNS  # empty: a path says nothing
    path_accounts: Mapping[str, str] = field(default_factory=dict)  # empty: no path belongs to an account
    delete_sent: bool = True


def admit(blob: BlobDescription, *, sent: SentFile | None, defaults: Defaults, limits: Limits) -> Entry:
    """The entry of a blob: queued for its first request to Graph, to be looked at again, or rejected.

    *sent*: what was signed for the blob's name, if anything was.
    """
    entry = Entry(
        upload_id=blob.version.upload_id(),
        blob=blob.version,
        size=blob.size,
        kind=blob.kind,
        account="",
        wanted_list=Reference(),
        wanted_task=Reference(),
        attachment_name="",
        created_at=blob.date,
        modified_at=blob.modified_at,
        phase=Phase.ARRIVING,
    )
    if sent is not None:
        entry = _of_sent_file(entry, sent)
    judged = judge(blob, seen_at=blob.date, sent=sent, defaults=defaults, limits=limits)
    match judged:
        case Refused():
            return endings.rejected(entry, judged)
        case NotYet(until, detail):
            waiting = replace(entry, not_before=until, detail=detail)
        case Arrived():
            waiting = arrived(entry, judged, limits)
        case _:
            assert_never(judged)
    waiting = replace(
        waiting,
        slice_bytes=limits.slice_bytes,
        delete_source=defaults.delete_source if sent is None else defaults.delete_sent,
        read_back=defaults.read_back,
    )
    return noted(waiting, blob.date)


def _of_sent_file(entry: Entry, sent: SentFile) -> Entry:
    """With what was signed for, also where the file is rejected: the person who sent it looks for it by these."""
    return replace(
        entry,
        account=sent.account,
        account_key=account_key(sent.account),
        wanted_list=Reference(sent.list_id, sent.list_name),
        wanted_task=Reference(sent.task_id, sent.task_title),
        attachment_name=sent.name,
    )


def judge(
    blob: BlobDescription, *, seen_at: datetime, sent: SentFile | None, defaults: Defaults, limits: Limits
) -> Arrived | NotYet | Refused:
    """Whether *blob* has arrived, in this deployment."""
    return arrival(
        blob,
        seen_at=seen_at,
        sent=sent,
        account=defaults.account,
        path_accounts=defaults.path_accounts,
        paths=defaults.paths,
        limits=limits,
    )


def arrived(entry: Entry, request: Arrived, limits: Limits) -> Entry:
    """The entry of a blob that is complete: its list and its task are looked up next."""
    # Writers that open a stream create an empty blob first, so an empty one is looked at again after a while. A browser
    # writes the whole file in one request.
    may_be_written = entry.size == 0 and token_of(entry.blob.name) is None
    return replace(
        entry,
        phase=Phase.QUEUED,
        queue_wait=QueueWait(Phase.RESOLVING),
        account=request.account,
        wanted_list=request.list,
        wanted_task=request.task,
        attachment_name=request.name,
        detail="the file is empty, and may still be written" if may_be_written else "",
        not_before=entry.created_at + limits.empty_file_wait if may_be_written else None,
    )
