"""`withdraw`: deletes files from the container that are not attached yet, so that they are never attached."""

import argparse
import time

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import ContainerClient

from local.commands.by_name import Refused, for_each_name
from local.commands.options import add_data_option, text
from local.commands.uploads import Uploads, the_one, title_of
from local.stack.state_dir import RunningRecord
from shared.core.entry import Entry, Phase
from shared.errors import StorageUnavailable

# How long to wait for the upload to notice. One that is deferred notices later; then the message says so.
_PATIENCE_SECONDS = 15.0
_LOOK_SECONDS = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Take back files that are not attached yet: each one's blob is deleted, and with it what its upload needs. "
        "What is attached stays attached, and its blob stays."
    )
    parser.add_argument(
        "names",
        nargs="+",
        type=text,
        metavar="NAME",
        help="a file's name, a part of it, or the beginning of its upload",
    )
    add_data_option(parser, "the stack that keeps its data in DIR")


def run(_parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Returns 0 where every file was withdrawn."""
    return for_each_name(options, _withdraw)


def _withdraw(uploads: Uploads, _record: RunningRecord, name: str) -> str:
    upload, entry = the_one(uploads.newest_first(), name, lambda each: not each.phase.is_terminal)
    if entry.phase.is_terminal:
        raise Refused(f"{title_of(upload)} {_why_not(entry)}")
    _delete(uploads.container, entry)
    match _phase_after(uploads, entry):
        case Phase.WITHDRAWN:
            return f"{title_of(upload)} is withdrawn"
        case Phase.ATTACHED:
            raise Refused(f"{title_of(upload)} was attached before its blob was deleted: remove it in To Do")
        case _:
            return f"{title_of(upload)}: its blob is deleted; its upload ends when it looks next"


def _why_not(entry: Entry) -> str:
    if entry.phase is Phase.ATTACHED:
        return "is attached already: remove it in To Do. Its blob stays"
    return f"is {entry.phase}, so there is nothing to take back"


def _delete(container: ContainerClient, entry: Entry) -> None:
    blob = container.get_blob_client(entry.blob.name)
    try:
        # Not the entry's ETag: the blob's metadata may have been edited since, which changes it.
        present = blob.get_blob_properties().etag
        blob.delete_blob("include", etag=present, match_condition=MatchConditions.IfNotModified)
    except ResourceNotFoundError:
        return  # deleted already
    except ResourceModifiedError:
        raise Refused(f"{entry.blob.name} was written by another program just now: look again with `status`") from None
    except AzureError as error:
        raise StorageUnavailable(f"{entry.blob.name} cannot be deleted: {type(error).__name__}") from error


def _phase_after(uploads: Uploads, entry: Entry) -> Phase:
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        stored = uploads.ledger.get(entry.upload_id)
        phase = stored.entry.phase if stored is not None else entry.phase
        if phase.is_terminal or phase is Phase.WAITING or time.monotonic() > give_up_at:
            return phase
        time.sleep(_LOOK_SECONDS)
