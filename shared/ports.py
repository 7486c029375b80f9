"""The outside world, as the application needs it.

Adapters implement these protocols, and tests have fakes that do: tests/contract runs one suite over both.

A `version` names one state of a row or blob, a `date` is the storage service's own clock: the clocks of the workers may
disagree. A page of a listing is named by a text that only the adapter understands; the empty one is the first page.
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
    """A part of a listing. *next* names the page after it; empty: this was the last one."""

    items: tuple[Item, ...]
    next: str


class Blobs(Protocol):
    """The container that people put files into. Every method may raise StorageUnavailable.

    A blob that only marks a folder (storage with a hierarchical namespace has such blobs) is no file: every method
    treats it as absent.
    """

    def describe(self, name: str) -> BlobDescription | None:
        """The blob as it is now; None where there is none. Raises BlobKeyWithheld."""

    def read(self, blob: BlobVersion, part: ByteRange) -> bytes:
        """Exactly *part* of exactly this version, as it was stored, checked against the service's MD5 of the range.

        Raises BlobChanged for another ETag, BlobGone for no blob, BlobArchived, BlobKeyWithheld. A service may check
        the condition before it looks for the blob (Azurite does): BlobChanged may also mean that there is no blob, and
        only `describe` says which.
        """

    def tags(self, blob: BlobVersion) -> dict[str, str]:
        """All index tags of the blob. Raises BlobGone."""

    def set_tags(self, blob: BlobVersion, tags: Mapping[str, str]) -> None:
        """Replace all tags, only while the blob has this ETag. Writing tags does not change the ETag.

        Raises BlobChanged or BlobGone as `read` does, or BlobTagsRefused where tags cannot be written at all: for lack
        of a right, or under a lease, a legal hold or an immutability policy.
        """

    def delete(self, blob: BlobVersion) -> None:
        """Delete this version. Does nothing where the blob is gone or has another version by now."""

    def touch(self, blob: BlobVersion) -> None:
        """Write the blob again as it is, only while it has this ETag: the same bytes and metadata, no tags, a new ETag.

        The service copies the blob onto itself, which raises an event. The copy may take a while.
        Raises BlobChanged or BlobGone as `read` does, and BlobArchived or BlobKeyWithheld. BlobChanged may follow an
        answer that was lost: then this very call has changed the blob, and the caller has what it wanted.
        """

    def listed(self, page: str) -> Page[BlobDescription]:
        """All blobs, page by page, with the outcome that their tags say.

        Raises PageRefused where the service does not know *page*.
        """

    def tagged(self, tag: str, value: str, page: str) -> Page[str]:
        """The names of the blobs whose *tag* is *value*, page by page. Raises PageRefused.

        The service's index may lag behind the tags.
        """


class DeadLetters(Protocol):
    """The dead letters, each of them a blob. Every method may raise StorageUnavailable."""

    def listed(self, page: str) -> Page[str]:
        """Their names, page by page. Raises PageRefused."""

    def read(self, name: str) -> bytes | None:
        """Its bytes; b"" where it is far longer than an event can be; None where it is gone."""

    def delete(self, name: str) -> None:
        """Delete it. Idempotent."""


@dataclass(frozen=True, slots=True)
class KeptPlace:
    """A place as it was read. *version* is empty where no place was ever stored."""

    place: Place
    version: str


class Places(Protocol):
    """The places where walks of several runs go on. Every method may raise StorageUnavailable."""

    def load(self, listing: str) -> KeptPlace:
        """The place that was stored for *listing*; the beginning where none was."""

    def store(self, listing: str, kept: KeptPlace, place: Place) -> None:
        """Write *place* over exactly *kept*. Raises Conflict where another place is stored by now."""


class GraphTransport(Protocol):
    """One HTTP exchange with Graph: no retry, no redirect; the request's deadline bounds the whole of it."""

    def send(self, request: GraphRequest, token: str) -> GraphReply:
        """The reply, whatever its status. Raises GraphNoReply where none came, or not all of it.

        Refuses (ValueError) to send the token to any origin but the configured one. After it returned or raised, no
        connection of this process still carries the request: a claim on the entry may be given back.
        """


class Accounts(Protocol):
    """Graph tokens of the people whose To Do is written to. Every method may raise SignInNeeded or TokenUnavailable."""

    def identity(self, account: str) -> str:
        """The account's identity: one text for all the names that it goes by."""

    def token(self, account: str) -> str:
        """A token that has not expired, and that Graph is not known to have rejected."""

    def refreshed(self, account: str, rejected: str, claims_challenge: str) -> str:
        """Another token, after Graph answered 401 to *rejected*. *claims_challenge* came with the 401, or is empty."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry as it was read from the ledger. *written_at*: when it was last written."""

    entry: Entry
    version: str
    date: datetime
    written_at: datetime


class Ledger(Protocol):
    """The durable truth. Every method may raise StorageUnavailable.

    The SDK retries by itself, so the first try of a write may succeed unseen and make the second one fail. Every
    conditional write therefore carries a fresh write id. After a conflict, or no answer, the ledger reads the row once
    more: where it holds our write id, the write has succeeded.
    """

    def get(self, upload_id: str) -> Stored | None:
        """The entry, or None."""

    def insert(self, entry: Entry) -> Stored | None:
        """Insert if absent; None where an entry of that id exists already."""

    def replace(self, stored: Stored, entry: Entry) -> Stored:
        """Write *entry* over exactly *stored*. Raises Conflict where another worker has written since."""

    def listed(self, after: str, before: str) -> Page[Stored]:
        """One page of the entries whose id is beyond *after* and at most *before* (empty: no limit), in their order.

        A row that holds no entry is left out. *next* is the *after* of the page that follows.
        """

    def remove(self, stored: Stored) -> None:
        """Remove exactly *stored*. Does nothing where it is gone; raises Conflict where it was written since."""

    def mark_live(self, upload_id: str) -> None:
        """Note that the upload is in flight, before its entry is inserted. Idempotent.

        In this order a death in between leaves a row without an entry, which the sweep clears; in the other order it
        would leave an entry that no sweep ever finds.
        """

    def clear_live(self, upload_id: str) -> None:
        """Take that note back, after the upload is done. Idempotent."""

    def live(self, after: str = "") -> Iterator["LiveMark"]:
        """Every upload in flight whose id is beyond *after*, in the order of their ids; some may be done already."""

    def swept_up_to(self) -> str:
        """The id at which the last sweep had to stop; empty where it came to the end."""

    def beat(self, release: "Release", swept_up_to: str = "") -> None:
        """Write the heartbeat: which release has swept, how far, and when. It replaces the last one."""

    def own_attachment(self, account: str, attachment_id: str, upload_id: str) -> str:
        """Make an upload the owner of an attachment that has none. Returns the id of the upload that owns it now.

        *account* is the account's identity: under two names of one account an attachment could have two owners.
        """

    def take_slot(self, slot: str, upload_id: str) -> str:
        """Take a slot if it is free. Returns the id of the upload that holds it now."""

    def pass_slot(self, slot: str, holder: str, upload_id: str) -> bool:
        """Take a slot from *holder*, which is done with it. False where *holder* no longer holds it."""

    def uploads_of(self, name: str, upload_id: str) -> "UploadsOfName":
        """The uploads that a blob's name remembers. A name that remembers none remembers *upload_id* from now on."""

    def remember(self, name: str, known: "UploadsOfName", uploads: tuple[str, ...]) -> bool:
        """Let the name remember *uploads* in place of *known*. False where it remembers others than *known* by now."""

    def forget(self, name: str, upload_id: str) -> None:
        """Let the name no longer remember *upload_id*; the name's row goes with its last upload. Idempotent.

        Raises Conflict where another upload of the name began at the same moment.
        """


@dataclass(frozen=True, slots=True)
class LiveMark:
    """A live row as it was read.

    *marked_at*: when the row was written, or when the sweep last announced the upload.
    """

    upload_id: str
    marked_at: datetime
    date: datetime


@dataclass(frozen=True, slots=True)
class UploadsOfName:
    """The ids that a blob's name remembers (`core.blob_name`), in no order."""

    uploads: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Release:
    """Which code runs here. *package* is the hash of the package that was deployed."""

    version: str = "unpackaged"
    package: str = "unpackaged"


@dataclass(frozen=True, slots=True)
class Paced:
    """A mailbox's pace as it was read.

    *tickets* are those at the head of its line, in their order; there may be more behind them.
    """

    pace: Pace
    version: str
    tickets: tuple[Ticket, ...]
    date: datetime


class Paces(Protocol):
    """The pace of each mailbox, and its line of tickets. Every method may raise StorageUnavailable.

    *mailbox* is a digest of the account's identity, the same for all names of the account. A slot, and an account
    without a sign-in, have a line as well, under a key of their own, and no pace.
    """

    def load(self, mailbox: str, tickets: int = HEAD) -> Paced:
        """The mailbox's pace and the head of its line, by one request: at most *tickets* of them, at most 999."""

    def store(self, mailbox: str, paced: Paced, pace: Pace) -> None:
        """Write *pace* over exactly the state that *paced* was. Raises Conflict where it was written since."""

    def enqueue(self, mailbox: str, ticket: Ticket) -> None:
        """Put the ticket into the line. Idempotent."""

    def dequeue(self, mailbox: str, ticket: Ticket) -> None:
        """Take the ticket out of the line. Idempotent."""

    def tickets(self, mailbox: str) -> Iterator[Ticket]:
        """The whole line, in its order."""


class SentFiles(Protocol):
    """The sent files, until they are no longer needed. Every method may raise StorageUnavailable."""

    def keep(self, sent: SentFile, *, at_most: int) -> bool:
        """Keep *sent*, before it is signed for. False where the account has *at_most* live, unused signatures already.

        The count is exact, however many requests come at once. Where this raises, *sent* may count until it ends.
        """

    def find(self, token: str) -> SentFile | None:
        """What was signed for the blob of *token*, or None."""

    def used(self, sent: SentFile) -> None:
        """Note that its blob is there: the signature no longer counts. Idempotent."""

    def remove(self, sent: SentFile) -> None:
        """Delete it. Idempotent. To the app, a blob of that token is from then on one that it never signed for."""

    def listed(self, page: str) -> Page["KeptSentFile"]:
        """All of them, page by page, in the order of their tokens. *next* is the last token on the page.

        A row that holds no sent file is left out.
        """


@dataclass(frozen=True, slots=True)
class KeptSentFile:
    """A sent file as it was listed."""

    sent: SentFile
    date: datetime


class AccountUploads(Protocol):
    """The index of each account: its uploads, newest first. Every method may raise StorageUnavailable.

    *key*: `core.sent_file.account_key`. *written_at*: when the file was written, by the service's clock, cut to whole
    seconds. A row may have no entry: a worker that dies in between has written the row and not the entry.
    """

    def add(self, key: str, upload_id: str, written_at: datetime) -> None:
        """Add the upload to the account's index. Idempotent."""

    def newest(self, key: str, *, since: datetime, page: str, at_most: int = 50) -> Page[str]:
        """One page of the ids of the uploads whose file was written at *since* or later, at most *at_most* of them.

        A page costs the same however long the index is. Raises PageRefused where *page* did not come from here.
        """

    def remove(self, key: str, upload_id: str, written_at: datetime) -> None:
        """Remove the upload from the index. Idempotent."""


class RangeQueue(Protocol):
    """The queue of range messages. Messages never expire."""

    def send(self, message: RangeMessage, delay: timedelta = timedelta()) -> None:
        """Send *message*. It is invisible for *delay*, rounded up to whole seconds. Raises StorageUnavailable."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One run of one function, as the host describes it.

    *traceparent* is the host's own trace context. *dequeue_count* and *queue_age* (seconds) are those of the message,
    where a queue triggered the run.
    """

    function: str
    trigger: str  # datasource, pubsub, timer, http: OpenTelemetry's words
    id: str
    traceparent: str = ""
    dequeue_count: int | None = None
    queue_age: float | None = None


class Telemetry(Protocol):
    """Where records of what happened go. It must never raise, and is never given a secret or a person's name."""

    def invocation(self, invocation: Invocation) -> AbstractContextManager[None]:
        """While it is entered, records belong to this run of a function."""

    def upload(self, upload_id: str, traceparent: str = "") -> AbstractContextManager[None]:
        """While it is entered, the run works for this upload, as a part of the upload's own trace.

        *traceparent* is the trace context of the request or message that asked for the work. It comes from outside: it
        may be empty or malformed.
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
    account_uploads: AccountUploads | None  # None: without sign-in there is no page that asks for them
    telemetry: Telemetry
    monotonic: Callable[[], float]
    jitter: Callable[[], float]
    new_id: Callable[[], str]
