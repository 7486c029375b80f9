"""Writers that commit in parts: each commit is a write with an event, and all but the last are a part of the file.

What was attached from a write that another one follows soon was not the file yet. The newer one is attached first; then
the older one is removed, while it is as we made it.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from local.stand_ins.todo.behaviour import DOCUMENTED
from local.stand_ins.todo.faults import Answer, Rule
from local.stand_ins.todo.journal import Offence
from shared.core.attachment import BlobVersion
from shared.core.entry import Phase
from tests.scenarios.promise import assert_attached, assert_promise, upload
from tests.support.fakes.seam import ActingSeam, CountingSeam, crash_after
from tests.support.fakes.world import FULL_SIZE, LIMITS, SLICE, World, content

WHOLE = content(4 * SLICE)
PART, LONGER = WHOLE[:SLICE], WHOLE[: 2 * SLICE]
WINDOW = LIMITS.replace_within
NEVER = replace(LIMITS, replace_within=timedelta())
ALWAYS = replace(LIMITS, replace_within=timedelta.max)


def commit(world: World, *contents: bytes, apart: timedelta = timedelta(seconds=1.5)) -> list[BlobVersion]:
    """Write these one after the other, with an event each; each is attached before the next one comes."""
    versions = []
    for each in contents:
        versions.append(upload(world, each))
        world.clock.advance(apart)
    return versions


def operations(world: World, operation: str) -> int:
    return sum(each == operation for each, _ in world.requests())


def test_a_file_that_is_committed_in_parts_is_attached_once_and_whole() -> None:
    """Four commits of 3 MB, a second and a half apart."""
    world = World(limits=FULL_SIZE)
    whole = content(12_000_000)
    versions = commit(world, *(whole[: number * 3_000_000] for number in range(1, 5)))
    assert [world.phase(version) for version in versions] == [Phase.ATTACHED] * 4
    assert_attached(world, versions[-1], whole)
    assert world.blobs.blobs["report.pdf"].tags["todo_state"] == "attached"
    assert_promise(world)


def test_commits_while_the_parts_are_on_their_way_attach_the_whole_file_only() -> None:
    world = World()
    for stop in range(1, 5):
        world.drop(WHOLE[: stop * SLICE])
        world.notify()
        world.run(until=lambda: operations(world, "put_slice") > 0)
    world.run()
    assert_attached(world, world.blobs.version("report.pdf"), WHOLE)
    assert_promise(world)


def test_the_older_attachment_stands_until_the_newer_one_does() -> None:
    world = World()
    upload(world, PART)
    counts = []
    newer = world.drop(WHOLE)
    world.put_in(CountingSeam(lambda _number, _operation: counts.append(len(world.task.attachments))))
    world.notify()
    world.run()
    assert min(counts) == 1
    assert max(counts) == 2
    assert_attached(world, newer, WHOLE)
    assert_promise(world)


def test_what_was_attached_for_more_than_a_minute_stays_beside_what_is_written_then() -> None:
    world = World()
    commit(world, PART, WHOLE, apart=WINDOW + timedelta(seconds=2))
    assert [data for _, data in world.attached()] == [PART, WHOLE]
    assert operations(world, "delete_attachment") == 0
    assert_promise(world)


def test_commits_that_follow_each_other_replace_each_other_however_long_it_goes_on() -> None:
    """The third comes more than a minute after the first was attached; the second was to take that one's place."""
    world = World()
    upload(world, PART)
    world.clock.advance(timedelta(seconds=50))
    between = world.drop(LONGER)
    world.put_in(ActingSeam("graph.put_slice", lambda: world.clock.advance(timedelta(seconds=40))))
    world.notify()
    world.run(until=lambda: operations(world, "put_slice") == 2)
    newest = world.drop(WHOLE)
    world.notify()
    world.run()
    assert world.phase(between) is Phase.SUPERSEDED
    assert_attached(world, newest, WHOLE)
    assert_promise(world)


def test_where_it_is_switched_off_nothing_is_ever_removed() -> None:
    world = World(limits=NEVER)
    commit(world, PART, LONGER, WHOLE)
    assert [data for _, data in world.attached()] == [PART, LONGER, WHOLE]
    assert_promise(world)


def test_where_it_is_always_wanted_a_file_replaces_what_it_was_attached_as_before() -> None:
    world = World(limits=ALWAYS)
    versions = commit(world, PART, LONGER, WHOLE, apart=timedelta(days=30))
    assert_attached(world, versions[-1], WHOLE)
    assert_promise(world)


def test_a_version_for_another_task_replaces_nothing() -> None:
    world = World()
    other = world.todo.add_task(world.list, "Invoices")
    upload(world, PART)
    upload(world, WHOLE, listid=world.list.id, taskid=other.id)
    assert world.attached() == [("report.pdf", PART)]
    assert [each.content for each in other.attachments.values()] == [WHOLE]
    assert_promise(world)


def test_another_blob_of_the_same_attachment_name_is_not_replaced() -> None:
    world = World()
    upload(world, PART, name="a/report.pdf")
    upload(world, WHOLE, name="b/report.pdf")
    assert [data for _, data in world.attached()] == [PART, WHOLE]
    assert_promise(world)


def test_a_version_under_another_attachment_name_takes_the_place_of_the_older_one() -> None:
    world = World()
    upload(world, PART)
    newer = upload(world, WHOLE, listid=world.list.id, taskid=world.task.id, filename="final.pdf")
    assert_attached(world, newer, WHOLE, name="final.pdf")
    assert_promise(world)


def test_what_changes_back_while_its_attachment_is_being_removed_is_attached_anew() -> None:
    """To be taken for the older file would leave it without an attachment once that is gone."""
    world = World(faults=(Rule(Answer(500), operation="delete_attachment"),))
    upload(world, PART)
    world.drop(WHOLE)
    world.notify()
    world.run(until=lambda: operations(world, "delete_attachment") == 1)
    back = world.drop(PART)
    world.notify()
    world.run()
    assert_attached(world, back, PART)
    assert world.entry(back).attachment_id in world.task.attachments
    assert_promise(world, offences=[Offence.SECOND_ATTACHMENT])


def test_what_changes_back_while_another_is_about_to_take_its_place_waits_for_that_one() -> None:
    """Under another attachment name, so that no slot makes them take turns."""
    world = World()
    upload(world, PART)
    target = {"listid": world.list.id, "taskid": world.task.id}
    world.drop(WHOLE, **target, filename="final.pdf")

    def change_back() -> None:
        world.drop(PART)
        world.event()

    world.put_in(ActingSeam("graph.put_slice", change_back, nth=len(WHOLE) // SLICE, applied=True))
    world.notify()
    world.run()
    back = world.blobs.version("report.pdf")
    assert world.phase(back) is Phase.ATTACHED
    assert world.entry(back).attachment_id in world.task.attachments
    assert_attached(world, back, PART)
    assert_promise(world)


# -- only while it is as we made it --


@pytest.mark.parametrize("changes", [{"name": "mine.pdf"}, {"created": timedelta(hours=1)}], ids=["name", "time"])
def test_an_older_attachment_that_is_not_as_we_made_it_is_left_alone(changes: dict[str, object]) -> None:
    world = World()
    upload(world, PART)
    [older] = world.task.attachments.values()
    if "created" in changes:
        changes = {"created": older.created + timedelta(hours=1)}
    world.task.attachments[older.id] = replace(older, **changes)  # type: ignore[arg-type]
    newer = upload(world, WHOLE)
    assert world.phase(newer) is Phase.ATTACHED
    assert [data for _, data in world.attached()] == [PART, WHOLE]
    assert operations(world, "delete_attachment") == 0
    assert_promise(world)


def test_an_older_attachment_that_a_person_has_removed_meanwhile_is_gone() -> None:
    world = World()
    upload(world, PART)
    [older] = world.task.attachments.values()
    world.todo.store.delete_attachment(world.task, older)
    newer = upload(world, WHOLE)
    assert_attached(world, newer, WHOLE)
    assert operations(world, "delete_attachment") == 0
    assert_promise(world)


# -- what goes wrong --


def test_a_listing_that_lags_behind_delays_the_removal_only() -> None:
    world = World(behaviour=replace(DOCUMENTED, listing_lag=300.0))
    upload(world, PART)
    newer = upload(world, WHOLE)
    assert_attached(world, newer, WHOLE)
    assert_promise(world)


@pytest.mark.parametrize("status", [429, 500, 503, 404, 409])
@pytest.mark.parametrize("applied", [True, False], ids=["applied", "not applied"])
def test_a_removal_that_is_answered_otherwise_is_done_all_the_same(status: int, applied: bool) -> None:
    faults = Rule(Answer(status, applied=applied), operation="delete_attachment")
    world = World(faults=(faults,))
    upload(world, PART)
    newer = upload(world, WHOLE)
    assert world.phase(newer) is Phase.ATTACHED
    # A 404 that is not true is believed: an attachment that is said to be gone is not asked for again.
    left = [PART] if status == 404 and not applied else []
    assert [data for _, data in world.attached()] == [*left, WHOLE]
    assert_promise(world)


@pytest.mark.parametrize("status", [500, 403, 400, 429])
def test_a_removal_that_never_succeeds_ends_and_leaves_both(status: int) -> None:
    world = World(faults=(Rule(Answer(status), operation="delete_attachment", count=None),))
    upload(world, PART)
    newer = upload(world, WHOLE)
    assert world.phase(newer) is Phase.ATTACHED
    assert [data for _, data in world.attached()] == [PART, WHOLE]
    assert operations(world, "delete_attachment") == 18
    assert_promise(world)


def test_a_task_that_is_gone_before_the_removal_ends_it() -> None:
    world = World()
    upload(world, PART)
    newer = world.drop(WHOLE)
    world.notify()
    world.run(until=lambda: world.phase(newer) is Phase.ATTACHED)
    world.todo.delete_task(world.task)
    world.run()
    assert world.settled(newer)
    assert_promise(world)


def test_a_worker_that_dies_anywhere_while_one_takes_the_others_place_leaves_one() -> None:
    counting, world = CountingSeam(), World()
    upload(world, PART)
    world.put_in(counting)
    upload(world, WHOLE)
    assert "graph.delete_attachment" in counting.changes
    for number in range(1, len(counting.changes) + 1):
        world = World()
        upload(world, PART)
        world.put_in(crash_after(number))
        newer = upload(world, WHOLE)
        assert_attached(world, newer, WHOLE)
        assert_promise(world, unseen_sessions=1)


def test_the_source_is_deleted_only_after_the_older_attachment_was_removed() -> None:
    world = World(delete_attached=True, limits=ALWAYS)
    upload(world, PART)
    seam = CountingSeam()
    world.put_in(seam)
    newer = upload(world, WHOLE)
    assert_attached(world, newer, WHOLE)
    assert seam.changes.index("graph.delete_attachment") < seam.changes.index("blobs.delete")
    assert not world.blobs.blobs
    assert_promise(world)
