"""Follows uploads in the ledger until nothing is left to do for them."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from local.commands.put import PutFile
from shared.core.entry import Entry, Phase
from shared.errors import StorageUnavailable
from shared.ports import Ledger

_POLL_SECONDS = 0.1

type OnEntry = Callable[[PutFile, Entry | None], None]


async def follow(files: Iterable[PutFile], ledger: Ledger, on_entry: OnEntry) -> None:
    """Call *on_entry* with each file and its entry, again and again, until all have ended."""
    unfinished = list(files)
    while unfinished:
        for file in tuple(unfinished):
            with suppress(StorageUnavailable):
                stored = await asyncio.to_thread(ledger.get, file.upload_id)
                entry = stored.entry if stored is not None else None
                on_entry(file, entry)
                if entry is not None and has_ended(entry):
                    unfinished.remove(file)
        await asyncio.sleep(_POLL_SECONDS)


def has_ended(entry: Entry) -> bool:
    """Whether nothing is left to do for the entry, or only a person's sign-in lets it go on."""
    return entry.is_done or (entry.phase is Phase.WAITING and entry.is_reported)
