"""What keeps other users of the machine out of the emulator: a secret for its control, and its people's tokens.

They come from the environment, which only the same user can read, or are made at the start.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

SECRETS_VARIABLE = "TODO_EMULATOR_SECRETS"


@dataclass(frozen=True, slots=True)
class Secrets:
    """*control* opens the emulator's own endpoints; *tokens* are bearer tokens by person."""

    control: str = field(repr=False)
    tokens: Mapping[str, str] = field(repr=False)

    @property
    def page(self) -> str:
        """The secret of the page, which changes nothing. A browser's history keeps it, so it must open nothing else."""
        return hashlib.sha256(f"page {self.control}".encode()).hexdigest()[:32]


def read_secrets() -> Secrets:
    """The secrets in the environment, or a new control secret and no tokens. Raises ValueError if malformed."""
    text = os.environ.get(SECRETS_VARIABLE)
    if text is None:
        return Secrets(secrets.token_urlsafe(24), {})
    try:
        given = json.loads(text)
        return Secrets(given["control"], dict(given["tokens"]))
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{SECRETS_VARIABLE} does not hold the emulator's secrets") from None
