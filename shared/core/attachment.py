"""From a blob and its metadata to a request: what shall be attached where, for whom, under which name.

The contract with the person who drops a file. Keys are case-insensitive; values are ASCII, since they travel as
HTTP headers, with other characters percent-encoded as UTF-8. What cannot be meant is said, never guessed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import unquote_to_bytes

from shared.core.attachment_name import attachment_name


@dataclass(frozen=True, slots=True)
class BlobVersion:
    """One write of a blob. *etag* is without its quotes."""

    storage_account: str
    container: str
    name: str
    etag: str

    def upload_id(self) -> str:
        """The key of everything about this write: 32 hex digits, from nothing that must be looked up."""
        # NUL cannot stand in any of the four, so no two versions can run together into the same text.
        text = f"{self.storage_account}\0{self.container}\0{self.name}\0{self.etag}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class BlobKind(StrEnum):
    """How a blob is written: whole, by appending to it, or page by page."""

    BLOCK = "block"
    APPEND = "append"
    PAGE = "page"


class CopyState(StrEnum):
    """Where the service stands that fills a blob from elsewhere. NONE: nobody asked it to."""

    NONE = ""
    PENDING = "pending"
    SUCCESS = "success"
    ABORTED = "aborted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class BlobDescription:
    """A blob as it is now. *size* in bytes; *date* and *modified_at* are by the service's clock.

    *outcome* is what its tags tell of an earlier upload, where they were asked for.
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
    """Whether a blob only stands for a folder, as tools for hierarchical storage write it: it is no file."""
    marks = {key.lower(): value.strip().lower() for key, value in metadata.items()}
    return size == 0 and marks.get("hdi_isfolder") == "true"


@dataclass(frozen=True, slots=True)
class Reference:
    """A list or a task, as the person named it: by id or by name. Both empty: the account's default list."""

    id: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f'"{self.name}"' if self.name else f"id {self.id}"


@dataclass(frozen=True, slots=True)
class AttachmentRequest:
    """What the metadata asks for. *user* is empty for the deployment's default account."""

    list: Reference
    task: Reference
    user: str
    name: str


@dataclass(frozen=True, slots=True)
class BadMetadata:
    """Why the metadata cannot be followed: the thing, the value, the remedy."""

    detail: str


def parse_metadata(metadata: Mapping[str, str], blob_name: str) -> AttachmentRequest | BadMetadata:
    """Read a blob's metadata. Unknown keys are ignored; an empty value counts as absent."""
    given = {key.lower(): decoded for key, value in metadata.items() if (decoded := decode_value(value).strip())}
    for by_id, by_name in (("listid", "list"), ("taskid", "task")):
        if by_id in given and by_name in given:
            return BadMetadata(f"has both {by_id} and {by_name}: keep one of them")
    for key in ("listid", "taskid"):
        if given.get(key) in {".", ".."}:
            return BadMetadata(f'{key} is "{given[key]}", which is no id: set it as Graph gives it')
    if "taskid" not in given and "task" not in given:
        return BadMetadata("names no task: set listid and taskid, or task (its title) and list")
    name = attachment_name(given.get("filename") or blob_name)
    if not name:
        return BadMetadata("no attachment name is left of filename or the blob's name: set filename")
    return AttachmentRequest(
        list=Reference(given.get("listid", ""), given.get("list", "")),
        task=Reference(given.get("taskid", ""), given.get("task", "")),
        user=given.get("user", ""),
        name=name,
    )


def decode_value(value: str) -> str:
    """Undo percent-encoding. An escape that is none (``100%.pdf``) stays as it stands; ``+`` is no space."""
    try:
        return unquote_to_bytes(value).decode("utf-8")
    except UnicodeError:
        return value
