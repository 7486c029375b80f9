"""Accounts whose tokens are in the settings: for the embedded stack, and to try a token by hand."""

from collections.abc import Mapping

from shared.core.account_name import ascii_lower
from shared.errors import SignInNeeded


class StaticAccounts:
    """`ports.Accounts` over a fixed table. Its tokens cannot be refreshed: after Graph rejects one, it is of no use."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._tokens = {ascii_lower(account): token for account, token in tokens.items()}

    def identity(self, account: str) -> str:
        return ascii_lower(account)

    def token(self, account: str) -> str:
        token = self._tokens.get(ascii_lower(account))
        if token is None:
            raise SignInNeeded(
                account,
                "nobody is signed in for this account; if user is misspelt, write the file again under another name",
            )
        return token

    def refreshed(self, account: str, rejected: str, claims_challenge: str) -> str:  # noqa: ARG002 - nothing to pass it to
        token = self.token(account)
        if token == rejected:
            raise SignInNeeded(account, "Graph does not take the account's token, and it cannot be refreshed")
        return token
