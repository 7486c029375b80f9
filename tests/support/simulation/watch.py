"""Checks what must hold: the invariants I1 to I10 wherever they can be observed, and the promise at the end.

It looks at the emulator, the ledger, the queues and the log; the application does not know of it.

    I1   request_begun, _offset_is_the_servers: neither a request nor the ledger is ahead of what the server had
    I2   _is_prefix after each request, _landed, _current_is_entered
    I3   _landed at the very moment, _nothing_twice
    I4   _messages_propose; and workers are killed everywhere, so that what only they knew is gone
    I5   _is_no_surprise (throttling raises nothing), _kept_waiting
    I6   request_begun (sessions), _entry_written (steps without progress), Stage.settle (it ends), _is_justified
    I7   _nothing_told, _entry_written (details), _is_no_surprise (exceptions)
    I8   _acts_under_its_claim, _no_offence
    I9   _no_offence, SimulatedGraph.send
    I10  _slot_is_its_own, _attachment_is_claimed, _nothing_twice

For the uploads of one blob name: _is_handed_to_nobody_else, _is_not_attached_yet, _may_be_removed, _no_file_twice,
_replaced_is_gone, _none_is_missing.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from local.stand_ins.todo.journal import Offence
from local.stand_ins.todo.mailbox import Attachment, Task
from local.stand_ins.todo.routes import Operation
from local.stand_ins.todo.sessions import UploadSession
from shared.core.attachment import BlobVersion
from shared.core.entry import Entry, Phase, Reason
from shared.core.limits import MAX_DEATHS, MAX_REMOVAL_TRIES, MAX_REPORT_TRIES, MAX_SESSIONS, MAX_STEPS_WITHOUT_PROGRESS
from shared.core.outcome import STATE
from shared.core.pacing import tidied
from shared.errors import StorageUnavailable, StrangerError
from shared.graph.reply import GraphReply
from tests.support.fakes.seam import Crash
from tests.support.fakes.world import SAM, TOKEN
from tests.support.simulation.graph import Flight
from tests.support.simulation.workers import Worker, present

if TYPE_CHECKING:
    from tests.support.simulation.stage import Stage

# What a correct client never does, whatever happens to it. Three offences are not among them: a refused range (zombies
# cause some), an early request (the emulator counts by task, which several uploads may share: `_kept_waiting` counts by
# upload), and a second attachment (two blobs with the same bytes and name make two: `_landed` counts by upload).
NEVER = {Offence.CONCURRENT_PUTS, Offence.NO_BEARER, Offence.BARE_PUT, Offence.STRAY_BEARER}

UNSURE = "may already be attached"
# Texts that are in every upload URL, or in every token here.
SECRETS = ("attachmentSessions", "canary")


class Violation(AssertionError):  # noqa: N818 - what was violated follows the colon
    """Something that must hold does not."""


@dataclass(frozen=True)
class Version:
    """One write of a blob, as its person knows it."""

    blob: BlobVersion
    content: bytes
    metadata: Mapping[str, str]
    written_at: datetime
    edited: bool


class Watch:
    """Observes everything, and raises Violation where something is wrong."""

    def __init__(self, stage: "Stage") -> None:
        self._stage = stage
        self.versions: dict[str, Version] = {}
        self.deleted: set[str] = set()
        self.removed: dict[str, datetime] = {}  # attachments that a person removed, and when
        self.tokens: dict[str, str] = {SAM: TOKEN}
        self.fatal: set[Reason] = set()  # reasons that injected faults may bring about
        self.strange: set[bytes] = set()  # messages that are not ours
        self.tags_fail = False
        self.cannot_cancel = False
        self.faults = 0
        # How long the few files of a schedule may wait for each other: an upload that waits longer was forgotten.
        self._longest_wait = timedelta(days=2)
        self._entries: dict[str, Entry] = {}
        self._owner_of_session: dict[str, str] = {}
        self._opener: dict[str, Worker] = {}
        self._lost_sessions: set[str] = set()  # nobody alive could cancel them
        self._most_held: Counter[str] = Counter()
        self._landings: defaultdict[str, list[Attachment]] = defaultdict(list)
        self._waits: dict[str, datetime] = {}
        self._attachments: dict[str, Attachment] = {}
        self._replaced: dict[str, str] = {}  # attachment -> the upload that is to remove it
        self._messages_read = self._lines_read = 0
        self._look_on()

    def _look_on(self) -> None:
        """Get called at the moment at which a file lands, or an entry is written."""
        store, ledger = self._stage.todo.store, self._stage.world.ledger
        land, write = store._land, ledger._write

        def landed(task: Task, attachment: Attachment) -> None:
            land(task, attachment)
            self._landed(attachment)

        def written(entry: Entry) -> Any:
            row = write(entry)
            self._entry_written(row.entry)
            return row

        store._land = landed  # type: ignore[method-assign]
        ledger._write = written  # type: ignore[method-assign]

    # -- after each request --

    def request_begun(self, flight: Flight) -> None:
        self._no_offence()
        operation, worker = flight.exchange.route.operation, flight.worker
        if operation in {Operation.PUT_SLICE, Operation.POST_ATTACHMENT}:
            self._acts_under_its_claim(flight)
        entry = self._entries.get(worker.upload_id)
        if operation is Operation.CREATE_SESSION and (entry is None or entry.sessions_opened > MAX_SESSIONS):
            raise Violation("I6: another session after the last one that is allowed")
        if operation is Operation.CANCEL_SESSION:
            # Still open at the end: then no try came through.
            self._lost_sessions.add(flight.exchange.route.item_id)
        if operation is Operation.PUT_SLICE:
            session = self._session(flight)
            start = int(flight.request.headers["Content-Range"].split()[1].split("-")[0])
            if session is not None and start > self._most_held[session.id]:
                raise Violation(f"I1: a range from {start} on; the server never held more than {session.received}")
        if operation is Operation.DELETE_ATTACHMENT:
            self._may_be_removed(entry, flight.exchange.route.item_id)
        self._kept_waiting(flight, worker)

    def _may_be_removed(self, newer: Entry | None, attachment_id: str) -> None:
        """Only an attachment of the same name to the same task, made shortly before the newer write, or after it."""
        olders = [each for each in self._entries.values() if each.attachment_id == attachment_id]
        if newer is None or newer.phase is not Phase.ATTACHED or newer.attachment_id not in self._attachments:
            raise Violation("an attachment is removed, and none has taken its place")
        for older in olders:
            if (
                _target(older) == _target(newer)
                and older.blob.name == newer.blob.name
                and older.attached_at is not None
            ):
                chain = [each for each in self.versions.values() if each.blob.name == newer.blob.name]
                followed = [each.written_at for each in chain if each.blob.etag > older.blob.etag]
                if min(followed) - older.attached_at <= timedelta(minutes=1):
                    return
        raise Violation("an attachment is removed that was not this file's, or had stood for long")

    def _acts_under_its_claim(self, flight: Flight) -> None:
        entry = self._entries.get(flight.worker.upload_id)
        if entry is None or entry.claim is None or flight.ends > entry.claim.until:
            raise Violation(f"I8: {flight.request.operation} without a claim that outlives it")

    def _kept_waiting(self, flight: Flight, worker: Worker) -> None:
        entry = self._entries.get(worker.upload_id)
        until = self._waits.get(worker.upload_id)
        is_orphans_end = flight.request.operation == "cancel_session" and (
            entry is None or flight.request.url != _url(entry)
        )
        if until is not None and self._stage.clock.now < until and not is_orphans_end:
            raise Violation(f"{flight.request.operation} {until - self._stage.clock.now} before Retry-After was over")

    def request_completed(self, flight: Flight) -> None:
        route = flight.exchange.route
        for session_id, session in self._stage.todo.store.sessions.items():
            if session_id not in self._owner_of_session:
                self._owner_of_session[session_id] = flight.worker.upload_id
                self._opener[session_id] = flight.worker
                self._lost_sessions.add(session_id)
                flight.worker.sessions.append(session_id)
                self._stage.counts["sessions"] += 1
            # The most that it ever had, and not what it has now: a session may lose bytes, and its client does not know
            # before it asks.
            self._most_held[session_id] = max(self._most_held[session_id], session.received)
            if session_id == route.item_id:
                self._is_prefix(session)

    def _is_prefix(self, session: UploadSession) -> None:
        version = self.versions[self._owner_of_session[session.id]]
        held = b"".join(session._parts)
        if held != version.content[: len(held)]:
            raise Violation("I2: the session holds what is no prefix of its version")

    def _session(self, flight: Flight) -> UploadSession | None:
        return self._stage.todo.store.sessions.get(flight.exchange.route.item_id)

    def _landed(self, attachment: Attachment) -> None:
        self._attachments[attachment.id] = attachment
        owner = self._owner_of_session.get(attachment.content_key, "")
        if not owner:
            if attachment.size:
                raise Violation("an attachment of nobody's session")
            return  # an empty file's POST: counted at the end, by name
        version = self.versions[owner]
        if attachment.content != version.content:
            raise Violation("I2: what landed is not the file")
        self._landings[owner].append(attachment)
        if len(self._landings[owner]) > 1:
            raise Violation(f"I3: upload {owner[:6]} is attached twice")

    def request_answered(self, flight: Flight, reply: GraphReply) -> None:
        if flight.request.operation == "create_session" and reply.status in {200, 201}:
            url = str(json.loads(reply.body).get("uploadUrl") or json.loads(reply.body).get("UploadUrl"))
            session_id = _session_id(url)
            self._lost_sessions.discard(session_id)
        answer = flight.exchange.plan.answer
        if answer is not None and isinstance(answer.retry_after, int | float) and reply.status != 401:
            flight.worker.promised = self._stage.clock.now + timedelta(seconds=float(answer.retry_after))

    # -- after each write of an entry --

    def _entry_written(self, entry: Entry) -> None:
        before, self._entries[entry.upload_id] = self._entries.get(entry.upload_id), entry
        if before is not None:
            if entry.step < before.step or (before.phase.is_terminal and entry.phase is not before.phase):
                raise Violation(f"an entry went back from {before.phase} {before.step} to {entry.phase} {entry.step}")
            if before.phase.is_terminal and entry.attachment_id != before.attachment_id:
                raise Violation("an outcome changed after it was reached")
        _no_secrets(entry.detail, "a detail")
        if entry.steps_without_progress > MAX_STEPS_WITHOUT_PROGRESS + 1:
            raise Violation(f"I6: {entry.steps_without_progress} steps without progress")
        if entry.phase is Phase.WAITING:
            # Where the app sees no sign-in, only the sweep lets the upload try again.
            self._stage.sweeping = True
        self._offset_is_the_servers(entry)
        self._slot_is_its_own(entry)
        self._queues_in_bounded_time(entry)
        looked_back = before is not None and before.phase in {Phase.QUEUED, Phase.RESOLVING} and not before.list_id
        if looked_back and entry.phase in {Phase.OPENING, Phase.CONFIRMING}:
            self._is_handed_to_nobody_else(entry)
            self._is_not_attached_yet(entry)
        if entry.may_remove_replaced and entry.replaces is not None:
            self._replaced[entry.replaces.attachment_id] = entry.upload_id
        self._attachment_is_claimed(entry, before)

    def _offset_is_the_servers(self, entry: Entry) -> None:
        session = self._stage.todo.store.sessions.get(_session_id(_url(entry)))
        if entry.phase is Phase.SENDING and session is not None and entry.offset > self._most_held[session.id]:
            raise Violation(f"I1: the ledger says {entry.offset}, which the server never had")

    def _queues_in_bounded_time(self, entry: Entry) -> None:
        """An upload that waits for too long has lost its ticket or its wake-up: its message would never be sent."""
        if entry.time_queued(self._stage.clock.now) > self._longest_wait:
            raise Violation(f"pacing: upload {entry.upload_id[:6]} queued for {entry.queued_for}")

    def _slot_is_its_own(self, entry: Entry) -> None:
        if entry.phase.is_terminal or not entry.list_id:
            return
        key = (entry.account, entry.list_id, entry.task_id, entry.attachment_name.casefold())
        for other in self._entries.values():
            theirs = (other.account, other.list_id, other.task_id, other.attachment_name.casefold())
            if theirs == key and other.upload_id != entry.upload_id and not other.phase.is_terminal:
                raise Violation(f"I10: two live entries in one slot: {entry.upload_id[:6]}, {other.upload_id[:6]}")

    def _attachment_is_claimed(self, entry: Entry, before: Entry | None) -> None:
        if entry.phase is Phase.ATTACHED and entry.attachment_id:
            owner = self._stage.world.ledger.attachments.get((entry.account.casefold(), entry.attachment_id))
            if owner is None or _file(self._entries[owner]) != _file(entry):
                raise Violation("I10: attached without a claim on the attachment")
            self._stood_when_it_was_looked_for(entry.attachment_id, before)

    def _stood_when_it_was_looked_for(self, attachment_id: str, before: Entry | None) -> None:
        worker, removed_at = present(), self.removed.get(attachment_id)
        is_new = before is None or not before.phase.is_terminal
        if is_new and worker is not None and removed_at is not None and removed_at < worker.started_at:
            raise Violation("attached, by an attachment that a person had removed")

    def _is_handed_to_nobody_else(self, entry: Entry) -> None:
        """A file that was put under a name for one account must not be attached for another, whatever is written."""
        for other in self._entries.values():
            if other.blob.name != entry.blob.name or not other.list_id or other.account == entry.account:
                continue
            if not other.phase.is_terminal:
                raise Violation("a name is taken from an upload that has not ended")
            written = self.versions[other.upload_id].content
            if other.phase is Phase.ATTACHED and written == self.versions[entry.upload_id].content:
                raise Violation("a file is handed to another account")

    def _is_not_attached_yet(self, entry: Entry) -> None:
        """No session may be opened for a file that is attached already and whose attachment is to stay."""
        for other in self._entries.values():
            known = other.phase is Phase.ATTACHED and other.attachment_id not in {"", *self._replaced}
            if known and self._is_same_request(other, entry) and self._stands(other.attachment_id):
                raise Violation("a file is sent that is attached already")

    def _is_same_request(self, one: Entry, other: Entry) -> bool:
        contents = self.versions[one.upload_id].content, self.versions[other.upload_id].content
        return (*_file(one), one.attachment_name, contents[0]) == (*_file(other), other.attachment_name, contents[1])

    # -- after each worker --

    def storage_failed(self, worker: Worker) -> None:
        self.faults += 1
        if worker.at in {"blobs.tags", "blobs.set_tags"}:
            self.tags_fail = True

    def worker_over(self, worker: Worker) -> None:
        if isinstance(worker.result, Crash):
            self.faults += 1
            recorded = {_session_id(_url(entry)) for entry in self._entries.values()}
            self._lost_sessions.update(set(worker.sessions) - recorded)
            if worker.at in {"blobs.tags", "blobs.set_tags"}:
                self.tags_fail = True
        elif isinstance(worker.result, Exception):
            self._is_no_surprise(worker, worker.result)
        elif worker.promised is not None and not self._lost_claim(worker):
            self._waits[worker.upload_id] = worker.promised

    def _is_no_surprise(self, worker: Worker, error: Exception) -> None:
        if isinstance(error, Violation):
            raise error
        if isinstance(error, ExceptionGroup):
            for each in error.exceptions:
                self._is_no_surprise(worker, each)
            return
        _no_secrets(f"{error!r} {error.__cause__!r}", "an exception")
        if isinstance(error, StorageUnavailable) and worker.storage_faults:
            return
        if isinstance(error, StrangerError) and self.strange:
            return
        raise Violation(f"I5: {worker.kind} raised {error!r}") from error

    def _lost_claim(self, worker: Worker) -> bool:
        lost = {line.get("upload_id") for line in self._stage.world.records.events("claim_lost")}
        return worker.upload_id in lost

    # -- after each move --

    def _no_offence(self) -> None:
        for offence in NEVER:
            if self._stage.todo.journal.offences[offence]:
                raise Violation(f"I8, I9: {self._stage.todo.journal.details[-1]}")

    def check(self) -> None:
        """Check what must hold at any time."""
        self._no_offence()
        self._messages_propose()
        self._no_more_than_allowed()
        self._nothing_told()

    def _messages_propose(self) -> None:
        """I4: a message has no state, and is not ahead of the ledger."""
        bodies = self._stage.world.messages.bodies
        for body in bodies[self._messages_read :]:
            if body in self.strange:
                continue
            message = json.loads(body)
            if set(message) - {"v", "upload", "step", "traceparent", "range", "mailbox"}:
                raise Violation(f"I4: a message holds {sorted(message)}")
            entry = self._entries[message["upload"]]
            if message["step"] > entry.step:
                raise Violation("I4: a message ahead of the ledger")
            if "range" in message and message["range"]["size"] != entry.size:
                raise Violation("I4: a message proposes a range of another file")
            if message["step"] == entry.step and entry.phase is Phase.SENDING and "range" in message:
                self._proposes_the_ledgers_range(message["range"], entry)
        self._messages_read = len(bodies)

    def _proposes_the_ledgers_range(self, proposed: Mapping[str, int], entry: Entry) -> None:
        if proposed["first"] != entry.offset or proposed["last"] >= entry.size:
            raise Violation(f"I4: a message proposes {dict(proposed)}, the ledger is at {entry.offset}")

    def _nothing_told(self) -> None:
        """I7, for what was logged since the last check.

        I4 checks messages; details and exceptions are checked where they occur.
        """
        world = self._stage.world
        lines, self._lines_read = world.records.lines[self._lines_read :], len(world.records.lines)
        if not lines:
            return  # no step, so no tags either
        _no_secrets(json.dumps(lines, default=str), "the log")
        _no_secrets(str([blob.tags for blob in world.blobs.blobs.values()]), "tags")

    # -- at the end --

    def check_end(self) -> None:
        """The promise: every upload is attached exactly once, or ended for a reason that is true."""
        ledger = self._stage.world.ledger
        for entry in ledger.entries():
            if not entry.is_done:
                raise Violation(f"upload {entry.upload_id[:6]} is left in {entry.phase}: {entry.detail}")
            self._ended_truly(entry)
        for name in self._stage.world.blobs.blobs:
            self._current_is_entered(self._stage.world.blobs.version(name))
        for version in self.versions.values():
            self._is_there_unless_attached(version.blob)
        self._nothing_twice()
        self._no_file_twice()
        self._replaced_is_gone()
        self._none_is_missing()
        self._nothing_open()
        self._nothing_withheld()
        self.check()

    def _ended_truly(self, entry: Entry) -> None:
        version = self.versions[entry.upload_id]
        self._stage.counts[f"{entry.phase} {entry.reason}".strip()] += 1
        if entry.phase is Phase.ATTACHED:
            self._is_attached(entry, version)
        elif not self._is_justified(entry, version):
            raise Violation(f"{entry.phase}, {entry.reason}: {entry.detail}: for no reason")
        self._tags_tell(entry)

    def _is_attached(self, entry: Entry, version: Version) -> None:
        if not entry.attachment_id:
            if not any(each.content == version.content for each in self._attachments.values()):
                raise Violation("attached, but nothing is there")
            return
        attachment = self._attachments.get(entry.attachment_id)
        if attachment is None or attachment.content != version.content:
            raise Violation("attached, but not this file")
        if attachment.declared_name != entry.attachment_name:
            raise Violation(f"attached as {attachment.declared_name!r}, wanted {entry.attachment_name!r}")

    def _is_justified(self, entry: Entry, version: Version) -> bool:
        match entry.phase, entry.reason:
            case Phase.SUPERSEDED, Reason.REWRITTEN:
                return any(
                    other.blob.name == version.blob.name and other.blob.etag > version.blob.etag
                    for other in self.versions.values()
                )
            case Phase.WITHDRAWN, Reason.DELETED:
                return self._was_deleted(version.blob.name)
            case Phase.REJECTED, Reason.METADATA:
                return "task" not in version.metadata and "taskid" not in version.metadata
            case Phase.REJECTED, Reason.OTHER_ACCOUNT:
                others = [other for other in self._entries.values() if other.blob.name == version.blob.name]
                return any(other.account.lower() != entry.account.lower() for other in others)
            case Phase.FAILED, Reason.SESSIONS:
                return self.faults >= 5 or self._stage.todo.behaviour.session_lifetime < 86_400
            case Phase.FAILED, Reason.QUEUED_TOO_LONG:
                return False  # so few files never have to
            case Phase.FAILED, Reason.NO_PROGRESS:
                return self.faults >= 10
            case Phase.FAILED, Reason.WORKERS_DIED:
                return self.faults >= MAX_DEATHS
            case Phase.FAILED, Reason.TOO_OLD:
                return entry.age(self._stage.clock.now) > timedelta(hours=24)
            case _, reason:
                return reason in self.fatal

    def _was_deleted(self, name: str) -> bool:
        """Whether the blob was deleted: by the person, or by the app after a newer version was attached."""
        by_us = any(entry.blob.name == name and entry.may_delete_source for entry in self._entries.values())
        return by_us or any(self.versions[each].blob.name == name for each in self.deleted)

    def _tags_tell(self, entry: Entry) -> None:
        blob = self._stage.world.blobs.blobs.get(entry.blob.name)
        untold = self.tags_fail or entry.report.failed_tries >= MAX_REPORT_TRIES
        if blob is None or blob.etag != entry.blob.etag or untold:
            return
        if blob.tags.get("todo_state") != entry.phase:
            raise Violation(f"the tags say {blob.tags.get('todo_state')}, the ledger {entry.phase}")

    def _current_is_entered(self, blob: BlobVersion) -> None:
        version, entries = self.versions[blob.upload_id()], self._entries
        if blob.upload_id() in entries:
            return
        # An edit of the metadata raises no event, and an attached file does not become a new one by it.
        tags = self._stage.world.blobs.blobs[blob.name].tags
        if not version.edited or tags.get(STATE) != Phase.ATTACHED:
            raise Violation(f"{blob.name} was never entered")

    def _is_there_unless_attached(self, blob: BlobVersion) -> None:
        """The only copy of a file may be gone only if its person deleted it, or if it is attached."""
        if blob.name in self._stage.world.blobs.blobs or blob.upload_id() in self.deleted:
            return
        later = (other.blob for other in self.versions.values() if other.blob.name == blob.name)
        entry = self._entries.get(blob.upload_id())
        if max(other.etag for other in later) == blob.etag and (entry is None or not entry.attachment_id):
            raise Violation(f"{blob.name} was deleted, and is not attached")

    def _nothing_twice(self) -> None:
        groups: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for attachment in self._attachments.values():
            groups[attachment.declared_name, attachment.sha256]["there"] += 1
        claimed: Counter[str] = Counter()
        for entry in self._entries.values():
            sha256 = hashlib.sha256(self.versions[entry.upload_id].content).hexdigest()
            group = groups[entry.attachment_name, sha256]
            # Where Graph told no id, a version that never opened a session was attached by an earlier one like it.
            is_own = not claimed[entry.attachment_id] if entry.attachment_id else entry.sessions_opened > 0
            group["attached"] += entry.phase is Phase.ATTACHED and is_own
            group["unsure"] += entry.phase is not Phase.ATTACHED and UNSURE in entry.detail
            claimed[entry.attachment_id] += bool(entry.attachment_id)
        for group in groups.values():
            if not group["attached"] <= group["there"] <= group["attached"] + group["unsure"]:
                raise Violation(f"I3: {dict(group)}")
        for attachment_id, count in claimed.items():
            files = {_file(each) for each in self._entries.values() if each.attachment_id == attachment_id}
            if count > 1 and len(files) > 1:
                raise Violation("I10: one attachment, two files")

    def _no_file_twice(self) -> None:
        """The same content of one blob name is attached once to a task under a name, however often it was written."""
        standing: defaultdict[tuple[object, ...], set[str]] = defaultdict(set)
        for entry in self._entries.values():
            content = self.versions[entry.upload_id].content
            ids = {each.id for each in self._landings[entry.upload_id]} | {entry.attachment_id}
            standing[(*_file(entry), entry.attachment_name, content)] |= {each for each in ids if self._stands(each)}
        for ids in standing.values():
            if len(ids) > 1:
                raise Violation(f"one file is attached {len(ids)} times")

    def _replaced_is_gone(self) -> None:
        for attachment_id in self._replaced:
            if self._stands(attachment_id) and self.faults < MAX_REMOVAL_TRIES:
                raise Violation("an attachment stands beside the one that took its place")

    def _none_is_missing(self) -> None:
        """An attachment may be gone only if a person removed it, or a newer version took its place, never an older."""
        tasks = {task.id: task for task in self._tasks()}
        for entry in self._entries.values():
            if entry.phase is not Phase.ATTACHED or not entry.attachment_id or entry.task_id not in tasks:
                continue
            if entry.attachment_id in tasks[entry.task_id].attachments or entry.attachment_id in self.removed:
                continue
            newer = self._entries.get(self._replaced.get(entry.attachment_id, ""))
            if newer is None or newer.blob.etag < entry.blob.etag:
                raise Violation("attached, and what was attached is gone")

    def _stands(self, attachment_id: str) -> bool:
        return any(attachment_id in task.attachments for task in self._tasks() if not task.deleted)

    def _tasks(self) -> Iterator[Task]:
        for mailbox in self._stage.todo.store.mailboxes.values():
            for each in mailbox.lists.values():
                yield from each.tasks.values()

    def _no_more_than_allowed(self) -> None:
        paces, most = self._stage.world.paces.paces, self._stage.mailbox_limits.uploads_at_once
        if any(len(pace.leases) > most for _, pace in paces.values()):
            raise Violation(f"pacing: more than {most} uploads to one mailbox at once")

    def _nothing_withheld(self) -> None:
        """No lease or ticket may be left, unless a worker died, or a write was lost, that should have given it back."""
        stage, paces = self._stage, self._stage.world.paces
        if not stage.counts["kills"] + stage.counts["storage faults"] + stage.counts["late writes"]:
            for mailbox, (_, pace) in paces.paces.items():
                # A lease that ran out does not count: its upload was held up for longer than that.
                if tidied(pace, stage.clock.now, stage.mailbox_limits).leases or paces.queues.get(mailbox):
                    raise Violation(f"pacing: {len(pace.leases)} leases of a mailbox were never given back")

    def _nothing_open(self) -> None:
        orphaned = {str(line["upload_id"]) for line in self._stage.world.records.events("orphan_session")}
        for session in self._stage.todo.open_sessions():
            owner = self._owner_of_session[session.id]
            if session.id not in self._lost_sessions and owner not in orphaned and not self.cannot_cancel:
                raise Violation(f"a session of upload {owner[:6]} is open, which could have been cancelled")


def _no_secrets(told: str, where: str) -> None:
    for secret in SECRETS:
        if secret in told:
            raise Violation(f"I7: {secret} in {where}")


def _target(entry: Entry) -> tuple[str, str, str]:
    return entry.account.lower(), entry.list_id, entry.task_id


def _file(entry: Entry) -> tuple[str, tuple[str, str, str]]:
    return entry.blob.name, _target(entry)


def _url(entry: Entry) -> str:
    return entry.session.url if entry.session is not None else ""


def _session_id(url: str) -> str:
    return urlsplit(url).path.rpartition("/")[2]
