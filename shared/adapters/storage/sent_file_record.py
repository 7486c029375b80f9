"""A sent file and an account's live signatures as the columns of a table's row, and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from shared.core.sent_file import SentFile, Signature


def sent_file_columns(sent: SentFile) -> dict[str, str | int]:
    times = {"signed_at": sent.signed_at.isoformat(), "good_until": sent.good_until.isoformat()}
    return asdict(sent) | times


def sent_file_of(columns: Mapping[str, Any]) -> SentFile:
    """Raises ValueError for columns that hold no sent file."""
    try:
        return SentFile(
            token=columns["token"],
            account=columns["account"],
            list_id=columns["list_id"],
            list_name=columns["list_name"],
            task_id=columns["task_id"],
            task_title=columns["task_title"],
            name=columns["name"],
            size=int(columns["size"]),
            signed_at=datetime.fromisoformat(columns["signed_at"]),
            good_until=datetime.fromisoformat(columns["good_until"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError("columns that hold no sent file") from error


def signatures_column(live: Sequence[Signature]) -> str:
    return json.dumps([[each.token, each.until.isoformat()] for each in live], separators=(",", ":"))


def signatures_of(column: str) -> tuple[Signature, ...]:
    """Raises ValueError for a text that holds no signatures."""
    try:
        return tuple(Signature(token, datetime.fromisoformat(until)) for token, until in json.loads(column))
    except TypeError as error:
        raise ValueError("a column that holds no signatures") from error
