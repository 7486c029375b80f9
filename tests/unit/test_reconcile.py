"""The container against the ledger."""

import json
from dataclasses import replace

import pytest

from shared.app.reconcile import Reconciled, names_in_dead_letter, reconcile, reconcile_names
from shared.core.entry import Phase, Reason
from shared.core.outcome import STATE
from tests.support.fakes.world import SAM, World, content


def _everything(world: World, *, only_look: bool) -> list[Reconciled]:
    application, blobs = world.application, world.blobs
    described = [
        replace(described, outcome=blob.tags.get(STATE, ""))
        for name, blob in blobs.blobs.items()
        if (described := blobs.describe(name)) is not None
    ]
    return list(reconcile(application.ports, application.intake, described, only_look=only_look))


def _dead_letters(world: World, *names: str) -> list[Reconciled]:
    application = world.application
    return list(reconcile_names(application.ports, application.intake, names, only_look=False))


def test_a_blob_whose_event_never_came_is_entered_announced_and_attached() -> None:
    world = World()
    blob = world.drop(content(3000))
    assert _everything(world, only_look=False) == [Reconciled("report.pdf", "missing")]
    world.run()
    assert world.phase(blob) is Phase.ATTACHED
    assert len(world.attached()) == 1


def test_only_looking_starts_nothing() -> None:
    world = World()
    world.drop(content(3000))
    assert _everything(world, only_look=True) == [Reconciled("report.pdf", "missing")]
    assert (world.ledger.entries(), world.messages.messages) == ([], [])


def test_what_is_known_is_left_alone_also_while_it_is_under_way() -> None:
    world = World()
    world.drop(content(3000))
    world.event()
    assert _everything(world, only_look=False) == [Reconciled("report.pdf", "known")]
    world.run()
    assert _everything(world, only_look=False) == [Reconciled("report.pdf", "known")]
    assert len(world.attached()) == 1


def test_a_dead_letter_is_read_as_the_blob_is_now() -> None:
    world = World()
    blob = world.drop(content(3000), "a b/ü.pdf")
    found = _dead_letters(world, "a b/ü.pdf", "deleted.pdf")
    assert found == [Reconciled("a b/ü.pdf", "missing"), Reconciled("deleted.pdf", "gone")]
    world.run()
    assert world.phase(blob) is Phase.ATTACHED


OURS = "/blobServices/default/containers/attachments/blobs/"


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        (f"{OURS}a b/ü.pdf", ["a b/ü.pdf"]),
        (f"{OURS}what? #1 100%25.pdf", ["what? #1 100%25.pdf"]),
        (f"{OURS}{OURS}a.pdf", [f"{OURS}a.pdf"]),
        ("/blobServices/default/containers/other/blobs/attachments/a.pdf", []),
        ("/blobServices/default/containers/other/blobs" + OURS + "a.pdf", []),
        (OURS, []),
        (None, []),
    ],
    ids=[
        "as it is",
        "characters that end a URL's path",
        "a name like a subject",
        "another container",
        "another container's blob that is named like ours",
        "no blob",
        "no subject",
    ],
)
def test_a_dead_letter_names_the_blobs_of_the_container(subject: str | None, names: list[str]) -> None:
    url = "https://account.blob.core.windows.net/attachments/what"
    body = json.dumps([{"subject": subject, "data": {"url": url}}, {"subject": 1}, "nonsense"]).encode()
    assert names_in_dead_letter(body, "attachments") == names


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b'"text"'])
def test_what_is_no_dead_letter_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the json module words some of them
        names_in_dead_letter(body, "attachments")


def test_an_edit_of_the_metadata_of_an_attached_blob_is_no_new_file() -> None:
    world = World()
    world.drop(content(3000))
    world.event()
    world.run()
    world.blobs.edit_metadata("report.pdf", {"listid": world.list.id, "taskid": world.task.id, "seen": "1"})
    assert _everything(world, only_look=False) == [Reconciled("report.pdf", "known")]
    assert _dead_letters(world, "report.pdf") == [Reconciled("report.pdf", "known")]
    assert len(world.attached()) == 1


def test_metadata_put_right_after_a_rejection_is_a_new_request_that_no_event_tells_of() -> None:
    world = World()
    world.drop(content(3000), task="Recipes")
    world.event()
    world.run()
    edited = world.blobs.edit_metadata("report.pdf", {"task": "Receipts"})
    assert _everything(world, only_look=False) == [Reconciled("report.pdf", "missing")]
    world.run()
    assert world.phase(edited) is Phase.ATTACHED
    assert len(world.attached()) == 1


def test_a_user_put_right_by_an_edit_is_told_to_use_another_name() -> None:
    """A person who corrects their own mistake does what a thief does: points a waiting file to another account."""
    world = World()
    where = {"listid": world.list.id, "taskid": world.task.id}
    waiting = world.drop(content(3000), user="sma@example.com", **where)
    world.event()
    world.run(until=lambda: world.phase(waiting) is Phase.WAITING)
    edited = world.blobs.edit_metadata("report.pdf", {"user": SAM, **where})
    assert _everything(world, only_look=False) == [Reconciled("report.pdf", "missing")]
    world.run()
    assert (world.phase(edited), world.entry(edited).reason) == (Phase.REJECTED, Reason.OTHER_ACCOUNT)
    assert world.phase(waiting) is Phase.FAILED
    assert world.blobs.blobs["report.pdf"].tags[STATE] == "rejected"
    assert not world.attached()
    world.drop(content(3000), "report again.pdf", user=SAM, **where)
    world.notify("report again.pdf")
    world.run()
    assert len(world.attached()) == 1
