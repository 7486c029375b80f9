"""Page sessions, signatures, and the blobs that the app writes for a person, as Protocols."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.sign_in.person import Person


@dataclass(frozen=True, slots=True)
class PageSession:
    """A browser that *person* has signed in with. The session ends at *until*."""

    person: Person
    until: datetime


class PageSessions(Protocol):
    """Page sessions by key (`page_session.key_of`). Every method may raise StorageUnavailable."""

    def insert(self, key: str, session: PageSession) -> None:
        """Store a session. Keys are random, so none is ever stored already."""

    def find(self, key: str) -> PageSession | None:
        """The session, even if it has ended; None where there is none."""

    def delete(self, key: str) -> None:
        """End one session. Idempotent."""

    def delete_of(self, object_id: str) -> None:
        """End all sessions of a person. Idempotent."""

    def clear(self, now: datetime) -> int:
        """Delete sessions that have ended, a bounded number at a time. Returns how many were deleted."""


class Signer(Protocol):
    """Signs URLs of the container that people put files into."""

    def url(self, blob_name: str, *, until: datetime) -> str:
        """A URL that creates the blob of this name by one Put Blob. Raises StorageUnavailable.

        With it nothing can be overwritten, read, listed or deleted. It is https, or http where storage is on this
        machine.
        """


class BlobWriter(Protocol):
    """Writes a blob for a browser that runs no script."""

    def create(self, blob_name: str, content: bytes) -> None:
        """Write the blob, under a name that no other program can know. Raises StorageUnavailable."""
