"""Uploads take turns at a mailbox: so many at once, first come, first served, and nobody is forgotten."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from local.stand_ins.todo.faults import Answer
from local.stand_ins.todo.throttle import PUBLISHED_LIMITS
from shared.core.attachment import BlobVersion
from shared.core.entry import Phase, Reason
from shared.errors import StorageUnavailable
from tests.scenarios.promise import FILE, assert_ended, assert_promise, fault
from tests.support.fakes.seam import ActingSeam, CountingSeam, Crash, FailingSeam, Seam, crash_after
from tests.support.fakes.world import MAILBOX_LIMITS, SAM, TOKEN, World, content

KIM = "kim@example.com"
ONE_AT_A_TIME = replace(MAILBOX_LIMITS, uploads_at_once=1)


def a_world() -> World:
    return World(mailbox_limits=ONE_AT_A_TIME)


def drop(world: World, *names: str) -> list[BlobVersion]:
    return [world.drop(content(len(FILE), number + 1), name) for number, name in enumerate(names)]


def arrive(world: World, *names: str) -> list[BlobVersion]:
    """All of them before any is sent: the first has its turn, and the others queue."""
    blobs = drop(world, *names)
    for name in names:
        world.clock.advance(1)
        world.event(name)
    return blobs


def assert_nothing_is_held_back(world: World) -> None:
    assert [pace.leases for _, pace in world.paces.paces.values() if pace.leases] == []
    assert [line for line, queue in world.paces.queues.items() if queue and not line.startswith("sign-in-")] == []


def assert_all_attached(world: World, blobs: list[BlobVersion]) -> None:
    assert [world.phase(blob) for blob in blobs] == [Phase.ATTACHED] * len(blobs)
    assert len(world.attached()) == len(blobs)
    assert_promise(world, unseen_sessions=1)


def test_two_names_of_one_account_take_turns_at_one_mailbox() -> None:
    world = World(mailbox_limits=ONE_AT_A_TIME, mailbox_by_id=True)
    world.accounts.tokens[world.mailbox.object_id] = TOKEN
    world.accounts.identities[world.mailbox.object_id] = SAM
    where = {"listid": world.list.id, "taskid": world.task.id}
    first = world.drop(FILE, "a.pdf", user=SAM, **where)
    second = world.drop(content(len(FILE), 2), "b.pdf", user=world.mailbox.object_id, **where)
    world.event("a.pdf")
    world.event("b.pdf")
    assert (world.phase(first), world.phase(second)) == (Phase.SENDING, Phase.QUEUED)
    world.run()
    assert_all_attached(world, [first, second])


@pytest.mark.parametrize(
    ("of_the_app", "second_phase"), [(False, Phase.SENDING), (True, Phase.QUEUED)], ids=["a mailbox", "the app"]
)
def test_the_turns_are_of_each_mailbox_or_of_the_whole_app(of_the_app: bool, second_phase: Phase) -> None:
    world = World(mailbox_limits=ONE_AT_A_TIME, pace_of_the_app=of_the_app)
    kim = world.todo.add_mailbox(KIM, "token-of-kim")
    tasks = world.todo.add_list(kim, "Tasks", wellknown_name="defaultList")
    task = world.todo.add_task(tasks, "Receipts")
    world.accounts.tokens[KIM] = "token-of-kim"
    first = world.drop(FILE, "a.pdf")
    second = world.drop(FILE, "b.pdf", user=KIM, listid=tasks.id, taskid=task.id)
    world.event("a.pdf")
    world.event("b.pdf")
    assert (world.phase(first), world.phase(second)) == (Phase.SENDING, second_phase)
    world.run()
    assert (world.phase(first), world.phase(second)) == (Phase.ATTACHED, Phase.ATTACHED)
    assert_nothing_is_held_back(world)


@pytest.mark.parametrize("retry_after", [40, None], ids=["with a Retry-After", "without"])
def test_a_mailbox_that_graph_slows_down_starts_no_other_upload_meanwhile(retry_after: float | None) -> None:
    world = World(faults=(fault(Answer(429, retry_after=retry_after)),))
    first, second = drop(world, "a.pdf", "b.pdf")
    world.event("a.pdf")
    world.run(until=lambda: 429 in {status for _, status in world.requests()})
    asked = len(world.requests())
    world.event("b.pdf")
    assert len(world.requests()) == asked
    world.run()
    assert_all_attached(world, [first, second])
    assert_nothing_is_held_back(world)


def test_an_upload_that_waited_long_for_its_turn_is_no_long_one_for_that() -> None:
    """To say that it is being sent would take a step, a message and eight operations for a few seconds."""
    world = a_world()
    first, second = arrive(world, "a.pdf", "b.pdf")
    world.clock.advance(600)
    world.run()
    steps = [each for each in world.records.events("step") if each["upload_id"] == second.upload_id()]
    assert [each["phase"] for each in steps if each["action"] == "ReportOutcome"] == ["attached"]
    assert_all_attached(world, [first, second])


def test_an_upload_that_queues_is_in_no_message_and_costs_nothing_until_its_turn() -> None:
    world = a_world()
    first, second = arrive(world, "a.pdf", "b.pdf")
    assert (world.phase(first), world.phase(second)) == (Phase.SENDING, Phase.QUEUED)
    assert [message for message in world.messages.messages if second.upload_id().encode() in message.body] == []
    world.run()
    assert_all_attached(world, [first, second])
    assert_nothing_is_held_back(world)


def test_a_turn_that_comes_with_the_next_second_of_the_service_is_taken_in_the_same_run() -> None:
    """Its Date is cut to whole seconds: the lease starts in a second that has not begun by the runner's clock."""
    world = a_world()
    (blob,) = drop(world, "a.pdf")
    world.clock.advance(0.9)
    world.put_in(ActingSeam("paces.load", lambda: world.clock.advance(0.2)))
    world.event("a.pdf")
    assert world.phase(blob) is Phase.SENDING
    assert len(world.messages.messages) == 1


def test_uploads_take_their_turns_in_the_order_in_which_they_came() -> None:
    world = a_world()
    blobs = arrive(world, "c.pdf", "a.pdf", "b.pdf")
    world.run()
    assert [name for name, _ in world.attached()] == ["c.pdf", "a.pdf", "b.pdf"]
    assert_all_attached(world, blobs)


def test_thirty_files_of_a_mailbox_are_sent_within_what_is_published_and_none_is_refused() -> None:
    world = World(published=replace(PUBLISHED_LIMITS, upload_bytes=150_000, refused_bytes_count=True))
    names = [f"{number:02}.bin" for number in range(30)]
    blobs = [world.drop(content(25_000, number), name) for number, name in enumerate(names)]
    for name in names:
        world.notify(name)
    world.run()
    assert_all_attached(world, blobs)
    assert 429 not in {status for _, status in world.requests()}


def test_who_queues_while_a_lease_is_being_given_back_is_not_forgotten() -> None:
    """It saw no free lease, and whoever gives the lease back saw nobody in the line: the lost wake-up."""
    world = a_world()
    first, second = drop(world, "a.pdf", "b.pdf")
    world.event("a.pdf")
    world.run(until=lambda: world.entry(first).offset == 2048)
    # Right before the pace is written that gives the lease back, the other one arrives, looks, and queues.
    world.put_in(ActingSeam("paces.store", lambda: world.event("b.pdf")))
    world.run(until=lambda: world.settled(first) and world.settled(second))
    assert world.records.events("sweep") == []
    assert_all_attached(world, [first, second])
    assert_nothing_is_held_back(world)


def test_who_was_given_a_lease_by_a_write_without_an_answer_is_woken_by_the_next_try() -> None:
    """The lease was given back and on to the next in line; then the worker failed, before it sent the message."""
    world = a_world()
    first, second = arrive(world, "a.pdf", "b.pdf")
    world.put_in(FailingSeam("paces.store", [StorageUnavailable("no answer")], applied=True))
    world._swept_at = world.clock.now + timedelta(days=1)
    world.run(until=lambda: world.settled(first) and world.settled(second))
    assert world.records.events("sweep") == []
    assert_all_attached(world, [first, second])
    assert_nothing_is_held_back(world)


@pytest.mark.parametrize("how", ["deleted", "rewritten", "signed out"])
def test_who_leaves_the_line_while_it_is_given_a_lease_keeps_none(how: str) -> None:
    """The line was read while it still stood there."""
    world = a_world()
    first, second = arrive(world, "a.pdf", "b.pdf")
    # Right before the pace is written that gives the lease on.
    world.put_in(ActingSeam("paces.store", lambda: leave(world, second, how)))
    world.run(until=lambda: world.settled(first))
    assert [pace.leases for _, pace in world.paces.paces.values() if pace.leases] != []
    world.accounts.tokens[SAM] = TOKEN
    world.run()
    assert_promise(world)
    assert_nothing_is_held_back(world)


@pytest.mark.parametrize("how", ["deleted", "rewritten"])
def test_a_ticket_that_is_written_after_its_upload_has_left_holds_no_lease(how: str) -> None:
    world = a_world()
    _, second = drop(world, "a.pdf", "b.pdf")
    world.event("a.pdf")
    world.put_in(ActingSeam("paces.enqueue", lambda: leave(world, second, how)))
    world.event("b.pdf")
    assert world.entry(second).is_done
    world.run()
    assert_promise(world)
    assert_nothing_is_held_back(world)


def test_a_turn_that_comes_while_its_upload_is_leaving_is_given_back_later() -> None:
    """Who ends the upload has looked already, and found no lease."""
    world = a_world()
    first, second = arrive(world, "a.pdf", "b.pdf")
    world.event("b.pdf")
    world.blobs.remove("b.pdf")
    (message,) = [each for each in world.messages.messages if second.upload_id().encode() in each.body]
    world.messages.messages.remove(message)

    def the_turn_comes() -> None:
        world.run(until=lambda: world.settled(first) and is_quiet(world))

    world.put_in(ActingSeam("paces.dequeue", the_turn_comes))
    world.application.runner.send_range(message.body, 1)
    assert world.entry(second).is_done
    world.run()
    assert_promise(world)
    assert_nothing_is_held_back(world)


def is_quiet(world: World) -> bool:
    """No message is to be delivered now."""
    due = world.messages.next_visible_at()
    return due is None or due > world.clock.now


def leave(world: World, blob: BlobVersion, how: str) -> None:
    """Its event is delivered once more, so that a worker looks at it; and then there is a reason to leave."""
    world.event(blob.name)
    if how == "signed out":
        del world.accounts.tokens[SAM]
        world.run(until=lambda: world.entry(blob).is_in_sign_in_line)
        return
    world.blobs.remove(blob.name) if how == "deleted" else world.drop(FILE, blob.name)
    world.run(until=lambda: world.settled(blob))


def test_who_has_to_queue_for_long_reads_so_and_until_when_in_the_tags() -> None:
    """Of all that are first, not only of those that have their turn next."""
    budget = replace(MAILBOX_LIMITS.bytes, amount=len(FILE))
    world = World(mailbox_limits=replace(ONE_AT_A_TIME, bytes=budget))
    blobs = arrive(world, "a.pdf", *(f"{number:02}.pdf" for number in range(20)))
    arrived_at = world.clock.now
    tags = world.blobs.tags(blobs[-1])
    assert tags["todo_state"] == "queued"
    # One file in five minutes.
    said = re.search(r"expected at about (.*) UTC", tags["todo_reason"])
    assert said is not None
    expected = datetime.strptime(said[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    assert timedelta(minutes=99) <= expected - arrived_at <= timedelta(minutes=101)
    assert "todo_state" not in world.blobs.tags(blobs[0])
    world.run()
    assert world.blobs.tags(blobs[-1])["todo_state"] == "attached"
    assert_all_attached(world, blobs)


def test_who_waits_for_a_moment_only_costs_no_tag() -> None:
    world = a_world()
    _, second = arrive(world, "a.pdf", "b.pdf")
    assert world.phase(second) is Phase.QUEUED
    assert world.blobs.tags(second) == {}


def test_tags_that_cannot_be_written_keep_no_upload_from_its_place() -> None:
    budget = replace(MAILBOX_LIMITS.bytes, amount=len(FILE))
    world = World(mailbox_limits=replace(ONE_AT_A_TIME, bytes=budget))
    first, second = drop(world, "a.pdf", "b.pdf")
    world.event("a.pdf")
    world.put_in(Failing("blobs.set_tags"))
    world.event("b.pdf")
    assert world.phase(second) is Phase.QUEUED
    assert [line["upload_id"] for line in world.records.events("queue_untold")] == [second.upload_id()]
    world.put_in(Seam())
    world.run()
    assert_all_attached(world, [first, second])


class Failing(Seam):
    def __init__(self, operation: str) -> None:
        self._operation = operation

    def enter(self, operation: str, *, changes: bool) -> None:
        if operation == self._operation:
            raise StorageUnavailable("away")


@pytest.mark.parametrize("how", ["deleted", "rewritten"])
def test_a_file_that_is_gone_when_its_turn_comes_frees_it_at_once(how: str) -> None:
    world = a_world()
    first, second, third = arrive(world, "a.pdf", "b.pdf", "c.pdf")
    if how == "deleted":
        world.blobs.remove("b.pdf")
    else:
        world.drop(FILE, "b.pdf")
    world.run()
    assert world.phase(second) is (Phase.WITHDRAWN if how == "deleted" else Phase.SUPERSEDED)
    assert (world.phase(first), world.phase(third)) == (Phase.ATTACHED, Phase.ATTACHED)
    assert world.entry(second).sessions_opened == 0
    assert_promise(world)
    assert_nothing_is_held_back(world)


def test_an_upload_that_waits_for_a_person_holds_no_lease_and_takes_its_turn_again_after_the_sign_in() -> None:
    world = a_world()
    blobs = arrive(world, "a.pdf", "b.pdf")
    token = world.accounts.tokens.pop(SAM)
    world.run(until=lambda: all(entry.report.phase is Phase.WAITING for entry in world.ledger.entries()))
    assert_nothing_is_held_back(world)
    world.accounts.tokens[SAM] = token
    world.run()
    assert_all_attached(world, blobs)
    assert_nothing_is_held_back(world)
    assert not any(world.paces.queues.values()), "it is still in the line of those who wait for the sign-in"


def test_a_version_that_waited_for_a_sign_in_while_a_newer_one_was_attached_opens_no_session() -> None:
    world = a_world()
    first = world.drop(FILE)
    token = world.accounts.tokens.pop(SAM)
    world.event()
    world.run(until=lambda: world.entry(first).report.phase is Phase.WAITING)
    world.accounts.tokens[SAM] = token
    second = world.blobs.edit_metadata("report.pdf", {"listid": world.list.id, "taskid": world.task.id})
    world.event()
    world.run()
    assert (world.phase(first), world.phase(second)) == (Phase.SUPERSEDED, Phase.ATTACHED)
    assert [operation for operation, _ in world.requests()].count("create_session") == 1
    assert_promise(world)


def test_graph_s_word_to_one_upload_holds_for_all_of_the_mailbox_that_have_not_begun() -> None:
    world = World(mailbox_limits=replace(MAILBOX_LIMITS, uploads_at_once=3))
    world.todo.faults.add(fault(Answer(429, retry_after=200), "create_session"))
    blobs = drop(world, "a.pdf", "b.pdf")
    world.event("a.pdf")
    asked_at = world.clock.now
    world.event("b.pdf")
    assert world.phase(blobs[1]) is Phase.QUEUED
    world.run(until=lambda: world.phase(blobs[1]) is not Phase.QUEUED)
    assert world.clock.now - asked_at >= timedelta(seconds=200)
    world.run()
    assert_all_attached(world, blobs)


def test_who_queues_because_graph_asked_the_mailbox_to_wait_reads_that_and_until_when() -> None:
    """No other file is first."""
    world = World(mailbox_limits=replace(MAILBOX_LIMITS, uploads_at_once=3))
    world.todo.faults.add(fault(Answer(429, retry_after=3600), "create_session"))
    first, second = drop(world, "a.pdf", "b.pdf")
    world.event("a.pdf")
    world.event("b.pdf")
    until = world.clock.now + timedelta(hours=1)
    assert world.phase(second) is Phase.QUEUED
    assert world.entry(second).detail == (
        f"Graph asks this mailbox to slow down, expected at about {until:%Y-%m-%d %H:%M} UTC"
    )
    assert world.blobs.tags(second)["todo_reason"].startswith("Graph asks this mailbox to slow down - expected at")
    world.run()
    assert_all_attached(world, [first, second])
    assert_nothing_is_held_back(world)


def test_files_of_one_name_wait_in_a_line_of_their_own_without_a_lease() -> None:
    world = World()
    where = {"listid": world.list.id, "taskid": world.task.id, "filename": "same.pdf"}
    blobs = [world.drop(content(len(FILE), number), f"{number}.bin", **where) for number in range(8)]
    for number in range(8):
        world.event(f"{number}.bin")
    assert [world.phase(blob) for blob in blobs] == [Phase.SENDING, *[Phase.QUEUED] * 7]
    assert [len(pace.leases) for _, pace in world.paces.paces.values()] == [1]
    world.run()
    assert [world.phase(blob) for blob in blobs] == [Phase.ATTACHED] * 8
    assert_promise(world)
    assert_nothing_is_held_back(world)


def test_an_upload_that_queues_for_too_long_fails_and_its_place_is_free() -> None:
    world = World(
        limits=replace(World().application.settings.limits, queue_wait=timedelta(hours=1)),
        mailbox_limits=replace(ONE_AT_A_TIME, lease=timedelta(days=30)),
    )
    world.todo.faults.add(fault(Answer(429, retry_after=7_200), nth=1))
    first, second = arrive(world, "a.pdf", "b.pdf")
    world.run()
    assert_ended(world, second, Phase.FAILED, Reason.QUEUED_TOO_LONG, "queued for more than")
    assert world.phase(first) is Phase.ATTACHED
    assert_promise(world)
    assert_nothing_is_held_back(world)


class CrashBefore(Seam):
    """Dies right before the *number*-th change."""

    def __init__(self, number: int) -> None:
        self._number, self._met = number, 0

    def enter(self, operation: str, *, changes: bool) -> None:
        self._met += changes
        if changes and self._met == self._number:
            raise Crash


def seams() -> Iterator[Seam]:
    world, counting = a_world(), CountingSeam()
    world.put_in(counting)
    everything(world)
    for number in range(1, len(counting.changes) + 1):
        yield crash_after(number)
        yield CrashBefore(number)


def everything(world: World) -> list[BlobVersion]:
    """Three files at one mailbox, two of them of one name."""
    blobs = drop(world, "a.pdf", "b.pdf", "folder/a.pdf")
    for blob in blobs:
        world.notify(blob.name)
    world.run()
    return blobs


def test_a_worker_may_die_at_every_effect_while_others_queue() -> None:
    for seam in seams():
        world = a_world()
        world.put_in(seam)
        blobs = everything(world)
        assert [world.phase(blob) for blob in blobs] == [Phase.ATTACHED] * 3
        assert_promise(world, unseen_sessions=1)
        # One lease may be left where its upload ended without knowing of it; time takes it back.
        assert sum(len(pace.leases) for _, pace in world.paces.paces.values()) <= 1
