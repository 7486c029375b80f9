"""A sender who may write, but not read, tries to have another person's file attached to a task of their own."""

from collections.abc import Callable

import pytest

from local.stand_ins.todo.mailbox import Task
from shared.core.attachment import BlobVersion
from shared.core.entry import Phase, Reason
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_ended, assert_promise, upload
from tests.support.fakes.seam import ActingSeam
from tests.support.fakes.world import FULL_SIZE, SAM, World, content

THIEF = "kim@example.com"
OF_THE_THIEF = {"user": THIEF, "list": "Tasks", "task": "Loot"}


def a_world(**options: object) -> tuple[World, Task]:
    """A world in which the thief is connected too, with a task for the loot."""
    world = World(**options)  # type: ignore[arg-type]
    mailbox = world.todo.add_mailbox(THIEF, "canary-token-of-kim")
    world.accounts.tokens[THIEF] = "canary-token-of-kim"
    return world, world.todo.add_task(world.todo.add_list(mailbox, "Tasks"), "Loot")


def edit(world: World) -> BlobVersion:
    """Set Blob Metadata: it needs no right to read."""
    return world.blobs.edit_metadata("report.pdf", OF_THE_THIEF)


def write_again(world: World) -> BlobVersion:
    """Put Block List of blocks that are known: a write that reads nothing, and leaves the bytes as they are."""
    return world.blobs.write("report.pdf", world.blobs.blobs["report.pdf"].content, OF_THE_THIEF)


WAYS: dict[str, Callable[[World], BlobVersion]] = {"metadata": edit, "blocks": write_again}
each_way = pytest.mark.parametrize("steal", WAYS.values(), ids=WAYS)


@each_way
def test_a_file_that_waits_for_its_person_cannot_be_pointed_to_another(steal: Callable[[World], BlobVersion]) -> None:
    world, loot = a_world()
    token = world.accounts.tokens.pop(SAM)
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.phase(blob) is Phase.WAITING and world.entry(blob).is_reported)
    stolen = steal(world)
    world.notify()
    world.accounts.tokens[SAM] = token
    world.run()
    assert_ended(world, stolen, Phase.REJECTED, Reason.OTHER_ACCOUNT, "another name")
    assert not loot.attachments
    assert world.blobs.blobs["report.pdf"].tags["todo_state"] == "rejected"
    assert_promise(world)


@each_way
@pytest.mark.parametrize("nth", [1, 4, 7])
def test_a_large_file_under_way_cannot_be_pointed_to_another(steal: Callable[[World], BlobVersion], nth: int) -> None:
    world, loot = a_world(limits=FULL_SIZE)
    blob = world.drop(content(24_000_000))
    world.put_in(ActingSeam("blobs.read", lambda: steal(world), nth=nth))
    world.notify()
    world.run()
    assert_ended(world, blob, Phase.SUPERSEDED, Reason.REWRITTEN)
    assert_ended(world, world.blobs.version("report.pdf"), Phase.REJECTED, Reason.OTHER_ACCOUNT)
    assert not loot.attachments
    assert_promise(world)


@each_way
def test_a_file_that_was_attached_cannot_be_attached_for_another(steal: Callable[[World], BlobVersion]) -> None:
    world, loot = a_world()
    blob = upload(world)
    stolen = steal(world)
    world.notify()
    world.run()
    assert_attached(world, blob)
    assert_ended(world, stolen, Phase.REJECTED, Reason.OTHER_ACCOUNT)
    assert not loot.attachments
    assert_promise(world)


def test_catching_up_does_not_hand_a_rejected_file_to_another() -> None:
    world, loot = a_world()
    upload(world, task="Recipes")
    edit(world)
    assert world.catch_up().entered == 1
    world.run()
    assert_ended(world, world.blobs.version("report.pdf"), Phase.REJECTED, Reason.OTHER_ACCOUNT)
    assert not loot.attachments
    assert_promise(world)


def test_another_file_under_a_name_that_is_free_again_is_attached_for_another() -> None:
    world, loot = a_world()
    upload(world)
    newer = upload(world, FILE + b"!", **OF_THE_THIEF)
    assert world.phase(newer) is Phase.ATTACHED
    assert [each.content for each in loot.attachments.values()] == [FILE + b"!"]
    assert_promise(world)


def test_other_bytes_of_the_same_length_are_attached_for_another() -> None:
    world, loot = a_world()
    upload(world)
    other = content(len(FILE), 9)
    newer = upload(world, other, **OF_THE_THIEF)
    assert world.phase(newer) is Phase.ATTACHED
    assert [each.content for each in loot.attachments.values()] == [other]
    assert_promise(world)


def test_a_file_of_which_too_little_is_known_stays_with_its_account() -> None:
    """Rejected before a byte of it was read: other bytes of the same length could be the same bytes."""
    world, loot = a_world()
    upload(world, task="No such task", list="Tasks")
    newer = upload(world, content(len(FILE), 9), **OF_THE_THIEF)
    assert_ended(world, newer, Phase.REJECTED, Reason.OTHER_ACCOUNT)
    assert not loot.attachments
    assert_promise(world)


def test_another_name_of_the_same_person_is_no_other_account() -> None:
    world, _ = a_world()
    token = world.accounts.tokens.pop(SAM)
    world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.phase(world.blobs.version("report.pdf")) is Phase.WAITING)
    object_id = "00000000-0000-0000-0000-000000000001"
    world.accounts.identities = {SAM: object_id, object_id: object_id}
    world.accounts.tokens |= {SAM: token, object_id: token}
    mine = {"user": object_id, "listid": world.list.id, "taskid": world.task.id}
    edited = world.blobs.edit_metadata("report.pdf", mine)
    world.notify()
    world.run()
    assert_attached(world, edited)
    assert_promise(world)


def test_whose_a_name_is_waits_where_the_accounts_cannot_be_asked() -> None:
    """Rejected for good because the accounts were away for a moment, a person's own file would be lost."""
    world, _ = a_world()
    object_id = "00000000-0000-0000-0000-000000000001"
    world.accounts.identities = {SAM: object_id, object_id: object_id}
    world.accounts.tokens[object_id] = world.accounts.tokens[SAM]
    upload(world)
    edited = world.blobs.edit_metadata(
        "report.pdf", {"user": object_id, "listid": world.list.id, "taskid": world.task.id}
    )
    world.accounts.away = "the accounts are away"
    world.notify()
    world.run(until=lambda: world.phase(edited) is Phase.QUEUED and world.entry(edited).deferrals > 1)
    world.accounts.away = ""
    world.run()
    assert_attached(world, edited)
    assert_promise(world)


@pytest.mark.parametrize("nth", range(1, SLICES + 1))
def test_the_same_person_may_edit_their_own_file_under_way(nth: int) -> None:
    world, _ = a_world()
    world.drop(FILE)
    mine = {"user": SAM, "listid": world.list.id, "taskid": world.task.id}
    world.put_in(ActingSeam("blobs.read", lambda: world.blobs.edit_metadata("report.pdf", mine), nth=nth))
    world.notify()
    world.run()
    assert_attached(world, world.blobs.version("report.pdf"))
    assert_promise(world)


SHARED = {"sams/": SAM, "kims/": THIEF}


def test_in_a_shared_container_each_prefix_leads_to_its_account_and_nowhere_else() -> None:
    world, loot = a_world(path_accounts=SHARED)
    mine = upload(world, name="sams/report.pdf", task="Receipts")
    theirs = upload(world, name="kims/loot.pdf", **OF_THE_THIEF)
    assert (world.phase(mine), world.phase(theirs)) == (Phase.ATTACHED, Phase.ATTACHED)
    assert len(loot.attachments) == len(world.task.attachments) == 1
    assert_promise(world)


@pytest.mark.parametrize(
    ("name", "metadata"),
    [
        ("kims/spam.pdf", {"task": "Receipts", "user": SAM}),
        ("spam.pdf", {"task": "Receipts", "user": SAM}),
        ("kims/sam@example.com/Tasks/Receipts/spam.pdf", {}),
        ("sam@example.com/Tasks/Receipts/spam.pdf", {}),
        ("kims/../sams/spam.pdf", {"task": "Receipts", "user": SAM}),
        ("SAMS/spam.pdf", {"task": "Receipts"}),
    ],
)
def test_who_is_held_to_a_prefix_sends_nothing_to_another_account(name: str, metadata: dict[str, str]) -> None:
    world, loot = a_world(path_accounts=SHARED)
    blob = world.drop(FILE, name, **{"colour": "red", **metadata})
    world.notify(name)
    world.run()
    assert_ended(world, blob, Phase.REJECTED, Reason.OTHER_ACCOUNT)
    assert not world.task.attachments
    assert not loot.attachments
    assert_promise(world)


def test_an_edit_below_a_prefix_that_leaves_the_other_account_out_is_attached() -> None:
    world, loot = a_world(path_accounts=SHARED)
    upload(world, name="kims/a.pdf", **{**OF_THE_THIEF, "user": SAM})
    world.blobs.edit_metadata("kims/a.pdf", {"list": "Tasks", "task": "Loot"})
    world.notify("kims/a.pdf")
    world.run()
    assert len(loot.attachments) == 1
    assert_promise(world)
