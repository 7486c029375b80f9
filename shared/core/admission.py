"""A blob, just seen, becomes a new entry: the first decision about it, before anything is asked of Graph."""

from dataclasses import dataclass

from shared.core.attachment import BadMetadata, BlobDescription, Reference, parse_metadata
from shared.core.entry import Entry, Phase, Reason
from shared.core.limits import Limits


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a blob that does not say gets."""

    account: str
    delete_source: bool


def admit(blob: BlobDescription, *, defaults: Defaults, limits: Limits) -> Entry:
    """The entry of a blob: wanting its list and task resolved, or rejected with the reason."""
    asked = parse_metadata(blob.metadata, blob.version.name)
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
