"""Nothing to send: an empty file is looked at again after a while, and attached by one small POST."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from local.stand_ins.todo.behaviour import Behaviour
from local.stand_ins.todo.faults import Answer, CutOffReply, Delay, Effect, ResetConnection, Silence
from local.stand_ins.todo.journal import Offence
from shared.core.entry import Phase, Reason
from tests.scenarios.promise import FILE, assert_attached, assert_ended, assert_promise, fault, upload
from tests.support.fakes.manual_clock import START
from tests.support.fakes.seam import ActingSeam, Crash, Seam
from tests.support.fakes.world import LIMITS, World

FAULTS: Mapping[str, Effect] = {
    **{f"{status} before": Answer(status) for status in (429, 500, 502, 503, 504)},
    **{f"{status} after": Answer(status, applied=True) for status in (408, 409, 500, 502, 504)},
    "reset before the body": ResetConnection("before_body"),
    "reset in the body": ResetConnection("in_body"),
    "reply lost": ResetConnection("after_applying"),
    "reply cut off": CutOffReply(),
    "never answered": Silence(),
    "never answered, but applied": Silence(applied=True),
    "reply slow beyond the deadline": Delay(100, applied=True),
}


def test_an_empty_file_waits_and_is_attached_by_one_post() -> None:
    world = World()
    blob = upload(world, b"")
    assert_attached(world, blob, b"")
    assert_promise(world)
    assert [operation for operation, _ in world.requests()] == ["list_attachments", "post_attachment"]
    assert world.clock.now - START >= LIMITS.empty_file_wait


@pytest.mark.parametrize("effect", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("operation", ["post_attachment", "list_attachments"])
def test_a_post_whose_answer_is_lost_attaches_once(effect: Effect, operation: str) -> None:
    world = World(faults=(fault(effect, operation),))
    blob = upload(world, b"")
    assert_attached(world, blob, b"")
    assert_promise(world)


@pytest.mark.parametrize("applied", [False, True])
def test_a_worker_that_dies_in_the_post_is_taken_over_by_a_search(applied: bool) -> None:
    world = World()

    def die() -> None:
        raise Crash

    world.put_in(ActingSeam("graph.post_attachment", die, applied=applied))
    blob = upload(world, b"")
    assert_attached(world, blob, b"")
    assert_promise(world)


@pytest.mark.parametrize("later", [1, 29, 31, 60, 89])
def test_a_post_that_lands_after_its_worker_gave_up_on_it_and_died_is_not_doubled(later: float) -> None:
    """The claim is over soon after the deadline, but the server may apply the request up to a deadline later."""
    world = World(faults=(fault(Delay(120), "post_attachment"),))
    world.put_in(DyingBeforeItsRecord(world, LIMITS.deadline + timedelta(seconds=later)))
    blob = upload(world, b"")
    assert_attached(world, blob, b"")
    assert_promise(world)
    assert any(entry.zombie for entry in world.todo.journal.entries)


class DyingBeforeItsRecord(Seam):
    """The worker dies before it records what became of its POST, which the server applies *later* than it began.

    The event comes again, so that somebody takes over as soon as the claim runs out.
    """

    def __init__(self, world: World, later: timedelta) -> None:
        self._world, self._later = world, later
        self._dead = False

    def enter(self, operation: str, *, changes: bool) -> None:
        for exchange in self._world.graph.given_up:
            if not exchange.completed and self._world.clock.now >= exchange.entry.time + self._later:
                self._world.todo.complete(exchange)
        if self._world.graph.given_up and not self._dead:
            self._dead = True
            self._world.notify()
            raise Crash


@pytest.mark.parametrize("lag", [100.0, 600.0])
def test_a_listing_that_lags_behind_the_post_of_a_dead_worker_does_not_make_us_post_it_again(lag: float) -> None:
    world = World(behaviour=Behaviour(listing_lag=lag))

    def die() -> None:
        raise Crash

    world.put_in(ActingSeam("graph.post_attachment", die, applied=True))
    blob = upload(world, b"")
    assert_attached(world, blob, b"")
    assert_promise(world)


def test_a_writer_that_opened_a_stream_gets_only_its_file_attached() -> None:
    """The empty blob was only the beginning of a longer one."""
    world = World()
    empty = world.drop(b"")
    world.notify()
    world.run(until=lambda: empty.upload_id() in world.ledger.rows)
    world.clock.advance(timedelta(seconds=20))
    whole = world.drop(FILE)
    world.notify()
    world.run()
    assert_ended(world, empty, Phase.SUPERSEDED, Reason.REWRITTEN)
    assert_attached(world, whole)
    assert_promise(world)


def test_an_empty_file_that_is_deleted_while_it_waits_is_withdrawn() -> None:
    world = World()
    blob = world.drop(b"")
    world.notify()
    world.run(until=lambda: bool(world.messages.messages))
    world.blobs.remove("report.pdf")
    world.run()
    assert_ended(world, blob, Phase.WITHDRAWN, Reason.DELETED)
    assert world.attached() == []
    assert_promise(world)


@pytest.mark.parametrize("rewritten", [True, False])
def test_an_empty_file_that_is_gone_while_its_post_is_throttled_is_not_attached(rewritten: bool) -> None:
    world = World(faults=(fault(Answer(429, retry_after=900), "post_attachment"),))
    blob = world.drop(b"")
    world.notify()
    world.run(until=lambda: ("post_attachment", 429) in world.requests())
    if rewritten:
        world.drop(FILE)
    else:
        world.blobs.remove("report.pdf")
    world.run()
    assert world.phase(blob) is (Phase.SUPERSEDED if rewritten else Phase.WITHDRAWN)
    assert [data for _, data in world.attached()] == ([FILE] if rewritten else [])
    assert_promise(world)


def test_several_empty_files_of_one_name_are_several_attachments_one_after_the_other() -> None:
    world = World()
    first = upload(world, b"", name="a/report.pdf")
    second = upload(world, b"", name="b/report.pdf")
    assert [world.phase(blob) for blob in (first, second)] == [Phase.ATTACHED, Phase.ATTACHED]
    assert world.entry(first).attachment_id != world.entry(second).attachment_id
    assert len(world.attached()) == 2
    assert_promise(world, offences=[Offence.SECOND_ATTACHMENT])
