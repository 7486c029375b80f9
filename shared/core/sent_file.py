"""What a person sent through the page: the blob's name, and what was signed for it.

The page signs a URL for one blob of one name, under a prefix that is the page's own. The app keeps under that name what
the file is for: the holder of the URL can write the blob's bytes and its metadata, but neither says where the file
goes.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

PREFIX = "from-page/"
_TOKEN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class SentFile:
    """What was signed.

    *token*: 32 random hex digits, which cannot be guessed. *account*: the object id of the person whose To Do it goes
    to. The names of list and task are what a person reads; their ids count. *name*: the attachment's, cleaned already.
    *size*: bytes, as the browser declared.
    """

    token: str
    account: str
    list_id: str
    list_name: str
    task_id: str
    task_title: str
    name: str
    size: int
    signed_at: datetime
    good_until: datetime  # no write can begin after this


@dataclass(frozen=True, slots=True)
class Signature:
    """A URL that may still be used: for the blob of *token*, *until* it ends."""

    token: str
    until: datetime


def blob_name(token: str) -> str:
    """The name of the blob that *token* stands for."""
    return f"{PREFIX}{token}"


def token_of(name: str) -> str | None:
    """The token in a blob's *name*: None where it is not under the page's prefix, empty where it is and has none."""
    if not name.startswith(PREFIX):
        return None
    rest = name.removeprefix(PREFIX)
    return rest if _TOKEN.fullmatch(rest) else ""


def account_key(identity: str) -> str:
    """An account in the keys of rows: 32 hex digits, hashed from its `ports.Accounts.identity`, the object id."""
    return hashlib.sha256(f"account\0{identity.casefold()}".encode()).hexdigest()[:32]


def with_signature(live: Sequence[Signature], sent: SentFile, *, at_most: int) -> tuple[Signature, ...] | None:
    """The account's live signatures with that of *sent*; None where there are *at_most* already.

    Those that have ended are left out.
    """
    still = tuple(each for each in live if each.until > sent.signed_at)
    return (*still, Signature(sent.token, sent.good_until)) if len(still) < at_most else None


def without_signature(live: Sequence[Signature], token: str) -> tuple[Signature, ...]:
    """The live signatures without that of *token*."""
    return tuple(each for each in live if each.token != token)
