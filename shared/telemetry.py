"""One structured record per thing that happened, as a line of JSON in the log.

In the classic mode of the Functions host only the message of a log record travels (`extra` is dropped), so the
fields stand in the message itself, where KQL's parse_json finds them.
"""

import json
import logging

_LOGGER = logging.getLogger("todo_attach")

# These log whole URLs at INFO: an upload URL, which names a person's mailbox, would end in the log.
for _chatty in ("azure", "urllib3", "requests", "msal"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)

_WARN = frozenset({"parked", "poison-refused", "orphan-session", "claim-lost"})


class LogTelemetry:
    """Records as JSON lines in the `todo_attach` logger."""

    def record(self, event: str, **fields: object) -> None:
        level = logging.WARNING if event in _WARN else logging.INFO
        _LOGGER.log(level, "%s", json.dumps({"event": event, **fields}, default=str))

    def traceparent(self) -> str:
        return ""
