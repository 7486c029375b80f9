"""One acts, the others wait: claims, takeovers from the dead and from the slow, and what a slow ledger does to both."""

from datetime import timedelta

import pytest

from local.stand_ins.todo.faults import Delay
from shared.core.entry import Phase
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_promise, fault
from tests.support.fakes.seam import ActingSeam, Crash, Seam
from tests.support.fakes.world import LIMITS, World


def die() -> None:
    raise Crash


@pytest.mark.parametrize("nth", range(1, SLICES + 1))
def test_a_claim_of_a_dead_worker_is_taken_over_and_the_server_asked_first(nth: int) -> None:
    world = World()
    blob = world.drop(FILE)
    world.notify()
    world.put_in(ActingSeam("graph.put_slice", die, nth=nth))
    world.run()
    assert_attached(world, blob)
    assert_promise(world)
    operations = [operation for operation, _ in world.requests()]
    assert operations.count("put_slice") == SLICES
    assert operations.count("get_session") == 1


@pytest.mark.parametrize("point", ["ledger.replace", "queue.send"])
@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("nth", range(1, 2 * SLICES))
def test_a_worker_that_dies_around_record_and_schedule_is_carried_on_without_the_sweep(
    point: str, applied: bool, nth: int
) -> None:
    world = World()
    world.sweep = lambda: None  # type: ignore[assignment, return-value, method-assign]
    blob = world.drop(FILE)
    world.notify()
    world.put_in(ActingSeam(point, die, nth=nth, applied=applied))
    world.run(until=lambda: world.settled(blob))
    assert_attached(world, blob)


def test_a_waiting_worker_comes_back_when_the_claim_ends() -> None:
    """The holder is dead and its own message is leased for ten minutes: the other message is the only one left."""
    world = World()
    blob = world.drop(FILE)
    world.event()
    message = world.messages.messages[0]
    world.messages.put(message.body, timedelta(seconds=1))
    world.put_in(ActingSeam("graph.put_slice", die))
    started = world.clock.now
    world.run(until=lambda: world.settled(blob))
    assert_attached(world, blob)
    assert world.clock.now - started < timedelta(minutes=3)
    world.run()
    assert_promise(world)


class SlowReplies(Seam):
    """Each reply of *operation* takes *seconds* to come back, as when an SDK repeats what timed out."""

    def __init__(self, world: World, operation: str, seconds: float) -> None:
        self._world, self._operation, self._seconds = world, operation, seconds

    def leave(self, operation: str, *, changes: bool) -> None:
        if operation == self._operation:
            self._world.clock.advance(self._seconds)


class PutsWithinClaims(SlowReplies):
    """And every PUT must be over, at the latest, when the claim that it is sent under is."""

    puts = 0

    def enter(self, operation: str, *, changes: bool) -> None:
        if operation == self._operation and not changes:
            self._world.clock.advance(self._seconds)
        if operation == "graph.put_slice":
            [entry] = self._world.ledger.entries()
            assert entry.claim is not None
            assert self._world.clock.now + LIMITS.deadline <= entry.claim.until
            self.puts += 1


@pytest.mark.parametrize("operation", ["ledger.replace", "ledger.insert", "queue.send", "ledger.mark_live"])
@pytest.mark.parametrize("seconds", [5, 28.5, 29.5, 31, 50])
def test_no_put_outlives_its_claim_however_slow_the_ledger_answers(operation: str, seconds: float) -> None:
    world = World()
    seam = PutsWithinClaims(world, operation, seconds)
    world.put_in(seam)
    world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.records.events("step")) > 10)
    assert seam.puts <= SLICES
    assert world.raised == []


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.999])
@pytest.mark.parametrize("seconds", [27, 29.5])
def test_a_claim_judged_by_dates_cut_to_seconds_is_never_thought_longer_than_it_is(
    fraction: float, seconds: float
) -> None:
    world = World()
    world.clock.advance(fraction)
    world.put_in(PutsWithinClaims(world, "blobs.read", seconds))
    world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.records.events("step")) > 10)
    assert world.raised == []


def test_a_worker_that_lost_its_claim_cancels_the_session_that_only_it_knows() -> None:
    world = World()
    blob = world.drop(FILE)

    def hang() -> None:
        world.clock.advance(timedelta(minutes=3))
        world.notify()
        world.run()

    world.put_in(ActingSeam("graph.create_session", hang, applied=True))
    world.event()
    world.run()
    assert_attached(world, blob)
    assert_promise(world)
    assert ("cancel_session", 204) in world.requests()


def test_a_slow_put_within_its_deadline_is_waited_for() -> None:
    world = World(faults=(fault(Delay(80), nth=2),))
    blob = world.drop(FILE)
    world.notify()
    world.run()
    assert_attached(world, blob)
    assert_promise(world)
    assert len(world.requests()) == 1 + SLICES


def test_a_terminal_entry_lost_by_its_worker_is_still_reported() -> None:
    world = World()
    blob = world.drop(FILE)
    world.notify()
    world.put_in(ActingSeam("blobs.set_tags", die))
    world.run()
    assert world.phase(blob) is Phase.ATTACHED
    assert world.blobs.blobs["report.pdf"].tags["todo_state"] == "attached"
    assert_promise(world)


def test_a_report_that_hangs_over_the_end_of_its_claim_overwrites_nothing() -> None:
    """Waiting for sign-in was to be told; meanwhile somebody signed in and the file was attached."""
    world = World()
    blob = world.drop(FILE)
    world.accounts.tokens.clear()
    world.notify()

    def hang() -> None:
        world.accounts.tokens["sam@example.com"] = "canary-token-of-sam"
        world.clock.advance(timedelta(minutes=11))
        world.run()

    world.put_in(ActingSeam("blobs.tags", hang))
    world.run()
    assert_attached(world, blob)
    assert world.blobs.blobs["report.pdf"].tags["todo_state"] == "attached"
    assert_promise(world)
