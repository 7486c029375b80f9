"""The emulator's own endpoints, as tests turn it."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any


def control(emulator: Mapping[str, Any], method: str, what: str, body: Mapping[str, Any] | None = None) -> Any:
    """One of them; *emulator* is the stack's line about it."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"{emulator['control']}/{what}", data, method=method)
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)
