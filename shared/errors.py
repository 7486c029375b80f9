"""The exceptions that cross from the adapters to the edge, and what the queue does with each.

    AttachError
      StorageUnavailable    storage gave no usable answer: raised, so the queue delivers the message again
      Conflict              another worker has changed the row since it was read; this delivery ends quietly
      BlobChanged           the blob no longer has the pinned ETag          -> an observation
      BlobGone              there is no such blob                           -> an observation
      BlobRefused           storage will never hand out this blob as it is  -> an observation
        BlobArchived        the blob lies in the archive tier
        BlobKeyWithheld     the blob is encrypted under a key that only its writer has
      BlobTagsRefused       tags cannot be written on this blob             -> an observation
      PageRefused           storage no longer knows the page that a listing stopped at: the listing begins again
      GraphNoReply          no complete reply; `sent` says if any byte left -> an observation
        TokenUnavailable    no token at the moment: nothing was sent, and the upload waits
      SignInNeeded          no token until a person signs in                -> an observation
      MessageError          a message that is not ours, or that this code cannot read: recorded and dropped
      StrangerError         a message ahead of the ledger, or for no entry: raised, because it is a bug or not ours
      SettingsError         the configuration is wrong: raised at start, naming every mistake

"An observation": the effect that called the adapter catches the exception and returns what it says as a value.
No exception's text holds an upload URL, a token, or file contents.
"""

from collections.abc import Sequence
from datetime import timedelta


class AttachError(Exception):
    """The root of every exception that this package raises on purpose."""


class StorageUnavailable(AttachError):  # noqa: N818 - the name says what is the case, as those below do
    """Storage gave no usable answer; whether a write was applied is unknown."""


class Conflict(AttachError):  # noqa: N818
    """The row was changed since it was read, and not by this write."""


class BlobChanged(AttachError):  # noqa: N818
    """The blob's ETag is no longer the pinned one."""


class BlobGone(AttachError):  # noqa: N818
    """There is no blob of that name."""


class BlobRefused(AttachError):  # noqa: N818
    """Storage refuses to hand out this blob, and will as long as the blob stays as it is. No retry helps."""


class BlobArchived(BlobRefused):
    """The blob lies in the archive tier, from which nothing can be read until it is rehydrated."""


class BlobKeyWithheld(BlobRefused):
    """The blob is encrypted under a key that its writer sent with the request, and that storage does not keep."""


class BlobTagsRefused(AttachError):  # noqa: N818
    """Storage accepts no tags for this blob, now or later."""


class PageRefused(AttachError):  # noqa: N818
    """Storage does not know the page that a listing was to go on from."""


class GraphNoReply(AttachError):  # noqa: N818
    """The request ended without a complete reply.

    *sent* is False only where no byte of the request can have left: the host's name did not resolve, or the connection
    was refused. Otherwise the server may still apply the request.
    """

    def __init__(self, detail: str, *, sent: bool) -> None:
        super().__init__(detail)
        self.detail = detail
        self.sent = sent


class TokenUnavailable(GraphNoReply):
    """There is no token at the moment, although no person has to sign in: it takes time, or the operator.

    *ask_again_after*: how long the identity provider asked us to wait; None where it did not.
    """

    def __init__(self, detail: str, ask_again_after: timedelta | None = None) -> None:
        super().__init__(detail, sent=False)
        self.ask_again_after = ask_again_after


class SignInNeeded(AttachError):  # noqa: N818
    """There is no token for *account* until a person signs in."""

    def __init__(self, account: str, detail: str) -> None:
        super().__init__(detail)
        self.account = account
        self.detail = detail


class MessageError(AttachError):
    """A queue message that is not ours, or that cannot be read. The text says why, never what the message held."""


class StrangerError(AttachError):
    """A message for an upload that the ledger does not know, or ahead of what it knows."""


class SettingsError(AttachError):
    """Every mistake in the configuration, one per line: name, value, remedy."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("the settings cannot be used:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes))
        self.mistakes = tuple(mistakes)
