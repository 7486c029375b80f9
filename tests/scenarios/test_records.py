"""What an operator is told of runs that are not the usual."""

import pytest

from local.stand_ins.todo.faults import Answer
from shared.core.entry import Phase
from shared.core.messages import RangeMessage, encode
from shared.errors import StorageUnavailable
from tests.scenarios.promise import assert_attached, fault
from tests.support.fakes.seam import FailingSeam
from tests.support.fakes.world import SLICE, World, content

FILE = content(3 * SLICE)


def last(world: World, event: str) -> dict[str, object]:
    return world.records.events(event)[-1]


def test_an_upload_has_one_outcome_with_its_reason() -> None:
    world = World()
    world.drop(FILE, task="no such task")
    world.notify()
    world.run()
    (outcome,) = world.records.events("outcome")
    assert (outcome["phase"], outcome["reason"]) == ("rejected", "no-such-task")


def test_a_blob_that_is_rejected_at_once_has_an_outcome_too() -> None:
    world = World()
    world.drop(content(65 * SLICE))
    world.notify()
    world.run()
    (outcome,) = world.records.events("outcome")
    assert (outcome["phase"], outcome["reason"], outcome["elapsed"]) == ("rejected", "too-large", 0)


def test_an_outcome_tells_how_long_it_took_with_all_waits() -> None:
    world = World(faults=(fault(Answer(429, retry_after=300), "put_slice"),))
    blob = world.drop(FILE)
    world.notify()
    world.run()
    assert_attached(world, blob, FILE)
    elapsed = last(world, "outcome")["elapsed"]
    assert isinstance(elapsed, float)
    assert elapsed >= 300


def test_an_empty_file_says_from_the_start_for_what_it_waits() -> None:
    world = World()
    world.drop(b"")
    world.event()
    accepted = last(world, "accepted")
    assert (accepted["wait"], accepted["waits_for"]) == (600, "empty-file")


def test_a_request_that_got_no_answer_is_told_by_the_kind_of_its_failure() -> None:
    world = World()
    world.drop(FILE)
    world.graph.unreachable = True
    world.event()
    step = last(world, "step")
    assert (step["error"], step["waits_for"]) == ("GraphNoReply", "graph")
    assert "status" not in step


def test_a_blob_that_cannot_be_read_waits_for_storage() -> None:
    world = World()
    world.drop(FILE)
    world.event()
    world.put_in(FailingSeam("blobs.read", [StorageUnavailable("away")]))
    world.run(until=lambda: len(world.records.events("step")) > 3)
    step = last(world, "step")
    assert (step["waits_for"], "graph_operation" in step) == ("storage", False)


def test_a_sweep_tells_how_old_the_oldest_is_and_how_long_one_has_stood_still() -> None:
    world = World()
    world.drop(FILE)
    world.event()
    world.clock.advance(100)
    world.sweep()
    swept = last(world, "sweep")
    assert (swept["live"], swept["oldest_age"], swept["stalled_age"], swept["accounts_waiting"]) == (1, 100, 100, 0)


def test_what_is_put_off_has_not_stood_still() -> None:
    world = World(faults=(fault(Answer(429, retry_after=900), "put_slice"),))
    world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.records.events("step")) > 3)
    world.clock.advance(600)
    world.sweep()
    assert last(world, "sweep")["stalled_age"] == 0


def test_who_waits_for_sign_in_is_counted_by_account_and_has_not_stood_still() -> None:
    world = World()
    world.accounts.tokens.clear()
    for name in ("a.pdf", "b.pdf"):
        world.drop(FILE, name)
        world.event(name)
    world.run(until=lambda: all(entry.report.phase is Phase.WAITING for entry in world.ledger.entries()))
    world.sweep()
    swept = last(world, "sweep")
    assert (swept["live"], swept["accounts_waiting"], swept["stalled_age"]) == (2, 1, 0)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"not ours", {"result": "foreign", "error": "MessageError"}),
        (encode(RangeMessage("f" * 32, 1)).encode(), {"upload_id": "f" * 32, "step": 1, "result": "stranger"}),
    ],
    ids=["unreadable", "unknown"],
)
def test_poison_that_is_not_ours_is_told_without_its_text(body: bytes, told: dict[str, object]) -> None:
    world = World()
    world.application.runner.park_range(body)
    assert world.records.events("poison") == [{"event": "poison", **told}]


def test_poison_for_an_upload_that_went_on_announces_its_step_and_for_one_that_waits_is_put_off() -> None:
    world = World(faults=(fault(Answer(429, retry_after=900), "put_slice"),))
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.records.events("step")) > 3)
    step = world.entry(blob).step
    for proposed in (step, step - 1, 0):
        world.application.runner.park_range(encode(RangeMessage(blob.upload_id(), proposed)).encode())
    assert [line["result"] for line in world.records.events("poison")] == ["delayed", "announced", "announced"]


def test_every_request_to_graph_carries_an_id_of_its_own() -> None:
    world = World()
    world.drop(FILE)
    world.notify()
    world.run()
    ids = [step["client_request_id"] for step in world.records.events("step") if "client_request_id" in step]
    assert len(set(ids)) == len(ids) == 4
