"""A connected account, and the bytes that it is stored as.

Access tokens and ID tokens are never written: they are kept in memory only. The bytes name their account, and `decode`
accepts them only for that account. The encryption of a blob does not protect the blob's name: otherwise anyone with the
right to write blobs could put one person's account in another's place.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from shared.core.account_name import as_object_id
from shared.sign_in.person import Person

_KIND = "todo-attach account 1"
# The sections of MSAL's cache that may be written. Any other section, also one that MSAL adds later, is left out.
_WRITTEN_SECTIONS = ("RefreshToken", "Account", "AppMetadata")


@dataclass(frozen=True, slots=True)
class Account:
    """A connected account.

    *home_account_id* is MSAL's name for it. *cache* is MSAL's cache after `without_tokens_of_memory`. *write_id* is
    unique for each write.
    """

    person: Person
    home_account_id: str
    connected_at: datetime
    cache: str = field(repr=False)
    write_id: str = ""


def without_tokens_of_memory(cache: str) -> str:
    """MSAL's serialized *cache* without what must not be written: access tokens and ID tokens."""
    sections = json.loads(cache)
    return json.dumps({name: sections[name] for name in _WRITTEN_SECTIONS if sections.get(name)})


def has_refresh_token(cache: str) -> bool:
    return bool(json.loads(cache).get("RefreshToken"))


def encode(account: Account) -> bytes:
    fields = {"kind": _KIND, **asdict(account), "connected_at": account.connected_at.isoformat()}
    return json.dumps(fields, sort_keys=True).encode()


def decode(data: bytes, object_id: str) -> Account:
    """The account of *object_id*. Raises ValueError for anything else: another account, or no account at all."""
    try:
        fields: dict[str, Any] = json.loads(data)
        if fields.pop("kind") != _KIND:
            raise ValueError("not an account")
        account = Account(
            **{
                **fields,
                "person": Person(**fields["person"]),
                "connected_at": datetime.fromisoformat(fields["connected_at"]),
            }
        )
    except (AttributeError, KeyError, TypeError, UnicodeError) as error:
        raise ValueError("not an account") from error
    if account.person.object_id != as_object_id(object_id):
        raise ValueError("another account")
    return account
