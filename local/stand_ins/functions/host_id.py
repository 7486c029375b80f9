"""The name under which a host keeps its state in storage: the bridge queue, the timers' status blobs.

It is made as the real host makes it on a developer's machine: the machine's name and a hash of the app's path, at most
32 characters. `AzureFunctionsWebHost__hostid` overrides it there and here.
"""

import hashlib
import platform
import re
from collections.abc import Mapping
from pathlib import Path

_LONGEST = 32


def host_id(app_directory: Path, environment: Mapping[str, str]) -> str:
    if chosen := environment.get("AzureFunctionsWebHost__hostid"):
        return chosen.lower()
    machine = re.sub(r"[^a-z0-9]", "", platform.node().lower()) or "local"
    digest = hashlib.sha256(str(app_directory.resolve()).encode()).hexdigest()[:12]
    return f"{machine[: _LONGEST - len(digest) - 1]}-{digest}"
