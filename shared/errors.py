"""The exceptions that cross from the adapters to the edge, and what the queue does with each.

    AttachError
      StorageUnavailable    storage did not answer, or not usefully: raised, so the message is delivered again
      Conflict              the entry has changed: another worker acted; this delivery ends quietly
      BlobChanged           the blob no longer has the pinned ETag          -> an observation
      BlobGone              there is no such blob                           -> an observation
      BlobRefused           storage will never give this blob out as it is  -> an observation
        BlobArchived        it lies in the archive tier
        BlobKeyWithheld     it is encrypted under a key of its writer's
      BlobTagsRefused       tags cannot be written on this blob             -> an observation
      PageRefused           a listing cannot go on from a page of long ago: it begins anew
      GraphNoReply          no complete reply; `sent` says if any byte left -> an observation
        TokenUnavailable    no token to be had at the moment: nothing was sent, so it is a delay
      SignInNeeded          no token can be had for the account             -> an observation
      MessageError          a message that is not ours, or that this code cannot read: noted and dropped
      StrangerError         a message ahead of the ledger, or for no entry: raised, it is a bug or not ours
      SettingsError         the configuration is wrong: raised at start, naming every mistake

No exception's text holds an upload URL, a token, or file contents.
"""

from collections.abc import Sequence
from datetime import timedelta


class AttachError(Exception):
    """The root of every exception that this package raises on purpose."""


class StorageUnavailable(AttachError):  # noqa: N818 - a state of the world, named as the design names it
    """Storage gave no usable answer; whether a write was applied is unknown."""


class Conflict(AttachError):  # noqa: N818
    """The entry was changed since it was read, and not by this write."""


class BlobChanged(AttachError):  # noqa: N818
    """The blob's ETag is no longer the pinned one."""


class BlobGone(AttachError):  # noqa: N818
    """There is no blob of that name."""


class BlobRefused(AttachError):  # noqa: N818
    """The service refuses to give this blob out, and will as long as it stays as it is: no outage, no retry helps."""


class BlobArchived(BlobRefused):
    """The blob lies in the archive tier, from which nothing can be read until it is rehydrated."""


class BlobKeyWithheld(BlobRefused):
    """The blob is encrypted under a key that its writer gave with the request and the service does not keep."""


class BlobTagsRefused(AttachError):  # noqa: N818
    """The service will not take tags for this blob, now or later."""


class PageRefused(AttachError):  # noqa: N818
    """The service does not know the page that a listing was to go on with."""


class GraphNoReply(AttachError):  # noqa: N818
    """The request ended without a complete reply.

    *sent* is False only when not one byte of the request can have left: the name did not resolve, or the
    connection was refused. Otherwise the server may still apply it.
    """

    def __init__(self, detail: str, *, sent: bool) -> None:
        super().__init__(detail)
        self.detail = detail
        self.sent = sent


class TokenUnavailable(GraphNoReply):
    """No token can be had at the moment, although no person needs to sign in: time helps, or the operator.

    *ask_again_after*: how long the identity provider wants to be left alone, where it says so.
    """

    def __init__(self, detail: str, ask_again_after: timedelta | None = None) -> None:
        super().__init__(detail, sent=False)
        self.ask_again_after = ask_again_after


class SignInNeeded(AttachError):  # noqa: N818
    """No token can be had for *account* until a person signs in again."""

    def __init__(self, account: str, detail: str) -> None:
        super().__init__(detail)
        self.account = account
        self.detail = detail


class MessageError(AttachError):
    """A queue message that is not ours, or that cannot be read. The text says why, never what it held."""


class StrangerError(AttachError):
    """A message for an upload that the ledger does not know, or ahead of what it knows."""


class SettingsError(AttachError):
    """Every mistake in the configuration, one per line: name, value, remedy."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("the settings cannot be used:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes))
        self.mistakes = tuple(mistakes)
