"""A request was sent and nobody knows what became of it: ask, look, and only then send again."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from local.stand_ins.todo.behaviour import Behaviour
from local.stand_ins.todo.faults import (
    Answer,
    CutOffReply,
    Delay,
    Effect,
    ExpireSession,
    KeepPart,
    NonsenseRanges,
    ResetConnection,
    Silence,
    TrickleReply,
)
from local.stand_ins.todo.journal import Offence
from shared.core.entry import Phase, Reason
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_ended, assert_promise, fault, upload
from tests.support.fakes.seam import ActingSeam
from tests.support.fakes.world import World

FAULTS: Mapping[str, Effect] = {
    **{f"{status} before": Answer(status) for status in (500, 502, 503, 504)},
    **{f"{status} after": Answer(status, applied=True) for status in (500, 502, 503, 504)},
    "408 after": Answer(408, applied=True),
    "409 after": Answer(409, applied=True),
    "reset before the body": ResetConnection("before_body"),
    "reset in the body": ResetConnection("in_body"),
    "reset after the body": ResetConnection("after_body"),
    "reply lost": ResetConnection("after_applying"),
    "reply cut off": CutOffReply(),
    "never answered": Silence(),
    "never answered, but applied": Silence(applied=True),
    "slow": Delay(60),
    "slow beyond the deadline": Delay(100),
    "reply slow beyond the deadline": Delay(100, applied=True),
    "reply trickles beyond the deadline": TrickleReply(300),
    "error as a page": Answer(502, body="html"),
    "error as a page, but applied": Answer(502, body="html", applied=True),
    "error without a body": Answer(504, body="empty"),
    "half a range kept": KeepPart(0.5),
    "nothing of a range kept": KeepPart(0.0),
    "expects beyond the file": NonsenseRanges("beyond"),
    "expects a negative byte": NonsenseRanges("negative"),
    "expects nothing": NonsenseRanges("empty"),
    "expects null": NonsenseRanges("null"),
    "expects words": NonsenseRanges("text"),
}
each_fault = pytest.mark.parametrize("effect", FAULTS.values(), ids=FAULTS)


@each_fault
@pytest.mark.parametrize("nth", [1, 2, SLICES])
def test_a_slice_whose_answer_is_lost_is_neither_lost_nor_sent_twice(effect: Effect, nth: int) -> None:
    world = World(faults=(fault(effect, nth=nth),))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)
    assert world.raised == []


@each_fault
def test_a_create_whose_answer_is_lost_opens_another_session(effect: Effect) -> None:
    world = World(faults=(fault(effect, "create_session"),))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world, unseen_sessions=1)


@each_fault
@pytest.mark.parametrize("operation", ["get_session", "cancel_session", "list_attachments", "get_value"])
def test_the_question_after_a_lost_last_reply_may_itself_be_lost(effect: Effect, operation: str) -> None:
    world = World(faults=(fault(ResetConnection("after_applying"), nth=SLICES), fault(effect, operation)))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)


@pytest.mark.parametrize("finished_session", ["gone", "lingers"])
def test_a_lost_last_reply_costs_seconds_where_the_attachment_is_there(finished_session: str) -> None:
    """Reads are free, so it is searched for before the session is cancelled and a deadline is waited out."""
    behaviour = Behaviour(finished_session=finished_session)  # type: ignore[arg-type]
    world = World(behaviour=behaviour, faults=(fault(ResetConnection("after_applying"), nth=SLICES),))
    start = world.clock.now
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.phase(blob) is Phase.ATTACHED)
    assert world.clock.now - start < timedelta(seconds=15)
    world.run()
    operations = [operation for operation, _ in world.requests()]
    assert operations[-2:] == ["get_value", "cancel_session"]  # the session is cancelled all the same
    assert_attached(world, blob)
    assert_promise(world)


def test_where_a_second_session_was_opened_a_lost_last_reply_is_searched_for_in_order() -> None:
    """A request of the first session may still land: what is found at once may not be all there will be."""
    faults = (fault(ExpireSession(), nth=2), fault(ResetConnection("after_applying"), nth=2 + SLICES))
    world = World(faults=faults)
    blob = upload(world)
    operations = [operation for operation, _ in world.requests()]
    last_slice = len(operations) - 1 - operations[::-1].index("put_slice")
    after = operations[last_slice + 1 :]
    assert after.index("cancel_session") < after.index("list_attachments")
    assert_attached(world, blob)
    assert_promise(world)


@each_fault
@pytest.mark.parametrize("nth", [1, SLICES])
def test_a_session_that_cannot_be_asked_is_cancelled_and_the_task_searched(effect: Effect, nth: int) -> None:
    world = World(behaviour=Behaviour(session_get=405), faults=(fault(effect, nth=nth),))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)


@pytest.mark.parametrize("torn_range", ["dropped", "kept"])
def test_a_body_that_breaks_off_goes_on_from_what_the_server_kept(torn_range: str) -> None:
    behaviour = Behaviour(torn_range=torn_range)  # type: ignore[arg-type]
    world = World(behaviour=behaviour, faults=(fault(ResetConnection("in_body"), nth=2),))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)


@pytest.mark.parametrize("nth", range(1, SLICES + 1))
def test_two_replies_in_a_row_are_lost(nth: int) -> None:
    world = World(faults=(fault(ResetConnection("after_applying"), nth=nth, count=2),))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)


def test_a_zombie_request_that_lands_after_we_gave_up_on_it_is_found() -> None:
    """The last PUT runs into the deadline; the server applies it all the same, after the client hung up."""
    world = World(faults=(fault(Delay(120), nth=SLICES),))
    blob = world.drop(b"x" * 2_500)
    world.notify()
    world.run(until=lambda: world.phase(blob) is Phase.LOCATING)
    zombie = next(each for each in world.graph.given_up if not each.completed)
    world.todo.complete(zombie)
    world.run()
    assert_attached(world, blob, b"x" * 2_500)
    assert_promise(world)


def test_a_zombie_in_the_middle_is_only_found_out_by_the_next_range() -> None:
    """It lands after the session was asked: the range is sent again, refused as an overlap, and skipped."""
    world = World(faults=(fault(Delay(120), nth=2),))
    blob = world.drop(b"y" * 2_500)
    world.notify()
    world.run(until=lambda: any(operation == "get_session" for operation, _ in world.requests()))
    world.todo.complete(next(each for each in world.graph.given_up if not each.completed))
    world.run()
    assert_attached(world, blob, b"y" * 2_500)
    assert_promise(world, offences=[Offence.REFUSED_RANGE])


@pytest.mark.parametrize("lag", [100.0, 250.0, 600.0])
@pytest.mark.parametrize(("data", "operation", "nth"), [(FILE, "put_slice", SLICES), (b"", "post_attachment", 1)])
def test_a_listing_that_lags_behind_a_lost_last_reply_does_not_make_us_attach_twice(
    lag: float, data: bytes, operation: str, nth: int
) -> None:
    lost = fault(ResetConnection("after_applying"), operation, nth=nth)
    world = World(behaviour=Behaviour(listing_lag=lag), faults=(lost,))
    blob = upload(world, data)
    assert_attached(world, blob, data)
    assert [name for name, _ in world.requests()].count(operation) == nth
    assert_promise(world)


def test_a_name_that_does_not_resolve_costs_time_only() -> None:
    world = World()
    blob = world.drop(b"z" * 2_500)
    world.graph.unreachable = True
    world.notify()
    world.run(until=lambda: len(world.records.events("step")) >= 5)
    assert world.requests() == []
    world.graph.unreachable = False
    world.run()
    assert_attached(world, blob, b"z" * 2_500)
    assert_promise(world)


def test_a_name_that_never_resolves_fails_with_the_reason() -> None:
    world = World()
    world.graph.unreachable = True
    blob = upload(world)
    assert_ended(world, blob, Phase.FAILED, Reason.NO_PROGRESS, "the name does not resolve")
    assert_promise(world)


def test_a_server_that_never_answers_fails_with_the_reason() -> None:
    world = World(faults=(fault(Silence(), "any", count=None),))
    blob = upload(world)
    assert_ended(world, blob, Phase.FAILED, Reason.NO_PROGRESS, "the deadline was over")
    assert_promise(world)


def test_a_server_that_swallows_every_last_range_fails_and_says_that_it_may_be_attached() -> None:
    """Bounded by steps without progress, and nothing is left open."""
    world = World(faults=(fault(Silence(), nth=SLICES, count=None),))
    blob = upload(world)
    assert_ended(world, blob, Phase.FAILED, Reason.NO_PROGRESS)
    assert world.attached() == []
    assert_promise(world)


@pytest.mark.parametrize("status", [400, 411, 412, 415, 422])
def test_a_range_refused_in_so_many_words_is_tried_once_more_and_then_failed(status: int) -> None:
    world = World(faults=(fault(Answer(status, code="invalidRange"), nth=2, count=None),))
    blob = upload(world)
    assert_ended(world, blob, Phase.FAILED, Reason.REFUSED, f"HTTP {status} invalidRange", "from 1024 on")
    assert world.requests().count(("put_slice", status)) == 2
    assert_promise(world)


@pytest.mark.parametrize("status", [400, 415])
def test_a_range_refused_once_goes_on(status: int) -> None:
    world = World(faults=(fault(Answer(status), nth=2),))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)


def test_a_slice_that_is_too_large_is_halved_once_and_goes_on_from_the_same_byte() -> None:
    world = World(behaviour=Behaviour(range_limit=600))
    blob = upload(world)
    assert_attached(world, blob)
    assert world.entry(blob).slice_bytes == 512
    assert_promise(world, offences=[Offence.REFUSED_RANGE])


def test_a_slice_that_is_too_large_even_halved_is_rejected() -> None:
    world = World(behaviour=Behaviour(range_limit=500))
    blob = upload(world)
    assert_ended(world, blob, Phase.REJECTED, Reason.TOO_LARGE, "512 bytes")
    assert_promise(world, offences=[Offence.REFUSED_RANGE])


def test_a_put_that_is_forbidden_is_told_apart_from_a_forbidden_create() -> None:
    world = World(behaviour=Behaviour(put_permitted=False))
    blob = upload(world)
    assert_ended(world, blob, Phase.REJECTED, Reason.FORBIDDEN, "a session could be opened, but sending")
    assert_promise(world)


def test_a_create_that_is_forbidden_is_rejected() -> None:
    world = World(faults=(fault(Answer(403, code="ErrorAccessDenied"), "create_session"),))
    blob = upload(world)
    assert_ended(world, blob, Phase.REJECTED, Reason.FORBIDDEN, "HTTP 403 ErrorAccessDenied")
    assert_promise(world)


@pytest.mark.parametrize("unknown_task", [404, 400])
@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_task_that_is_gone_rejects_the_file(unknown_task: int, after: int) -> None:
    world = World(behaviour=Behaviour(unknown_task=unknown_task))  # type: ignore[arg-type]
    blob = world.drop(b"w" * 2_500)
    world.put_in(ActingSeam("graph.put_slice", lambda: world.todo.delete_task(world.task), nth=after))
    if after == 0:
        world.todo.delete_task(world.task)
    world.notify()
    world.run()
    reason = Reason.NO_SUCH_TASK if unknown_task == 404 else Reason.REFUSED
    assert_ended(world, blob, Phase.REJECTED, reason)
    assert world.blobs.blobs["report.pdf"].tags["todo_state"] == "rejected"
    assert_promise(world, unseen_sessions=1)  # of a task that is gone: DELETE finds it no more


@pytest.mark.parametrize("final_reply", ["entity", "nothing", "ok_entity", "ok_empty", "ok_progress"])
@pytest.mark.parametrize("finished_session", ["gone", "lingers"])
def test_a_last_reply_in_another_form_still_attaches_once(final_reply: str, finished_session: str) -> None:
    world = World(behaviour=Behaviour(final_reply=final_reply, finished_session=finished_session))  # type: ignore[arg-type]
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)
