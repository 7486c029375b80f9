"""Where the setting asks for it, an attachment is read back before the person reads that it is there."""

from collections.abc import Mapping

import pytest

from local.stand_ins.todo.faults import Answer, CorruptByte, ResetConnection, Rule
from shared.core.attachment import BlobVersion
from shared.core.entry import Phase, Reason
from shared.core.limits import MAX_GARBLED, MAX_READ_BACK_TRIES
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_ended, assert_promise, fault, upload
from tests.scenarios.test_crash_at_every_effect import CrashBefore, crashes
from tests.support.fakes.seam import CountingSeam, crash_after
from tests.support.fakes.world import World

GARBLED_ONCE = fault(CorruptByte(), nth=SLICES)
ALWAYS_GARBLED = fault(CorruptByte(), count=None)


def reading_back(*faults: Rule) -> World:
    return World(read_back=True, faults=faults)


def tags(world: World) -> Mapping[str, str]:
    return world.blobs.blobs["report.pdf"].tags


def operations(world: World) -> list[str]:
    return [operation for operation, _ in world.requests()]


def test_without_the_setting_an_attachment_is_not_read_back() -> None:
    world = World()
    blob = upload(world)
    assert_attached(world, blob)
    assert operations(world) == ["create_session", *["put_slice"] * SLICES]


@pytest.mark.parametrize("data", [FILE, b"", b"x"], ids=["three slices", "empty", "one byte"])
def test_an_attachment_that_is_read_back_and_right_costs_one_request_more(data: bytes) -> None:
    plain, world = World(), reading_back()
    upload(plain, data)
    blob = upload(world, data)
    assert_attached(world, blob, data)
    assert operations(world) == [*operations(plain), "get_value"]
    assert tags(world) == tags(plain)
    assert_promise(world)


def test_an_attachment_with_other_bytes_is_removed_and_the_file_is_sent_anew() -> None:
    world = reading_back(GARBLED_ONCE)
    blob = upload(world)
    assert_attached(world, blob)
    assert tags(world)["todo_state"] == "attached"
    # The second session searches before its last slice, as every later one does.
    sent = ["create_session", *["put_slice"] * (SLICES - 1)]
    assert operations(world) == [
        *sent,
        "put_slice",
        "get_value",
        "delete_attachment",
        *sent,
        "list_attachments",
        "put_slice",
        "get_value",
    ]
    assert_promise(world)


def test_a_small_file_that_was_posted_with_other_bytes_is_posted_anew() -> None:
    world = reading_back(
        fault(Answer(400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize"), "create_session"),
        fault(CorruptByte(), "post_attachment"),
    )
    blob = upload(world, b"x")
    assert_attached(world, blob, b"x")
    assert operations(world).count("post_attachment") == 2
    assert_promise(world)


def test_nobody_reads_attached_before_the_attachment_was_read_back() -> None:
    world = reading_back(GARBLED_ONCE)
    held: list[tuple[str, bytes]] = []

    class Watching(CountingSeam):
        def enter(self, operation: str, *, changes: bool) -> None:
            if operation == "blobs.set_tags":
                held.extend(world.attached())

    world.put_in(Watching())
    upload(world)
    assert held == [("report.pdf", FILE)]


def test_a_file_whose_attachment_never_has_its_bytes_fails_and_leaves_nothing_wrong_behind() -> None:
    world = reading_back(ALWAYS_GARBLED)
    blob = upload(world)
    assert_ended(world, blob, Phase.FAILED, Reason.GARBLED, f"{MAX_GARBLED} times To Do held other bytes")
    assert world.attached() == []
    assert operations(world).count("delete_attachment") == MAX_GARBLED
    assert tags(world)["todo_reason"].startswith("garbled: 3 times To Do held other bytes than the file")
    assert_promise(world)


def test_an_attachment_with_other_bytes_that_cannot_be_removed_is_told_as_failed() -> None:
    world = reading_back(GARBLED_ONCE, fault(Answer(500), "delete_attachment", count=None))
    blob = upload(world)
    assert_ended(world, blob, Phase.FAILED, Reason.GARBLED, "could not be removed")
    assert operations(world).count("delete_attachment") == MAX_READ_BACK_TRIES
    assert_promise(world)


@pytest.mark.parametrize("answer", [Answer(404), Answer(500), Answer(503)], ids=["404", "500", "503"])
def test_an_attachment_that_is_never_shown_counts_as_attached_and_is_not_sent_again(answer: Answer) -> None:
    world = reading_back(fault(answer, "get_value", count=None))
    blob = upload(world)
    assert_attached(world, blob)
    assert tags(world)["todo_state"] == "attached"
    assert tags(world)["todo_reason"].startswith("attached - but its bytes could not be read back")
    assert_promise(world)


def test_an_attachment_that_may_not_be_read_counts_as_attached_and_says_so() -> None:
    world = reading_back(fault(Answer(403), "get_value", count=None))
    blob = upload(world)
    assert_attached(world, blob)
    assert tags(world)["todo_reason"].startswith("not read back: ")
    assert operations(world).count("get_value") == 1


def test_an_attachment_that_a_person_removes_before_it_is_read_back_is_not_attached_again() -> None:
    world = reading_back()
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.phase(blob) is Phase.VERIFYING)
    world.task.attachments.clear()
    world.run()
    assert (world.entry(blob).phase, world.attached()) == (Phase.ATTACHED, [])
    assert_promise(world)


def test_a_file_that_is_written_again_while_it_is_read_back_is_attached_as_both() -> None:
    world = reading_back()
    older = world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.phase(older) is Phase.VERIFYING)
    newer = world.drop(FILE[::-1])
    world.run()
    assert (world.entry(older).phase, world.entry(newer).phase) == (Phase.ATTACHED, Phase.ATTACHED)
    # Written so soon, it takes the place of the older one.
    assert world.attached() == [("report.pdf", FILE[::-1])]
    assert_promise(world)


@pytest.mark.parametrize("data", [FILE, b""], ids=["three slices", "empty"])
def test_a_worker_may_die_at_every_effect_of_reading_back(data: bytes) -> None:
    for world in crashes(reading_back, data, {}):
        blob = upload(world, data)
        assert_attached(world, blob, data)
        assert_promise(world, unseen_sessions=1)


@pytest.mark.parametrize(
    "more",
    [(), (fault(ResetConnection("after_applying"), "delete_attachment"),), (fault(Answer(503), "get_value"),)],
    ids=["alone", "its reply lost", "after a 503"],
)
def test_a_worker_may_die_at_every_effect_of_removing_other_bytes(more: tuple[Rule, ...]) -> None:
    def read_back_with(seam: CountingSeam) -> tuple[World, BlobVersion]:
        world = reading_back(GARBLED_ONCE, *more)
        blob = world.drop(FILE)
        world.notify()
        world.run(until=lambda: world.phase(blob) is Phase.VERIFYING)
        world.put_in(seam)
        world.run()
        return world, blob

    counted = CountingSeam()
    read_back_with(counted)
    for number in range(1, len(counted.changes) + 1):
        for seam in (crash_after(number), CrashBefore(number)):
            world, blob = read_back_with(seam)
            assert_attached(world, blob)
            assert_promise(world, unseen_sessions=1)


def test_other_bytes_whose_answer_is_lost_are_nobody_s_for_sure_and_stay_beside_the_file() -> None:
    """They may as well be a person's, under the same name: only what we know to be ours is removed."""
    world = reading_back(GARBLED_ONCE, fault(ResetConnection("after_applying"), nth=SLICES))
    blob = upload(world)
    assert world.entry(blob).phase is Phase.ATTACHED
    assert [content == FILE for _, content in world.attached()] == [False, True]
    assert_promise(world)
