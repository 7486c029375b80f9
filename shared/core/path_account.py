"""Which account a part of the container belongs to, where people who do not trust each other share one.

A prefix of the path may belong to an account. What lies under it goes to that account and to no other, whatever the
file says. Once one prefix has an account, a file that lies under no prefix is rejected. Who may write where is not
decided here: a condition in storage lets each sender write below their own prefix only.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.core.account_name import ascii_lower
from shared.core.entry import Reason
from shared.core.observations import Refused
from shared.core.sent_file import PREFIX
from shared.core.tag_text import quoted

# Characters that a condition of a role assignment, a shell and a URL all take unchanged.
_PREFIX = re.compile(r"(?:(?!\.{1,2}/)[A-Za-z0-9._@+=-]+/)+")

OUTSIDE = Refused(Reason.OTHER_ACCOUNT, "lies under no prefix that belongs to an account: put it under yours")


@dataclass(frozen=True, slots=True)
class AccountPath:
    """A blob's name, divided: *prefix*, the *account* that it belongs to, and *path*, which is the rest of the name.

    Without a prefix, *account* is the default one: the file goes there unless it names another.
    """

    account: str
    path: str
    prefix: str = ""

    def account_for(self, user: str) -> str | Refused:
        """The account that a file at this path goes to. *user* is the one that the file names, or empty."""
        if not self.prefix:
            return user or self.account
        if not user or ascii_lower(user) == ascii_lower(self.account):
            return self.account
        # The owner of the prefix is not named: the sender may be another person.
        kept = f"everything under {self.prefix} goes to one account, which has another name: leave user out"
        return Refused(Reason.OTHER_ACCOUNT, f"is for {quoted(user)}, and {kept}")


def account_path_of(blob_name: str, accounts: Mapping[str, str], *, default: str) -> AccountPath | None:
    """*blob_name*, divided. *accounts*: prefix to account. None where there are prefixes, and it begins with none."""
    if not accounts:
        return AccountPath(default, blob_name)
    # At most one prefix fits, since none is the beginning of another. The comparison is exact, as in storage.
    for prefix, account in accounts.items():
        if blob_name.startswith(prefix):
            return AccountPath(account, blob_name.removeprefix(prefix), prefix)
    return None


def parse_path_accounts(text: str) -> Mapping[str, str] | str:
    """Prefix to account, from a JSON object; or the reason why *text* is none."""
    try:
        # As pairs: the parser accepts an object with a key twice, and would lose one of the two accounts.
        pairs = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return "it is not JSON"
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        return "it is not a JSON object"
    for prefix, account in pairs:
        if not _PREFIX.fullmatch(prefix):
            return f"{quoted(prefix)} is no prefix of A-Z, a-z, 0-9 and . _ @ + = - that ends in a slash"
        if prefix.startswith(PREFIX):
            return f"{quoted(prefix)} begins with {PREFIX}, which is for what the page sends"
        if not isinstance(account, str) or not account.strip():
            return f"{quoted(prefix)} has no account"
    for at, (prefix, _) in enumerate(pairs):
        for other, _ in pairs[:at] + pairs[at + 1 :]:
            # A sender who may write under the shorter one could put files under the longer one, for its account.
            if other.startswith(prefix):
                return f"{quoted(prefix)} begins {quoted(other)}" if other != prefix else f"{quoted(prefix)} is twice"
    return {prefix: account.strip() for prefix, account in pairs}
