"""Counts requests to storage, from Azurite's access log.

The log has method, path and status. It does not say whether a receive returned a message: deliveries are counted by the
messages that are deleted, which is the same number for an upload without faults.
"""

import re
from collections import Counter
from collections.abc import Callable
from urllib.parse import unquote

from local.stack.app_settings import CONTAINER, QUEUE, TABLE

_LINE = re.compile(r'"(?P<method>[A-Z]+) /[^/ ]+/(?P<path>[^ ?]*)(?:\?(?P<query>\S*))? HTTP/[\d.]+" (?P<status>\d{3})')
_LIVE_CLEARED = re.compile(rf"{TABLE}\(PartitionKey='live-[0-9a-f]',RowKey='(?P<id>[0-9a-f]+)'\)")
_QUEUE_WORDS = {"POST": "queue send", "GET": "queue poll", "DELETE": "queue delete", "PUT": "queue update"}


class Tally:
    """Counts lines. *on_done* is called for each upload whose live row is deleted, which is its last step."""

    def __init__(self, on_done: Callable[[str], None]) -> None:
        self.counts: Counter[str] = Counter()
        self._on_done = on_done

    def feed(self, line: str) -> None:
        found = _LINE.search(line)
        if found is None:
            return
        method, path = found["method"], unquote(found["path"])
        kind = _kind(method, path, found["query"] or "")
        # A send to a queue that does not exist yet is not counted, since it is sent again. Other refusals count.
        if kind is not None and not (kind.endswith("send") and found["status"] == "404"):
            self.counts[kind] += 1
        if method == "DELETE" and (cleared := _LIVE_CLEARED.fullmatch(path)) is not None:
            self._on_done(cleared["id"])

    def snapshot(self) -> Counter[str]:
        return Counter(self.counts)


def since(before: Counter[str], now: Counter[str]) -> dict[str, int]:
    """The difference between *now* and *before*."""
    return {kind: now[kind] - before[kind] for kind in sorted(now) if now[kind] != before[kind]}


def _kind(method: str, path: str, query: str) -> str | None:
    head, _, rest = path.partition("/")
    if head == QUEUE:
        return _QUEUE_WORDS.get(method) if rest.startswith("messages") else None
    if head.startswith("azure-webjobs-blobtrigger-") and rest.startswith("messages"):
        return f"blob trigger's {_QUEUE_WORDS[method]}" if method in _QUEUE_WORDS else None
    if head == CONTAINER and rest:
        return f"blob {method}{' tags' if 'comp=tags' in query else ''}"
    if head == TABLE or head.startswith((f"{TABLE}(", f"{TABLE}()")):
        return _table_kind(method, head)
    return None


def _table_kind(method: str, path: str) -> str:
    if method == "GET":
        return "ledger query" if path.endswith("()") else "ledger read"
    # The live row, which is written before the entry, and deleted after the upload is done.
    return "ledger live row" if "'live-" in path else "ledger write"
