"""What storage refuses for good is no outage: an end, told once, where it can be."""

from datetime import timedelta

import pytest

from shared.core.entry import Phase, Reason
from shared.core.limits import MAX_REPORT_TRIES_REFUSED
from shared.errors import StorageUnavailable
from tests.scenarios.promise import FILE, assert_attached, assert_ended, assert_promise, upload
from tests.support.fakes.seam import ActingSeam, FailingSeam
from tests.support.fakes.world import World


def test_an_archived_blob_is_rejected_with_the_remedy_at_once() -> None:
    world = World()
    blob = world.drop(FILE)
    world.blobs.archive("report.pdf")
    world.notify()
    world.run()
    assert_ended(world, blob, Phase.REJECTED, Reason.ARCHIVED, "set its tier to hot or cool, and write it again")
    assert world.blobs.blobs["report.pdf"].tags["todo_state"] == "rejected"
    assert world.attached() == []
    assert_promise(world)


def test_a_blob_that_is_archived_half_sent_leaves_no_session_open() -> None:
    world = World()
    world.put_in(ActingSeam("blobs.read", lambda: world.blobs.archive("report.pdf"), nth=2))
    blob = upload(world)
    assert_ended(world, blob, Phase.REJECTED, Reason.ARCHIVED)
    assert ("cancel_session", 204) in world.requests()
    assert_promise(world)


def test_a_blob_under_a_key_of_its_writer_s_is_one_record_and_an_end() -> None:
    """No ETag is told, so there is no entry; raised, its event would come back every half minute for a week."""
    world = World()
    world.drop(FILE)
    world.blobs.blobs["report.pdf"].key_withheld = True
    world.notify()
    world.run()
    assert [line["reason"] for line in world.records.events("turned_away")] == [Reason.KEY_WITHHELD]
    assert (world.ledger.entries(), world.messages.messages, world.raised) == ([], [], [])
    assert_promise(world)


def test_a_file_that_is_written_over_by_one_under_a_key_of_its_writer_s_ends_as_written_over() -> None:
    world = World()

    def write_over() -> None:
        world.drop(FILE)
        world.blobs.blobs["report.pdf"].key_withheld = True

    world.put_in(ActingSeam("blobs.read", write_over, nth=2))
    blob = upload(world)
    assert_ended(world, blob, Phase.SUPERSEDED, Reason.REWRITTEN)
    assert len(world.records.events("turned_away")) == 1
    assert_promise(world)


def test_a_file_whose_tags_are_locked_is_attached_and_told_quietly() -> None:
    world = World()
    blob = world.drop(FILE)
    world.blobs.lease("report.pdf")
    world.notify()
    world.run()
    assert_attached(world, blob)
    assert world.blobs.blobs["report.pdf"].tags == {}
    assert world.entry(blob).report.failed_tries == MAX_REPORT_TRIES_REFUSED
    assert world.clock.now - world.entry(blob).created_at < timedelta(minutes=5)
    assert world.raised == []
    assert_promise(world)


def test_a_lease_that_is_over_soon_costs_the_person_no_tag() -> None:
    world = World()
    blob = world.drop(FILE)
    world.blobs.lease("report.pdf")

    def release() -> None:
        world.blobs.blobs["report.pdf"].tags_locked = False

    world.put_in(ActingSeam("blobs.set_tags", release, nth=2))
    world.notify()
    world.run()
    assert_attached(world, blob)
    assert world.blobs.blobs["report.pdf"].tags["todo_state"] == "attached"
    assert_promise(world)


@pytest.mark.parametrize(
    "told", ["blob storage answered 503 ServerBusy", "blob storage answered 403 AuthorizationFailure"]
)
def test_a_file_that_could_not_be_read_for_a_day_names_the_last_cause(told: str) -> None:
    world = World()
    world.put_in(FailingSeam("blobs.read", [StorageUnavailable(told) for _ in range(5000)]))
    blob = upload(world)
    assert_ended(world, blob, Phase.FAILED, Reason.TOO_OLD, f"not attached within 24 hours (last: {told})")
    assert_promise(world)
