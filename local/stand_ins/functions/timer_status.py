"""What a timer stores between two runs of the host: `azure-webjobs-hosts/timers/{host id}/{function}/status`."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient

CONTAINER = "azure-webjobs-hosts"
_NEVER = "0001-01-01T00:00:00"


@dataclass(frozen=True, slots=True)
class TimerStatus:
    """*last* is None until the timer has fired. Then it is written as .NET's first moment, as the real host does."""

    last: datetime | None
    next: datetime
    last_updated: datetime

    def as_json(self) -> dict[str, str | None]:
        moments = ("Last", self.last), ("Next", self.next), ("LastUpdated", self.last_updated)
        return {name: _NEVER if moment is None else moment.isoformat() for name, moment in moments}

    @classmethod
    def from_json(cls, document: dict[str, str | None]) -> Self:
        def moment(name: str) -> datetime | None:
            text = document.get(name)
            return datetime.fromisoformat(text) if text and text != _NEVER else None

        following, updated = moment("Next"), moment("LastUpdated")
        if following is None or updated is None:
            raise ValueError(f"not a timer's status: {document}")
        return cls(moment("Last"), following, updated)


class TimerStatusBlob:
    """The status blob of one function."""

    def __init__(self, service: BlobServiceClient, host_id: str, function_id: str) -> None:
        self._container = service.get_container_client(CONTAINER)
        self._blob = self._container.get_blob_client(f"timers/{host_id}/{function_id}/status")

    async def read(self) -> TimerStatus | None:
        try:
            content = await (await self._blob.download_blob()).readall()
        except ResourceNotFoundError:
            return None
        return TimerStatus.from_json(json.loads(content))

    async def write(self, status: TimerStatus) -> None:
        content = json.dumps(status.as_json())
        try:
            await self._blob.upload_blob(content, overwrite=True)
        except ResourceNotFoundError:
            await self._container.create_container()
            await self._blob.upload_blob(content, overwrite=True)
