"""The person changes their mind: writes again, deletes, edits metadata or tags, while the file is on its way."""

from datetime import timedelta

import pytest

from local.stand_ins.todo.faults import Answer, Delay, ExpireSession, ResetConnection
from shared.core.entry import Phase, Reason
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_ended, assert_promise, fault, upload
from tests.support.fakes.seam import ActingSeam
from tests.support.fakes.world import LIMITS, World, content

NEWER = content(2_000, 9)


@pytest.mark.parametrize("notified", [True, False], ids=["event", "event lost"])
@pytest.mark.parametrize("nth", range(1, SLICES + 1))
def test_a_file_rewritten_half_sent_attaches_the_newer_version_only(nth: int, notified: bool) -> None:
    """Also where the event of the newer version never comes: the cycle itself enters it."""
    world = World()
    older = world.drop(FILE)

    def rewrite() -> None:
        world.drop(NEWER)
        if notified:
            world.notify()

    world.put_in(ActingSeam("blobs.read", rewrite, nth=nth))
    world.notify()
    world.run()
    newer = world.blobs.version("report.pdf")
    assert_ended(world, older, Phase.SUPERSEDED, Reason.REWRITTEN)
    assert_attached(world, newer, NEWER)
    assert_promise(world)


def test_an_event_of_an_older_version_that_comes_late_is_about_the_newer_one() -> None:
    world = World()
    older = world.drop(FILE)
    newer = world.drop(NEWER)
    world.notify(times=2)
    world.run()
    assert_attached(world, newer, NEWER)
    assert world.phase(older) is None
    assert_promise(world)


def test_a_file_written_again_after_it_was_attached_attaches_again() -> None:
    world = World()
    first = upload(world, FILE)
    world.clock.advance(LIMITS.replace_within + timedelta(seconds=2))
    second = upload(world, NEWER)
    assert world.phase(first) is world.phase(second) is Phase.ATTACHED
    assert world.attached() == [("report.pdf", FILE), ("report.pdf", NEWER)]
    assert_promise(world)


@pytest.mark.parametrize("nth", range(1, SLICES + 1))
def test_a_file_deleted_half_way_is_withdrawn_and_its_session_cancelled(nth: int) -> None:
    world = World()
    blob = world.drop(FILE)
    world.put_in(ActingSeam("blobs.read", lambda: world.blobs.remove("report.pdf"), nth=nth))
    world.notify()
    world.run()
    assert_ended(world, blob, Phase.WITHDRAWN, Reason.DELETED)
    assert world.attached() == []
    assert_promise(world)


def test_a_file_deleted_before_its_event_comes_is_nothing() -> None:
    world = World()
    world.drop(FILE)
    world.blobs.remove("report.pdf")
    world.notify()
    world.run()
    assert world.ledger.entries() == []
    assert len(world.records.events("no_such_blob")) == 1
    assert_promise(world)


def test_an_event_for_a_blob_that_never_existed_is_nothing() -> None:
    world = World()
    world.notify("folder/never there.pdf", times=3)
    world.run()
    assert world.ledger.entries() == []
    assert world.requests() == []
    assert_promise(world)


def test_a_file_deleted_after_it_was_attached_stays_attached() -> None:
    world = World()
    blob = upload(world)
    world.blobs.remove("report.pdf")
    world.run()
    assert_attached(world, blob)
    assert_promise(world)


@pytest.mark.parametrize("point", ["blobs.tags", "blobs.set_tags"])
@pytest.mark.parametrize("deleted", [True, False], ids=["deleted", "rewritten"])
def test_a_file_that_goes_right_before_its_outcome_is_told_is_attached_all_the_same(point: str, deleted: bool) -> None:
    """Of a newer version that nobody announced, the application hears here: that one takes its place."""
    world = World()
    blob = world.drop(FILE)
    act = (lambda: world.blobs.remove("report.pdf")) if deleted else (lambda: world.drop(NEWER))
    world.put_in(ActingSeam(point, act))
    world.notify()
    world.run()
    if deleted:
        assert_attached(world, blob)
    else:
        assert world.phase(blob) is Phase.ATTACHED
        assert_attached(world, world.blobs.version("report.pdf"), NEWER)
        assert world.blobs.blobs["report.pdf"].tags["todo_state"] == "attached"
    assert_promise(world)


@pytest.mark.parametrize("deleted", [True, False], ids=["deleted", "rewritten"])
def test_what_may_have_landed_before_the_file_was_gone_is_said(deleted: bool) -> None:
    """The last reply is lost and the blob is gone: nobody can tell any more whose bytes hang there."""
    world = World(faults=(fault(ResetConnection("after_applying"), nth=SLICES),))
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.phase(blob) is Phase.CONFIRMING)
    if deleted:
        world.blobs.remove("report.pdf")
    else:
        world.drop(NEWER)
    world.run()
    phase, reason = (Phase.WITHDRAWN, Reason.DELETED) if deleted else (Phase.SUPERSEDED, Reason.REWRITTEN)
    assert_ended(world, blob, phase, reason, "may already be attached")
    assert [data for _, data in world.attached()] == ([FILE] if deleted else [FILE, NEWER])
    assert_promise(world)


def test_a_last_range_that_is_applied_after_the_session_was_asked_is_in_doubt_when_the_file_is_gone() -> None:
    """The session had not got it yet, so it goes on sending; then the blob is rewritten, and the zombie lands."""
    world = World(faults=(fault(Delay(120), nth=SLICES),))
    older = world.drop(FILE)
    world.notify()
    world.run(until=lambda: any(operation == "get_session" for operation, _ in world.requests()))
    assert world.phase(older) is Phase.SENDING
    world.todo.complete(world.graph.given_up[0])
    newer = world.drop(NEWER)
    world.notify()
    world.run()
    assert_ended(world, older, Phase.SUPERSEDED, Reason.REWRITTEN, "may already be attached")
    assert world.phase(newer) is Phase.ATTACHED
    assert world.attached() == [("report.pdf", FILE), ("report.pdf", NEWER)]
    assert_promise(world)


@pytest.mark.parametrize("nth", range(1, SLICES + 1))
def test_metadata_edited_half_way_counts_and_raises_no_event(nth: int) -> None:
    world = World()
    other = world.todo.add_task(world.list, "Invoices")
    older = world.drop(FILE)

    def edit() -> None:
        world.blobs.edit_metadata("report.pdf", {"listid": world.list.id, "taskid": other.id, "filename": "new.pdf"})

    world.put_in(ActingSeam("blobs.read", edit, nth=nth))
    world.notify()
    world.run()
    assert_ended(world, older, Phase.SUPERSEDED, Reason.REWRITTEN)
    assert world.phase(world.blobs.version("report.pdf")) is Phase.ATTACHED
    assert world.attached() == []
    assert [(each.name, each.content) for each in other.attachments.values()] == [("new.pdf", FILE)]
    assert_promise(world)


def test_metadata_edited_into_nonsense_half_way_is_rejected_with_the_reason() -> None:
    world = World()
    older = world.drop(FILE)
    world.put_in(ActingSeam("blobs.read", lambda: world.blobs.edit_metadata("report.pdf", {"colour": "red"}), nth=2))
    world.notify()
    world.run()
    assert world.phase(older) is Phase.SUPERSEDED
    newer = world.blobs.version("report.pdf")
    assert_ended(world, newer, Phase.REJECTED, Reason.METADATA, "names no task")
    assert world.blobs.blobs["report.pdf"].tags["todo_state"] == "rejected"
    assert_promise(world)


def test_tags_edited_half_way_change_nothing_and_are_kept() -> None:
    world = World()
    blob = world.drop(FILE)
    edit = ActingSeam("blobs.read", lambda: world.blobs.blobs["report.pdf"].tags.update(project="blue"), nth=2)
    world.put_in(edit)
    world.notify()
    world.run()
    assert_attached(world, blob)
    assert world.blobs.blobs["report.pdf"].tags["project"] == "blue"
    assert_promise(world)


def test_five_rewrites_in_a_row_attach_the_last_one() -> None:
    world = World()
    versions = []
    for number in range(5):
        versions.append(world.drop(content(2_500, number)))
        world.notify()
        world.run(until=lambda number=number: len(world.requests()) > 2 * number)  # type: ignore[misc]
    world.run()
    assert [world.phase(version) for version in versions[:-1]] == [Phase.SUPERSEDED] * 4
    assert_attached(world, versions[-1], content(2_500, 4))
    assert_promise(world)


def test_a_newer_version_waits_until_the_throttled_older_one_has_seen_that_it_is_superseded() -> None:
    world = World(faults=(fault(Answer(429, retry_after=900), nth=2),))
    older = world.drop(FILE)
    world.notify()
    world.run(until=lambda: ("put_slice", 429) in world.requests())
    newer = world.drop(NEWER)
    world.notify()
    world.run()
    assert world.phase(older) is Phase.SUPERSEDED
    assert_attached(world, newer, NEWER)
    assert_promise(world)


def test_a_deletion_during_a_second_session_withdraws_without_a_doubt() -> None:
    """The first session expired before its last range, and the task was searched: nothing can have landed."""
    world = World(faults=(fault(ExpireSession(), nth=2),))
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.requests().count(("create_session", 200)) > 1)
    world.clock.advance(timedelta(seconds=1))
    world.blobs.remove("report.pdf")
    world.run()
    entry = assert_ended(world, blob, Phase.WITHDRAWN, Reason.DELETED)
    assert "may already" not in entry.detail
    assert_promise(world)
