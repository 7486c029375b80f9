"""Content and metadata that come after the event: waited for, and never taken for the whole file too early."""

from datetime import timedelta

import pytest

from shared.core.attachment import BlobKind, CopyState
from shared.core.entry import Phase, Reason
from tests.scenarios.promise import FILE, assert_attached, assert_ended, assert_promise
from tests.support.fakes.manual_clock import START
from tests.support.fakes.world import LIMITS, World, content


def where(world: World) -> dict[str, str]:
    return {"listid": world.list.id, "taskid": world.task.id}


@pytest.mark.parametrize("seconds", [2, 30, 400])
def test_metadata_that_is_set_after_the_file_was_uploaded_counts(seconds: float) -> None:
    """The edit raises no event: portal and Storage Explorer users could never succeed."""
    world = World()
    first = world.blobs.write("report.pdf", FILE, {})
    world.notify()
    world.run(until=lambda: world.phase(first) is Phase.ARRIVING)
    world.clock.advance(timedelta(seconds=seconds))
    edited = world.blobs.edit_metadata("report.pdf", where(world))
    world.run()
    assert_ended(world, first, Phase.SUPERSEDED, Reason.REWRITTEN)
    assert_attached(world, edited)
    assert_promise(world)


def test_a_file_without_metadata_is_rejected_after_ten_minutes_and_asks_graph_nothing() -> None:
    world = World()
    blob = world.blobs.write("report.pdf", FILE, {})
    world.notify()
    world.run()
    assert_ended(world, blob, Phase.REJECTED, Reason.METADATA, "names no task")
    assert world.clock.now - START >= timedelta(minutes=10)
    assert world.requests() == []
    assert_promise(world)


def test_a_file_that_is_deleted_while_it_waits_for_its_metadata_is_withdrawn() -> None:
    world = World()
    blob = world.blobs.write("report.pdf", FILE, {})
    world.notify()
    world.run(until=lambda: world.phase(blob) is Phase.ARRIVING)
    world.blobs.remove("report.pdf")
    world.run()
    assert_ended(world, blob, Phase.WITHDRAWN, Reason.DELETED)
    assert_promise(world)


def test_an_append_blob_is_attached_whole_once_it_is_quiet() -> None:
    world = World()
    first = world.blobs.append("report.pdf", content(700), where(world))
    world.notify()
    world.run(until=lambda: world.phase(first) is Phase.ARRIVING)
    for seed in range(2, 5):
        world.clock.advance(timedelta(seconds=40))
        last = world.blobs.append("report.pdf", content(700, seed), {})
    whole = world.blobs.blobs["report.pdf"].content
    quiet_since = world.clock.now
    world.run()
    assert world.phase(last) is Phase.ATTACHED
    assert world.attached() == [("report.pdf", whole)]
    assert world.clock.now - quiet_since >= LIMITS.append_quiet
    assert_promise(world)


def test_a_page_blob_is_rejected_with_the_remedy() -> None:
    world = World()
    blob = world.drop(FILE)
    world.blobs.blobs["report.pdf"].kind = BlobKind.PAGE
    world.notify()
    world.run()
    assert_ended(world, blob, Phase.REJECTED, Reason.PAGE_BLOB, "upload it as a block blob")
    assert_promise(world)


def test_a_copy_that_is_not_finished_is_not_attached_as_an_empty_file() -> None:
    world = World()
    world.drop(b"")
    pending = world.blobs.copy("report.pdf", CopyState.PENDING)
    world.notify()
    world.run(until=lambda: world.clock.now - START > timedelta(minutes=25))
    assert (world.phase(pending), world.attached()) == (Phase.ARRIVING, [])
    finished = world.blobs.copy("report.pdf", CopyState.SUCCESS, FILE)
    world.run()
    assert_attached(world, finished)
    assert_promise(world)


def test_a_copy_that_is_never_finished_ends_by_its_age_and_names_the_cause() -> None:
    world = World()
    world.drop(b"")
    pending = world.blobs.copy("report.pdf", CopyState.PENDING)
    world.notify()
    world.run()
    assert_ended(world, pending, Phase.FAILED, Reason.TOO_OLD, "(last: the copy into the blob is not finished)")
    assert_promise(world)


def test_a_copy_that_fails_is_rejected_with_the_remedy() -> None:
    world = World()
    world.drop(b"")
    pending = world.blobs.copy("report.pdf", CopyState.PENDING)
    world.notify()
    world.run(until=lambda: world.phase(pending) is Phase.ARRIVING)
    failed = world.blobs.copy("report.pdf", CopyState.FAILED)
    world.run()
    assert_ended(world, failed, Phase.REJECTED, Reason.COPY_FAILED, "copy it again")
    assert_promise(world)
