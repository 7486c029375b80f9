"""What records add up to."""

import pytest

from shared.core.entry import Reason
from shared.telemetry.metrics import METRICS, measured
from shared.telemetry.records import CLAIM_NEARLY_OVER


def values(event: str, **fields: object) -> dict[str, tuple[float, dict[str, str]]]:
    return {each.metric.name: (each.value, dict(each.attributes)) for each in measured(event, fields)}


def step(**fields: object) -> dict[str, tuple[float, dict[str, str]]]:
    usual = {"observation": "Progress", "offset": 250, "waits_for": ""}
    return values("step", **{**usual, **fields})


def test_an_outcome_is_counted_and_timed() -> None:
    assert values("outcome", phase="failed", reason="too-old", elapsed=12.5) == {
        "todo_attach.uploads": (1, {"outcome": "failed", "reason": "too-old"}),
        "todo_attach.upload.duration": (12.5, {"outcome": "failed"}),
    }


@pytest.mark.parametrize("reason", list(Reason))
def test_a_rejection_is_counted_by_its_reason_also_where_no_upload_was_made_of_it(reason: Reason) -> None:
    counted = (1.0, {"reason": reason.value})
    assert values("outcome", phase="rejected", reason=reason, elapsed=0.0)["todo_attach.rejections"] == counted
    assert values("turned_away", reason=reason)["todo_attach.rejections"] == counted


def test_a_slice_counts_the_bytes_that_graph_says_it_has() -> None:
    counted = step(range_start=200, range_stop=300, graph_operation="put_slice", status=202)
    assert counted == {"todo_attach.slices": (1, {}), "todo_attach.bytes": (50, {})}


def test_the_last_slice_counts_whole() -> None:
    counted = step(range_start=200, range_stop=300, graph_operation="put_slice", status=201, observation="Attached")
    assert counted["todo_attach.bytes"] == (100, {})


def test_a_slice_without_an_answer_was_sent_but_brought_no_byte() -> None:
    counted = step(range_start=200, range_stop=300, graph_operation="put_slice", observation="Unclear")
    assert counted == {"todo_attach.slices": (1, {})}


@pytest.mark.parametrize("error", ["TokenUnavailable", CLAIM_NEARLY_OVER])
def test_a_slice_that_was_held_back_was_not_sent(error: str) -> None:
    held_back = {"graph_operation": "put_slice", "error": error, "observation": "Deferred"}
    assert step(range_start=200, range_stop=300, **held_back) == {}


def test_a_slice_that_did_not_reach_graph_was_not_sent() -> None:
    unreached = {"graph_operation": "put_slice", "error": "GraphNoReply", "observation": "Unavailable"}
    assert step(range_start=200, range_stop=300, **unreached) == {}


def test_a_throttled_slice_was_sent() -> None:
    throttled = {"graph_operation": "put_slice", "status": 429, "observation": "Deferred"}
    assert step(range_start=200, range_stop=300, **throttled) == {"todo_attach.slices": (1, {})}


def test_a_slice_that_could_not_be_read_was_not_sent() -> None:
    assert step(range_start=200, range_stop=300, observation="Deferred", waits_for="storage") == {
        "todo_attach.deferrals": (1, {"cause": "storage"})
    }


def test_a_step_that_waits_is_a_deferral() -> None:
    assert step(waits_for="throttling") == {"todo_attach.deferrals": (1, {"cause": "throttling"})}


def test_poison_is_counted_by_what_was_done_about_it() -> None:
    assert values("poison", result="parked") == {"todo_attach.poison": (1, {"result": "parked"})}


def test_a_sweep_shows_what_is_in_flight() -> None:
    assert values("sweep", live=3, oldest_age=60.0, accounts_waiting=1) == {
        "todo_attach.live": (3, {}),
        "todo_attach.live.oldest_age": (60.0, {}),
        "todo_attach.accounts.need_sign_in": (1, {}),
    }


def test_other_events_measure_nothing() -> None:
    assert measured("dropped", {}) == []


def test_metrics_have_names_of_their_own() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
