"""Has the file arrived? A blob that was just seen may be without its metadata, or without its last bytes.

Portals and Storage Explorer set metadata in a second request; an append blob grows; a copy that the service makes fills
a blob later. None of these raises an event. So a blob that is not complete is looked at again. This module
distinguishes it, by its description alone, from one that can never be attached.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.core.attachment import (
    AttachmentRequest,
    BadMetadata,
    BlobDescription,
    BlobKind,
    CopyState,
    NoTarget,
    Reference,
    parse_metadata,
    parse_path,
)
from shared.core.blob_path import PathPattern
from shared.core.entry import Reason
from shared.core.limits import Limits
from shared.core.observations import Arrived, NotYet, Refused
from shared.core.path_account import OUTSIDE, AccountPath, account_path_of
from shared.core.sent_file import PREFIX, SentFile, token_of

# When a blob is looked at again, counted from its last change: a person sets metadata within seconds, or within minutes
# after finding out that it is missing.
LOOKS = (timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=10))

_PAGE_BLOB = "a page blob is a disk, not a file: upload it as a block blob"
_NEVER_SIGNED = Refused(
    Reason.NEVER_SIGNED, f"the app has not signed for it, and {PREFIX} is for its page: put the file under another name"
)
_COPY_FAILED = "the copy into the blob has not succeeded: copy it again, or upload the file itself"


def arrival(
    blob: BlobDescription,
    *,
    seen_at: datetime,
    sent: SentFile | None,
    account: str,
    path_accounts: Mapping[str, str],
    paths: tuple[PathPattern, ...],
    limits: Limits,
) -> Arrived | NotYet | Refused:
    """Whether *blob*, first seen at *seen_at*, can be attached now, later, or never.

    *sent*: what was signed for its name, if anything was. *account*: the default one. *path_accounts*: the accounts
    that prefixes of the path belong to.
    """
    since = blob.modified_at or seen_at
    # Before any rule about paths: no account's prefix, and no pattern, may claim what a person sent through the page.
    if token_of(blob.version.name) is not None:
        asked = _asked_when_signed(blob, sent)
        return asked if isinstance(asked, Refused) else _unfit(blob, since) or _incomplete(blob, since, limits) or asked
    divided = account_path_of(blob.version.name, path_accounts, default=account)
    if divided is None:
        return OUTSIDE
    if (unfit := _unfit(blob, since)) is not None:
        return unfit
    request = _asked(blob, since, divided, paths)
    if not isinstance(request, AttachmentRequest):
        return request
    theirs = divided.account_for(request.user)
    if isinstance(theirs, Refused):
        return theirs
    return _incomplete(blob, since, limits) or Arrived(request.list, request.task, theirs, request.name)


def _asked_when_signed(blob: BlobDescription, sent: SentFile | None) -> Arrived | Refused:
    """What was signed for, whatever the metadata says: the blob's writer holds a signature, and nothing more.

    A smaller blob than was declared is attached as it is: it costs no more than was allowed.
    """
    if sent is None:
        return _NEVER_SIGNED
    # The size is checked before the kind: a page blob of any size costs its writer nothing to create.
    if blob.size > sent.size:
        detail = f"the file has {blob.size} bytes, and {sent.size} were declared for it: send it again"
        return Refused(Reason.LARGER_THAN_DECLARED, detail)
    return Arrived(
        Reference(sent.list_id, sent.list_name), Reference(sent.task_id, sent.task_title), sent.account, sent.name
    )


def _unfit(blob: BlobDescription, since: datetime) -> NotYet | Refused | None:
    """Why its kind, or the state of its copy, keeps *blob* from being attached, for now or for good."""
    if blob.kind is BlobKind.PAGE:
        return Refused(Reason.PAGE_BLOB, _PAGE_BLOB)
    if blob.copy in {CopyState.FAILED, CopyState.ABORTED}:
        return Refused(Reason.COPY_FAILED, _COPY_FAILED)
    if blob.copy is CopyState.PENDING:
        return NotYet(_next_look(since, blob.date), "the copy into the blob is not finished")
    return None


def _incomplete(blob: BlobDescription, since: datetime, limits: Limits) -> NotYet | Refused | None:
    """Why its size, or a recent append, keeps *blob* from being attached, for now or for good."""
    if blob.size > limits.max_file_bytes:
        detail = f"the file has {blob.size} bytes, at most {limits.max_file_bytes} can be attached"
        return Refused(Reason.TOO_LARGE, detail)
    if blob.kind is BlobKind.APPEND and blob.date < since + limits.append_quiet:
        seconds = limits.append_quiet.total_seconds()
        return NotYet(since + limits.append_quiet, f"an append blob waits until nothing was added for {seconds:g} s")
    return None


def _asked(
    blob: BlobDescription, since: datetime, divided: AccountPath, paths: tuple[PathPattern, ...]
) -> AttachmentRequest | NotYet | Refused:
    """What the metadata asks for; or the path, where the metadata names no target after the first seconds."""
    asked = parse_metadata(blob.metadata, divided.path)
    if isinstance(asked, NoTarget):
        by_path = parse_path(blob.metadata, divided.path, paths) if blob.date >= since + LOOKS[0] else None
        if by_path is None and blob.date < since + LOOKS[-1]:
            return NotYet(_next_look(since, blob.date), "waits for the metadata that names its task")
        asked = by_path or BadMetadata(_no_target(divided, paths))
    return Refused(Reason.METADATA, asked.detail) if isinstance(asked, BadMetadata) else asked


def _next_look(since: datetime, now: datetime) -> datetime:
    return next((since + wait for wait in LOOKS if since + wait > now), now + LOOKS[-1])


def _no_target(divided: AccountPath, paths: tuple[PathPattern, ...]) -> str:
    """The remedy for a file whose metadata and path name no task."""
    by_metadata = "names no task: set metadata task=TITLE list=NAME"
    # Below a prefix the path need not name a user: the prefix has an account.
    useful = (each for each in reversed(paths) if not (divided.prefix and each.names_user))
    by_path = " or ".join(f"{divided.prefix}{each}" for each in useful)
    return f"{by_metadata}; or write it again as {by_path}" if by_path else by_metadata
