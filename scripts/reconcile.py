#!/usr/bin/env python
"""Finds blobs that no event ever told of, and starts their uploads. Safe to run at any time, and again.

For a deployment in Azure, scripts/reconcile.sh calls it, with the deployed app's settings and the operator's own
sign-in. For the stack that runs on this machine:

    .venv/bin/python scripts/reconcile.py --local --only-look
    .venv/bin/python scripts/reconcile.py --local

In Azure the operator needs, on the storage account: Storage Blob Data Reader, Storage Table Data Contributor, and
Storage Queue Data Message Sender.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from azure.identity import AzureCliCredential

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from local.stack.state_dir import default_directory, find_running
from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.blobs import BlobStore
from shared.app.reconcile import Reconciled, names_in_dead_letter, reconcile, reconcile_names
from shared.errors import SettingsError, StorageUnavailable
from shared.settings import CONNECTION, Settings
from shared.wiring import build


def main() -> int:
    """Exit code 0: nothing is missing any more. 1: something is, and was only looked for. 2: it could not be told."""
    options = _parser().parse_args()
    try:
        environ = _environ_of_stack(options.state) if options.local else _environ(options.settings)
        counts = Counter(_reported(_reconcile(Settings.from_environ(environ), options)))
    except (SettingsError, StorageUnavailable, OSError, ValueError) as error:
        print(f"reconcile: {error}", file=sys.stderr)
        return 2
    done = "missing" if options.only_look else "started"
    print(f"{counts['known']} known, {counts['missing']} {done}, {counts['gone']} gone")
    return 1 if options.only_look and counts["missing"] else 0


def _reconcile(settings: Settings, options: argparse.Namespace) -> Iterator[Reconciled]:
    credential = AzureCliCredential()
    application = build(settings, credential)
    ports, intake = application.ports, application.intake
    blobs = BlobStore(azure_clients.container_client(settings.storage, settings.container, credential))
    yield from reconcile(ports, intake, blobs.every(), only_look=options.only_look)
    if options.dead_letters:
        letters = azure_clients.container_client(settings.storage, options.dead_letters, credential)
        for letter in letters.list_blob_names():
            names = names_in_dead_letter(letters.download_blob(letter).readall(), settings.container)
            yield from reconcile_names(ports, intake, names, only_look=options.only_look)


def _reported(found: Iterator[Reconciled]) -> Iterator[str]:
    for each in found:
        if each.state != "known":
            print(f"{each.state:8} {each.name}")
        yield each.state


def _environ(settings: Path | None) -> Mapping[str, str]:
    """The app's settings: the environment, or a file as `az functionapp config appsettings list` prints it."""
    given = dict(os.environ)
    if settings is not None:
        given |= {each["name"]: each["value"] for each in json.loads(settings.read_text(encoding="utf-8"))}
    # Nothing is sent to Graph from here, and in the cloud the tokens are not in the settings anyway.
    given = {name: value for name, value in given.items() if name != "TODO_ATTACH_ENTRA_CLIENT_ID"}
    return given | {"TODO_ATTACH_TOKENS": "{}"}


def _environ_of_stack(state: Path | None) -> Mapping[str, str]:
    directory = state or default_directory()
    record = find_running(directory)
    if record is None:
        raise ValueError(f"no stack runs in {directory}; start one: .venv/bin/python -m local up")
    return {
        CONNECTION: record.storage,
        "TODO_ATTACH_CONTAINER": record.container,
        "TODO_ATTACH_QUEUE": record.queue,
        "TODO_ATTACH_TABLE": record.table,
        "TODO_ATTACH_GRAPH_ROOT": record.graph,
        "TODO_ATTACH_DEFAULT_ACCOUNT": record.account,
        "TODO_ATTACH_TOKENS": "{}",
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--local", action="store_true", help="the stack that runs on this machine")
    parser.add_argument("--state", type=Path, metavar="DIR", help="with --local: the stack that keeps its data there")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="the app's settings; default: the environment")
    parser.add_argument("--dead-letters", metavar="CONTAINER", help="also read Event Grid's dead letters there")
    parser.add_argument("--only-look", action="store_true", help="say what is missing, and start nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
