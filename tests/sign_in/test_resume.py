"""Connecting makes that person's waiting uploads go on at once, and nobody else's."""

from datetime import timedelta
from functools import partial

from shared.core.entry import Phase
from shared.sign_in.person import Person
from shared.sign_in.resume import resume_uploads
from tests.support.fakes.seam import CountingSeam
from tests.support.fakes.world import SAM, TOKEN, World, content

OBJECT_ID = "5a000000-0000-4000-8000-000000000001"


def waiting_world(**metadata: str) -> World:
    world = World()
    world.accounts.tokens.clear()
    world.drop(content(3000), **metadata) if metadata else world.drop(content(3000))
    world.notify()
    world.run(until=lambda: any(entry.report.phase is Phase.WAITING for entry in world.ledger.entries()))
    return world


def resume(world: World, name: str = SAM) -> int:
    return resume_uploads(world.application.sign_in_line, Person(OBJECT_ID, "tenant", name))


def test_waiting_uploads_of_who_connects_go_on_within_seconds() -> None:
    world = waiting_world()
    world.run(until=lambda: world.ledger.entries()[0].deferrals > 8)
    world.accounts.tokens[SAM] = TOKEN
    began = world.clock.now
    assert resume(world, SAM.upper()) == 1
    world.run(until=lambda: bool(world.attached()))
    assert world.attached() == [("report.pdf", content(3000))]
    assert world.clock.now - began < timedelta(minutes=2)


def test_uploads_of_others_are_left_alone() -> None:
    world = waiting_world()
    before = world.ledger.entries()
    assert resume(world, "kim@example.com") == 0
    assert world.ledger.entries() == before


def all_have_waited(world: World, number: int) -> bool:
    entries = world.ledger.entries()
    return len(entries) == number and all(entry.is_in_sign_in_line for entry in entries)


def test_a_sign_in_costs_the_same_however_many_uploads_wait_and_all_of_them_go_on() -> None:
    """The rest goes by the queue: each upload that goes on wakes two more."""
    worlds = [World(), World()]
    for world, number in zip(worlds, (10, 60), strict=True):
        world.accounts.tokens.clear()
        for each in range(number):
            world.drop(content(100, each), f"{each}.bin")
            world.notify(f"{each}.bin")
        world.run(until=partial(all_have_waited, world, number))
        world.accounts.tokens[SAM] = TOKEN
    counted = [CountingSeam(), CountingSeam()]
    for world, counting in zip(worlds, counted, strict=True):
        world.put_in(counting)
        assert resume(world) == 8
    assert counted[0].changes == counted[1].changes
    began = worlds[1].clock.now
    worlds[1].run(until=lambda: len(worlds[1].attached()) == 60)
    assert worlds[1].clock.now - began < timedelta(minutes=2)


def test_without_that_they_go_on_by_themselves_within_ten_minutes() -> None:
    world = waiting_world()
    world.run(until=lambda: world.ledger.entries()[0].deferrals > 12)
    world.accounts.tokens[SAM] = TOKEN
    began = world.clock.now
    world.run(until=lambda: bool(world.attached()))
    assert world.clock.now - began < timedelta(minutes=11)
