"""`retry`: writes rejected or failed files again, which begins new uploads of them."""

import argparse
from collections.abc import Mapping

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import ContainerClient

from local.commands.by_name import Refused, for_each_name
from local.commands.options import add_data_option, add_place_options, place_of, text
from local.commands.put import as_headers
from local.commands.uploads import Upload, Uploads, does, the_one, title_of
from local.commands.wording import utc_now
from local.stack.state_dir import RunningRecord
from shared.core.entry import Entry, Phase
from shared.core.outcome import OURS
from shared.errors import StorageUnavailable

_RETRIED = frozenset({Phase.REJECTED, Phase.FAILED})
# The metadata keys that an option replaces: the file may have named its list or task by name or by id.
_REPLACED = {
    "list": {"list", "listid"},
    "listid": {"list", "listid"},
    "task": {"task", "taskid"},
    "taskid": {"task", "taskid"},
    "user": {"user"},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Upload files again that were rejected or failed: the same bytes and the same metadata, but for what the "
        "options change. A file that is attached, or still under way, is left alone."
    )
    parser.add_argument(
        "names",
        nargs="+",
        type=text,
        metavar="NAME",
        help="a file's name, a part of it, or the beginning of its upload",
    )
    add_place_options(parser)
    add_data_option(parser, "the stack that keeps its data in DIR")


def run(_parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Returns 0 where every file was written again."""
    return for_each_name(options, lambda uploads, record, name: _retry(uploads, record, name, place_of(options)))


def _retry(uploads: Uploads, record: RunningRecord, name: str, changes: Mapping[str, str]) -> str:
    upload, entry = the_one(uploads.newest_first(), name, _may_be_retried)
    if not _may_be_retried(entry):
        raise Refused(f"{title_of(upload)} {_why_not(upload, record)}")
    _write_again(uploads.container, entry, changes)
    return f"{title_of(upload)} is written again; `status` says how it goes"


def _may_be_retried(entry: Entry) -> bool:
    return entry.is_done and entry.phase in _RETRIED


def _why_not(upload: Upload, record: RunningRecord) -> str:
    entry = upload.entry
    if entry is None or upload.is_under_way:
        return f"is under way: {does(upload, record, utc_now())}"
    match entry.phase:
        case Phase.ATTACHED:
            return "is attached already. To attach it twice, send it again with `attach`"
        case Phase.WITHDRAWN:
            return "was withdrawn: its blob is gone. Send the file again with `attach`"
        case phase:
            return f"is {phase}, so there is nothing to try again"


def _write_again(container: ContainerClient, entry: Entry, changes: Mapping[str, str]) -> None:
    """Write the present content and metadata with *changes*, unless another program has written meanwhile."""
    blob = container.get_blob_client(entry.blob.name)
    try:
        content = blob.download_blob()
        properties = content.properties
        blob.upload_blob(
            content.readall(),
            overwrite=True,
            metadata=_changed(properties.metadata, changes),
            content_settings=properties.content_settings,
            # A write removes all tags: the person's own are written again, and the old outcome is not.
            tags={key: value for key, value in blob.get_blob_tags().items() if key not in OURS},
            etag=properties.etag,
            match_condition=MatchConditions.IfNotModified,
        )
    except ResourceNotFoundError:
        raise Refused(f"{entry.blob.name} is gone from the container: send the file again with `attach`") from None
    except ResourceModifiedError:
        raise Refused(f"{entry.blob.name} was written by another program just now: look again with `status`") from None
    except AzureError as error:
        raise StorageUnavailable(f"the container does not take {entry.blob.name}: {type(error).__name__}") from error


def _changed(metadata: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    replaced = set().union(*(_REPLACED[key] for key in changes))
    return {key: value for key, value in metadata.items() if key.lower() not in replaced} | as_headers(changes)
