"""Which task, whose, and which of two that look the same: decided once, and never mixed up."""

from dataclasses import replace

import pytest

from local.stand_ins.todo.behaviour import Behaviour
from local.stand_ins.todo.faults import Delay, ResetConnection
from local.stand_ins.todo.journal import Offence
from shared.core.entry import Phase, Reason
from shared.wiring import assemble
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_ended, assert_promise, fault, upload
from tests.support.fakes.seam import ActingSeam
from tests.support.fakes.world import SAM, World, content

BY_NAME = {"list": "Tasks", "task": "Receipts"}


@pytest.mark.parametrize("requests", range(3, 3 + SLICES))
def test_a_task_renamed_and_another_under_its_name_does_not_divert_an_upload(requests: int) -> None:
    """Resolved once, recorded, never again."""
    world = World()
    blob = world.drop(FILE, **BY_NAME)
    world.notify()
    world.run(until=lambda: len(world.requests()) >= requests)
    world.task.title = "Receipts 2025"
    impostor = world.todo.add_task(world.list, "Receipts")
    world.run()
    assert_attached(world, blob)
    assert not impostor.attachments
    assert_promise(world)


def test_a_task_renamed_before_it_was_resolved_is_the_one_that_has_the_name_now() -> None:
    world = World(faults=(fault(ResetConnection(), "list_tasks"),))
    blob = world.drop(FILE, **BY_NAME)
    world.notify()
    world.run(until=lambda: len(world.requests()) >= 2)
    world.task.title = "Receipts 2025"
    other = world.todo.add_task(world.list, "Receipts")
    world.run()
    assert world.phase(blob) is Phase.ATTACHED
    assert [each.content for each in other.attachments.values()] == [FILE]
    assert world.attached() == []
    assert_promise(world)


@pytest.mark.parametrize("requests", range(SLICES + 1))
def test_a_default_account_changed_half_way_counts_for_new_files_only(requests: int) -> None:
    world = World()
    kim = world.todo.add_mailbox("kim@example.com", "canary-token-of-kim")
    world.accounts.tokens["kim@example.com"] = "canary-token-of-kim"
    task = world.todo.add_task(world.todo.add_list(kim, "Tasks", wellknown_name="defaultList"), "Receipts")
    old = world.drop(FILE, "old.pdf", task="Receipts")
    world.event("old.pdf")
    world.run(until=lambda: len(world.requests()) >= requests)
    settings = replace(world.application.settings, default_account="kim@example.com")
    world.application = assemble(settings, world.application.ports)
    new = world.drop(FILE, "new.pdf", task="Receipts")
    world.notify("new.pdf")
    world.notify("old.pdf")
    world.run()
    assert world.phase(old) is world.phase(new) is Phase.ATTACHED
    assert world.attached() == [("old.pdf", FILE)]
    assert [each.name for each in task.attachments.values()] == ["new.pdf"]
    assert_promise(world)


TWINS = ("one/report.pdf", "two/report.pdf")


def drop_twins(world: World) -> list[Phase | None]:
    blobs = [world.drop(FILE, name) for name in TWINS]
    for name in TWINS:
        world.notify(name)
    world.run()
    ids = {world.entry(blob).attachment_id for blob in blobs}
    assert ids == set(world.task.attachments)
    return [world.phase(blob) for blob in blobs]


def test_two_blobs_with_the_same_bytes_name_and_task_are_two_attachments() -> None:
    world = World()
    assert drop_twins(world) == [Phase.ATTACHED, Phase.ATTACHED]
    assert world.attached() == [("report.pdf", FILE)] * 2
    assert_promise(world, offences=[Offence.SECOND_ATTACHMENT])  # by the emulator's lights; here two were asked for


@pytest.mark.parametrize("nth", range(1, 2 * SLICES + 1))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_twins_never_take_each_others_attachment_whatever_reply_is_lost(nth: int, count: int) -> None:
    world = World(faults=(fault(ResetConnection("after_applying"), nth=nth, count=count),))
    assert drop_twins(world) == [Phase.ATTACHED, Phase.ATTACHED]
    assert world.attached() == [("report.pdf", FILE)] * 2
    assert_promise(world, offences=[Offence.SECOND_ATTACHMENT])


def test_twins_take_turns() -> None:
    """A slot for account, task and name: while one of them is on its way, the other does not even open a session."""
    world = World()
    drop_twins(world)
    operations = [operation for operation, _ in world.requests()]
    assert operations == [*["create_session", *["put_slice"] * SLICES] * 2]
    assert_promise(world, offences=[Offence.SECOND_ATTACHMENT])


@pytest.mark.parametrize("name", ["REPORT.pdf", "report.pdf ", "ｒeport.pdf", "report. pdf"])  # noqa: RUF001
def test_a_name_that_a_server_could_mistake_for_another_takes_turns_too(name: str) -> None:
    world = World()
    one = world.drop(FILE, "report.pdf")
    two = world.drop(FILE, f"other/{name}")
    world.notify("report.pdf")
    world.notify(f"other/{name}")
    world.run()
    assert world.phase(one) is world.phase(two) is Phase.ATTACHED
    operations = [operation for operation, _ in world.requests()]
    assert operations == [*["create_session", *["put_slice"] * SLICES] * 2]
    assert_promise(world, offences=[Offence.SECOND_ATTACHMENT])


def test_another_blob_of_the_same_bytes_and_name_whose_last_reply_is_lost_owns_an_attachment_of_its_own() -> None:
    world = World(faults=(fault(ResetConnection("after_applying"), nth=2 * SLICES),))
    first = upload(world, name="a/report.pdf")
    second = upload(world, name="b/report.pdf")
    assert world.phase(first) is world.phase(second) is Phase.ATTACHED
    assert world.entry(first).attachment_id != world.entry(second).attachment_id
    assert len(world.attached()) == 2
    assert_promise(world, offences=[Offence.SECOND_ATTACHMENT])


def test_a_rewrite_with_the_same_bytes_while_the_older_ones_last_reply_is_lost() -> None:
    """The older version has landed, and says that it may have; the newer one finds its attachment, and it is that."""
    world = World(faults=(fault(ResetConnection("after_applying"), nth=SLICES),))
    older = world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.phase(older) is Phase.CONFIRMING)
    newer = world.drop(FILE)
    world.notify()
    world.run()
    assert_ended(world, older, Phase.SUPERSEDED, Reason.REWRITTEN, "may already be attached")
    assert world.phase(newer) is Phase.ATTACHED
    assert world.attached() == [("report.pdf", FILE)]
    assert_promise(world)


@pytest.mark.parametrize("nth", range(1, SLICES + 1))
@pytest.mark.parametrize("when", ["locating", "asked", "sending"])
def test_a_zombie_put_that_lands_after_we_gave_up_on_it_is_counted_once(nth: int, when: str) -> None:
    """The server applies it before it is asked, right after, or just before the range is sent again."""
    world = World(faults=(fault(Delay(120), nth=nth),))

    def land() -> None:
        for zombie in world.graph.given_up:
            if not zombie.completed:
                world.todo.complete(zombie)

    points = {
        "locating": ActingSeam("graph.get_session", land),
        "asked": ActingSeam("ledger.replace", land, nth=2 * nth + 3, applied=True),
        "sending": ActingSeam("graph.put_slice", land, nth=nth + 1),
    }
    world.put_in(points[when])
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world, offences=[Offence.REFUSED_RANGE])


def test_an_attachment_that_somebody_else_put_there_is_not_taken_for_ours() -> None:
    """The same name, other bytes, at the same time."""
    world = World(faults=(fault(ResetConnection(), nth=SLICES),))
    blob = world.drop(FILE)
    foreign = {"name": "report.pdf", "at": world.clock.now}

    def add() -> None:
        world.todo.store.land_inline(
            world.task,
            content(len(FILE), 7),
            world.clock.now,
            declared_name=str(foreign["name"]),
            name=str(foreign["name"]),
            content_type="application/pdf",
        )

    world.put_in(ActingSeam("graph.put_slice", add, nth=SLICES))
    world.notify()
    world.run()
    assert world.phase(blob) is Phase.ATTACHED
    assert world.task.attachments[world.entry(blob).attachment_id].content == FILE
    assert_promise(world)


def test_the_same_blob_for_two_accounts_spelled_apart_is_still_one_mailbox() -> None:
    """One twin names the person by sign-in name, the other by object id; the last replies of both are lost."""
    world = World(mailbox_by_id=True, faults=(fault(ResetConnection("after_applying"), nth=SLICES, count=9),))
    world.accounts.tokens[world.mailbox.object_id] = world.accounts.tokens[SAM]
    world.accounts.identities[world.mailbox.object_id] = SAM
    where = {"listid": world.list.id, "taskid": world.task.id}
    blobs = [
        world.drop(FILE, TWINS[0], user=SAM, **where),
        world.drop(FILE, TWINS[1], user=world.mailbox.object_id, **where),
    ]
    for name in TWINS:
        world.notify(name)
    world.run()
    assert [world.phase(blob) for blob in blobs] == [Phase.ATTACHED] * 2
    assert len({world.entry(blob).attachment_id for blob in blobs}) == 2
    assert_promise(world, offences=[Offence.SECOND_ATTACHMENT])


def test_an_attachment_belongs_to_one_upload_whichever_name_of_the_account_that_one_has() -> None:
    """Right after the first twin was attached, the second one's last range is lost, and its search finds the first."""
    lost = fault(ResetConnection("before_body"), nth=2 * SLICES)
    world = World(mailbox_by_id=True, behaviour=Behaviour(session_get=405), faults=(lost,))
    world.accounts.tokens[world.mailbox.object_id] = world.accounts.tokens[SAM]
    world.accounts.identities[world.mailbox.object_id] = SAM
    where = {"listid": world.list.id, "taskid": world.task.id}
    first = upload(world, name=TWINS[0], user=SAM, **where)
    second = upload(world, name=TWINS[1], user=world.mailbox.object_id, **where)
    assert world.phase(first) is world.phase(second) is Phase.ATTACHED
    assert {world.entry(first).attachment_id, world.entry(second).attachment_id} == set(world.task.attachments)
    assert world.attached() == [("report.pdf", FILE)] * 2
    assert_promise(world, offences=[Offence.SECOND_ATTACHMENT])


def test_an_id_that_graph_names_twice_is_not_taken_for_this_upload_s_and_the_tags_say_so() -> None:
    """Graph answers "created" with the id of an attachment that another upload owns: nothing is sent again."""
    world = World()
    other = "f" * 32

    def owned_by_another_upload() -> None:
        world.ledger.attachments.update(dict.fromkeys(((SAM, each) for each in world.task.attachments), other))

    world.put_in(ActingSeam("graph.put_slice", owned_by_another_upload, nth=SLICES, applied=True))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)
    assert "LandedUnderOwnedId" in [line["observation"] for line in world.records.events("step")]
    assert world.entry(blob).attachment_id == ""
    assert "another upload owns" in world.blobs.tags(blob)["todo_reason"]
    assert other in world.ledger.attachments.values()
