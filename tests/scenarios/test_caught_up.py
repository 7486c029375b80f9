"""Files that no event tells of: the timer finds them, and nobody has to run anything."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.core.catching_up import EVENT_IS_DUE, Place
from shared.core.entry import Phase, Reason
from shared.core.outcome import APPEND_BLOB, KIND, REASON, STATE
from shared.errors import StorageUnavailable
from tests.scenarios.promise import FILE, assert_attached, assert_ended, assert_promise, upload
from tests.support.fakes.pages import REFUSED
from tests.support.fakes.seam import ActingSeam, CountingSeam, Crash, FailingSeam, Seam, crash_after
from tests.support.fakes.world import SAM, SHORT_WAIT, World, content

NAMES = ["a.pdf", "b.pdf", "c.pdf", "d.pdf", "e.pdf"]
HASH = "2026/what? #1 100%25 ü.pdf"


def misspelt(world: World) -> dict[str, str]:
    return {"listid": world.list.id, "taks": "Receipts"}


def put_right(world: World, name: str = "report.pdf") -> None:
    """An edit of the metadata: it raises no event."""
    world.blobs.edit_metadata(name, {"listid": world.list.id, "taskid": world.task.id})


def tags(world: World, name: str = "report.pdf") -> dict[str, str]:
    return world.blobs.blobs[name].tags


def places(world: World) -> dict[str, Place]:
    return {walk: kept.place for walk, kept in world.places.places.items()}


# -- what is found --


def test_metadata_put_right_after_a_rejection_is_attached_without_an_operator() -> None:
    world = World()
    rejected = upload(world, **misspelt(world))
    assert_ended(world, rejected, Phase.REJECTED, Reason.METADATA, "taks")
    assert "Put the metadata right and it is read again within ten minutes" in tags(world)[REASON]
    world.catch_up()
    assert world.messages.messages == []
    put_right(world)
    assert world.catch_up().entered == 1
    world.run()
    assert_attached(world, world.blobs.version("report.pdf"))
    assert tags(world)[STATE] == "attached"
    assert world.catch_up().entered == 0
    assert_promise(world)


def test_a_file_whose_event_left_no_trace_is_found_once_its_event_is_overdue() -> None:
    world = World()
    blob = world.drop(FILE)
    assert world.catch_up().entered == 0
    world.clock.advance(EVENT_IS_DUE)
    assert world.catch_up().entered == 1
    world.run()
    assert_attached(world, blob)
    assert world.records.events("missed") == [
        {"event": "missed", "upload_id": blob.upload_id(), "found_by": "container"}
    ]
    assert_promise(world)


def test_a_dead_letter_s_file_is_attached_and_the_letter_is_gone() -> None:
    """The name has everything that ends the path of a URL."""
    world = World()
    blob = world.drop(FILE, HASH)
    world.dead_letters.give_up(HASH)
    world.dead_letters.give_up("deleted meanwhile.pdf")
    done = world.catch_up()
    assert (done.letters, done.entered) == (2, 1)
    assert world.dead_letters.letters == {}
    world.run()
    assert world.phase(blob) is Phase.ATTACHED
    assert_promise(world)


def an_attached_append_blob(world: World) -> None:
    where = {"listid": world.list.id, "taskid": world.task.id}
    world.blobs.append("report.pdf", content(700), where)
    world.notify()
    world.run()
    assert (tags(world)[STATE], tags(world)[KIND]) == ("attached", APPEND_BLOB)


def test_an_append_blob_that_grew_after_it_was_attached_is_attached_anew() -> None:
    world = World()
    an_attached_append_blob(world)
    world.clock.advance(timedelta(hours=1))
    assert world.catch_up().entered == 0
    grown = world.blobs.append("report.pdf", content(700, 2), {})
    assert tags(world)[STATE] == "attached", "an append leaves the tags, which is why somebody must look"
    assert world.catch_up().entered == 1
    world.run(until=lambda: tags(world)[STATE] != "attached")
    assert (tags(world)[STATE], KIND in tags(world)) == ("delayed", False), (
        "it says so no longer than it takes to see it"
    )
    world.run()
    assert world.phase(grown) is Phase.ATTACHED
    assert world.attached() == [("report.pdf", content(700)), ("report.pdf", content(700) + content(700, 2))]
    assert (tags(world)[STATE], tags(world)[KIND]) == ("attached", APPEND_BLOB)
    assert world.catch_up().entered == 0
    assert_promise(world)


def test_an_append_blob_that_grew_at_once_takes_the_place_of_its_part() -> None:
    """As any file that is written again within a minute of being attached."""
    world = World()
    an_attached_append_blob(world)
    world.blobs.append("report.pdf", content(700, 2), {})
    world.catch_up()
    world.run()
    assert world.attached() == [("report.pdf", content(700) + content(700, 2))]
    assert_promise(world)


def test_an_edit_of_an_attached_append_blob_s_metadata_makes_no_second_attachment() -> None:
    world = World()
    an_attached_append_blob(world)
    put_right(world)
    assert world.catch_up().entered == 1, "only its content tells that it has not grown"
    world.run()
    assert world.attached() == [("report.pdf", content(700))]
    assert (tags(world)[STATE], tags(world)[KIND]) == ("attached", APPEND_BLOB)
    assert world.catch_up().entered == 0
    assert_promise(world)


def test_an_edit_of_an_attached_file_s_metadata_makes_no_new_file() -> None:
    world = World()
    upload(world)
    world.blobs.edit_metadata("report.pdf", {"listid": world.list.id, "taskid": world.task.id, "seen": "1"})
    world.dead_letters.give_up("report.pdf")
    world.clock.advance(EVENT_IS_DUE)
    assert world.catch_up().entered == 0
    assert len(world.attached()) == 1


def test_a_rejected_file_that_is_edited_for_another_account_is_refused_as_ever() -> None:
    world = World()
    upload(world, task="Recipes")
    world.blobs.edit_metadata("report.pdf", {"user": "kim@example.com", "list": "Tasks", "task": "Loot"})
    world.catch_up()
    world.run()
    assert_ended(world, world.blobs.version("report.pdf"), Phase.REJECTED, Reason.OTHER_ACCOUNT)
    assert_promise(world)


def test_a_user_put_right_by_an_edit_is_told_to_use_another_name() -> None:
    """A person who corrects their own mistake does what a thief does: points a waiting file to another account."""
    world = World(limits=SHORT_WAIT)
    where = {"listid": world.list.id, "taskid": world.task.id}
    waiting = world.drop(FILE, user="sma@example.com", **where)
    world.event()
    world.run(until=lambda: world.phase(waiting) is Phase.WAITING)
    edited = world.blobs.edit_metadata("report.pdf", {"user": SAM, **where})
    world.clock.advance(EVENT_IS_DUE)
    assert world.catch_up().entered == 1
    world.run()
    assert (world.phase(edited), world.entry(edited).reason) == (Phase.REJECTED, Reason.OTHER_ACCOUNT)
    assert world.phase(waiting) is Phase.FAILED
    assert tags(world)[STATE] == "rejected"
    assert not world.attached()
    upload(world, name="report again.pdf", user=SAM, **where)
    assert len(world.attached()) == 1


def test_files_that_were_there_before_the_subscription_are_taken_up_page_by_page() -> None:
    """And a stub of a folder, or a page of nothing else, does not end the round."""
    world = World()
    world.blobs.page_size = 2
    for name in NAMES:
        world.drop(FILE, name)
    world.blobs.make_folder_stub("c")
    world.clock.advance(EVENT_IS_DUE)
    assert [world.catch_up().entered for _ in range(4)] == [2, 1, 2, 0]
    world.run()
    assert sorted(name for name, _ in world.attached()) == NAMES
    assert_promise(world)


def test_a_dead_letter_about_a_blob_under_a_key_of_its_writer_s_is_one_record_and_an_end() -> None:
    world = World()
    world.drop(FILE)
    world.blobs.blobs["report.pdf"].key_withheld = True
    world.dead_letters.give_up("report.pdf")
    world.catch_up()
    assert [line["reason"] for line in world.records.events("turned_away")] == ["customer-key"]
    assert world.dead_letters.letters == {}


def test_what_is_no_dead_letter_of_ours_is_left_alone() -> None:
    """Another app's letters, or anything at all: the setting may name the wrong container."""
    world = World()
    world.drop(FILE)
    world.dead_letters.give_up("report.pdf", container="theirs")
    world.dead_letters.letters |= {
        "empty": b"",
        "a file": FILE,
        "deep": b"[" * 100_000,
        "no names": b'[{"subject": 1}]',
    }
    there = dict(world.dead_letters.letters)
    done = world.catch_up()
    assert (done.letters, done.entered, done.strange) == (0, 0, 5)
    assert world.dead_letters.letters == there


# -- deaths, and two at once --


def a_busy_world() -> World:
    """One file for each walk, and a container of three pages."""
    world = World()
    world.blobs.page_size = 2
    where = {"listid": world.list.id, "taskid": world.task.id}
    world.blobs.append("growing.pdf", FILE, where)
    world.drop(FILE, "rejected.pdf", **misspelt(world))
    for name in ("growing.pdf", "rejected.pdf"):
        world.notify(name)
    world.run()
    world.blobs.append("growing.pdf", b"!", {})
    put_right(world, "rejected.pdf")
    world.drop(FILE, "lettered.pdf")
    world.dead_letters.give_up("lettered.pdf")
    world.drop(FILE, "silent.pdf")
    world.clock.advance(EVENT_IS_DUE)
    return world


def assert_all_caught_up(world: World) -> None:
    for _ in range(4):
        world.catch_up()
    world.run()
    for name in ("growing.pdf", "rejected.pdf", "lettered.pdf", "silent.pdf"):
        assert world.phase(world.blobs.version(name)) is Phase.ATTACHED, name
    names = sorted(name for name, _ in world.attached())
    assert names in (
        ["growing.pdf", "growing.pdf", "lettered.pdf", "rejected.pdf", "silent.pdf"],
        ["growing.pdf", "lettered.pdf", "rejected.pdf", "silent.pdf"],
    )
    assert world.dead_letters.letters == {}
    assert_promise(world)


def _changes_of_a_run() -> int:
    world, seam = a_busy_world(), CountingSeam()
    world.put_in(seam)
    world.catch_up()
    return len(seam.changes)


@pytest.mark.parametrize("number", range(1, _changes_of_a_run() + 1))
def test_a_run_may_die_after_each_of_its_writes(number: int) -> None:
    world = a_busy_world()
    world.put_in(crash_after(number))
    with pytest.raises(Crash):
        world.catch_up()
    world.put_in(Seam())
    assert_all_caught_up(world)


@pytest.mark.parametrize(
    "operation",
    [
        "places.load",
        "dead_letters.read",
        "dead_letters.delete",
        "blobs.describe",
        "blobs.tags",
        "blobs.listed",
        "ledger.get",
        "ledger.mark_live",
        "ledger.insert",
        "queue.send",
        "places.store",
    ],
)
def test_two_runs_at_once_do_no_harm(operation: str) -> None:
    """The second one runs, whole, in the middle of the first."""
    world = a_busy_world()
    world.put_in(ActingSeam(operation, world.catch_up))
    world.catch_up()
    world.put_in(Seam())
    assert_all_caught_up(world)


# -- time, and what fails --


def slow(world: World, operation: str, seconds: float) -> None:
    """Each call of *operation* takes so long."""

    class Slow(Seam):
        def enter(self, called: str, *, changes: bool) -> None:
            if called == operation:
                world.clock.advance(seconds)

    world.put_in(Slow())


def rejected_files(world: World) -> None:
    for name in NAMES:
        upload(world, name=name, **misspelt(world))


def letters(world: World) -> None:
    for name in NAMES:
        world.drop(FILE, name)
        world.dead_letters.give_up(name)


def unheard_of(world: World) -> None:
    for name in NAMES:
        world.drop(FILE, name)
    world.clock.advance(EVENT_IS_DUE)


@pytest.mark.parametrize(
    ("prepare", "operation", "walk"),
    [
        (letters, "dead_letters.read", "dead-letters"),
        (rejected_files, "blobs.describe", "rejected"),
        (unheard_of, "ledger.insert", "container"),
    ],
)
def test_a_run_whose_time_is_over_goes_on_where_it_ended(
    prepare: Callable[[World], None], operation: str, walk: str
) -> None:
    """In the middle of a page, which the service's own names for pages cannot say."""
    world = World()
    prepare(world)
    if prepare is rejected_files:
        for name in NAMES:
            put_right(world, name)
    slow(world, operation, 25)
    first = world.catch_up()
    assert first.unfinished == 1
    assert 0 < first.entered < len(NAMES)
    assert places(world)[walk].after
    runs = 1
    while len(world.ledger.entries()) < len(NAMES) * (2 if prepare is rejected_files else 1):
        world.catch_up()
        runs += 1
        assert runs <= len(NAMES)
    world.put_in(Seam())
    world.run()
    assert sorted(name for name, _ in world.attached()) == NAMES
    assert_promise(world)


def test_no_walk_starves_another() -> None:
    """A flood of dead letters takes its share of the time, and what was put right gets its own."""
    world = World()
    upload(world, **misspelt(world))
    put_right(world)
    letters(world)
    slow(world, "dead_letters.read", 30)
    world.catch_up()
    assert world.phase(world.blobs.version("report.pdf")) is Phase.QUEUED
    assert world.dead_letters.letters


def test_a_place_whose_blob_is_gone_costs_a_page_once_more() -> None:
    world = World()
    unheard_of(world)
    slow(world, "ledger.insert", 25)
    world.catch_up()
    gone = places(world)["container"].after
    world.blobs.remove(gone)
    world.put_in(Seam())
    world.catch_up()
    assert places(world)["container"] == Place()
    world.run()
    assert sorted(name for name, _ in world.attached()) == [name for name in NAMES if name != gone]


def test_a_page_that_the_service_does_not_know_any_more_begins_the_round_anew() -> None:
    world = World()
    unheard_of(world)
    world.places.store("container", world.places.load("container"), Place(REFUSED))
    assert world.catch_up().entered == 0
    assert places(world)["container"] == Place()
    assert world.catch_up().entered == len(NAMES)


def test_what_one_file_raises_keeps_no_other_waiting_and_is_raised_at_the_end() -> None:
    world = World()
    letters(world)
    world.put_in(FailingSeam("blobs.describe", [StorageUnavailable("503"), RuntimeError("a bug")]))
    with pytest.raises(ExceptionGroup) as raised:
        world.catch_up()
    assert [type(each) for each in raised.value.exceptions] == [StorageUnavailable, RuntimeError]
    assert len(world.ledger.entries()) == len(NAMES) - 2
    assert len(world.dead_letters.letters) == 2
    (record,) = world.records.events("catch_up")
    assert record["failed"] == 2
    world.catch_up()
    world.run()
    assert sorted(name for name, _ in world.attached()) == NAMES


def test_a_walk_that_cannot_be_walked_leaves_the_others_theirs() -> None:
    """Say, there is no container of dead letters."""
    world = World()
    upload(world, **misspelt(world))
    put_right(world)
    world.put_in(FailingSeam("dead_letters.listed", [StorageUnavailable("no such container")]))
    with pytest.raises(ExceptionGroup):
        world.catch_up()
    assert world.phase(world.blobs.version("report.pdf")) is Phase.QUEUED


def test_a_run_that_finds_nothing_reads_eight_times_and_writes_nothing() -> None:
    """What an idle deployment pays for, every five minutes. docs/deploying.md has what it costs."""
    world = World()
    for name in NAMES:
        upload(world, name=name)
    world.clock.advance(timedelta(days=1))
    asked: list[str] = []

    class Asked(Seam):
        def enter(self, operation: str, *, changes: bool) -> None:
            asked.append(f"{operation}!" if changes else operation)

    world.put_in(Asked())
    assert world.catch_up().looked_at == len(NAMES)
    assert sorted(asked) == [
        "blobs.listed",
        "blobs.tagged",
        "blobs.tagged",
        "dead_letters.listed",
        *["places.load"] * 4,
    ]
    (record,) = world.records.events("catch_up")
    assert record == {
        "event": "catch_up",
        "looked_at": 5,
        "entered": 0,
        "letters": 0,
        "strange": 0,
        "unfinished": 0,
        "failed": 0,
        "aged_out": 0,
    }
