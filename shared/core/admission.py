"""A blob, just seen, becomes a new entry: the first decision about it, before anything is asked of Graph."""

from dataclasses import dataclass

from shared.core.attachment import (
    AttachmentRequest,
    BadMetadata,
    BlobDescription,
    NoTarget,
    Reference,
    parse_metadata,
    parse_path,
)
from shared.core.blob_path import DEFAULT_PATTERNS, PathPattern
from shared.core.entry import Entry, Phase, Reason
from shared.core.limits import Limits


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a blob that does not say gets."""

    account: str
    delete_source: bool
    paths: tuple[PathPattern, ...] = DEFAULT_PATTERNS  # empty: a path says nothing


def admit(blob: BlobDescription, *, defaults: Defaults, limits: Limits) -> Entry:
    """The entry of a blob: wanting its list and task resolved, or rejected with the reason."""
    asked = _asked(blob, defaults.paths)
    if isinstance(asked, BadMetadata):
        return _rejected(blob, Reason.METADATA, asked.detail)
    if blob.size > limits.max_file_bytes:
        detail = f"the file has {blob.size} bytes, at most {limits.max_file_bytes} can be attached"
        return _rejected(blob, Reason.TOO_LARGE, detail)
    return Entry(
        upload_id=blob.version.upload_id(),
        blob=blob.version,
        size=blob.size,
        account=asked.user or defaults.account,
        wanted_list=asked.list,
        wanted_task=asked.task,
        attachment_name=asked.name,
        created_at=blob.date,
        phase=Phase.RESOLVING,
        # Writers that open a stream create an empty blob first: an empty one is looked at again after a while.
        not_before=blob.date + limits.empty_file_wait if blob.size == 0 else None,
        slice_bytes=limits.slice_bytes,
        delete_source=defaults.delete_source,
    )


def _asked(blob: BlobDescription, paths: tuple[PathPattern, ...]) -> AttachmentRequest | BadMetadata:
    asked = parse_metadata(blob.metadata, blob.version.name)
    if not isinstance(asked, NoTarget):
        return asked
    return parse_path(blob.metadata, blob.version.name, paths) or BadMetadata(no_target(paths))


def no_target(paths: tuple[PathPattern, ...]) -> str:
    """What to do for a file that says in no way where it belongs."""
    by_metadata = "names no task: write it again with metadata task=TITLE list=NAME"
    by_path = " or ".join(map(str, reversed(paths)))
    return f"{by_metadata}; or under the name {by_path}" if paths else by_metadata


def _rejected(blob: BlobDescription, reason: Reason, detail: str) -> Entry:
    return Entry(
        upload_id=blob.version.upload_id(),
        blob=blob.version,
        size=blob.size,
        account="",
        wanted_list=Reference(),
        wanted_task=Reference(),
        attachment_name="",
        created_at=blob.date,
        phase=Phase.REJECTED,
        reason=reason,
        detail=detail,
    )
