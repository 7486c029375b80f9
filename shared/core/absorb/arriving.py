"""The entry after a look at a blob that was not complete.

A look that finds nothing new does not count as a step without progress: the progress is up to the blob's writer. Only
the entry's age ends the looking.
"""

from dataclasses import replace
from typing import assert_never

from shared.core import actions as done
from shared.core import admission, endings
from shared.core import observations as seen
from shared.core.entry import Entry
from shared.core.limits import SECOND
from shared.core.schedule import Schedule


def after_look_at_blob(entry: Entry, observation: done.AfterLookAtBlob, at: Schedule) -> Entry:
    match observation:
        case seen.Arrived():
            return admission.arrived(entry, observation, at.limits)
        case seen.NotYet(until, detail):
            return replace(entry, not_before=max(until, at.now + SECOND), detail=detail)
        case seen.Refused():
            return endings.rejected(entry, observation)
        case seen.BlobRewritten() | seen.BlobDeleted():
            return endings.blob_lost(entry, observation)
        case _:
            assert_never(observation)
