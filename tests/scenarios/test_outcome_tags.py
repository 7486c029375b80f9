"""What the person reads on the file itself, and what happens where tags cannot be written."""

from datetime import timedelta

import pytest

from local.stand_ins.todo.faults import Answer
from shared.core.entry import Phase
from shared.core.limits import MAX_REPORT_TRIES
from shared.core.outcome import MAX_TAGS
from shared.errors import BlobTagsRefused, StorageUnavailable
from tests.scenarios.promise import FILE, assert_attached, assert_promise, fault, upload
from tests.support.fakes.seam import FailingSeam
from tests.support.fakes.world import World


def tags(world: World) -> dict[str, str]:
    return world.blobs.blobs["report.pdf"].tags


def test_an_attached_file_carries_its_attachments_id() -> None:
    world = World()
    blob = upload(world)
    assert tags(world) == {"todo_state": "attached", "todo_attachment": world.entry(blob).attachment_id}
    assert list(world.task.attachments) == [world.entry(blob).attachment_id]
    assert_promise(world)


def test_a_rejected_file_carries_code_and_words() -> None:
    world = World()
    upload(world, task="Recipes")
    assert tags(world) == {
        "todo_state": "rejected",
        "todo_reason": "no-such-task: no task is named Recipes. Found Receipts. "
        "Put the metadata right and it is read again within ten minutes",
    }
    assert_promise(world)


def test_a_failed_file_carries_the_last_error() -> None:
    world = World(faults=(fault(Answer(500, code="generalException"), count=None),))
    upload(world)
    assert tags(world)["todo_state"] == "failed"
    assert "HTTP 500 generalException" in tags(world)["todo_reason"]
    assert_promise(world)


def test_the_persons_own_tags_are_kept() -> None:
    world = World()
    world.drop(FILE)
    tags(world).update({f"own{number}": "x" for number in range(3)})
    world.notify()
    world.run()
    assert tags(world).keys() >= {"own0", "own1", "own2", "todo_state"}
    assert_promise(world)


@pytest.mark.parametrize("own", [MAX_TAGS - 1, MAX_TAGS])
def test_where_there_is_no_room_the_persons_tags_win(own: int) -> None:
    world = World()
    blob = world.drop(FILE)
    tags(world).update({f"own{number}": "x" for number in range(own)})
    world.notify()
    world.run()
    assert len(tags(world)) == MAX_TAGS
    assert ("todo_state" in tags(world)) is (own < MAX_TAGS)
    assert_attached(world, blob)
    assert_promise(world)


@pytest.mark.parametrize("operation", ["blobs.tags", "blobs.set_tags"])
def test_tags_that_cannot_be_written_are_tried_for_an_hour_and_change_no_outcome(operation: str) -> None:
    world = World()
    seam = FailingSeam(operation, [StorageUnavailable("503")] * 20)
    world.put_in(seam)
    blob = upload(world)
    assert_attached(world, blob)
    assert tags(world) == {}
    assert len(seam.errors) == 20 - MAX_REPORT_TRIES
    assert timedelta(hours=1) < world.clock.now - world.entry(blob).created_at < timedelta(hours=4)
    assert_promise(world)


def test_tags_that_cannot_be_written_do_not_stop_a_file_that_waits_for_sign_in() -> None:
    world = World()
    token = world.accounts.tokens.popitem()
    world.put_in(FailingSeam("blobs.set_tags", [BlobTagsRefused("403")] * 3))
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.records.events("step")) > 5)
    world.accounts.tokens.update([token])
    world.run()
    assert_attached(world, blob)
    assert tags(world)["todo_state"] == "attached"
    assert_promise(world)


@pytest.mark.parametrize("title", ["Überweisung & Quittung", "<b>bold</b>", "日本語", "a" * 300, 'quote " quote'])
def test_any_name_leaves_tags_that_the_service_takes(title: str) -> None:
    world = World()
    world.todo.add_task(world.list, title)
    blob = upload(world, task="no such task")
    assert world.phase(blob) is Phase.REJECTED
    reason = tags(world)["todo_reason"]
    assert len(reason) <= 256
    assert reason.isascii()
    assert not set(reason) & set('"<>&,;')
    assert_promise(world)
