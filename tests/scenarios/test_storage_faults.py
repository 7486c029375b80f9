"""Storage refuses, is slow, or loses the answer to a write that it applied: at each call of a whole upload."""

import pytest

from local.stand_ins.todo.faults import ExpireSession, ResetConnection
from shared.core.entry import Phase
from shared.errors import Conflict, StorageUnavailable
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_promise, fault, upload
from tests.support.fakes.seam import CountingSeam, FailingSeam, Seam
from tests.support.fakes.world import World


class FailingCall(Seam):
    """The *number*-th call of storage fails, *times* in a row: before it is applied, or only its answer is lost."""

    def __init__(self, number: int, *, applied: bool, times: int = 1) -> None:
        self._failing, self._applied = range(number, number + times), applied
        self.calls = 0

    def enter(self, operation: str, *, changes: bool) -> None:
        if not operation.startswith("graph."):
            self.calls += 1
            self._fail(applied=False)

    def leave(self, operation: str, *, changes: bool) -> None:
        if not operation.startswith("graph."):
            self._fail(applied=True)

    def _fail(self, *, applied: bool) -> None:
        if self.calls in self._failing and applied is self._applied:
            raise StorageUnavailable("storage answered 503")


def calls_of_a_clean_run(data: bytes) -> int:
    world, seam = World(), FailingCall(0, applied=False)
    world.put_in(seam)
    upload(world, data)
    return seam.calls


@pytest.mark.parametrize("applied", [False, True], ids=["refused", "answer lost"])
@pytest.mark.parametrize("times", [1, 2, 7])
@pytest.mark.parametrize("data", [FILE, b""], ids=["file", "empty file"])
def test_each_call_of_storage_may_fail(applied: bool, times: int, data: bytes) -> None:
    for number in range(1, calls_of_a_clean_run(data) + 1):
        world = World()
        world.put_in(FailingCall(number, applied=applied, times=times))
        blob = upload(world, data)
        assert_attached(world, blob, data)
        assert_promise(world)


@pytest.mark.parametrize("applied", [False, True], ids=["refused", "answer lost"])
def test_each_call_of_storage_may_fail_while_graph_fails_too(applied: bool) -> None:
    for number in range(1, calls_of_a_clean_run(FILE) + 12):
        for effect in (ResetConnection("after_applying"), ExpireSession()):
            world = World(faults=(fault(effect, nth=SLICES),))
            world.put_in(FailingCall(number, applied=applied))
            blob = upload(world)
            assert_attached(world, blob)
            assert_promise(world)


def test_a_session_that_could_not_be_recorded_is_cancelled() -> None:
    world = World()
    calls = CountingSeam()
    world.put_in(calls)
    upload(world)
    nth = calls.changes[: calls.changes.index("graph.create_session")].count("ledger.replace") + 1
    world = World()
    world.put_in(FailingAt("ledger.replace", nth))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)
    assert ("cancel_session", 204) in world.requests()


class FailingAt(Seam):
    def __init__(self, operation: str, nth: int) -> None:
        self._operation, self._left = operation, nth

    def enter(self, operation: str, *, changes: bool) -> None:
        if operation == self._operation:
            self._left -= 1
            if self._left == 0:
                raise StorageUnavailable("the ledger answered 503")


@pytest.mark.parametrize("conflicts", [1, 2, 5])
def test_a_ledger_that_says_conflict_costs_time_only(conflicts: int) -> None:
    """Somebody else wrote in between, or seems to have: whoever it was, the upload goes on."""
    for skipped in range(8):
        world = World()
        world.put_in(SkippingConflicts(skipped, conflicts))
        blob = upload(world)
        assert_attached(world, blob)
        assert_promise(world)


class SkippingConflicts(FailingSeam):
    def __init__(self, skipped: int, conflicts: int) -> None:
        super().__init__("ledger.replace", [Conflict("412")] * conflicts)
        self._skipped = skipped

    def enter(self, operation: str, *, changes: bool) -> None:
        if operation == self.operation and self._skipped:
            self._skipped -= 1
            return
        super().enter(operation, changes=changes)


@pytest.mark.parametrize("seconds", [1, 10, 25])
def test_storage_that_is_slow_at_every_call_costs_time_only(seconds: float) -> None:
    world = World()
    seam = Seam()
    world.put_in(seam)
    seam.enter = lambda _operation, changes: world.clock.advance(0 if changes else seconds)  # type: ignore[method-assign, misc]
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)


def test_an_outage_of_the_container_is_no_death() -> None:
    """What asks it raises, and its claim runs out as a dead worker's does: again and again, for hours."""
    world = World()
    blob = world.blobs.write("report.pdf", FILE, {})
    world.notify()
    world.run(until=lambda: world.phase(blob) is Phase.ARRIVING)
    world.put_in(FailingSeam("blobs.describe", [StorageUnavailable("blob storage answered 503")] * 30))
    edited = world.blobs.edit_metadata("report.pdf", {"listid": world.list.id, "taskid": world.task.id})
    world.run()
    assert world.phase(blob) is Phase.SUPERSEDED
    assert_attached(world, edited)
    assert_promise(world)


def test_an_outage_of_one_operation_after_the_turn_is_no_death() -> None:
    """The turn is stored by the next step only, which fails: the take-overs of an hour are no dead workers."""
    world = World()
    blob = world.drop(FILE)
    world.put_in(FailingSeam("ledger.take_slot", [StorageUnavailable("the table answered 503")] * 30))
    world.notify()
    world.run()
    assert_attached(world, blob)
    assert_promise(world)


@pytest.mark.parametrize("operation", ["blobs.describe", "blobs.read", "blobs.tags", "blobs.set_tags", "blobs.delete"])
@pytest.mark.parametrize("times", [1, 4])
def test_blob_storage_that_does_not_answer_is_waited_for(operation: str, times: int) -> None:
    world = World(delete_attached=True)
    world.put_in(FailingSeam(operation, [StorageUnavailable("blob storage answered 503")] * times))
    blob = upload(world)
    assert_attached(world, blob)
    assert world.blobs.blobs == {}
    assert_promise(world)
