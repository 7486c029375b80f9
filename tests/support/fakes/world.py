"""The whole application on fakes and one manual clock, with a host that delivers events and messages in turn.

This host obeys the rules of the real one that matter: a fixed lease, at-least-once delivery, release after a failure,
the poison queue after five tries, and no release when a worker dies.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from local.stand_ins.todo.behaviour import DOCUMENTED, Behaviour
from local.stand_ins.todo.faults import Rule
from local.stand_ins.todo.mailbox import Mailbox, Task, TaskList
from local.stand_ins.todo.service import TodoService
from local.stand_ins.todo.throttle import NO_LIMITS
from local.stand_ins.todo.throttle import Limits as PublishedLimits
from shared.app.catch_up import CaughtUp
from shared.app.sweep import Swept
from shared.core.attachment import BlobVersion
from shared.core.blob_path import DEFAULT_PATTERNS
from shared.core.entry import Entry, Phase
from shared.core.limits import Limits
from shared.core.pacing import LEASE as LEASE_OF_A_MAILBOX
from shared.core.pacing import Budget, MailboxLimits
from shared.core.ranges import MAX_SLICE_BYTES
from shared.core.sent_file import SentFile, blob_name
from shared.ports import Invocation, Ports
from shared.settings import Connection, Settings
from shared.telemetry.records import ATTRIBUTES
from shared.wiring import Application, assemble
from tests.support import entries
from tests.support.fakes.manual_clock import ManualClock
from tests.support.fakes.memory_account_uploads import MemoryAccountUploads
from tests.support.fakes.memory_accounts import MemoryAccounts
from tests.support.fakes.memory_blobs import MemoryBlobs
from tests.support.fakes.memory_dead_letters import MemoryDeadLetters
from tests.support.fakes.memory_ledger import MemoryLedger
from tests.support.fakes.memory_paces import MemoryPaces
from tests.support.fakes.memory_places import MemoryPlaces
from tests.support.fakes.memory_queue import MemoryQueue, MemoryRangeQueue, QueuedMessage
from tests.support.fakes.memory_sent_files import MemorySentFiles
from tests.support.fakes.seam import Crash, Seam
from tests.support.fakes.todo_graph import TodoGraph

SAM, TOKEN = "sam@example.com", "canary-token-of-sam"
SAM_ID = "3f6cbb2a-0000-4000-8000-00000000005a"  # where people sign in
ROOT = "https://graph.microsoft.com/v1.0"
LEASE = timedelta(minutes=10)
RELEASE = timedelta(seconds=30)
MAX_DEQUEUES = 5
SWEEP_EVERY = timedelta(minutes=1)
SLICE = 1024  # files are really sent, and small ones take a fraction of the time
# As in the tests of the pure modules, with smaller sizes.
LIMITS = replace(entries.LIMITS, slice_bytes=SLICE, max_file_bytes=64 * SLICE)
# For a test that waits in vain: with the default, every try of fourteen days would be played.
SHORT_WAIT = replace(LIMITS, sign_in_wait=timedelta(days=1))
# The published limits, with the budget of bytes as much smaller as the slices are.
MAILBOX_LIMITS = MailboxLimits(
    uploads_at_once=3,
    bytes=Budget(150_000, timedelta(minutes=5)),
    requests=Budget(10_000, timedelta(minutes=10)),
    lease=LEASE_OF_A_MAILBOX,
)
FULL_SIZE = replace(LIMITS, slice_bytes=MAX_SLICE_BYTES, max_file_bytes=26_214_400)


@dataclass
class Records:
    """`ports.Telemetry` into a list."""

    lines: list[dict[str, object]] = field(default_factory=list)
    runs: list[Invocation] = field(default_factory=list)

    def invocation(self, invocation: Invocation) -> AbstractContextManager[None]:
        self.runs.append(invocation)
        return nullcontext()

    def upload(self, upload_id: str, traceparent: str = "") -> AbstractContextManager[None]:
        return nullcontext()

    def record(self, event: str, **fields: object) -> None:
        assert fields.keys() <= ATTRIBUTES.keys(), f"{event} has fields that nobody knows"
        self.lines.append({"event": event, **fields})

    def events(self, event: str) -> list[dict[str, object]]:
        return [line for line in self.lines if line["event"] == event]


class World:
    """The application with all fakes. A test may change attributes before it runs anything."""

    def __init__(
        self,
        *,
        behaviour: Behaviour = DOCUMENTED,
        faults: tuple[Rule, ...] = (),
        limits: Limits = LIMITS,
        mailbox_limits: MailboxLimits = MAILBOX_LIMITS,
        pace_of_the_app: bool = False,
        published: PublishedLimits = NO_LIMITS,
        mailbox_by_id: bool = False,
        delete_attached: bool = False,
        delete_sent: bool = True,
        signs_in: bool = False,
        names_others: bool = True,
        path_accounts: Mapping[str, str] | None = None,
        read_back: bool = False,
        keep_finished: timedelta | None = None,
        jitter: Callable[[], float] = lambda: 0.5,
        watched: Callable[[Ports], Ports] = lambda ports: ports,
    ) -> None:
        self.clock = ManualClock()
        self.todo = TodoService(now=lambda: self.clock.now, behaviour=behaviour, limits=published, faults=faults)
        self.mailbox: Mailbox = self.todo.add_mailbox(SAM, TOKEN)
        self.list: TaskList = self.todo.add_list(self.mailbox, "Tasks", wellknown_name="defaultList")
        self.task: Task = self.todo.add_task(self.list, "Receipts")
        self.blobs = MemoryBlobs(self.clock)
        self.ledger = MemoryLedger(self.clock)
        self.places = MemoryPlaces()
        self.dead_letters = MemoryDeadLetters()
        self.sent_files = MemorySentFiles(self.clock)
        self.account_uploads = MemoryAccountUploads()
        self.paces = MemoryPaces(self.clock)
        self.messages = MemoryQueue(self.clock)
        self.poison = MemoryQueue(self.clock)
        self.events = MemoryQueue(self.clock)
        # Chooses which of several visible messages comes first.
        self.choose: Callable[[list[QueuedMessage]], QueuedMessage] = lambda visible: visible[0]
        self.range_queue = MemoryRangeQueue(self.messages)
        self.accounts = MemoryAccounts({SAM: TOKEN})
        if signs_in:
            self.accounts.tokens[SAM_ID] = TOKEN
            self.accounts.identities[SAM] = SAM_ID
        self.graph = TodoGraph(self.todo, self.clock, ROOT, limits.deadline)
        self.records = Records()
        self.raised: list[Exception] = []  # out of invocations, as the host would log them
        self._ids = 0
        self._swept_at = self.clock.now
        settings = Settings(
            storage=Connection(),
            container="attachments",
            queue="upload-ranges",
            table="uploads",
            graph_root=ROOT,
            mailbox_by_id=mailbox_by_id,
            default_account=SAM,
            tokens={},
            delete_attached=delete_attached,
            delete_sent=delete_sent,
            read_back=read_back,
            paths=DEFAULT_PATTERNS,
            path_accounts=path_accounts or {},
            names_others=names_others,
            stalled_after=timedelta(minutes=15),
            catch_up_time=timedelta(seconds=60),
            limits=limits,
            mailbox_limits=mailbox_limits,
            pace_of_the_app=pace_of_the_app,
            keep_finished=keep_finished,
        )
        ports = Ports(
            blobs=self.blobs,
            graph=self.graph,
            accounts=self.accounts,
            ledger=self.ledger,
            paces=self.paces,
            queue=self.range_queue,
            places=self.places,
            dead_letters=self.dead_letters,
            sent_files=self.sent_files,
            account_uploads=self.account_uploads if signs_in else None,
            telemetry=self.records,
            monotonic=self.clock.monotonic,
            jitter=jitter,
            new_id=self._new_id,
        )
        self.application: Application = assemble(settings, watched(ports))

    def _new_id(self) -> str:
        self._ids += 1
        return f"{self._ids:032x}"

    def put_in(self, seam: Seam) -> None:
        """Put *seam* between the application and everything outside."""
        for port in (
            self.blobs,
            self.ledger,
            self.paces,
            self.range_queue,
            self.graph,
            self.places,
            self.dead_letters,
            self.sent_files,
            self.account_uploads,
        ):
            port.seam = seam

    # -- the person --

    def drop(self, content: bytes, name: str = "report.pdf", **metadata: str) -> BlobVersion:
        """Write a blob that names the default task, unless *metadata* says otherwise. No event is raised."""
        wanted = metadata or {"listid": self.list.id, "taskid": self.task.id}
        return self.blobs.write(name, content, wanted)

    def sign(self, size: int) -> SentFile:
        """Let the app sign for a file that Sam sends, of *size* bytes, for the default task."""
        sent = SentFile(
            token=self._new_id(),
            account=SAM_ID,
            list_id=self.list.id,
            list_name="Tasks",
            task_id=self.task.id,
            task_title="Receipts",
            name="Beleg ü.pdf",
            size=size,
            signed_at=self.clock.date(),
            good_until=self.clock.date() + timedelta(minutes=15),
        )
        assert self.sent_files.keep(sent, at_most=20)
        return sent

    def send(
        self, content: bytes, metadata: Mapping[str, str] | None = None, *, declared: int | None = None
    ) -> BlobVersion:
        """Let Sam send a file through the page. *declared*: its declared size; None: the real one. Raises no event."""
        sent = self.sign(len(content) if declared is None else declared)
        return self.blobs.write(blob_name(sent.token), content, metadata or {})

    # -- the host --

    def event(self, name: str = "report.pdf") -> None:
        """One delivery of a blob event."""
        self.application.runner.open_upload(name)

    def notify(self, name: str = "report.pdf", *, times: int = 1) -> None:
        """Queue a blob event for `run`, which delivers it until it succeeds, as after a failure or a death."""
        for _ in range(times):
            self.events.put(name.encode())

    def sweep(self) -> Swept:
        return self.application.sweep_live()

    def catch_up(self) -> CaughtUp:
        return self.application.catch_up_with_missed()

    def deliver(self, message: QueuedMessage) -> None:
        """Deliver a received message as the host does: delete after success, release or poison it after a failure."""
        receipt = message.receipt
        try:
            self.application.runner.send_range(message.body, message.dequeue_count)
        except Crash:
            raise  # nobody releases the message: it comes back when its lease is over
        except Exception as error:  # noqa: BLE001 - so does the host
            self.raised.append(error)
            if message.dequeue_count >= MAX_DEQUEUES:
                self.poison.put(message.body)
                self.messages.delete(message, receipt)
            else:
                self.messages.release(message, receipt, RELEASE)
        else:
            self.messages.delete(message, receipt)

    def run(self, *, until: Callable[[], bool] = lambda: False, at_most: int = 100_000) -> None:
        """Deliver everything, in the order of time, until nothing is left to come.

        A death of a worker (`Crash`) does not stop it, as it does not stop the host.
        """
        for _ in range(at_most):
            if until() or not self._step():
                return
        raise AssertionError(f"still busy after {at_most} deliveries: {[e.phase for e in self.ledger.entries()]}")

    def _step(self) -> bool:
        due = self._sweep_due()
        queues = (self.events, self.messages, self.poison)
        times = [when for queue in queues if (when := queue.next_visible_at()) is not None]
        if self.ledger.live_rows:
            times.append(due)
        if not times:
            return False
        self.clock.now = max(self.clock.now, min(times))
        if self.ledger.live_rows and self.clock.now >= due:
            self._swept_at = self.clock.now
            self._survive(self.sweep)
        for queue, handle in zip(queues, (self._open, self.deliver, self._park), strict=True):
            if (message := queue.receive(LEASE, self.choose)) is not None:
                self._survive(lambda handle=handle, message=message: handle(message))  # type: ignore[misc]
                return True
        return True

    def _sweep_due(self) -> datetime:
        return self._swept_at + SWEEP_EVERY

    def _open(self, message: QueuedMessage) -> None:
        receipt = message.receipt
        try:
            self.application.runner.open_upload(message.body.decode())
        except Exception:
            self.events.release(message, receipt, RELEASE)
            raise
        self.events.delete(message, receipt)

    def _park(self, message: QueuedMessage) -> None:
        receipt = message.receipt
        self.application.runner.park_range(message.body)
        self.poison.delete(message, receipt)

    def _survive(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Crash:
            return
        except Exception as error:  # noqa: BLE001 - a failed timer or poison run does not stop the host
            self.raised.append(error)

    # -- results --

    def entry(self, blob: BlobVersion) -> Entry:
        return self.ledger.entry(blob.upload_id())

    def phase(self, blob: BlobVersion) -> Phase | None:
        """The upload's phase; None before it is entered."""
        return self.entry(blob).phase if blob.upload_id() in self.ledger.rows else None

    def settled(self, blob: BlobVersion) -> bool:
        """Whether nothing is left to do for this upload."""
        return blob.upload_id() in self.ledger.rows and self.entry(blob).is_done

    def attached(self) -> list[tuple[str, bytes]]:
        """The name and content of every attachment of the default task."""
        return [(each.name, each.content or b"") for each in self.task.attachments.values()]

    def requests(self) -> list[tuple[str, int | None]]:
        """The operation and status of every request that Graph got, in order."""
        return [(entry.operation, entry.status) for entry in self.todo.journal.entries]

    def offences(self) -> list[str]:
        return [str(kind) for kind in self.todo.journal.offences.elements()]


def content(size: int, seed: int = 1) -> bytes:
    """*size* bytes, no slice of which is like one of another file."""
    block = hashlib.sha256(seed.to_bytes(8)).digest()
    return (block * (size // len(block) + 1))[:size]
