"""The outside world, as the application needs it.

Adapters implement these; tests have fakes that obey the same contract (tests/contract runs one suite over both).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.core.attachment import BlobDescription, BlobVersion
from shared.core.catching_up import Place
from shared.core.entry import Entry
from shared.core.messages import RangeMessage
from shared.core.pacing import HEAD, Pace, Ticket
from shared.core.ranges import ByteRange
from shared.core.sent_file import SentFile
from shared.graph.reply import GraphReply
from shared.graph.request import GraphRequest


@dataclass(frozen=True, slots=True)
class Page[Item]:
    """A part of a listing. *next*: what the listing goes on with; empty: this was the last part."""

    items: tuple[Item, ...]
    next: str


class Blobs(Protocol):
    """The container that people put files into. Every method may raise StorageUnavailable.

    A blob that only stands for a folder is no file: as far as this port goes, it is not there.
    """

    def describe(self, name: str) -> BlobDescription | None:
        """The blob as it is now; None where there is none. Raises BlobKeyWithheld."""

    def read(self, blob: BlobVersion, part: ByteRange) -> bytes:
        """Exactly *part* of exactly this version, as it was stored, checked against the service's MD5 of the range.

        Raises BlobChanged for another ETag, BlobGone for no blob; but a service may check the condition first
        (Azurite does), so BlobChanged may also mean that there is no blob: `describe` tells. Raises BlobArchived and
        BlobKeyWithheld.
        """

    def tags(self, blob: BlobVersion) -> dict[str, str]:
        """All index tags of the blob. Raises BlobGone."""

    def set_tags(self, blob: BlobVersion, tags: Mapping[str, str]) -> None:
        """Replace all tags, only while the blob has this ETag; the ETag itself stays.

        Raises BlobChanged or BlobGone as `read` does, or BlobTagsRefused where tags cannot be written at all: for lack
        of a right, or under a lease, a legal hold or an immutability policy.
        """

    def delete(self, blob: BlobVersion) -> None:
        """Delete this version; quietly nothing where it is gone or another by now."""

    def touch(self, blob: BlobVersion) -> None:
        """Write the blob again as it is, only while it has this ETag: the same bytes and metadata, no tags, a new ETag.

        The service copies it onto itself, which raises an event. The copy may take a while.
        Raises BlobChanged or BlobGone as `read` does, and BlobArchived or BlobKeyWithheld. A lost answer may end as
        BlobChanged where this very call has changed it: the person who asked for it has what they asked for.
        """

    def listed(self, page: str) -> Page[BlobDescription]:
        """All blobs, page by page, from the empty *page* on, with the outcome that their tags tell.

        Raises PageRefused where the service does not know *page*.
        """

    def tagged(self, tag: str, value: str, page: str) -> Page[str]:
        """The names of the blobs whose *tag* is *value*, likewise. The service's index may lag behind the tags."""


class DeadLetters(Protocol):
    """Events that could not be delivered, each a blob. Every method may raise StorageUnavailable."""

    def listed(self, page: str) -> Page[str]:
        """Their names, page by page. Raises PageRefused."""

    def read(self, name: str) -> bytes | None:
        """Its bytes, or none where it is far longer than events can be; None where it is gone."""

    def delete(self, name: str) -> None:
        """Delete it. Idempotent."""


@dataclass(frozen=True, slots=True)
class KeptPlace:
    """A place as it was read. *version* names this very state; it is empty where none was ever kept."""

    place: Place
    version: str


class Places(Protocol):
    """Where listings that take several runs go on. Every method may raise StorageUnavailable."""

    def load(self, listing: str) -> KeptPlace:
        """The place; the beginning where none was kept."""

    def store(self, listing: str, kept: KeptPlace, place: Place) -> None:
        """Write *place* over exactly *kept*. Raises Conflict where it is another by now."""


class GraphTransport(Protocol):
    """One HTTP exchange with Graph: no retry, no redirect, bounded in whole by the request's deadline."""

    def send(self, request: GraphRequest, token: str) -> GraphReply:
        """The reply, whatever its status. Raises GraphNoReply where none came, or not all of it.

        Refuses (ValueError) to send the token to any origin but the configured one. When it returns or raises, no
        connection of ours still carries the request.
        """


class Accounts(Protocol):
    """Tokens for the people whose To Do is written to. Every method may raise SignInNeeded, and TokenUnavailable."""

    def identity(self, account: str) -> str:
        """One and the same text for all the ways in which the account can be named."""

    def token(self, account: str) -> str:
        """A token that is good now, as far as is known."""

    def refreshed(self, account: str, rejected: str, claims_challenge: str) -> str:
        """Another token after Graph rejected *rejected* with 401; *claims_challenge*: Graph's, or empty."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry as it lies in the ledger: *version* names this very state, *date* is the service's clock."""

    entry: Entry
    version: str
    date: datetime
    written_at: datetime


class Ledger(Protocol):
    """The durable truth. Every method may raise StorageUnavailable.

    A write that fails may have been our own (the SDK retries by itself), so every conditional write carries a fresh
    write id, and on conflict or silence the ledger reads again: our id means success.
    """

    def get(self, upload_id: str) -> Stored | None:
        """The entry, or None."""

    def insert(self, entry: Entry) -> Stored | None:
        """Insert if absent; None where an entry of that id exists already."""

    def replace(self, stored: Stored, entry: Entry) -> Stored:
        """Write *entry* over exactly *stored*. Raises Conflict where it is no longer what lies there."""

    def listed(self, after: str, before: str) -> Page[Stored]:
        """Entries beyond *after*, up to *before* (empty: all), in the order of their ids, as many as fit on a page.

        A row that holds no entry is left out. *next* is what to go on after.
        """

    def remove(self, stored: Stored) -> None:
        """Remove exactly *stored*. Quietly nothing where it is gone; raises Conflict where it is another by now."""

    def mark_live(self, upload_id: str) -> None:
        """Note that the upload is in flight: before its entry is inserted. Idempotent."""

    def clear_live(self, upload_id: str) -> None:
        """Take that note back: after the upload is done. Idempotent."""

    def live(self, after: str = "") -> Iterator["LiveMark"]:
        """Every upload in flight, and maybe some that are done: in the order of their ids, those beyond *after*."""

    def swept_up_to(self) -> str:
        """The id where the last sweep had to stop; empty where it came to the end."""

    def beat(self, release: "Release", swept_up_to: str = "") -> None:
        """Leave a sign of life: that this release has swept, how far, and when. Replaces the last one."""

    def own_attachment(self, account: str, attachment_id: str, upload_id: str) -> str:
        """Make an upload the owner of an attachment, if it has none; the id of the upload that owns it.

        *account* is the identity: under two names the same attachment could have two owners.
        """

    def take_slot(self, slot: str, upload_id: str) -> str:
        """Take a slot if it is free; the id of the upload that holds it."""

    def pass_slot(self, slot: str, holder: str, upload_id: str) -> bool:
        """Take a slot from a holder that is done with it; False where *holder* holds it no longer."""

    def uploads_of(self, name: str, upload_id: str) -> "UploadsOfName":
        """The uploads that a blob's name remembers. One that is new remembers *upload_id* from now on."""

    def remember(self, name: str, known: "UploadsOfName", uploads: tuple[str, ...]) -> bool:
        """Let the name remember *uploads* in place of those *known*; False where it is others by now."""

    def forget(self, name: str, upload_id: str) -> None:
        """Let the name remember *upload_id* no longer; its row goes with the last one. Idempotent.

        Raises Conflict where another upload came at the same moment.
        """


@dataclass(frozen=True, slots=True)
class LiveMark:
    """A row of the live partitions. *date* is the service's clock when it was read.

    *marked_at*: when it was written, or when the sweep announced the upload last.
    """

    upload_id: str
    marked_at: datetime
    date: datetime


@dataclass(frozen=True, slots=True)
class UploadsOfName:
    """The ids that a blob's name remembers (`core.blob_name`), in no order. *version* names this very state."""

    uploads: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Release:
    """Which code this is. *package*: the hash of what was published."""

    version: str = "unpackaged"
    package: str = "unpackaged"


@dataclass(frozen=True, slots=True)
class Paced:
    """A mailbox's pace as it was read. *version* names this very state, *date* is the service's clock.

    *tickets* are those at the head of the queue, in their order; there may be more behind them.
    """

    pace: Pace
    version: str
    tickets: tuple[Ticket, ...]
    date: datetime


class Paces(Protocol):
    """How much each mailbox is asked at present, and who queues for it. Every method may raise StorageUnavailable.

    *mailbox* is a digest of the account's identity, the same for all names of the account; or a slot, whose queue only
    is used.
    """

    def load(self, mailbox: str, tickets: int = HEAD) -> Paced:
        """The mailbox's pace and the head of its queue, by one request: at most *tickets*, at most 999."""

    def store(self, mailbox: str, paced: Paced, pace: Pace) -> None:
        """Write *pace* over exactly the state that *paced* was. Raises Conflict where it is another by now."""

    def enqueue(self, mailbox: str, ticket: Ticket) -> None:
        """Take a place in the queue. Idempotent."""

    def dequeue(self, mailbox: str, ticket: Ticket) -> None:
        """Give the place up. Idempotent."""

    def tickets(self, mailbox: str) -> Iterator[Ticket]:
        """The whole queue, in its order."""


class SentFiles(Protocol):
    """What the page has signed for, until it is no longer needed. Every method may raise StorageUnavailable."""

    def keep(self, sent: SentFile, *, at_most: int) -> bool:
        """Keep what is about to be signed; False where the account has *at_most* live signatures that are not used.

        Exact, however many ask at once. Where it raises, the signature may count until it ends.
        """

    def find(self, token: str) -> SentFile | None:
        """What was signed for the blob of *token*, or None."""

    def used(self, sent: SentFile) -> None:
        """Its blob is there: the signature counts no longer. Idempotent."""

    def remove(self, sent: SentFile) -> None:
        """Nothing of it is needed any more. Idempotent. A blob of that token was never signed for from then on."""

    def listed(self, page: str) -> Page["KeptSentFile"]:
        """All of them, page by page, in the order of their tokens. *next* is the last token on the page.

        A row that holds none is left out.
        """


@dataclass(frozen=True, slots=True)
class KeptSentFile:
    """A sent file as it was listed. *date* is the service's clock."""

    sent: SentFile
    date: datetime


class AccountUploads(Protocol):
    """The uploads of each account, newest first. Every method may raise StorageUnavailable.

    *key*: `core.sent_file.account_key`. *written_at*: when the file was, by the service's clock, which is cut to whole
    seconds. A row may be there without an entry, where a worker died before it wrote that.
    """

    def add(self, key: str, upload_id: str, written_at: datetime) -> None:
        """The upload is this account's. Idempotent."""

    def newest(self, key: str, *, since: datetime, page: str, at_most: int = 50) -> Page[str]:
        """The ids of those whose file was written at *since* or later, beyond *page*, at most so many of them.

        Costs the same however many there are. Raises PageRefused where *page* is none that this gave.
        """

    def remove(self, key: str, upload_id: str, written_at: datetime) -> None:
        """Take the row back. Idempotent."""


class RangeQueue(Protocol):
    """The queue of range messages. Messages never expire."""

    def send(self, message: RangeMessage, delay: timedelta = timedelta()) -> None:
        """Send, invisible for *delay*, rounded up to whole seconds. Raises StorageUnavailable."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One run of one function, as the host tells of it.

    *traceparent* is the host's own trace context. *dequeue_count* and *queue_age* (seconds) are a queue's.
    """

    function: str
    trigger: str  # datasource, pubsub, timer, http: OpenTelemetry's words
    id: str
    traceparent: str = ""
    dequeue_count: int | None = None
    queue_age: float | None = None


class Telemetry(Protocol):
    """Where records of what happened go. Must never fail, and is never given a secret or a name of a person's."""

    def invocation(self, invocation: Invocation) -> AbstractContextManager[None]:
        """While it is entered, records belong to this run of a function."""

    def upload(self, upload_id: str, traceparent: str = "") -> AbstractContextManager[None]:
        """While it is entered, the run works for this upload, as a part of the upload's own trace.

        *traceparent* is the trace context of the request or message that asked for it; it may be missing or strange.
        """

    def record(self, event: str, **fields: object) -> None:
        """Write one structured record. `records.ATTRIBUTES` names every field that there is."""


@dataclass(frozen=True, slots=True)
class Ports:
    """All of the outside world. *monotonic* counts seconds; *jitter* is in [0, 1); *new_id* is unique."""

    blobs: Blobs
    graph: GraphTransport
    accounts: Accounts
    ledger: Ledger
    paces: Paces
    queue: RangeQueue
    places: Places
    dead_letters: DeadLetters | None  # None: there is no container of them
    sent_files: SentFiles
    account_uploads: AccountUploads | None  # None: nobody signs in, so nobody asks for their own
    telemetry: Telemetry
    monotonic: Callable[[], float]
    jitter: Callable[[], float]
    new_id: Callable[[], str]
