"""Entries of finished uploads leave the ledger once their files are gone, and what comes late then attaches nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from local.stand_ins.todo.journal import Offence
from shared.core.attachment import BlobVersion
from shared.core.catching_up import LEDGER_SHARES, Place
from shared.core.entry import Entry, Phase
from shared.core.messages import RangeMessage, encode
from shared.core.outcome import STATE
from shared.errors import StrangerError
from tests.scenarios.promise import FILE, assert_promise, upload
from tests.support.fakes.seam import ActingSeam, CountingSeam, Crash, Seam
from tests.support.fakes.world import World, content

KEEP = timedelta(days=8)
WHOLE = content(100, 2)
# To Graph it is the same file; to us, one of its own.
TWICE = [Offence.SECOND_ATTACHMENT]


def ageing_world() -> World:
    return World(keep_finished=KEEP)


def a_round(world: World) -> int:
    """Runs until the whole ledger was looked at: how many entries went."""
    aged_out = 0
    while True:
        aged_out += world.catch_up().aged_out
        if world.places.places["finished"].place == Place():
            return aged_out


def age_out(world: World) -> None:
    """Everything that is done and has no file any more."""
    a_round(world)
    world.clock.advance(KEEP)
    a_round(world)


def an_upload_that_has_aged_out(world: World) -> BlobVersion:
    blob = upload(world)
    world.blobs.remove("report.pdf")
    age_out(world)
    assert world.ledger.entries() == []
    return blob


# -- when it goes --


def test_an_entry_ages_out_so_long_after_its_file_was_found_to_be_gone() -> None:
    world = ageing_world()
    blob = upload(world)
    world.clock.advance(timedelta(days=365))
    world.blobs.remove("report.pdf")
    assert a_round(world) == 0, "its age says nothing: the file may just have been deleted"
    world.clock.advance(KEEP - timedelta(seconds=1))
    assert a_round(world) == 0
    assert world.settled(blob)
    world.clock.advance(timedelta(seconds=1))
    assert a_round(world) == 1
    assert (world.ledger.entries(), world.ledger.names) == ([], {})
    assert set(world.ledger.attachments.values()) == {blob.upload_id()}, "whose an attachment is stays known"
    assert_promise(world)


@pytest.mark.parametrize("data", [WHOLE, FILE])
def test_an_entry_stays_while_any_file_of_its_name_is_there(data: bytes) -> None:
    world = ageing_world()
    upload(world)
    world.clock.advance(timedelta(hours=1))
    upload(world, data)
    for _ in range(2):
        world.clock.advance(timedelta(days=365))
        assert a_round(world) == 0
    assert len(world.ledger.entries()) == 2


def test_by_default_every_entry_stays_and_the_ledger_is_not_gone_through() -> None:
    world = World()
    upload(world)
    world.blobs.remove("report.pdf")
    for _ in range(2):
        world.clock.advance(timedelta(days=365))
        world.catch_up()
    assert "finished" not in world.places.places
    assert len(world.ledger.entries()) == 1


def test_an_upload_that_is_not_done_stays_however_long_its_file_is_gone() -> None:
    world = ageing_world()
    waiting = world.drop(FILE, user="kim@example.com", listid=world.list.id, taskid=world.task.id)
    world.event()
    world.run(until=lambda: world.phase(waiting) is Phase.WAITING)
    world.blobs.remove("report.pdf")
    age_out(world)
    assert world.phase(waiting) is Phase.WAITING
    world.run()
    assert world.phase(waiting) is not Phase.WAITING
    age_out(world)
    assert world.ledger.entries() == []


def test_entries_of_another_container_stay() -> None:
    """The setting was changed: all their blobs would seem to be gone."""
    world = ageing_world()
    blob = upload(world)
    row = world.ledger.rows[blob.upload_id()]
    row.entry = replace(row.entry, blob=replace(blob, container="former"))
    world.blobs.remove("report.pdf")
    age_out(world)
    assert len(world.ledger.entries()) == 1


def test_an_entry_stays_while_a_file_lies_there_that_storage_refuses_to_describe() -> None:
    world = ageing_world()
    upload(world)
    world.blobs.blobs["report.pdf"].key_withheld = True
    age_out(world)
    assert len(world.ledger.entries()) == 1


def test_a_file_that_comes_back_takes_the_mark_away() -> None:
    world = ageing_world()
    blob = upload(world)
    deleted = world.blobs.blobs.pop("report.pdf")
    a_round(world)
    world.clock.advance(KEEP - timedelta(days=1))
    world.blobs.blobs["report.pdf"] = deleted
    a_round(world)
    assert world.entry(blob).source_gone_since is None
    world.blobs.remove("report.pdf")
    assert a_round(world) == 0
    world.clock.advance(KEEP - timedelta(days=1))
    assert a_round(world) == 0


# -- what comes after that --


def test_whatever_comes_late_for_an_entry_that_has_aged_out_attaches_nothing() -> None:
    world = ageing_world()
    blob = an_upload_that_has_aged_out(world)
    world.notify(times=2)
    for queue in (world.messages, world.poison):
        queue.put(encode(RangeMessage(blob.upload_id(), 1)).encode())
    world.dead_letters.give_up("report.pdf")
    world.catch_up()
    world.run()
    assert world.dead_letters.letters == {}
    assert {type(error) for error in world.raised} == {StrangerError}
    assert (world.ledger.entries(), world.attached()) == ([], [("report.pdf", FILE)])
    assert_promise(world)


def test_the_same_bytes_written_again_after_that_are_a_file_of_their_own() -> None:
    world = ageing_world()
    an_upload_that_has_aged_out(world)
    again = upload(world)
    assert world.phase(again) is Phase.ATTACHED
    assert world.attached() == [("report.pdf", FILE)] * 2
    assert_promise(world, offences=TWICE)


def test_a_file_that_is_brought_back_after_that_is_left_alone_while_its_tags_say_attached() -> None:
    """An event for it would be believed: docs/operations.md says so, and the settings keep it from coming to that."""
    world = ageing_world()
    upload(world)
    deleted = world.blobs.blobs.pop("report.pdf")
    age_out(world)
    world.blobs.blobs["report.pdf"] = deleted
    assert deleted.tags[STATE] == "attached"
    world.catch_up()
    world.run()
    assert len(world.attached()) == 1
    world.event()
    world.run()
    assert len(world.attached()) == 2
    assert_promise(world, offences=TWICE)


# -- deaths, others at the same moment, and time --


def two_versions_that_are_gone(world: World) -> None:
    upload(world)
    world.clock.advance(timedelta(hours=1))
    upload(world, WHOLE)
    world.blobs.remove("report.pdf")


WRITES = ["ledger.replace"] * 2 + ["ledger.forget", "ledger.remove"] * 2


def test_an_upload_is_forgotten_by_its_name_before_its_entry_goes() -> None:
    world, seam = ageing_world(), CountingSeam()
    two_versions_that_are_gone(world)
    world.put_in(seam)
    age_out(world)
    assert [each for each in seam.changes if each != "places.store"] == WRITES


@pytest.mark.parametrize("number", range(1, len(WRITES) + 1))
def test_a_run_that_ages_out_may_die_after_each_of_its_writes(number: int) -> None:
    world = ageing_world()
    two_versions_that_are_gone(world)
    seam = CountingSeam()

    def die(_count: int, operation: str) -> None:
        if operation.startswith("ledger.") and sum(each.startswith("ledger.") for each in seam.changes) == number:
            raise Crash

    seam.at_change = die
    world.put_in(seam)
    with pytest.raises(Crash):
        age_out(world)
    world.put_in(Seam())
    age_out(world)
    assert (world.ledger.entries(), world.ledger.names) == ([], {})
    upload(world, WHOLE)
    assert [data for _, data in world.attached()] == [FILE, WHOLE, WHOLE]
    assert_promise(world, offences=TWICE)


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("operation", ["ledger.forget", "ledger.remove"])
def test_a_file_that_is_written_again_while_its_entry_goes_is_attached(operation: str, applied: bool) -> None:
    """As the same file, or as one of its own: it came at the very moment from which on it is the latter."""
    world = ageing_world()
    upload(world)
    world.blobs.remove("report.pdf")
    a_round(world)
    world.clock.advance(KEEP)

    def write_again() -> None:
        world.drop(FILE)
        world.event()

    world.put_in(ActingSeam(operation, write_again, applied=applied))
    a_round(world)
    world.put_in(Seam())
    world.run()
    again = world.blobs.version("report.pdf")
    assert [entry.upload_id for entry in world.ledger.entries()] == [again.upload_id()]
    assert world.phase(again) is Phase.ATTACHED
    assert world.attached() in ([("report.pdf", FILE)], [("report.pdf", FILE)] * 2)
    assert_promise(world, offences=TWICE)


@pytest.mark.parametrize("operation", ["ledger.listed", "blobs.describe", "ledger.forget", "ledger.remove"])
def test_two_runs_that_age_out_at_once_do_no_harm(operation: str) -> None:
    world = ageing_world()
    two_versions_that_are_gone(world)
    a_round(world)
    world.clock.advance(KEEP)
    world.put_in(ActingSeam(operation, lambda: a_round(world)))
    a_round(world)
    world.put_in(Seam())
    assert (world.ledger.entries(), world.ledger.names) == ([], {})
    assert_promise(world)


def many_of_one_share(world: World) -> list[Entry]:
    """Five, on pages of two, whose files are gone."""
    done = world.entry(upload(world))
    world.blobs.remove("report.pdf")
    world.ledger.page_size = 2
    for number in range(5):
        world.ledger.insert(replace(done, upload_id=f"3f{number:030x}"))
    return world.ledger.entries()


def test_a_run_that_finds_nothing_to_age_out_reads_twice_and_writes_once() -> None:
    """Besides a look at each blob of its share. docs/operations.md has it by the day."""
    world, plain = ageing_world(), World()
    asked: dict[World, list[str]] = {world: [], plain: []}
    for each, operations in asked.items():

        class Asked(Seam):
            def enter(self, operation: str, *, changes: bool, operations: list[str] = operations) -> None:
                operations.append(f"{operation}!" if changes else operation)

        each.put_in(Asked())
        each.catch_up()
    assert sorted(asked[world]) == sorted([*asked[plain], "places.load", "ledger.listed", "places.store!"])


def in_time(_world: World) -> None:
    pass


def slowly(world: World) -> None:
    class Slow(Seam):
        def enter(self, operation: str, *, changes: bool) -> None:
            if operation == "blobs.describe":
                world.clock.advance(61)  # longer than a whole run

    world.put_in(Slow())


@pytest.mark.parametrize("going", [in_time, slowly])
def test_a_share_that_is_too_large_for_one_run_goes_on_in_the_next(going: Callable[[World], None]) -> None:
    world = ageing_world()
    entries = many_of_one_share(world)
    going(world)
    runs = 0
    while runs == 0 or world.places.places["finished"].place != Place():
        looked_at = world.catch_up().looked_at
        assert looked_at <= (2 if going is in_time else 1)
        runs += 1
    assert runs > LEDGER_SHARES
    assert len(entries) == 6
    assert all(entry.source_gone_since for entry in world.ledger.entries())
