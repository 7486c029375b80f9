"""A write that is no other file: an edit of the metadata, the same bytes once more.

Each write of a blob is an upload of its own. Its older upload's outcome is its own where content and target are the
same: the file is attached once, and the person reads so on the blob as it is now.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from local.stand_ins.todo.behaviour import DOCUMENTED
from local.stand_ins.todo.faults import Answer, Delay, ResetConnection
from shared.core.attachment import BlobVersion
from shared.core.catching_up import EVENT_IS_DUE
from shared.core.entry import Phase
from shared.core.limits import FREE_REWRITES
from shared.errors import StorageUnavailable
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_promise, fault, upload
from tests.support.fakes.seam import ActingSeam, CountingSeam, Crash, Seam, crash_after
from tests.support.fakes.world import SAM, World, content

FAR_LATER = timedelta(hours=5)
OTHER = content(len(FILE), 9)


def touch(world: World) -> BlobVersion:
    """An edit of the metadata that asks for the same."""
    target = {"listid": world.list.id, "taskid": world.task.id}
    return world.blobs.edit_metadata("report.pdf", {**target, "colour": f"number {world.blobs.writes}"})


def write_again(world: World) -> BlobVersion:
    return world.drop(FILE)


each_way = pytest.mark.parametrize("again", [touch, write_again], ids=["metadata edited", "same bytes"])


def sessions(world: World) -> int:
    return sum(operation == "create_session" for operation, _ in world.requests())


def assert_told(world: World) -> None:
    """The blob as it is now says that it is attached, and the attachment that it names is there."""
    tags = world.blobs.blobs["report.pdf"].tags
    assert tags["todo_state"] == "attached"
    assert tags["todo_attachment"] in world.task.attachments


# -- edited before the outcome was told --


@pytest.mark.parametrize("point", ["ledger.own_attachment", "blobs.tags", "blobs.set_tags"])
def test_a_file_edited_before_its_outcome_is_told_is_attached_once_and_told(point: str) -> None:
    """The edit raises no event. When the app catches up later, it is known."""
    world = World()
    blob = world.drop(FILE)
    world.put_in(ActingSeam(point, lambda: touch(world)))
    world.notify()
    world.run()
    edited = world.blobs.version("report.pdf")
    assert world.entry(edited).attachment_id == world.entry(blob).attachment_id
    assert_attached(world, edited)
    assert sessions(world) == 1
    assert_told(world)
    world.clock.advance(EVENT_IS_DUE)
    assert world.catch_up().entered == 0
    assert_promise(world)


@pytest.mark.parametrize("nth", range(1, SLICES + 1))
def test_a_file_edited_half_sent_costs_an_upload_more_and_no_attachment(nth: int) -> None:
    world = World()
    world.drop(FILE)
    world.put_in(ActingSeam("blobs.read", lambda: touch(world), nth=nth))
    world.notify()
    world.run()
    assert_attached(world, world.blobs.version("report.pdf"))
    assert sessions(world) == 2
    assert_told(world)
    assert_promise(world)


@each_way
@pytest.mark.parametrize("applied", [True, False], ids=["landed", "lost"])
def test_a_file_edited_while_its_last_answer_is_missing_is_attached_once(
    again: Callable[[World], BlobVersion], applied: bool
) -> None:
    """The older upload cannot read its file any more, so it cannot tell. The newer one can."""
    lost = ResetConnection("after_applying" if applied else "before_body")
    world = World(faults=(fault(lost, nth=SLICES), fault(Answer(404), "get_session")))
    older = world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.phase(older) is Phase.LOCATING)
    newer = again(world)
    world.notify()
    world.run()
    assert world.phase(older) is Phase.SUPERSEDED
    assert_attached(world, newer)
    assert_told(world)
    assert_promise(world)


def test_a_file_edited_again_while_the_newer_upload_still_looks_for_it_is_attached_once() -> None:
    """Storage applied that the first one owns it, and answered an error. The second never sent anything."""
    world = World(faults=(fault(Answer(404), "get_session"),))
    first = world.drop(FILE)
    world.put_in(ActingSeam("ledger.own_attachment", fail, applied=True))
    world.notify()
    world.run(until=lambda: world.phase(first) is Phase.CONFIRMING)
    second = touch(world)
    world.notify()
    world.run(until=lambda: world.phase(second) is Phase.CONFIRMING)
    third = touch(world)
    world.notify()
    world.run()
    assert [world.phase(each) for each in (first, second)] == [Phase.SUPERSEDED] * 2
    assert_attached(world, third)
    assert sessions(world) == 1
    assert_promise(world)


def fail() -> None:
    raise StorageUnavailable("storage answered 503")


def test_a_last_slice_that_lands_long_after_the_file_was_edited_is_attached_once() -> None:
    world = World(faults=(fault(Delay(120), nth=SLICES),))
    older = world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.phase(older) is Phase.LOCATING)
    newer = touch(world)
    world.todo.complete(world.graph.given_up[0])
    world.notify()
    world.run()
    assert_attached(world, newer)
    assert_promise(world)


def test_other_bytes_are_not_taken_for_what_may_have_landed() -> None:
    world = World(faults=(fault(ResetConnection("after_applying"), nth=SLICES),))
    older = world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.phase(older) is Phase.LOCATING)
    before = world.clock.now
    newer = world.drop(OTHER)
    world.notify()
    world.run(until=lambda: world.phase(newer) is Phase.ATTACHED)
    assert world.clock.now - before < timedelta(minutes=2)
    world.run()
    assert [data for _, data in world.attached()] == [FILE, OTHER]
    assert_promise(world)


# -- written again before it was sent --


@each_way
def test_an_upload_that_is_held_up_while_a_newer_one_attaches_the_file_opens_no_session(
    again: Callable[[World], BlobVersion],
) -> None:
    """In its first step: its name was new, so it has no other upload to look back at."""
    world = World()
    older = world.drop(FILE)

    def overtake() -> None:
        newer = again(world)
        world.event()
        world.run(until=lambda: world.settled(newer))

    world.put_in(ActingSeam("ledger.take_slot", overtake))
    world.event()
    world.run()
    assert world.phase(older) is Phase.SUPERSEDED
    assert_attached(world, world.blobs.version("report.pdf"))
    assert sessions(world) == 1
    assert_told(world)
    assert_promise(world)


# -- an empty file first --


@each_way
def test_an_empty_file_that_wakes_after_it_was_filled_attached_and_edited_adds_nothing(
    again: Callable[[World], BlobVersion],
) -> None:
    world = World()
    world.drop(b"")
    world.notify()
    world.run(until=lambda: not world.events.messages)
    world.clock.advance(timedelta(seconds=0.5))
    filled = world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.settled(filled))
    edited = again(world)
    world.run()
    assert world.entry(edited).attachment_id == world.entry(filled).attachment_id
    assert_attached(world, edited)
    assert_told(world)
    assert_promise(world)


# -- after it was attached and told --


@each_way
@pytest.mark.parametrize("later", [timedelta(), FAR_LATER], ids=["at once", "later"])
def test_a_file_that_is_attached_is_the_same_file_when_it_is_written_or_edited_again(
    again: Callable[[World], BlobVersion], later: timedelta
) -> None:
    """The old event is delivered once more, or azcopy runs twice."""
    world = World()
    blob = upload(world)
    world.clock.advance(later)
    newer = again(world)
    world.notify(times=2)
    world.run()
    assert world.entry(newer).attachment_id == world.entry(blob).attachment_id
    assert world.entry(newer).attached_at == world.entry(blob).attached_at
    assert_attached(world, newer)
    assert sessions(world) == 1
    assert_told(world)
    assert_promise(world)


def test_a_file_that_is_written_again_and_again_is_compared_with_what_was_read_and_not_downloaded() -> None:
    world = World()
    upload(world)
    for _ in range(3):
        newest = upload(world)
    assert_attached(world, newest)
    assert "get_value" not in [operation for operation, _ in world.requests()]
    assert_promise(world)


@each_way
def test_an_attachment_that_a_person_has_removed_is_attached_again(again: Callable[[World], BlobVersion]) -> None:
    world = World()
    upload(world)
    [attachment] = world.task.attachments.values()
    world.todo.store.delete_attachment(world.task, attachment)
    newer = again(world)
    world.notify()
    world.run()
    assert_attached(world, newer)
    assert_told(world)
    assert sessions(world) == 2
    assert_promise(world)


def test_a_listing_that_lags_behind_hides_no_attachment_from_the_look() -> None:
    world = World(behaviour=replace(DOCUMENTED, listing_lag=600.0))
    upload(world)
    newer = write_again(world)
    world.notify()
    world.run()
    assert_attached(world, newer)
    assert_promise(world)


def test_the_same_file_for_another_task_is_attached_there_too() -> None:
    world = World()
    other = world.todo.add_task(world.list, "Invoices")
    upload(world)
    edited = world.blobs.edit_metadata("report.pdf", {"listid": world.list.id, "taskid": other.id})
    world.notify()
    world.run()
    assert [each.content for each in other.attachments.values()] == [FILE]
    assert world.phase(edited) is Phase.ATTACHED
    assert world.attached() == [("report.pdf", FILE)]
    assert_promise(world)


def test_other_bytes_of_the_same_length_are_another_file() -> None:
    world = World()
    upload(world)
    world.clock.advance(FAR_LATER)
    upload(world, OTHER)
    assert [data for _, data in world.attached()] == [FILE, OTHER]
    assert_promise(world)


def test_a_file_that_changes_back_is_the_file_that_it_was() -> None:
    world = World()
    first = upload(world)
    world.clock.advance(FAR_LATER)
    upload(world, OTHER)
    world.clock.advance(FAR_LATER)
    back = upload(world)
    assert world.entry(back).attachment_id == world.entry(first).attachment_id
    assert [data for _, data in world.attached()] == [FILE, OTHER]
    assert_promise(world)


def test_a_person_who_is_named_in_two_ways_is_one_person() -> None:
    world = World()
    object_id = "00000000-0000-0000-0000-000000000001"
    world.accounts.identities = {SAM: object_id, object_id: object_id}
    world.accounts.tokens[object_id] = world.accounts.tokens[SAM]
    target = {"listid": world.list.id, "taskid": world.task.id}
    upload(world, user=SAM, **target)
    newer = upload(world, user=object_id, **target)
    assert_attached(world, newer)
    assert sessions(world) == 1
    assert_promise(world)


def test_what_a_dead_worker_read_is_compared_at_graph() -> None:
    """It sent a slice, and its digest went with it. The attachment itself tells."""
    world = World()
    puts = [0]

    class DieAfterTheSecondSlice(Seam):
        def leave(self, operation: str, *, changes: bool) -> None:
            if operation == "graph.put_slice":
                puts[0] += 1
                if puts[0] == 2:
                    raise Crash

    world.put_in(DieAfterTheSecondSlice())
    blob = upload(world)
    assert_attached(world, blob)
    newer = write_again(world)
    world.notify()
    world.run()
    assert_attached(world, newer)
    assert sessions(world) == 1
    assert [operation for operation, _ in world.requests()][-1] == "list_attachments"
    other = upload(world, OTHER)
    assert world.phase(other) is Phase.ATTACHED
    assert_promise(world)


# -- a worker dies --


def effects_of_a_second_write(again: Callable[[World], BlobVersion]) -> int:
    world, seam = World(), CountingSeam()
    upload(world)
    world.put_in(seam)
    again(world)
    world.notify()
    world.run()
    return len(seam.changes)


@each_way
def test_a_second_write_whose_workers_die_attaches_nothing_more(again: Callable[[World], BlobVersion]) -> None:
    for number in range(1, effects_of_a_second_write(again) + 1):
        world = World()
        upload(world)
        world.put_in(crash_after(number))
        newer = again(world)
        world.notify()
        world.run()
        assert_attached(world, newer)
        assert_told(world)
        assert_promise(world)


@pytest.mark.parametrize("nth", range(1, 20))
def test_an_edit_at_any_change_of_an_upload_attaches_it_once(nth: int) -> None:
    """Whenever the person edits: before a session is open, half way, right after the last slice, around the tags."""
    world = World()
    world.drop(FILE)

    def edit(number: int, _operation: str) -> None:
        if number == nth:
            touch(world)

    world.put_in(CountingSeam(edit))
    world.notify()
    world.run()
    world.notify()
    world.run()
    assert_attached(world, world.blobs.version("report.pdf"))
    assert_told(world)
    assert_promise(world)


# -- a blob that does not come to rest --


def test_a_blob_that_changes_at_every_read_opens_a_session_ever_more_seldom() -> None:
    world = World()

    class Restless(Seam):
        def enter(self, operation: str, *, changes: bool) -> None:
            if operation == "blobs.read":
                world.drop(content(len(FILE), world.blobs.writes))

    world.drop(FILE)
    began = world.clock.now
    world.put_in(Restless())
    world.notify()
    world.run(until=lambda: world.clock.now - began > timedelta(hours=2))
    assert FREE_REWRITES < sessions(world) < 30
    world.put_in(Seam())
    world.run()
    assert world.phase(world.blobs.version("report.pdf")) is Phase.ATTACHED
    assert len(world.attached()) == 1
    assert_promise(world)


def test_no_session_is_opened_for_versions_that_nobody_can_read_any_more() -> None:
    """Fifty writes, each with its event, before the first of them is looked at."""
    world = World(faults=(fault(Answer(429, retry_after=300), "create_session"),))
    for number in range(50):
        world.drop(content(len(FILE), number))
        world.event()
    world.run()
    assert world.attached() == [("report.pdf", content(len(FILE), 49))]
    assert sessions(world) <= 4
    assert_promise(world)
