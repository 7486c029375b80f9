"""Everything comes twice, late, out of order, and while somebody else is at it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.messages import ProposedRange, RangeMessage, decode, encode
from shared.core.ranges import ByteRange
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_promise, upload
from tests.support.fakes.seam import ActingSeam, Seam
from tests.support.fakes.world import SLICE, World, content


class Doubling(Seam):
    """Every message that is sent is on the queue once more, *delay* later."""

    def __init__(self, world: World, delay: timedelta) -> None:
        self._world, self._delay = world, delay

    def leave(self, operation: str, *, changes: bool) -> None:
        if operation == "queue.send":
            self._world.messages.put(self._world.messages.messages[-1].body, self._delay)


@pytest.mark.parametrize("times", [2, 3, 10])
def test_an_event_delivered_several_times_attaches_once(times: int) -> None:
    world = World()
    blob = world.drop(FILE)
    world.notify(times=times)
    world.run()
    assert_attached(world, blob)
    assert len(world.records.events("accepted")) == 1
    assert len(world.records.events("known_already")) == times - 1
    assert_promise(world)


@pytest.mark.parametrize("requests", range(SLICES + 1))
def test_an_event_delivered_again_half_way_or_afterwards_attaches_once(requests: int) -> None:
    world = World()
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.requests()) > requests)
    world.notify()
    world.run()
    assert_attached(world, blob)
    assert_promise(world)
    assert len(world.requests()) == 1 + SLICES


@pytest.mark.parametrize("delay", [0, 1, 45, 119, 700, 4_000])
def test_every_message_twice_attaches_once_and_sends_nothing_twice(delay: int) -> None:
    world = World()
    world.put_in(Doubling(world, timedelta(seconds=delay)))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)
    assert len(world.requests()) == 1 + SLICES


def test_messages_out_of_order_attach_once() -> None:
    world = World()
    world.put_in(Doubling(world, timedelta(seconds=2)))
    world.choose = lambda visible: visible[-1]
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)


@pytest.mark.parametrize("point", ["blobs.read", "graph.put_slice", "ledger.replace", "queue.send"])
@pytest.mark.parametrize("applied", [False, True])
def test_a_second_worker_in_the_middle_of_the_first_ones_step_changes_nothing(point: str, applied: bool) -> None:
    """The same proposal is delivered to another worker while the first one works on it."""
    world = World()
    blob = world.drop(FILE)
    world.event()
    proposal = world.messages.messages[0].body
    world.put_in(ActingSeam(point, lambda: world.application.runner.send_range(proposal, 1), applied=applied))
    world.run()
    assert_attached(world, blob)
    assert_promise(world)


@pytest.mark.parametrize("nth", range(1, SLICES + 1))
def test_a_message_whose_lease_ran_out_in_a_slow_put_attaches_once(nth: int) -> None:
    """The first worker hangs after its PUT; the second one gets the message, goes on, and finishes."""
    world = World()
    blob = world.drop(FILE)
    world.notify()

    def hang() -> None:
        world.clock.advance(timedelta(minutes=11))
        world.run()

    world.put_in(ActingSeam("graph.put_slice", hang, nth=nth, applied=True))
    world.run()
    assert_attached(world, blob)
    assert_promise(world)


def test_a_worker_that_hangs_before_its_put_does_not_send_it_any_more() -> None:
    """Its claim ran out while it read the blob: the request is not started."""
    world = World()
    blob = world.drop(FILE)
    world.notify()

    def hang() -> None:
        world.clock.advance(timedelta(minutes=11))
        world.run()

    world.put_in(ActingSeam("blobs.read", hang, nth=2))
    world.run()
    assert_attached(world, blob)
    assert_promise(world)
    assert len(world.requests()) <= 1 + SLICES + 1  # one more to ask the session


def test_a_message_that_turns_up_early_goes_back_for_the_rest_of_the_time() -> None:
    world = World()
    blob = world.drop(b"")
    world.notify()
    world.run(until=lambda: bool(world.messages.messages))
    early = RangeMessage(blob.upload_id(), world.entry(blob).step)
    world.messages.put(encode(early).encode())
    world.run()
    assert_attached(world, blob, b"")
    assert world.requests().count(("post_attachment", 201)) == 1
    assert_promise(world)


def test_events_of_two_files_do_not_mix_them_up() -> None:
    world = World()
    one, two = content(3_000, 1), content(3_000, 2)
    world.drop(one, "one.pdf")
    world.drop(two, "two.pdf")
    for name in ("one.pdf", "two.pdf", "one.pdf", "two.pdf"):
        world.notify(name)
    world.run()
    assert sorted(world.attached()) == [("one.pdf", one), ("two.pdf", two)]
    assert_promise(world)


@pytest.mark.parametrize(
    "proposed",
    [None, ProposedRange(ByteRange(SLICE, 2 * SLICE), len(FILE)), ProposedRange(ByteRange(0, 1), 1)],
    ids=["no range", "the wrong bytes", "another file's"],
)
def test_a_message_with_another_range_than_the_ledgers_is_only_noted(proposed: ProposedRange | None) -> None:
    world = World()
    blob = world.drop(FILE)
    world.event()
    [message] = world.messages.messages
    message.body = encode(replace(decode(message.body), range=proposed)).encode()
    world.run()
    assert_attached(world, blob)
    assert_promise(world)
    [noted] = world.records.events("other_range")
    assert (noted["range_start"], noted["range_stop"]) == (0, SLICE)
    assert noted.get("proposed_stop") == (proposed.part.stop if proposed is not None else None)


def test_every_message_of_a_clean_upload_proposes_the_bytes_that_its_step_sends() -> None:
    world = World()
    blob = world.drop(FILE)
    world.notify()
    world.run()
    assert_attached(world, blob)
    ranges = [decode(body).range for body in world.messages.bodies]
    sent = [each.part for each in ranges if each is not None]
    assert [part.start for part in sent] == list(range(0, len(FILE), SLICE))
    assert sent[-1].stop == len(FILE)
    assert world.records.events("other_range") == []
