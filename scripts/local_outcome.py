#!/usr/bin/env python
"""Says what became of a file in the stack that runs on this machine: scripts/outcome.sh --local."""

import argparse
import sys
from pathlib import Path

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobClient

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from local.stack.state_dir import default_directory, find_running


def outcome(name: str, directory: Path) -> str:
    """One line, as scripts/outcome.sh prints it of a file in Azure."""
    record = find_running(directory)
    if record is None:
        raise SystemExit(f"outcome: no stack runs in {directory}; start one: .venv/bin/python -m local up")
    with BlobClient.from_connection_string(record.storage, record.container, name) as blob:
        try:
            tags = blob.get_blob_tags()
        except ResourceNotFoundError:
            raise SystemExit(
                f"outcome: no blob is named {name} in the container {record.container}. `python -m local attach` gives "
                f"blobs names of their own: ask with .venv/bin/python -m local status {name}"
            ) from None
        except AzureError as error:
            raise SystemExit(f"outcome: the local storage does not answer: {error}") from None
    reason = tags.get("todo_reason", "")
    return tags.get("todo_state", "no outcome yet") + (f": {reason}" if reason else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="the whole name of the blob")
    parser.add_argument("--state", type=Path, default=None, metavar="DIR", help="the stack that keeps its data there")
    options = parser.parse_args()
    print(outcome(options.name, options.state or default_directory()))


if __name__ == "__main__":
    main()
