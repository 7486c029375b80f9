"""What is kept of a connected account, and what never is.

Access tokens and id tokens are never written: they live in memory. The record names its account, and is believed only
where it is found under that account: the encryption of a blob does not bind the blob's name, so whoever can write
blobs could otherwise put one person's record in another's place.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from shared.sign_in.person import Person

_KIND = "todo-attach account 1"
# The sections of MSAL's cache that may be written. A list of what may, so that a new section is not.
_KEPT = ("RefreshToken", "Account", "AppMetadata")


@dataclass(frozen=True, slots=True)
class Account:
    """A connected account. *home* is MSAL's name for it; *cache* is MSAL's cache, as `kept` leaves it."""

    person: Person
    home: str
    connected_at: datetime
    cache: str = field(repr=False)
    write_id: str = ""


def kept(cache: str) -> str:
    """MSAL's serialized *cache* without what must not be written."""
    sections = json.loads(cache)
    return json.dumps({name: sections[name] for name in _KEPT if sections.get(name)})


def has_refresh_token(cache: str) -> bool:
    return bool(json.loads(cache).get("RefreshToken"))


def to_bytes(account: Account) -> bytes:
    record = {"kind": _KIND, **asdict(account), "connected_at": account.connected_at.isoformat()}
    return json.dumps(record, sort_keys=True).encode()


def from_bytes(data: bytes, object_id: str) -> Account:
    """The account of *object_id*. Raises ValueError for anything else: another's record, or no record at all."""
    try:
        record: dict[str, Any] = json.loads(data)
        if record.pop("kind") != _KIND:
            raise ValueError("not the record of an account")
        account = Account(
            **{
                **record,
                "person": Person(**record["person"]),
                "connected_at": datetime.fromisoformat(record["connected_at"]),
            }
        )
    except (AttributeError, KeyError, TypeError, UnicodeError) as error:
        raise ValueError("not the record of an account") from error
    if account.person.object_id.casefold() != object_id.casefold():
        raise ValueError("the record of another account")
    return account
