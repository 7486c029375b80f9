"""Records as lines of JSON, and that nothing of OpenTelemetry is there before it is asked for."""

import json
import logging
import subprocess
import sys

import pytest

from shared.ports import Invocation
from shared.telemetry.log import LogTelemetry
from tests.support.documents import ROOT

RUN = Invocation("send_range", "pubsub", "run-1", dequeue_count=2, queue_age=0.5)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "todo_attach")
    return caplog


def test_a_record_is_one_line_of_json(lines: pytest.LogCaptureFixture) -> None:
    LogTelemetry().record("dropped", upload_id="u", step=3, why="done")
    assert json.loads(lines.messages[0]) == {"event": "dropped", "upload_id": "u", "step": 3, "why": "done"}


def test_a_record_says_which_run_of_a_function_wrote_it(lines: pytest.LogCaptureFixture) -> None:
    telemetry = LogTelemetry()
    with telemetry.invocation(RUN), telemetry.upload("u"):
        telemetry.record("dropped", upload_id="u", step=3, why="done")
    telemetry.record("no_such_blob")
    inside, outside = (json.loads(line) for line in lines.messages)
    of_run = {"function": "send_range", "trigger": "pubsub", "invocation_id": "run-1"}
    assert inside.items() >= {**of_run, "dequeue_count": 2, "queue_age": 0.5}.items()
    assert outside == {"event": "no_such_blob"}


def test_a_run_that_no_queue_delivered_has_no_count_and_no_age(lines: pytest.LogCaptureFixture) -> None:
    telemetry = LogTelemetry()
    with telemetry.invocation(Invocation("sweep", "timer", "run-2")):
        telemetry.record("no_such_blob")
    assert json.loads(lines.messages[0]).keys() == {"event", "function", "trigger", "invocation_id"}


@pytest.mark.parametrize(("event", "level"), [("step", "INFO"), ("poison", "WARNING"), ("claim_lost", "WARNING")])
def test_what_somebody_should_look_at_is_a_warning(lines: pytest.LogCaptureFixture, event: str, level: str) -> None:
    LogTelemetry().record(event)
    assert [record.levelname for record in lines.records] == [level]


def test_without_telemetry_no_opentelemetry_is_imported() -> None:
    """Not even its API: a cold start pays for what it does not use."""
    program = "import sys, function_app; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
