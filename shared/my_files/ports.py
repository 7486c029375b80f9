"""Page sessions, signatures, and the blobs that the app writes for a person, as Protocols."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.sign_in.person import Person


@dataclass(frozen=True, slots=True)
class PageSession:
    """A browser that *person* has signed in with. It is over at *until*."""

    person: Person
    until: datetime


class PageSessions(Protocol):
    """Page sessions by key (`page_session.key_of`). Every method may raise StorageUnavailable."""

    def insert(self, key: str, session: PageSession) -> None:
        """Keep a session. Keys are random: none is ever there already."""

    def find(self, key: str) -> PageSession | None:
        """The session, whether it is over or not; None where there is none."""

    def delete(self, key: str) -> None:
        """End one session. Idempotent."""

    def delete_of(self, object_id: str) -> None:
        """End all sessions of a person. Idempotent."""

    def clear(self, now: datetime) -> int:
        """Delete sessions that are over, a bounded number at a time; how many there were."""


class Signer(Protocol):
    """Signs URLs of the container that files are put into."""

    def url(self, blob_name: str, *, until: datetime) -> str:
        """A URL that creates the blob of this name, and can do nothing else. Raises StorageUnavailable.

        By one Put Blob: nothing is written over, read, listed or deleted. https, or http where storage is on this
        machine.
        """


class BlobWriter(Protocol):
    """Writes a blob for a browser that runs no script."""

    def create(self, blob_name: str, content: bytes) -> None:
        """Write the blob under a name that no one else can know. Raises StorageUnavailable."""
