"""Why a request for the page is refused: a status, and words that say what to do."""

from dataclasses import dataclass

from shared.core.size_text import size_text


@dataclass(frozen=True, slots=True)
class Refusal:
    """*code* is stable and for the log; *title* and *words* are for the person."""

    status: int
    code: str
    title: str
    words: str


CROSS_SITE = Refusal(
    403,
    "cross-site",
    "Please open this page yourself",
    "Another page asked for it in your place, or this browser does not say which page did. Nothing was changed.",
)
SIGNED_OUT = Refusal(
    401, "signed-out", "You are signed out", "A sign-in is good for an hour. Sign in again to see and send your files."
)
TWO_COOKIES = Refusal(
    400,
    "two-cookies",
    "This browser sent two sign-ins at once",
    "Another page that shares this app's address has set a cookie of the same name. Delete this address's cookies, "
    "or use a private window.",
)
NO_SUCH_PAGE = Refusal(404, "no-such-page", "There is no such page", "Perhaps its address is misspelt.")
UNAVAILABLE = Refusal(
    503,
    "unavailable",
    "Not possible right now",
    "The sign-in service or this app's storage does not answer. Try again in a minute.",
)
MAY_HAVE_COME = Refusal(
    503,
    "may-have-come",
    "Not sure that your file has come",
    "The sign-in service or this app's storage does not answer. Look at your files in a minute: send it again only if "
    "it is not among them.",
)
NO_SUCH_UPLOAD = Refusal(
    404,
    "no-such-upload",
    "There is no such file of yours",
    "Only what you sent from this page can be withdrawn or tried again here.",
)
ALREADY_ATTACHED = Refusal(
    409, "already-attached", "The file is attached already", "To take it back, remove it from its task in To Do."
)
SENT_ANEW = Refusal(
    409, "sent-anew", "The file was tried again since", "Look at your files: the newer try is the one that counts."
)
UNDER_WAY = Refusal(
    409, "under-way", "The file is still under way", "It can be tried again once it was rejected or has failed."
)
GONE = Refusal(409, "gone", "The file is not there any more", "Send it again from your computer.")
NOT_UNDERSTOOD = Refusal(
    400, "not-understood", "This request cannot be understood", "Load the page again, and try once more."
)
NO_TASK = Refusal(400, "no-task", "No task is chosen", "Choose a list and a task first.")
NO_FILE = Refusal(400, "no-file", "No file is chosen", "Choose a file first.")
NO_NAME = Refusal(
    400, "no-name", "The file needs another name", "No character of its name can be seen in To Do. Rename it first."
)
TOO_MANY = Refusal(
    429,
    "too-many",
    "Too many files at once",
    "So many of your files are still being sent that no more can begin. Wait until some are there, or 15 minutes.",
)


def too_large(most: int) -> Refusal:
    """*most*: the largest size of a file, in bytes."""
    return Refusal(413, "too-large", "The file is too large", f"A file can have {size_text(most)} at most.")
