"""What every scenario ends with: the promise that nothing is lost, nothing is there twice, and no secret got out."""

import json
from collections.abc import Iterable

from local.stand_ins.todo.faults import Effect, Rule
from local.stand_ins.todo.journal import Offence
from shared.core.attachment import BlobVersion
from shared.core.entry import Entry, Phase, Reason
from shared.errors import AttachError
from tests.support.fakes.world import SLICE, World, content

# Two whole slices and a half.
FILE = content(2 * SLICE + SLICE // 2)
SLICES = 3


def fault(effect: Effect, operation: str = "put_slice", *, nth: int = 1, count: int | None = 1) -> Rule:
    return Rule(effect, operation=operation, nth=nth, count=count)


def upload(world: World, data: bytes = FILE, /, *, name: str = "report.pdf", **metadata: str) -> BlobVersion:
    """Drop a file, and let everything run until nothing moves any more."""
    blob = world.drop(data, name, **metadata)
    world.notify(name)
    world.run()
    return blob


def assert_attached(world: World, blob: BlobVersion, data: bytes = FILE, *, name: str = "report.pdf") -> None:
    """That file hangs on the default task exactly once, whole, and nothing else does."""
    entry = world.entry(blob)
    assert (entry.phase, entry.reason) == (Phase.ATTACHED, Reason.NONE)
    assert world.attached() == [(name, data)]
    assert entry.attachment_id in {"", *world.task.attachments}


def assert_ended(world: World, blob: BlobVersion, phase: Phase, reason: Reason, *words: str) -> Entry:
    entry = world.entry(blob)
    assert (entry.phase, entry.reason) == (phase, reason), entry.detail
    for word in words:
        assert word in entry.detail
    return entry


def assert_promise(
    world: World, *, unseen_sessions: int = 0, offences: Iterable[Offence] = (), known_secrets: Iterable[str] = ()
) -> None:
    """Everything came to its end, nothing is left open, nothing was done that must not be, and no secret got out.

    *unseen_sessions*: whose create reply nobody lived to see. They cannot be cancelled, hold no byte, and expire.
    """
    assert [error for error in world.raised if not isinstance(error, AttachError)] == []
    assert all(entry.is_done for entry in world.ledger.entries())
    assert not world.ledger.live_rows
    assert not world.messages.messages
    assert len(world.todo.open_sessions()) <= unseen_sessions
    assert set(world.offences()) <= {str(offence) for offence in offences}, list(world.todo.journal.details)
    told = told_to_anybody(world)
    for secret in {*secrets(world), *known_secrets}:
        assert secret not in told


def secrets(world: World) -> set[str]:
    tokens = set(world.accounts.tokens.values()) | set(world.todo.store.grants)
    sessions = {entry.session for entry in world.todo.journal.entries if entry.session}
    return tokens | sessions | {"attachmentSessions", "canary-token"}


def told_to_anybody(world: World) -> str:
    """Everything that leaves the ledger other than towards Graph: log, messages, tags, exceptions."""
    queues = (world.messages, world.poison, world.events)
    return "\n".join(
        [
            json.dumps(world.records.lines, default=str),
            *(body.decode("utf-8", "replace") for queue in queues for body in queue.bodies),
            *(f"{key}={value}" for blob in world.blobs.blobs.values() for key, value in blob.tags.items()),
            *(f"{error!r} {error} {error.__cause__!r}" for error in world.raised),
        ]
    )
