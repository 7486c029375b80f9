"""From a blob and its metadata to a request: what shall be attached where, for whom, under which name.

The contract with the person who drops a file. Keys are case-insensitive; values are ASCII, since they travel as HTTP
headers, with other characters percent-encoded as UTF-8. What cannot be understood is reported, never guessed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import unquote_to_bytes

from shared.core.attachment_name import attachment_name
from shared.core.blob_path import PathPattern, target_of
from shared.core.metadata_keys import ABOUT, KEYS, likely_key, slips
from shared.core.tag_text import quoted


@dataclass(frozen=True, slots=True)
class BlobVersion:
    """One write of a blob. *etag* is without its quotes."""

    storage_account: str
    container: str
    name: str
    etag: str

    def upload_id(self) -> str:
        """The key of everything about this write: 32 hex digits, from nothing that must be looked up."""
        # NUL occurs in none of the four, so no two versions can make the same text.
        text = f"{self.storage_account}\0{self.container}\0{self.name}\0{self.etag}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class BlobKind(StrEnum):
    """How a blob is written: whole, by appending to it, or page by page."""

    BLOCK = "block"
    APPEND = "append"
    PAGE = "page"


class CopyState(StrEnum):
    """How far the service has copied a blob from elsewhere. NONE: it was not asked to."""

    NONE = ""
    PENDING = "pending"
    SUCCESS = "success"
    ABORTED = "aborted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class BlobDescription:
    """A blob as it is now. *size* in bytes; *date* and *modified_at* are by the service's clock.

    *outcome* is the state that its tags give for an earlier upload; empty where they were not asked for.
    """

    version: BlobVersion
    size: int
    metadata: Mapping[str, str]
    date: datetime
    outcome: str = ""
    kind: BlobKind = BlobKind.BLOCK
    copy: CopyState = CopyState.NONE
    modified_at: datetime | None = None  # of its content, its metadata or its properties


def is_folder_stub(metadata: Mapping[str, str], size: int) -> bool:
    """Whether a blob is only a folder's stub, as tools for hierarchical storage write it, and not a file."""
    marks = {key.lower(): value.strip().lower() for key, value in metadata.items()}
    return size == 0 and marks.get("hdi_isfolder") == "true"


@dataclass(frozen=True, slots=True)
class Reference:
    """A list or a task, as the person named it: by id or by name. Both empty: the account's default list."""

    id: str = ""
    name: str = ""

    def __str__(self) -> str:
        return quoted(self.name) if self.name else f"id {self.id}"


@dataclass(frozen=True, slots=True)
class AttachmentRequest:
    """What the metadata asks for. *user* is empty for the deployment's default account."""

    list: Reference
    task: Reference
    user: str
    name: str


@dataclass(frozen=True, slots=True)
class NoTarget:
    """The metadata names neither a list nor a task. They may still be added, or the path may say it."""


@dataclass(frozen=True, slots=True)
class BadMetadata:
    """Why the metadata cannot be followed: the thing, the value, the remedy."""

    detail: str


def parse_metadata(metadata: Mapping[str, str], blob_name: str) -> AttachmentRequest | NoTarget | BadMetadata:
    """Read a blob's metadata. An empty value counts as absent; unknown keys are ignored, unless they are misspelt ones.

    If those were ignored, `lsit=Work` would look for the task in another list, and `usr=kim@example.com` in another
    person's To Do.
    """
    given = _given(metadata)
    for by_id, by_name in (("listid", "list"), ("taskid", "task")):
        if by_id in given and by_name in given:
            return BadMetadata(f"has both {by_id} and {by_name}: keep one of them")
    for key in ("listid", "taskid"):
        if given.get(key) in {".", ".."}:
            return BadMetadata(f"{key} is {quoted(given[key])}, which is not an id: set it as Graph gives it")
    if (misspelt := _misspelt(given)) is not None:
        return misspelt
    if "taskid" not in given and "task" not in given:
        if "listid" not in given and "list" not in given:
            return NoTarget()
        return BadMetadata("names a list and no task: set task to its title, or taskid")
    in_list = Reference(given.get("listid", ""), given.get("list", ""))
    task = Reference(given.get("taskid", ""), given.get("task", ""))
    return _request(given, blob_name, in_list, task, given.get("user", ""))


def parse_path(
    metadata: Mapping[str, str], blob_name: str, patterns: Sequence[PathPattern]
) -> AttachmentRequest | BadMetadata | None:
    """Read the path of a blob whose metadata names no target. None where it fits no pattern.

    Metadata wins: *user* and *filename* count where they are set.
    """
    target = target_of(blob_name, patterns)
    if target is None:
        return None
    given = _given(metadata)
    user = given.get("user") or target.user
    return _request(given, blob_name, Reference(name=target.list), Reference(name=target.task), user)


def _given(metadata: Mapping[str, str]) -> dict[str, str]:
    return {key.lower(): decoded for key, value in metadata.items() if (decoded := decode_value(value).strip())}


def _request(
    given: Mapping[str, str], blob_name: str, in_list: Reference, task: Reference, user: str
) -> AttachmentRequest | BadMetadata:
    name = attachment_name(given.get("filename") or blob_name)
    if not name:
        return BadMetadata("no attachment name is left of filename or the blob's name: set filename")
    return AttachmentRequest(list=in_list, task=task, user=user, name=name)


def _misspelt(given: Mapping[str, str]) -> BadMetadata | None:
    """The error for a key that is likely a misspelt one of ours, unless another key says the same."""
    unknown = [key for key in given if key not in KEYS]
    said = {ABOUT[key] for key in given if key in KEYS}
    if "task" in said:
        likely = {key: meant for key, meant in slips(unknown).items() if ABOUT[meant] in {"list", "user"} - said}
    else:
        likely = {key: meant for key in unknown if ABOUT.get(meant := likely_key(key)) in {"task", "list"} - said}
    for key, meant in likely.items():
        return BadMetadata(f"has an unknown key {quoted(key)}: write {meant}")
    return None


def decode_value(value: str) -> str:
    """Undo percent-encoding. A percent sign that begins no escape (``100%.pdf``) stays as it is; ``+`` is no space."""
    try:
        return unquote_to_bytes(value).decode("utf-8")
    except UnicodeError:
        return value
