"""The file says what it waits for, once it takes longer than half a minute; a quick one costs no request for that."""

from datetime import timedelta

import pytest

from local.stand_ins.todo.faults import Answer, Delay
from shared.core.entry import Phase
from shared.errors import BlobTagsRefused, StorageUnavailable
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_promise, fault, upload
from tests.support.fakes.manual_clock import START
from tests.support.fakes.seam import ActingSeam, CountingSeam, Crash, FailingSeam
from tests.support.fakes.world import SAM, TOKEN, World

THROTTLED = fault(Answer(429, retry_after=3600), "create_session")


def tags(world: World) -> dict[str, str]:
    return world.blobs.blobs["report.pdf"].tags


def states(world: World) -> list[str]:
    """Every state that the tags come to say from here on, in order."""
    said: list[str] = []

    def look(_number: int, operation: str) -> None:
        if operation == "blobs.set_tags":
            said.append(tags(world).get("todo_state", ""))

    world.put_in(CountingSeam(look))
    return said


def run_until_told(world: World) -> None:
    world.run(until=lambda: "todo_state" in tags(world))


def test_a_quick_file_has_its_tags_written_once() -> None:
    world = World(faults=(fault(Answer(429, retry_after=20), "create_session"),))
    said = states(world)
    blob = upload(world)
    assert_attached(world, blob)
    assert said == ["attached"]
    assert_promise(world)


def test_a_throttled_file_says_so_after_half_a_minute_and_then_its_outcome() -> None:
    world = World(faults=(THROTTLED,))
    blob = world.drop(FILE)
    world.notify()
    run_until_told(world)
    assert tags(world) == {
        "todo_state": "delayed",
        "todo_reason": "Graph asks to slow down: HTTP 429 TooManyRequests",
    }
    assert timedelta(seconds=30) <= world.clock.now - START < timedelta(seconds=35)
    world.run()
    assert world.clock.now - START >= timedelta(hours=1), "the wait that was asked for goes on"
    assert_attached(world, blob)
    assert tags(world).keys() == {"todo_state", "todo_attachment"}
    assert_promise(world)


def test_a_day_of_throttling_says_so_once() -> None:
    world = World(faults=(fault(Answer(429, retry_after=900), count=None),))
    said = states(world)
    upload(world)
    assert said == ["delayed", "failed"]
    assert_promise(world)


def test_an_empty_file_says_that_it_is_empty() -> None:
    world = World()
    blob = world.drop(b"")
    world.notify()
    run_until_told(world)
    assert tags(world) == {"todo_state": "delayed", "todo_reason": "the file is empty - and may still be written"}
    world.run()
    assert_attached(world, blob, b"")
    assert_promise(world)


def test_a_file_without_metadata_says_what_it_waits_for() -> None:
    world = World()
    world.blobs.write("report.pdf", FILE, {})
    world.notify()
    run_until_told(world)
    assert tags(world) == {"todo_state": "delayed", "todo_reason": "waits for the metadata that names its task"}
    edited = world.blobs.edit_metadata("report.pdf", {"listid": world.list.id, "taskid": world.task.id})
    world.run()
    assert_attached(world, edited)
    assert tags(world)["todo_state"] == "attached"
    assert_promise(world)


def test_a_name_that_nobody_finds_yet_is_said_while_it_is_looked_for() -> None:
    world = World()
    said = states(world)
    world.drop(FILE, task="Recipes")
    world.notify()
    run_until_told(world)
    assert tags(world) == {"todo_state": "delayed", "todo_reason": "no task is named Recipes. Found Receipts"}
    world.run()
    assert said == ["delayed", "rejected"]
    assert_promise(world)


def test_a_large_file_on_a_slow_way_says_that_it_is_uploading() -> None:
    world = World(faults=(fault(Delay(31), "put_slice", count=None),))
    said = states(world)
    blob = upload(world)
    assert_attached(world, blob)
    assert said == ["uploading", "attached"]
    assert len(world.requests()) == 1 + SLICES, "Graph is asked nothing more for it"
    assert_promise(world)


def test_who_must_sign_in_still_reads_waiting() -> None:
    world = World(faults=(THROTTLED,))
    world.accounts.tokens.clear()
    said = states(world)
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: said == ["waiting"])
    world.accounts.tokens[SAM] = TOKEN
    world.run()
    assert_attached(world, blob)
    assert said == ["waiting", "delayed", "uploading", "attached"]
    assert_promise(world)


@pytest.mark.parametrize("error", [StorageUnavailable("503"), BlobTagsRefused("403")], ids=repr)
@pytest.mark.parametrize("operation", ["blobs.tags", "blobs.set_tags"])
def test_what_cannot_be_said_delays_nothing(operation: str, error: Exception) -> None:
    world = World(faults=(THROTTLED,))
    world.put_in(FailingSeam(operation, [error]))
    blob = upload(world)
    assert_attached(world, blob)
    assert world.clock.now - START < timedelta(hours=1, minutes=1)
    assert tags(world)["todo_state"] == "attached"
    assert_promise(world)


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("point", ["ledger.replace", "blobs.set_tags", "queue.send"])
def test_a_worker_may_die_while_it_says_so(point: str, applied: bool) -> None:
    world = World(faults=(fault(Answer(429, retry_after=3600), "put_slice"),))
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: [each["observation"] for each in world.records.events("step")][-1:] == ["Deferred"])

    def die() -> None:
        raise Crash

    world.put_in(ActingSeam(point, die, applied=applied))
    world.run()
    assert_attached(world, blob)
    assert len(world.requests()) == 2 + SLICES, "nothing was in doubt"
    assert_promise(world)


@pytest.mark.parametrize("hours", [0.02, 2])
def test_a_word_that_hangs_until_the_file_is_attached_overwrites_no_outcome(hours: float) -> None:
    world = World(faults=(THROTTLED,))
    blob = world.drop(FILE)
    world.notify()

    def hang() -> None:
        world.clock.advance(timedelta(hours=hours))
        world.run()

    world.put_in(ActingSeam("blobs.tags", hang))
    world.run()
    assert_attached(world, blob)
    assert tags(world)["todo_state"] == "attached"
    assert_promise(world)


def test_a_wait_that_was_interrupted_is_counted_once() -> None:
    world = World(faults=(THROTTLED,))
    upload(world)
    waits = [each["waits_for"] for each in world.records.events("step") if each["waits_for"]]
    assert waits == ["throttling"]


def test_another_upload_of_the_name_is_said_to_be_under_way() -> None:
    world = World(faults=(fault(Answer(429, retry_after=900), "put_slice"),))
    world.drop(FILE)
    world.notify()
    world.run(until=lambda: [each.phase for each in world.ledger.entries()] == [Phase.SENDING])
    world.blobs.write("again/report.pdf", FILE, {"listid": world.list.id, "taskid": world.task.id})
    world.notify("again/report.pdf")
    other = world.blobs.blobs["again/report.pdf"]
    world.run(until=lambda: "todo_state" in other.tags)
    assert other.tags["todo_reason"] == "another upload of this name to this task is under way"
    world.run()
    assert len(world.attached()) == 2
