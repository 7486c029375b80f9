"""What the person asked for: by id, by name, for whom, under which name; and every way to ask for nonsense."""

from collections.abc import Mapping

import pytest

from local.stand_ins.todo.behaviour import Behaviour
from local.stand_ins.todo.faults import Answer, CutOffReply, ResetConnection
from shared.core.entry import Phase, Reason
from tests.scenarios.promise import FILE, assert_attached, assert_ended, assert_promise, fault, upload
from tests.support.fakes.world import World

BY_NAME = {"list": "Tasks", "task": "Receipts"}


@pytest.mark.parametrize(
    "metadata",
    [
        BY_NAME,
        {"task": "Receipts"},
        {"LIST": "Tasks", "Task": "Receipts"},
        {"list": "Tasks", "task": "Receipts", "colour": "red", "author": "%ZZ"},
        {"list": " Tasks ", "task": "Receipts%20"},
        {"task": "%52eceipts", "list": "", "listid": ""},
        {"task": "Receipts", "user": "sam@example.com"},
        {"list": "tasks", "task": "RECEIPTS"},
    ],
)
def test_a_task_by_name_is_found(metadata: Mapping[str, str]) -> None:
    world = World()
    blob = upload(world, **metadata)
    assert_attached(world, blob)
    assert_promise(world)


def test_a_list_by_id_and_a_task_by_name_go_together() -> None:
    world = World()
    blob = upload(world, listid=world.list.id, task="Receipts")
    assert_attached(world, blob)
    assert_promise(world)


def test_names_far_down_a_long_listing_are_found() -> None:
    world = World(behaviour=Behaviour(next_link="only_with_top"))
    for number in range(250):
        world.todo.add_list(world.mailbox, f"List {number}")
    far = world.todo.add_list(world.mailbox, "Far")
    for number in range(250):
        world.todo.add_task(far, f"Task {number}")
    wanted = world.todo.add_task(far, "Wanted")
    blob = upload(world, list="Far", task="Wanted")
    assert world.phase(blob) is Phase.ATTACHED
    assert len(wanted.attachments) == 1
    assert_promise(world)


NONSENSE: Mapping[str, tuple[Mapping[str, str], Reason, str]] = {
    "nothing": ({"colour": "red"}, Reason.METADATA, "names no task"),
    "a list only": ({"list": "Tasks"}, Reason.METADATA, "names a list and no task"),
    "a slip of the pen": ({"taks": "Receipts"}, Reason.METADATA, 'unknown key "taks": write task'),
    "an empty task": ({"task": " "}, Reason.METADATA, "names no task"),
    "task and taskid": ({"task": "Receipts", "taskid": "x"}, Reason.METADATA, "both taskid and task"),
    "list and listid": ({"task": "Receipts", "list": "Tasks", "listid": "x"}, Reason.METADATA, "both listid and list"),
    "no such task": ({"task": "Recipes"}, Reason.NO_SUCH_TASK, 'no task is named "Recipes". Found "Receipts"'),
    "no such list": ({"list": "Taxes", "task": "Receipts"}, Reason.NO_SUCH_LIST, 'no list is named "Taxes". Found "Ta'),
    "an id that is none": ({"listid": "../../etc", "taskid": "%00"}, Reason.REFUSED, "HTTP 400"),
    "an unknown list": ({"listid": "AAMkunknown=", "task": "Receipts"}, Reason.NO_SUCH_LIST, "finds no such list"),
    "a filename that is a path": ({"task": "Receipts", "filename": ".."}, Reason.METADATA, "no attachment name"),
    "nothing visible": ({"task": "Receipts", "filename": "%E2%80%AE%E3%85%A4"}, Reason.METADATA, "no attachment name"),
    "control characters only": ({"task": "Receipts", "filename": "%01%02"}, Reason.METADATA, "no attachment name"),
}


@pytest.mark.parametrize(("metadata", "reason", "words"), NONSENSE.values(), ids=NONSENSE)
def test_metadata_that_cannot_be_followed_is_rejected_with_the_remedy(
    metadata: Mapping[str, str], reason: Reason, words: str
) -> None:
    world = World()
    blob = upload(world, **metadata)
    assert_ended(world, blob, Phase.REJECTED, reason, words)
    tags = world.blobs.blobs["report.pdf"].tags
    assert tags["todo_state"] == "rejected"
    assert tags["todo_reason"].startswith(reason)
    assert_promise(world)


OF_THE_OWNER = {"Taxes 2026", "Private", "Receipts"}


@pytest.mark.parametrize(
    "metadata",
    [{"task": "Guess"}, {"list": "Guess", "task": "x"}, {"list": "Twice", "task": "x"}, {"list": "Twin", "task": "x"}],
    ids=["a task", "a list", "a list that is there", "an ambiguous list"],
)
def test_a_rejection_tells_a_stranger_no_name_of_the_owner_s_lists_and_tasks(metadata: Mapping[str, str]) -> None:
    world = World(names_others=False)
    for name in ("Private", "Twin", "Twin"):
        world.todo.add_list(world.mailbox, name)
    world.todo.add_task(world.todo.add_list(world.mailbox, "Twice"), "Taxes 2026")
    blob = upload(world, **metadata)
    entry = world.entry(blob)
    assert entry.phase is Phase.REJECTED
    told = entry.detail + world.blobs.blobs["report.pdf"].tags["todo_reason"]
    assert not [name for name in OF_THE_OWNER if name in told]
    assert_promise(world)


@pytest.mark.parametrize("name", ["Tasks/Receipts/report.pdf", "sam@example.com/Tasks/Receipts/report.pdf"])
def test_a_file_without_metadata_goes_where_its_path_says(name: str) -> None:
    world = World()
    blob = world.drop(FILE, name, colour="red")
    world.notify(name)
    world.run()
    assert_attached(world, blob)
    assert_promise(world)


def test_metadata_wins_over_the_path() -> None:
    world = World()
    other = world.todo.add_task(world.list, "Rent")
    blob = world.drop(FILE, "Tasks/Receipts/report.pdf", task="Rent")
    world.notify("Tasks/Receipts/report.pdf")
    world.run()
    assert world.phase(blob) is Phase.ATTACHED
    assert (len(other.attachments), world.attached()) == (1, [])
    assert_promise(world)


def test_a_file_that_says_in_no_way_where_it_belongs_is_told_both_ways() -> None:
    world = World()
    upload(world, colour="red")
    assert world.blobs.blobs["report.pdf"].tags["todo_reason"] == (
        "metadata: names no task: set metadata task=TITLE list=NAME. or write it again as LIST/TASK/FILE or "
        "USER/LIST/TASK/FILE. Put the metadata right and it is read again within ten minutes"
    )
    assert_promise(world)


def test_two_tasks_of_one_name_are_an_error_that_counts_them() -> None:
    world = World()
    world.todo.add_task(world.list, "Receipts")
    blob = upload(world, **BY_NAME)
    assert_ended(world, blob, Phase.REJECTED, Reason.AMBIGUOUS, '2 tasks are named "Receipts"')
    assert world.attached() == []
    assert_promise(world)


def test_a_recurring_task_is_found_after_it_was_completed() -> None:
    world = World()
    world.todo.add_task(world.list, "Receipts").completed = True
    blob = upload(world, **BY_NAME)
    assert_attached(world, blob)
    assert_promise(world)


def test_two_lists_of_one_name_are_an_error_that_counts_them() -> None:
    world = World()
    world.todo.add_list(world.mailbox, "Tasks")
    blob = upload(world, **BY_NAME)
    assert_ended(world, blob, Phase.REJECTED, Reason.AMBIGUOUS, '2 lists are named "Tasks"')
    assert_promise(world)


@pytest.mark.parametrize("operation", ["list_lists", "list_tasks"])
@pytest.mark.parametrize(
    "effect", [Answer(429, retry_after=30), Answer(500), Answer(502, body="html"), ResetConnection(), CutOffReply()]
)
def test_a_listing_that_fails_is_asked_for_again(operation: str, effect: Answer) -> None:
    world = World(faults=(fault(effect, operation, count=2),))
    blob = upload(world, **BY_NAME)
    assert_attached(world, blob)
    assert_promise(world)


def test_a_page_that_cannot_be_read_is_never_taken_for_an_empty_listing() -> None:
    world = World(faults=(fault(Answer(200, body="html"), "list_tasks"),))
    blob = upload(world, **BY_NAME)
    assert_attached(world, blob)
    assert_promise(world)


def test_a_listing_that_goes_on_at_another_host_gets_no_token() -> None:
    world = World(behaviour=Behaviour(next_link="other_host"))
    for number in range(250):
        world.todo.add_task(world.list, f"Task {number}")
    blob = upload(world, **BY_NAME)
    assert_ended(world, blob, Phase.REJECTED, Reason.REFUSED, "another host")
    assert_promise(world)


@pytest.mark.parametrize(
    ("blob_name", "filename", "attached"),
    [
        ("scans/2026/March 1.pdf", "", "March 1.pdf"),
        ("report.pdf", "%C3%9Cbersicht.pdf", "Übersicht.pdf"),
        ("report.pdf", "100%.pdf", "100%.pdf"),
        ("report.pdf", "a+b.pdf", "a+b.pdf"),
        ("report.pdf", "..\\..\\boot.ini", "boot.ini"),
        ("report.pdf", "line%0Abreak.pdf", "linebreak.pdf"),
        ("report.pdf", "x" * 400 + ".pdf", "x" * 251 + ".pdf"),
        ("noise/%E2%98%83.txt", "", "%E2%98%83.txt"),
        ("folder/", "", "folder"),
        ("report.pdf", "invoice%E2%80%AEgpj.exe", "invoicegpj.exe"),
        ("report.pdf", "con.txt", "_con.txt"),
        (
            "party \U0001f468\u200d\U0001f469\u200d\U0001f467.png",
            "",
            "party \U0001f468\u200d\U0001f469\u200d\U0001f467.png",
        ),
    ],
)
def test_the_attachment_is_named_as_the_contract_says(blob_name: str, filename: str, attached: str) -> None:
    world = World()
    blob = upload(world, name=blob_name, filename=filename, **BY_NAME)
    assert_attached(world, blob, FILE, name=attached)
    assert_promise(world)


@pytest.mark.parametrize("mailbox_by_id", [False, True])
def test_a_file_for_another_account_goes_to_their_mailbox(mailbox_by_id: bool) -> None:
    world = World(mailbox_by_id=mailbox_by_id)
    kim = world.todo.add_mailbox("kim@example.com", "canary-token-of-kim")
    task = world.todo.add_task(world.todo.add_list(kim, "Tasks", wellknown_name="defaultList"), "Receipts")
    world.accounts.tokens["kim@example.com"] = "canary-token-of-kim"
    blob = upload(world, task="Receipts", user="kim@example.com")
    assert world.phase(blob) is Phase.ATTACHED
    assert [each.content for each in task.attachments.values()] == [FILE]
    assert world.attached() == []
    assert_promise(world)
    path = world.todo.journal.entries[0].path
    assert path.startswith("/v1.0/users/kim@example.com/" if mailbox_by_id else "/v1.0/me/")
