"""The bounds of an upload: those that are settings, and those that are not.

Every bound ends in an outcome with a reason of its own; docs/ARCHITECTURE.md lists them. Graph publishes none of
these numbers. They are ours: high enough that an outage of an hour fails nothing, low enough that every upload ends.
"""

from dataclasses import dataclass
from datetime import timedelta

MAX_SESSIONS = 5
MAX_STEPS_WITHOUT_PROGRESS = 20
MAX_CLOSING_TRIES = 5
# Workers that died in a row while they acted for one upload. A dying worker takes along what runs beside it, so a few
# deaths say nothing about the upload; after so many it is the likely cause.
MAX_DEATHS = 10
# With the back-off these last more than an hour: storage may be away for that long.
MAX_REPORT_TRIES = 18
# Tries where storage refuses to write the tags: a blob's lease may be over soon, a legal hold will not be.
MAX_REPORT_TRIES_REFUSED = 3
# An upload that waits for a sign-in goes on as soon as the person signs in, whether or not the tags could be written.
MAX_REPORT_TRIES_WAITING = 3
# Graph answered "created", but the listing does not have it: the listing may lag. After this many searches the file
# counts as attached, without an id.
MAX_SEARCHES_FOR_LANDED = 6
# The last slice is in doubt and the listing does not have it: the listing may lag here too. After this many searches,
# with growing waits between them, the file did not land.
MAX_SEARCHES_IN_DOUBT = 3
# Retry-After headers in a row that are believed. A server that says "now" for ever then meets our own back-off.
TRUSTED_RETRY_AFTERS = 4
# After so many versions in a row that were written over during their upload, the next one waits for the blob to come to
# rest. A few are normal: a person edits metadata, a writer commits in parts.
FREE_REWRITES = 3
# With the back-off these last more than an hour, like those of the report: a person notices a file that is there twice.
MAX_REMOVAL_TRIES = 18
# An older version of the file that has to end first is looked at again at least so often.
LONGEST_LOOK_WAIT = timedelta(seconds=30)
# Attachments with other bytes than the file: each is removed and the file sent anew, until so many make the upload
# fail.
MAX_GARBLED = 3
# With the back-off these last more than an hour too. The report of an attached file waits no longer than that.
MAX_READ_BACK_TRIES = 18
# A range that is started so shortly before the session expires might end after it. Two clocks judge the expiry.
EXPIRY_MARGIN = timedelta(seconds=60)
# Graph's Date and the storage service's Date are both cut to whole seconds, so they may differ by one.
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds that are settings. *deadline* bounds a whole request to Graph; *claim* is longer than that.

    *replace_within*: a version written so soon after an older one was attached takes the place of that one.
    *missing_patience*: a list or a task that another app has just made may not be visible to this one yet, so no file
    is rejected for want of it before this time is over. How long it can take is not published.
    """

    slice_bytes: int
    max_file_bytes: int
    deadline: timedelta
    claim: timedelta
    empty_file_wait: timedelta
    append_quiet: timedelta
    replace_within: timedelta
    missing_patience: timedelta
    max_age: timedelta
    sign_in_wait: timedelta
    queue_wait: timedelta
