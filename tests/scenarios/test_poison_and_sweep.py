"""The nets below the chain: poison messages park, the sweep brings back, and neither gets in a live chain's way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import pytest

from local.stand_ins.todo.faults import Answer, ResetConnection
from shared.core.attachment import BlobVersion
from shared.core.entry import Phase
from shared.core.messages import RangeMessage, encode
from shared.errors import StorageUnavailable, StrangerError
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_promise, fault, upload
from tests.support.fakes.manual_clock import START
from tests.support.fakes.seam import ActingSeam, Crash, Seam
from tests.support.fakes.world import MAILBOX_LIMITS, MAX_DEQUEUES, World, content

STRANGE = {
    "no JSON": b"hello",
    "no text": b"\xff\xfe\x00",
    "nothing": b"",
    "a list": b"[1, 2]",
    "null": b"null",
    "nested too deep": b"[" * 3_000,
    "far too large": b'{"v":1,"upload":"' + b"a" * 60_000 + b'"}',
    "no version": b'{"upload":"00112233445566778899aabbccddeeff","step":1}',
    "an older version": b'{"v":0,"upload":"00112233445566778899aabbccddeeff","step":1}',
    "a newer version": b'{"v":2,"upload":"00112233445566778899aabbccddeeff","step":1}',
    "no step": b'{"v":1,"upload":"00112233445566778899aabbccddeeff"}',
    "a step that is none": b'{"v":1,"upload":"00112233445566778899aabbccddeeff","step":true}',
    "an id that is none": b'{"v":1,"upload":"../secrets","step":1}',
}
UNKNOWN = b'{"v":1,"upload":"00112233445566778899aabbccddeeff","step":1}'


@pytest.mark.parametrize("body", STRANGE.values(), ids=STRANGE)
def test_a_message_that_cannot_be_read_is_noted_once_and_disturbs_nothing(body: bytes) -> None:
    world = World()
    blob = world.drop(FILE)
    world.messages.put(body)
    world.notify()
    world.run()
    assert_attached(world, blob)
    assert_promise(world)
    assert world.raised == []
    assert len(world.records.events("foreign")) == 1


@pytest.mark.parametrize("body", STRANGE.values(), ids=STRANGE)
def test_a_poison_message_that_cannot_be_read_is_noted_once_and_over(body: bytes) -> None:
    world = World()
    world.poison.put(body)
    world.run()
    assert world.raised == []
    assert [line["result"] for line in world.records.events("poison")] == ["foreign"]
    assert world.poison.messages == []


def test_a_message_for_an_unknown_upload_ends_on_the_poison_queue_and_disturbs_nothing() -> None:
    world = World()
    blob = world.drop(FILE)
    world.messages.put(UNKNOWN)
    world.notify()
    world.run()
    assert_attached(world, blob)
    assert_promise(world)
    assert [type(error) for error in world.raised] == [StrangerError] * MAX_DEQUEUES
    assert [line["result"] for line in world.records.events("poison")] == ["stranger"]


def test_what_a_strange_message_held_is_not_repeated() -> None:
    world = World()
    world.messages.put(b"canary-token in a message that is no JSON")
    world.run()
    assert_promise_without_body(world)


def assert_promise_without_body(world: World) -> None:
    assert all("canary" not in str(error) for error in world.raised)
    assert "canary" not in str(world.records.lines)


def test_a_message_from_ahead_of_the_ledger_is_refused_and_names_upload_and_step() -> None:
    world = World()
    blob = world.drop(FILE)
    world.notify()
    world.messages.put(encode(RangeMessage(blob.upload_id(), 99)).encode(), timedelta(seconds=1))
    world.run()
    assert_attached(world, blob)
    assert {str(error) for error in world.raised} == {f"a message ahead of upload {blob.upload_id()}: step 99"}
    assert_promise(world)


@pytest.mark.parametrize("behind", [1, 2, 3])
def test_poison_of_a_step_that_was_done_meanwhile_is_harmless(behind: int) -> None:
    world = World()
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.requests()) > SLICES - 1)
    world.poison.put(encode(RangeMessage(blob.upload_id(), world.entry(blob).step - behind)).encode())
    world.run()
    assert_attached(world, blob)
    assert_promise(world)


@pytest.mark.parametrize("requests", range(2, SLICES + 1))
def test_a_poisoned_step_parks_the_upload_and_the_sweep_goes_on_with_it(requests: int) -> None:
    world = World()
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.requests()) >= requests)
    [message] = world.messages.messages
    world.messages.messages.clear()
    world.poison.put(message.body)
    world.run()
    assert_attached(world, blob)
    assert_promise(world)
    assert len(world.records.events("parked")) == 1


def test_poison_about_an_upload_that_somebody_works_on_comes_back_later() -> None:
    world = World()
    blob = world.drop(FILE)
    world.event()
    proposal = world.messages.messages[0].body
    world.put_in(ActingSeam("graph.put_slice", lambda: world.application.runner.park_range(proposal)))
    world.run()
    assert_attached(world, blob)
    assert_promise(world)
    assert world.records.events("parked") == []


def test_an_empty_file_whose_message_is_poison_after_its_post_is_not_posted_again() -> None:
    """The POST was applied, nothing could be recorded, and every delivery failed: what was sent stays unknown."""
    world = World()
    # It ends with the last delivery: by the time the poison message is looked at, no sweep was there.
    outage = Outage(is_over=lambda: bool(world.poison.messages))
    world.put_in(ActingSeam("graph.post_attachment", lambda: world.put_in(outage), applied=True))
    blob = upload(world, b"")
    assert_attached(world, blob, b"")
    assert_promise(world)
    assert [line["result"] for line in world.records.events("poison")] == ["announced"]


def lasting(world: World, how_long: timedelta) -> Callable[[], bool]:
    end = world.clock.now + how_long
    return lambda: world.clock.now >= end


class Outage(Seam):
    """Storage is away, all of it, until it *is_over*."""

    def __init__(self, is_over: Callable[[], bool]) -> None:
        self._is_over = is_over
        self._lasts = True

    def enter(self, operation: str, *, changes: bool) -> None:
        self._refuse(operation)

    def leave(self, operation: str, *, changes: bool) -> None:
        self._refuse(operation)

    def _refuse(self, operation: str) -> None:
        self._lasts = self._lasts and not self._is_over()
        if self._lasts and not operation.startswith("graph."):
            raise StorageUnavailable("storage is away")


# A claim of two minutes, a sweep a minute.
RECOVERY = timedelta(minutes=3)


@pytest.mark.parametrize("at", ["claim", "read", "PUT", "PUT applied"])
def test_an_upload_whose_host_died_goes_on_within_three_minutes(at: str) -> None:
    """Nobody releases its message, leased for ten minutes; its claim runs out, and the next sweep sees that."""
    operation, applied = {
        "claim": ("ledger.replace", True),
        "read": ("blobs.read", False),
        "PUT": ("graph.put_slice", False),
        "PUT applied": ("graph.put_slice", True),
    }[at]
    world = World()
    blob = world.drop(FILE)
    world.event()
    died: list[datetime] = []
    went_on: list[datetime] = []

    def die() -> None:
        died.append(world.clock.now)
        world.put_in(ActingSeam("ledger.replace", lambda: went_on.append(world.clock.now)))
        raise Crash

    world.put_in(ActingSeam(operation, die, applied=applied))
    world.run()
    assert_attached(world, blob)
    assert_promise(world)
    assert went_on[0] - died[0] <= RECOVERY


def test_an_upload_that_nobody_takes_up_is_announced_once_in_a_quarter_of_an_hour() -> None:
    """The host runs no function but the timer: messages must not pile up with every sweep."""
    world = World()
    world.drop(FILE)
    world.event()
    world.put_in(ActingSeam("graph.put_slice", _die))
    world.run(until=lambda: bool(world.ledger.entries()[0].claim))
    sent = world.messages.sent
    for _ in range(60):
        world.clock.advance(timedelta(minutes=1))
        world.sweep()
    assert world.messages.sent - sent == 4


def _die() -> None:
    raise Crash


@pytest.mark.parametrize("lasts", [timedelta(minutes=2), timedelta(hours=1), timedelta(hours=5)])
@pytest.mark.parametrize("requests", range(SLICES + 1))
def test_an_outage_of_storage_fails_nothing(lasts: timedelta, requests: int) -> None:
    world = World()
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.requests()) >= requests)
    world.put_in(Outage(lasting(world, lasts)))
    world.run()
    assert_attached(world, blob)
    assert_promise(world)


def test_an_outage_that_begins_between_the_last_put_and_its_record_fails_nothing() -> None:
    world = World()
    begin = ActingSeam(
        "graph.put_slice", lambda: world.put_in(Outage(lasting(world, timedelta(hours=1)))), SLICES, applied=True
    )
    world.put_in(begin)
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("nth", range(1, SLICES + 2))
def test_a_queue_that_refuses_the_next_message_after_the_record_was_written(applied: bool, nth: int) -> None:
    world = World()

    def refuse() -> None:
        raise StorageUnavailable("the range queue took no message")

    world.put_in(ActingSeam("queue.send", refuse, nth=nth, applied=applied))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)
    assert len(world.requests()) == 1 + SLICES


@pytest.mark.parametrize("requests", range(1, SLICES + 1))
def test_the_sweep_finds_an_upload_that_no_message_names_any_more(requests: int) -> None:
    world = World()
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.requests()) >= requests)
    world.messages.messages.clear()
    world.run()
    assert_attached(world, blob)
    assert_promise(world)
    assert world.clock.now - START < timedelta(minutes=30)


@pytest.mark.parametrize("nth", range(1, 6))
@pytest.mark.parametrize("point", ["ledger.get", "ledger.replace", "graph.put_slice", "queue.send", "blobs.read"])
def test_a_sweep_that_races_a_live_chain_changes_nothing(point: str, nth: int) -> None:
    world = World()

    def sweep_an_hour_later() -> None:
        world.put_in(Seam())
        world.clock.advance(3_600)
        world.sweep()

    world.put_in(ActingSeam(point, sweep_an_hour_later, nth=nth))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)


def test_a_live_row_without_an_entry_is_cleared_and_its_event_starts_the_upload_later() -> None:
    world = World()
    blob = world.drop(FILE)

    def die() -> None:
        raise Crash

    world.put_in(ActingSeam("ledger.mark_live", die, applied=True))
    with pytest.raises(Crash):
        world.event()
    world.clock.advance(timedelta(hours=2))
    world.sweep()
    assert world.ledger.live_rows == {}
    world.notify()
    world.run()
    assert_attached(world, blob)
    assert_promise(world)


def test_the_sweep_reads_uploads_in_flight_only() -> None:
    world = World()
    for number in range(20):
        upload(world, b"done", name=f"{number}.txt")
    blob = world.drop(FILE)
    world.event()
    assert world.sweep().live == 1
    assert world.phase(blob) is Phase.SENDING


def test_a_sweep_that_fails_half_way_is_made_up_for_by_the_next() -> None:
    world = World()
    blobs = [world.drop(FILE, name) for name in ("a.bin", "b.bin")]
    for name in ("a.bin", "b.bin"):
        world.event(name)
    world.messages.messages.clear()

    def fail() -> None:
        raise StorageUnavailable("the ledger answered 503")

    world.put_in(ActingSeam("ledger.get", fail))
    world.run()
    assert [world.phase(blob) for blob in blobs] == [Phase.ATTACHED, Phase.ATTACHED]
    assert_promise(world)


def test_a_parked_upload_goes_on_where_it_was_not_where_it_is_thought_to_be() -> None:
    """Its last PUT was applied, then its worker died and its message turned poison: the server is asked first."""
    world = World(faults=(fault(ResetConnection("after_applying"), nth=2),))
    blob = world.drop(FILE)
    world.notify()

    def die() -> None:
        world.put_in(Seam())
        world.messages.messages.clear()
        world.poison.put(encode(RangeMessage(blob.upload_id(), world.entry(blob).step)).encode())
        raise Crash

    world.put_in(ActingSeam("graph.put_slice", die, applied=True))
    world.run()
    assert_attached(world, blob)
    assert_promise(world)


def test_a_message_that_turns_poison_while_graph_asks_to_wait_does_not_end_the_wait() -> None:
    """After half a minute a message is due only to say so in the tags: that this fails lets nobody ask Graph sooner."""
    world = World(faults=(fault(Answer(429, retry_after=3_600), "put_slice"),))
    blob = world.drop(FILE)
    world.event()
    world.run(until=lambda: world.entry(blob).not_before is not None)
    until = world.entry(blob).not_before
    assert until is not None
    world.clock.advance(60)
    world.application.runner.park_range(encode(RangeMessage(blob.upload_id(), world.entry(blob).step)).encode())
    assert world.entry(blob).not_before == until
    assert [line["wait"] for line in world.records.events("parked")] == [(until - world.clock.now).total_seconds()]
    world.run()
    assert_attached(world, blob)
    assert_promise(world)


class SlowReads(Seam):
    """Each read of an entry takes a second."""

    def __init__(self, world: World) -> None:
        self._world = world

    def enter(self, operation: str, *, changes: bool) -> None:
        if operation == "ledger.get":
            self._world.clock.advance(1)


class SlowCalls(Seam):
    """Each call of storage takes a second."""

    def __init__(self, world: World) -> None:
        self._world = world

    def enter(self, operation: str, *, changes: bool) -> None:
        self._world.clock.advance(1)


def test_a_sweep_stops_in_time_leaves_a_record_and_the_next_one_goes_on_where_it_stopped() -> None:
    world = World()
    for number in range(60):
        world.drop(FILE, f"{number}.pdf")
        world.event(f"{number}.pdf")
    world.messages.messages.clear()
    world.clock.advance(3600)
    world.put_in(SlowReads(world))
    swept = [world.sweep() for _ in range(3)]
    assert [each.was_cut for each in swept] == [True, True, False]
    assert sum(each.live for each in swept) == 60
    assert [line["was_cut"] for line in world.records.events("sweep")] == [True, True, False]
    # From the beginning again.
    assert world.sweep().live == swept[0].live


def test_a_line_that_a_sweep_has_no_time_for_is_healed_by_the_next_one() -> None:
    world = World(mailbox_limits=replace(MAILBOX_LIMITS, uploads_at_once=1))
    blobs = [world.drop(content(len(FILE), number), f"{number}.pdf") for number in range(30)]
    for blob in blobs:
        world.event(blob.name)
    world.paces.queues.clear()
    world.put_in(SlowReads(world))
    assert world.sweep().was_cut
    world.put_in(Seam())
    world.run()
    assert [world.phase(blob) for blob in blobs] == [Phase.ATTACHED] * 30


def test_sweeps_without_time_for_all_lines_come_to_each_of_them_in_turn() -> None:
    """The line that each run had no time for was of a sign-in, and of the first row: all began at the same place."""
    world = World(mailbox_limits=replace(MAILBOX_LIMITS, uploads_at_once=1))
    world.todo.faults.add(fault(Answer(503, retry_after=36_000), "create_session", count=12))
    for number in range(12):
        # One file is put off by Graph for ten hours, and the other queues behind it.
        where = somebody(world, f"p{number}@example.com")
        for name in (f"{number}-a.pdf", f"{number}-b.pdf"):
            world.blobs.write(name, content(len(FILE), len(world.ledger.rows)), where)
            world.event(name)
    ids = sorted(world.ledger.rows)
    where = somebody(world, "late@example.com")
    del world.accounts.tokens["late@example.com"]
    first = written_until(world, where, lambda upload_id: upload_id < ids[0])
    world.event(first.name)
    world.run(until=lambda: world.entry(first).is_in_sign_in_line)
    last = written_until(world, {**where, "user": "p0@example.com"}, lambda upload_id: upload_id > ids[-1])
    world.event(last.name)
    # Its worker died before it wrote the ticket.
    world.messages.messages.clear()
    for line in world.paces.queues.values():
        for place in [place for place, ticket in line.items() if ticket.upload_id == last.upload_id()]:
            del line[place]
    world.put_in(SlowCalls(world))
    for _ in range(6):
        world.clock.advance(60)
        world.sweep()
    assert last.upload_id() in {ticket.upload_id for line in world.paces.queues.values() for ticket in line.values()}


def somebody(world: World, account: str) -> dict[str, str]:
    """Metadata for a task of a new person."""
    world.accounts.tokens[account] = f"token-of-{account}"
    mailbox = world.todo.add_mailbox(account, world.accounts.tokens[account])
    tasks = world.todo.add_list(mailbox, "Tasks", wellknown_name="defaultList")
    return {"user": account, "listid": tasks.id, "taskid": world.todo.add_task(tasks, "Receipts").id}


def written_until(world: World, where: dict[str, str], fits: Callable[[str], bool]) -> BlobVersion:
    """Write files until the upload id of one *fits*."""
    return next(
        blob
        for number in count()
        if fits((blob := world.blobs.write(f"{number}-c.pdf", content(len(FILE), number), where)).upload_id())
    )
