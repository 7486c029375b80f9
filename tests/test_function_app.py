"""The bindings: which functions there are, what starts them, and that each passes on what it was given.

The functions are called as they are, on the whole application over fakes. The one seam is the name `application` of
function_app.py, which otherwise builds the real one from the environment.
"""

import base64
import json
import runpy
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from azure.functions.queue import QueueMessage
from azure.functions.timer import TimerRequest
from azure.storage.blob import BlobClient
from azure_functions_runtime.bindings.context import Context
from azure_functions_runtime.bindings.retrycontext import RetryContext
from azure_functions_runtime.bindings.tracecontext import TraceContext
from azurefunctions.extensions.bindings import blob as sdk_types

import function_app
from local.stand_ins.functions.host_json import read_host_json
from shared.core.entry import Phase
from shared.core.messages import RangeMessage, encode
from shared.errors import StrangerError
from shared.ports import Invocation
from tests.scenarios.promise import assert_attached, assert_promise
from tests.support.documents import ROOT
from tests.support.fakes.world import World

CONNECTION = "AttachmentStorage"
TRACEPARENT = f"00-{'1' * 32}-{'2' * 16}-01"


@cache
def functions() -> Sequence[Any]:
    """Of an app of our own: the library answers this question once only."""
    found: Sequence[Any] = runpy.run_path(str(ROOT / "function_app.py"))["app"].get_functions()
    return found


def bindings() -> dict[str, list[dict[str, Any]]]:
    """Function to its bindings, as the worker tells them to the host."""
    return {each.get_function_name(): json.loads(each.get_function_json())["bindings"] for each in functions()}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(function_app, "application", lambda: world.application)
    return world


def context(function: str) -> Context:
    """As the worker library makes it."""
    trace_context = TraceContext(TRACEPARENT, "", {})
    return Context(function, ".", "invocation-1", threading.local(), trace_context, RetryContext(0, 0, None))


def message(body: str | bytes, dequeue_count: int | None = 1) -> QueueMessage:
    return QueueMessage(id="1", body=body, dequeue_count=dequeue_count)  # type: ignore[no-untyped-call]


def blob_client(name: str) -> BlobClient:
    return BlobClient("https://a.blob.example.net", "attachments", name)


# -- which functions there are --


def test_these_functions_exist_under_these_names() -> None:
    """An event for a name that does not exist is dropped by the host without a word."""
    of_uploads = {"open_upload", "send_range", "park_range", "reopen_upload", "sweep", "catch_up"}
    assert set(bindings()) == of_uploads | {"connect", "connected", "disconnect", "files", "files_action"}


def test_a_function_is_named_as_its_python_function() -> None:
    for each in functions():
        assert each.get_user_function().__name__ == each.get_function_name()


def test_every_function_has_its_trigger_and_no_other_binding() -> None:
    assert {name: [binding["type"] for binding in found] for name, found in bindings().items()} == {
        "open_upload": ["blobTrigger"],
        "send_range": ["queueTrigger"],
        "park_range": ["queueTrigger"],
        "reopen_upload": ["queueTrigger"],
        "sweep": ["timerTrigger"],
        "catch_up": ["timerTrigger"],
        "connect": ["httpTrigger", "http"],
        "connected": ["httpTrigger", "http"],
        "disconnect": ["httpTrigger", "http"],
        "files": ["httpTrigger", "http"],
        "files_action": ["httpTrigger", "http"],
    }


def test_a_browser_needs_no_key_of_the_host_and_comes_by_the_methods_that_it_should() -> None:
    found = {name: each[0] for name, each in bindings().items() if each[0]["type"] == "httpTrigger"}
    assert {name: sorted(trigger["methods"]) for name, trigger in found.items()} == {
        "connect": ["GET"],
        "connected": ["GET"],
        "disconnect": ["GET", "POST"],
        "files": ["GET"],
        "files_action": ["GET", "POST"],
    }
    assert {str(trigger["authLevel"]).lower() for trigger in found.values()} == {"anonymous"}
    of_its_own = {"files_action": "files/{action}"}
    assert {name: trigger["route"] for name, trigger in found.items()} == {
        name: of_its_own.get(name, name) for name in found
    }


def test_the_blob_trigger_listens_to_events_and_never_scans_the_container() -> None:
    (trigger,) = bindings()["open_upload"]
    assert (trigger["source"], trigger["path"]) == ("EventGrid", "%TODO_ATTACH_CONTAINER%/{name}")


def test_the_blob_is_bound_as_a_client_and_its_bytes_are_not() -> None:
    (opens,) = (each for each in functions() if each.get_function_name() == "open_upload")
    assert opens.get_user_function().__annotations__["client"] is sdk_types.BlobClient


@pytest.mark.parametrize(
    ("function", "queue"),
    [
        ("send_range", "%TODO_ATTACH_QUEUE%"),
        ("park_range", "%TODO_ATTACH_QUEUE%-poison"),
        ("reopen_upload", "webjobs-blobtrigger-poison"),
    ],
)
def test_each_queue_has_its_function(function: str, queue: str) -> None:
    assert bindings()[function][0]["queueName"] == queue


def test_every_trigger_of_storage_uses_the_one_connection() -> None:
    found = {name: binding.get("connection") for name, (binding, *_) in bindings().items()}
    assert found == dict.fromkeys(("open_upload", "send_range", "park_range", "reopen_upload"), CONNECTION) | {
        "sweep": None,
        "catch_up": None,
        "connect": None,
        "connected": None,
        "disconnect": None,
        "files": None,
        "files_action": None,
    }


@pytest.mark.parametrize("function", ["sweep", "catch_up"])
def test_a_timer_runs_by_its_setting(function: str) -> None:
    assert bindings()[function][0]["schedule"] == f"%TODO_ATTACH_{function.upper()}_SCHEDULE%"


def host_json() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    return found


def test_the_queue_s_encoding_is_the_one_that_the_application_sends() -> None:
    """With base64 the host alone would judge a message that is not, and call no function for it."""
    assert host_json()["extensions"]["queues"]["messageEncoding"] == "none"


def test_no_member_of_a_message_takes_the_place_of_what_the_host_says_of_it() -> None:
    """The host makes trigger metadata of a JSON message's members: one named DequeueCount would override the real."""
    members = json.loads(encode(RangeMessage("0" * 32, 1, TRACEPARENT)))
    metadata = {
        "queuetrigger",
        "id",
        "popreceipt",
        "dequeuecount",
        "insertiontime",
        "expirationtime",
        "nextvisibletime",
    }
    assert metadata.isdisjoint(name.lower() for name in members)


def test_host_json_has_no_name_that_the_host_would_pass_over_in_silence() -> None:
    read = read_host_json((ROOT / "host.json").read_text(encoding="utf-8"), {})
    assert (read.warnings, read.problems) == ((), ())
    named = {name.split(".")[1] for name in host_json()["logging"]["logLevel"] if name.startswith("Function.")}
    assert named == set(bindings())


def test_the_host_tells_each_fact_once_and_none_of_what_the_worker_tells() -> None:
    """Without `telemetryMode` it tells of no poll; these rows would tell of each run and each line a second time."""
    host = host_json()
    levels, insights = host["logging"]["logLevel"], host["logging"]["applicationInsights"]
    assert "telemetryMode" not in host
    assert {levels["Host.Results"], levels["Host.Aggregator"]} == {"None"}
    assert {levels[f"Function.{name}.User"] for name in bindings()} == {"None"}
    assert insights == {
        "samplingSettings": {"isEnabled": False},
        "enableDependencyTracking": False,
        "enablePerformanceCountersCollection": False,
    }


def test_the_host_tells_of_no_run_by_the_name_of_its_blob() -> None:
    """By itself it logs: Executing ... (Reason='New blob detected(EventGrid): attachments/receipt.pdf' ..."""
    levels = host_json()["logging"]["logLevel"]
    assert levels["default"] == "Warning"
    assert not [name for name in levels if name in {f"Function.{each}" for each in bindings()}]


def test_the_host_s_log_holds_warnings_and_errors_and_nothing_below() -> None:
    """FunctionAppLogs too: a diagnostic setting has no level. That there are no functions is a warning of the start."""
    levels = host_json()["logging"]["logLevel"]
    assert levels["default"] == "Warning"
    assert set(levels.values()) == {"Warning", "Error", "None"}
    assert "Host.Startup" not in levels


def test_a_404_of_storage_is_no_line_of_the_host_s_log() -> None:
    """Until the first event makes the queue of blob events, each poll of it is one: a line a minute and instance."""
    assert host_json()["logging"]["logLevel"]["Azure.Core"] == "Error"


# -- what each passes on --


@pytest.mark.parametrize("name", ["report.pdf", "2026/11/report.pdf", "über 100%.pdf", "a b+c.pdf"])
def test_a_blob_event_opens_the_upload_of_that_very_blob(world: World, name: str) -> None:
    blob = world.drop(b"x" * 2_500, name)
    function_app.open_upload(blob_client(name), context("open_upload"))
    assert world.phase(blob) is Phase.SENDING
    world.run()
    assert_promise(world)


def test_a_message_goes_on_with_the_upload_that_it_names(world: World) -> None:
    blob = world.drop(b"x" * 2_500)
    function_app.open_upload(blob_client("report.pdf"), context("open_upload"))
    function_app.send_range(message(world.messages.messages[0].body), context("send_range"))
    assert world.entry(blob).offset == 1_024
    world.run()
    assert_attached(world, blob, b"x" * 2_500)


@pytest.mark.parametrize(("dequeue_count", "announced"), [(1, 0), (2, 1), (None, 0)])
def test_a_message_says_how_often_it_was_delivered(world: World, dequeue_count: int | None, announced: int) -> None:
    """One step behind: only a repeated delivery announces the present step. Unknown counts as the first."""
    blob = world.drop(b"x" * 2_500)
    function_app.open_upload(blob_client("report.pdf"), context("open_upload"))
    behind = encode(RangeMessage(blob.upload_id(), world.entry(blob).step - 1))
    sent = world.messages.sent
    function_app.send_range(message(behind, dequeue_count), context("send_range"))
    assert world.messages.sent - sent == announced


def test_a_message_for_an_unknown_upload_is_raised_so_that_the_host_counts_it(world: World) -> None:
    with pytest.raises(StrangerError):
        function_app.send_range(message(encode(RangeMessage("0" * 32, 1))), context("send_range"))


@pytest.mark.parametrize("body", ["not ours", b"\xff\xfe", ""], ids=["no JSON", "no text", "empty"])
def test_a_message_that_cannot_be_read_is_noted_once_and_over(world: World, body: str | bytes) -> None:
    function_app.send_range(message(body), context("send_range"))
    assert world.records.lines == [{"event": "foreign", "why": "a message that is not JSON"}]


def test_a_poisoned_message_parks_its_upload(world: World) -> None:
    blob = world.drop(b"x" * 2_500)
    function_app.open_upload(blob_client("report.pdf"), context("open_upload"))
    function_app.park_range(message(world.messages.messages[0].body, dequeue_count=5), context("park_range"))
    assert world.entry(blob).times_parked == 1


def test_a_poisoned_message_that_is_not_ours_is_over(world: World) -> None:
    function_app.park_range(message("not ours"), context("park_range"))
    assert [line["event"] for line in world.records.lines] == ["poison"]


BLOB_EVENT = {
    "Type": "BlobTrigger",
    "FunctionId": "Host.Functions.open_upload",
    "BlobType": "BlockBlob",
    "ContainerName": "attachments",
    "BlobName": "a/ä report.pdf",
    "ETag": '"0x1"',
}


def of_the_host(event: object) -> str:
    return base64.b64encode(json.dumps(event).encode()).decode()


@pytest.mark.parametrize("write", [of_the_host, json.dumps], ids=["as the host writes it", "as host.json says"])
def test_a_poisoned_blob_event_opens_the_upload_after_all(world: World, write: Callable[[object], str]) -> None:
    blob = world.drop(b"x" * 2_500, "a/ä report.pdf")
    function_app.reopen_upload(message(write(BLOB_EVENT)), context("reopen_upload"))
    assert world.phase(blob) is Phase.SENDING


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("not ours", "a blob event that cannot be read"),
        ("", "a blob event that cannot be read"),
        (base64.b64encode(b"\xff\xfe").decode(), "a blob event that cannot be read"),
        ("[" * 3_000, "a blob event that cannot be read"),
        ("{" * 3_000, "a blob event that cannot be read"),
        (of_the_host(["a"]), "a blob event that is not a JSON object"),
        (of_the_host({}), "a blob event that names no blob"),
        (of_the_host({**BLOB_EVENT, "BlobName": 7}), "a blob event that names no blob"),
        (of_the_host({**BLOB_EVENT, "BlobName": "x" * 1025}), "a blob event that names no blob"),
        (of_the_host({**BLOB_EVENT, "ContainerName": "theirs"}), "a blob event of another container"),
    ],
)
def test_a_poisoned_blob_event_that_is_not_ours_or_not_readable_is_noted_once_and_over(
    world: World, body: str, why: str
) -> None:
    """A failure would come back every ten minutes: this queue has no poison queue of its own."""
    function_app.reopen_upload(message(body), context("reopen_upload"))
    assert world.records.lines == [{"event": "foreign", "why": why}]


def test_the_sweep_announces_what_no_message_names(world: World) -> None:
    world.drop(b"x" * 2_500)
    function_app.open_upload(blob_client("report.pdf"), context("open_upload"))
    world.messages.messages.clear()
    world.clock.advance(3_600)
    function_app.sweep(TimerRequest(past_due=False), context("sweep"))
    assert len(world.messages.messages) == 1
    world.run()
    assert_promise(world)


def test_catching_up_finds_what_no_event_told_of(world: World) -> None:
    world.drop(b"x" * 2_500)
    world.dead_letters.give_up("report.pdf")
    function_app.catch_up(TimerRequest(past_due=False), context("catch_up"))
    world.run()
    assert_promise(world)
    assert len(world.attached()) == 1


# -- what each run says of itself --


def test_a_run_is_told_with_its_id_its_trace_context_and_how_its_message_came(world: World) -> None:
    world.drop(b"x" * 2_500)
    function_app.open_upload(blob_client("report.pdf"), context("open_upload"))
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    delivered = QueueMessage(  # type: ignore[no-untyped-call]
        id="1", body=world.messages.messages[0].body, dequeue_count=2, insertion_time=an_hour_ago
    )
    function_app.send_range(delivered, context("send_range"))
    opened, sent = world.records.runs
    assert opened == Invocation("open_upload", "datasource", "invocation-1", TRACEPARENT)
    assert (sent.function, sent.trigger, sent.dequeue_count) == ("send_range", "pubsub", 2)
    assert sent.queue_age is not None
    assert sent.queue_age >= 3_600


@pytest.mark.parametrize(("function", "trigger"), [("park_range", "pubsub"), ("reopen_upload", "pubsub")])
def test_a_run_of_a_poison_queue_s_function_is_told_too(world: World, function: str, trigger: str) -> None:
    body = of_the_host({**BLOB_EVENT, "BlobName": "gone.pdf"}) if function == "reopen_upload" else "not ours"
    getattr(function_app, function)(message(body), context(function))
    assert [(run.function, run.trigger) for run in world.records.runs] == [(function, trigger)]


@pytest.mark.parametrize("function", ["sweep", "catch_up"])
def test_a_run_of_a_timer_has_no_message(world: World, function: str) -> None:
    getattr(function_app, function)(TimerRequest(past_due=False), context(function))
    assert world.records.runs == [Invocation(function, "timer", "invocation-1", TRACEPARENT)]
