"""Upload sessions end before the file is there: between ranges, at the last one, by the clock, again and again."""

from datetime import timedelta

import pytest

from local.stand_ins.todo.behaviour import Behaviour
from local.stand_ins.todo.faults import Answer, Effect, ExpireSession, ForgetBytes, ResetConnection, Rule
from local.stand_ins.todo.journal import Offence
from shared.core.entry import Phase, Reason
from shared.core.limits import MAX_SESSIONS
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_ended, assert_promise, fault, upload
from tests.support.fakes.seam import ActingSeam
from tests.support.fakes.world import SLICE, World, content

GONE = [404, 410, 400, 401, 416]


@pytest.mark.parametrize("nth", range(1, SLICES + 1))
@pytest.mark.parametrize("status", GONE)
@pytest.mark.parametrize("get", ["works", 404, 405])
def test_a_session_that_expires_is_opened_again_from_byte_0(nth: int, status: int, get: str | int) -> None:
    behaviour = Behaviour(expired_session=status, unknown_session=status, session_get=get)  # type: ignore[arg-type]
    world = World(behaviour=behaviour, faults=(fault(ExpireSession(), nth=nth),))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)
    assert world.entry(blob).sessions_opened == 2


@pytest.mark.parametrize("effect", [Answer(429, retry_after=40), Answer(500), ResetConnection()])
def test_where_a_401_could_mean_the_session_the_question_which_it_is_may_fail_too(effect: Effect) -> None:
    behaviour = Behaviour(expired_session=401)
    world = World(behaviour=behaviour, faults=(fault(ExpireSession(), nth=2), fault(effect, "list_attachments")))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)


@pytest.mark.parametrize("status", GONE)
def test_a_lost_last_reply_of_a_finished_session_is_found_whatever_the_session_says(status: int) -> None:
    behaviour = Behaviour(expired_session=status, unknown_session=status)  # type: ignore[arg-type]
    world = World(behaviour=behaviour, faults=(fault(ResetConnection("after_applying"), nth=SLICES),))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)
    assert world.requests().count(("create_session", 200)) == 1


def test_a_session_is_not_used_up_to_its_last_minute() -> None:
    """Throttled until shortly before the end: it is cancelled and another one is opened, instead of a race."""
    throttled = fault(Answer(429, retry_after=550), nth=2)
    world = World(behaviour=Behaviour(session_lifetime=600), faults=(throttled,))
    blob = upload(world)
    assert_attached(world, blob)
    assert ("cancel_session", 204) in world.requests()
    assert_promise(world)


def test_a_sliding_expiry_is_followed() -> None:
    world = World(behaviour=Behaviour(session_lifetime=300, expiry="sliding", progress_casing="camel"))
    data = content(10 * SLICE)
    blob = world.drop(data)
    world.notify()
    for _ in range(9):
        sent = len(world.requests())
        world.run(until=lambda sent=sent: len(world.requests()) > sent)  # type: ignore[misc]
        world.clock.advance(200)
    world.run()
    assert_attached(world, blob, data)
    assert world.entry(blob).sessions_opened == 1
    assert_promise(world)


def test_sessions_that_never_live_long_enough_end_at_the_bound() -> None:
    world = World(behaviour=Behaviour(session_lifetime=30))
    blob = upload(world)
    assert_ended(world, blob, Phase.FAILED, Reason.SESSIONS, f"{MAX_SESSIONS} upload sessions came to nothing")
    assert world.requests().count(("create_session", 200)) == MAX_SESSIONS
    assert_promise(world)


def test_a_session_that_expires_at_each_last_range_ends_at_a_bound() -> None:
    world = World(faults=(fault(ExpireSession(), nth=SLICES, count=None),))
    blob = upload(world)
    entry = world.entry(blob)
    assert (entry.phase, world.attached()) == (Phase.FAILED, [])
    assert_promise(world)


MANY = 60


@pytest.mark.parametrize("nth", [1, 2, MANY - 10, MANY])
def test_a_session_that_forgets_what_it_held_gets_all_of_it_again(nth: int) -> None:
    """So many slices that an upload on its way back takes more steps than it may take without progress."""
    world = World(faults=(fault(ForgetBytes(), nth=nth),))
    data = content(MANY * SLICE)
    blob = upload(world, data)
    assert_attached(world, blob, data)
    assert world.entry(blob).sessions_opened == 1
    assert_promise(world, offences=[Offence.REFUSED_RANGE])


def test_a_session_that_forgets_again_and_again_ends_at_the_bound() -> None:
    world = World(faults=(Rule(ForgetBytes(), "put_slice", nth=3, every=3, count=None),))
    blob = upload(world, content(MANY * SLICE))
    assert_ended(world, blob, Phase.FAILED, Reason.NO_PROGRESS)
    assert world.attached() == []
    assert_promise(world, offences=[Offence.REFUSED_RANGE])


def test_the_night_between_two_ranges_costs_a_session_only() -> None:
    world = World(behaviour=Behaviour(session_lifetime=3_600))
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.requests()) == 2)
    world.clock.advance(timedelta(hours=9))
    world.run()
    assert_attached(world, blob)
    assert_promise(world)


def test_a_later_session_looks_before_its_last_range_and_adopts_what_has_landed() -> None:
    """A zombie of the first session lands after we looked for it: the second session is cancelled, not finished."""
    world = World(
        behaviour=Behaviour(listing_lag=700.0), faults=(fault(ResetConnection("after_applying"), nth=SLICES),)
    )
    blob = world.drop(FILE)
    world.notify()
    lag = ActingSeam("graph.put_slice", lambda: world.clock.advance(120), nth=SLICES + 1)
    world.put_in(lag)
    world.run()
    assert_attached(world, blob)
    assert world.requests().count(("create_session", 200)) == 2
    assert world.requests()[-1] == ("cancel_session", 204)
    assert_promise(world)
