"""Accounts in memory, whose tokens a test sets and removes."""

from dataclasses import dataclass, field

from shared.core.account_name import ascii_lower
from shared.errors import SignInNeeded, TokenUnavailable


@dataclass
class MemoryAccounts:
    """`ports.Accounts`. *next_tokens*: what refreshes return, in turn; when there is none, sign-in is needed."""

    tokens: dict[str, str]
    next_tokens: dict[str, list[str]] = field(default_factory=dict)
    challenges: list[str] = field(default_factory=list)
    # Other name of an account -> its identity.
    identities: dict[str, str] = field(default_factory=dict)
    # Why there is no token, although no person has to sign in; empty: there are tokens.
    away: str = ""

    def identity(self, account: str) -> str:
        self._check()
        return self.identities.get(ascii_lower(account), ascii_lower(account))

    def token(self, account: str) -> str:
        self._check()
        if account not in self.tokens:
            raise SignInNeeded(
                account,
                "nobody is signed in for this account; if user is misspelt, write the file again under another name",
            )
        return self.tokens[account]

    def refreshed(self, account: str, rejected: str, claims_challenge: str) -> str:
        self.challenges.append(claims_challenge)
        self._check()
        waiting = self.next_tokens.get(account, [])
        if not waiting:
            raise SignInNeeded(account, "the token was rejected and cannot be refreshed")
        self.tokens[account] = waiting.pop(0)
        return self.tokens[account]

    def _check(self) -> None:
        if self.away:
            raise TokenUnavailable(self.away)
