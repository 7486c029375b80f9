"""The worker dies after each effect of a whole upload, and before each, alone and together with each fault of Graph.

The effects of a run without a crash are counted first; then there is one run for each of them.
"""

from collections.abc import Callable, Iterator, Mapping

import pytest

from local.stand_ins.todo.faults import (
    Answer,
    CutOffReply,
    Delay,
    Effect,
    ExpireSession,
    KeepPart,
    NonsenseRanges,
    ResetConnection,
    Rule,
    Silence,
)
from local.stand_ins.todo.journal import Offence
from shared.core.entry import Phase, Reason
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_ended, assert_promise, fault, upload
from tests.support.fakes.seam import CountingSeam, Crash, crash_after
from tests.support.fakes.world import World

BY_NAME = {"list": "Tasks", "task": "Receipts"}

FAULTS: Mapping[str, Effect] = {
    "429": Answer(429, retry_after=30),
    "500": Answer(500),
    "500 after applying": Answer(500, applied=True),
    "503": Answer(503),
    "503 after applying": Answer(503, applied=True),
    "404": Answer(404),
    "409": Answer(409),
    "416": Answer(416),
    "reset before": ResetConnection("before_body"),
    "reset in the body": ResetConnection("in_body"),
    "reply lost": ResetConnection("after_applying"),
    "reply cut off": CutOffReply(),
    "half a range": KeepPart(0.5),
    "expired": ExpireSession(),
    "nonsense range": NonsenseRanges("beyond"),
    "no range": NonsenseRanges("empty"),
    "silence": Silence(),
    "silence after applying": Silence(applied=True),
    "slow beyond the deadline": Delay(100),
}


class CrashBefore(CountingSeam):
    """Dies right before the *number*-th change: what was going to be done is not done."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number
        self._met = 0

    def enter(self, operation: str, *, changes: bool) -> None:
        if changes:
            self._met += 1
            if self._met == self._number:
                raise Crash


def effects_of(make: Callable[[], World], data: bytes, metadata: Mapping[str, str]) -> int:
    world, seam = make(), CountingSeam()
    world.put_in(seam)
    upload(world, data, **metadata)
    return len(seam.changes)


def crashes(make: Callable[[], World], data: bytes, metadata: Mapping[str, str]) -> Iterator[World]:
    for number in range(1, effects_of(make, data, metadata) + 1):
        for seam in (crash_after(number), CrashBefore(number)):
            world = make()
            world.put_in(seam)
            yield world


@pytest.mark.parametrize("data", [FILE, b"", b"x"], ids=["three slices", "empty", "one byte"])
@pytest.mark.parametrize("metadata", [{}, BY_NAME], ids=["by id", "by name"])
def test_a_worker_may_die_after_and_before_every_effect(data: bytes, metadata: Mapping[str, str]) -> None:
    for world in crashes(World, data, metadata):
        blob = upload(world, data, **metadata)
        assert_attached(world, blob, data)
        assert_promise(world, unseen_sessions=1)


@pytest.mark.parametrize("effect", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("nth", [2, SLICES])
def test_a_worker_may_die_at_every_effect_while_a_range_fails(effect: Effect, nth: int) -> None:
    def make() -> World:
        return World(faults=(fault(effect, nth=nth),))

    for world in crashes(make, FILE, {}):
        blob = upload(world)
        assert_attached(world, blob)
        # Who died after a 429 cannot have told anybody how long to wait.
        assert_promise(world, unseen_sessions=1, offences=[Offence.EARLY_REQUEST])


@pytest.mark.parametrize(
    "rule",
    [
        fault(Answer(503), "create_session"),
        fault(ResetConnection("after_applying"), "create_session"),
        fault(CutOffReply(), "create_session"),
    ],
)
def test_a_worker_may_die_at_every_effect_while_a_create_fails(rule: Rule) -> None:
    for world in crashes(lambda: World(faults=(rule,)), FILE, {}):
        blob = upload(world)
        assert_attached(world, blob)
        assert_promise(world, unseen_sessions=2)


@pytest.mark.parametrize("operation", ["get_session", "cancel_session", "list_attachments", "get_value"])
def test_a_worker_may_die_at_every_effect_on_the_way_through_a_lost_last_reply(operation: str) -> None:
    rules = (fault(ResetConnection("after_applying"), nth=SLICES), fault(Answer(500), operation))
    for world in crashes(lambda: World(faults=rules), FILE, {}):
        blob = upload(world)
        assert_attached(world, blob)
        assert_promise(world, unseen_sessions=1)


@pytest.mark.parametrize(
    "effect", [Answer(500, applied=True), ResetConnection("after_applying"), Silence(applied=True)]
)
def test_a_worker_may_die_at_every_effect_while_the_post_of_an_empty_file_fails(effect: Effect) -> None:
    for world in crashes(lambda: World(faults=(fault(effect, "post_attachment"),)), b"", {}):
        blob = upload(world, b"")
        assert_attached(world, blob, b"")
        assert_promise(world)


class DyingAt(CountingSeam):
    """The worker dies at *operation*, before it is applied, so many *times*."""

    def __init__(self, operation: str, times: int) -> None:
        super().__init__()
        self.operation, self.times = operation, times

    def enter(self, operation: str, *, changes: bool) -> None:
        if operation == self.operation and self.times:
            self.times -= 1
            raise Crash


@pytest.mark.parametrize("operation", ["blobs.read", "graph.list_lists"])
def test_what_kills_ten_workers_in_a_row_fails_with_that_reason_and_kills_no_eleventh(operation: str) -> None:
    """What a sender wrote must not kill workers for a day."""
    world = World()
    seam = DyingAt(operation, 1000)
    world.put_in(seam)
    blob = world.drop(FILE, list="Tasks", task="Receipts")
    world.notify()
    world.run()
    assert_ended(world, blob, Phase.FAILED, Reason.WORKERS_DIED, "10 workers in a row died")
    assert 1000 - seam.times == 10
    assert world.blobs.blobs["report.pdf"].tags["todo_reason"].startswith("workers-died: 10 workers in a row died")
    assert_promise(world)


@pytest.mark.parametrize("operation", ["blobs.read", "graph.list_lists", "graph.put_slice", "blobs.set_tags"])
def test_nine_deaths_in_a_row_fail_nothing(operation: str) -> None:
    """One dying worker takes along the runs of other uploads beside it."""
    world = World()
    world.put_in(DyingAt(operation, 9))
    blob = world.drop(FILE, list="Tasks", task="Receipts")
    world.notify()
    world.run()
    assert_attached(world, blob)
    assert_promise(world)


def test_workers_that_die_again_and_again_end_the_upload_at_a_bound() -> None:
    """Every worker dies right after it opened a session: the intent was counted before."""
    world = World()

    class Cursed(CountingSeam):
        def leave(self, operation: str, *, changes: bool) -> None:
            if operation == "graph.create_session":
                raise Crash

    world.put_in(Cursed())
    blob = upload(world)
    assert world.entry(blob).detail == "5 upload sessions came to nothing"
    assert_promise(world, unseen_sessions=5)
