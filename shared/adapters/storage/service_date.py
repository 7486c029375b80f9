"""The storage service's own clock, from the Date of its replies."""

import email.utils
from datetime import UTC, datetime
from typing import Any

from shared.errors import StorageUnavailable


class ServiceDate:
    """A `raw_response_hook` that keeps the Date of the last reply."""

    def __init__(self) -> None:
        self._value: datetime | None = None

    def __call__(self, response: Any) -> None:
        text = response.http_response.headers.get("Date")
        if text:
            self._value = email.utils.parsedate_to_datetime(text).astimezone(UTC)

    @property
    def value(self) -> datetime:
        """The Date, cut to whole seconds as HTTP has it. Claims cannot be judged without one."""
        if self._value is None:
            raise StorageUnavailable("a reply of storage without a Date")
        return self._value
