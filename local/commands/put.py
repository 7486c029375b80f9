"""Puts files into the container, as any program could: each as a blob with metadata that names its task."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

from azure.core.exceptions import AzureError
from azure.storage.blob import ContainerClient

from shared.core.attachment import BlobVersion
from shared.settings import MAX_FILE_BYTES


class PutError(Exception):
    """A file did not get into the container. The text says which, and why."""


@dataclass(frozen=True, slots=True)
class PutFile:
    """A file that was put into the container. *size* in bytes."""

    name: str
    size: int
    sha256: str
    blob: BlobVersion

    @property
    def upload_id(self) -> str:
        return self.blob.upload_id()


def put(container: ContainerClient, file: Path, metadata: Mapping[str, str]) -> PutFile:
    """Put *file* with *metadata*, and with its own name as `filename`. Raises PutError."""
    # The blob's name has no meaning: the file's own name is in the metadata, where every character is legal.
    name = uuid4().hex
    # As bytes, since a file system may have names that are not valid text.
    encoded = {"filename": quote(os.fsencode(file.name)), **as_headers(metadata)}
    try:
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
            size = content.tell()
            content.seek(0)
            written = container.get_blob_client(name).upload_blob(content, length=size, metadata=encoded)
    except OSError as error:
        raise PutError(f"{file} cannot be read: {error.strerror}") from error
    except AzureError as error:
        raise PutError(f"the container does not take {file}: {type(error).__name__}") from error
    version = BlobVersion(container.account_name or "", container.container_name, name, written["etag"].strip('"'))
    return PutFile(file.name, size, digest, version)


def as_headers(metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata with everything but ASCII percent-encoded, because it is sent as HTTP headers."""
    return {key: quote(value, safe="=") for key, value in metadata.items()}


def why_unfit(file: Path) -> str | None:
    """Why this file can certainly not be attached; None otherwise. It is called before anything is started."""
    if file.is_dir():
        return f"{file} is a directory; --recursive attaches the files in it"
    try:
        with file.open("rb"):
            size = file.stat().st_size
    except OSError as error:
        return f"{file} cannot be read: {(error.strerror or str(error)).lower()}"
    if size > MAX_FILE_BYTES:
        return f"{file} has {size} bytes; Microsoft To Do takes {MAX_FILE_BYTES} (25 MiB) at most"
    return None


def files_in(directory: Path) -> list[Path]:
    """All files under *directory*, except hidden ones, sorted. Links are not followed."""
    found = []
    for parent, folders, names in os.walk(directory):
        folders[:] = [each for each in folders if not each.startswith(".")]
        found += [Path(parent, each) for each in names if not each.startswith(".")]
    return sorted(each for each in found if each.is_file())
