"""The queue trigger, as a black box: a queue, a host process, what lies in the queue afterwards."""

import base64
import json
import os
import signal
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.local.functions.conftest import Place, Running, StartHost, count
from tests.local.processes import wait_for_end_of, wait_until

pytestmark = pytest.mark.azurite


def send(place: Place, **order: object) -> None:
    place.queue.send_message(json.dumps(order))


def test_every_message_runs_once_and_is_deleted(running: Running) -> None:
    host, place = running.host, running.place
    for number in range(20):
        send(place, number=number)

    ended = host.wait_for_several(20, event="invocation_ended", status="succeeded")

    assert {event["dequeue_count"] for event in ended} == {1}
    numbers = [event["message"] for event in host.seen(event="log", logger="toy")]
    assert sorted(numbers) == sorted(f"work {number}" for number in range(20))
    wait_until(lambda: count(place.queue) == 0, "an empty queue")


def test_a_queue_that_appears_later_is_found(running: Running) -> None:
    host, place = running.host, running.place
    place.queue.delete_queue()
    place.queue.create_queue()
    send(place, number=1)

    host.wait_for(event="invocation_ended", status="succeeded")


def test_a_message_that_always_fails_is_poison_byte_for_byte(running: Running) -> None:
    body = json.dumps({"fail": "ünloadable 🗂"}, ensure_ascii=False, indent=3).encode()
    content = base64.b64encode(body).decode()
    host, place = running.host, running.place
    place.queues.get_queue_client(place.name).send_message(content)

    poison = host.wait_for(event="poison")

    assert poison["poison_queue"] == f"{place.name}-poison"
    assert [event["dequeue_count"] for event in host.seen(event="invocation_ended")] == [1, 2, 3]
    (message,) = place.poison_queue.peek_messages()
    assert message.content == content
    assert message.dequeue_count == 0
    assert count(place.queue) == 0


def test_a_message_that_is_not_base64_becomes_poison_at_once_and_without_running(running: Running) -> None:
    host, place = running.host, running.place
    place.queues.get_queue_client(place.name).send_message("<plain & simple>")

    host.wait_for(event="poison", dequeue_count=1)

    assert len(host.seen(event="undecodable")) == 1
    assert not host.seen(event="invocation_started")
    (message,) = place.poison_queue.peek_messages()
    assert message.content == "<plain & simple>"


def test_base64_of_no_text_fails_each_time_before_its_function(running: Running) -> None:
    host, place = running.host, running.place
    place.queues.get_queue_client(place.name).send_message(base64.b64encode(b"\xff\xfe").decode())

    host.wait_for(event="poison", dequeue_count=3)

    assert len(host.seen(event="binding_failed")) == 3
    assert not host.seen(event="invocation_started")


def test_on_a_poison_queue_what_is_not_base64_calls_nobody_and_stays_leased(
    place: Place, start_host: StartHost
) -> None:
    host = start_host({"AzureWebJobs_bury_Disabled": "0", "AzureWebJobs_work_Disabled": "1"})
    place.poison_queue.create_queue()
    place.poison_queue.send_message("plain")

    host.wait_for(event="undecodable", function="bury")

    assert not host.seen(event="invocation_started")
    assert count(place.poison_queue) == 1
    assert place.poison_queue.peek_messages() == []


PLAIN = {"AzureFunctionsJobHost__extensions__queues__messageEncoding": "none"}


@pytest.mark.parametrize("body", ["plain", "eyJ9", "[]"], ids=["not base64", "not JSON either way", "JSON"])
def test_with_plain_messages_everything_reaches_its_function_and_then_the_poison_function(
    place: Place, start_host: StartHost, body: str
) -> None:
    host = start_host({**PLAIN, "AzureWebJobs_bury_Disabled": "0"})
    place.queues.get_queue_client(place.name).send_message(body)

    host.wait_for(event="invocation_started", function="bury")

    ended = host.seen(event="invocation_ended", function="work")
    assert [event["dequeue_count"] for event in ended] == [1, 2, 3]


def test_a_member_of_a_json_message_takes_the_place_of_what_the_host_says(running: Running) -> None:
    send(running.place, tell="dequeue_count", DequeueCount=7)

    running.host.logged("dequeue_count 7")


def test_a_failed_message_is_invisible_for_the_visibility_timeout(place: Place, start_host: StartHost) -> None:
    host = start_host({"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:02"})
    send(place, fail="for a while")

    first = host.wait_for(event="invocation_ended", dequeue_count=1)
    second = host.wait_for(event="invocation_started", dequeue_count=2)

    # Not a measurement: the service keeps the message hidden for whole seconds.
    apart = datetime.fromisoformat(second["at"]) - datetime.fromisoformat(first["at"])
    assert apart > timedelta(seconds=1)


def test_a_message_of_a_poison_queue_stays_invisible_when_it_fails(place: Place, start_host: StartHost) -> None:
    host = start_host({"AzureWebJobs_bury_Disabled": "0", "AzureWebJobs_work_Disabled": "1"})
    place.poison_queue.create_queue()
    place.poison_queue.send_message(base64.b64encode(b"{}").decode())

    host.wait_for(event="invocation_ended", function="bury", status="failed")
    host.terminate()

    assert host.exit_status() == 0
    assert len(host.seen(event="invocation_started")) == 1
    assert count(place.poison_queue) == 1
    assert place.poison_queue.peek_messages() == []


def test_a_poison_copy_wakes_the_listener_of_the_poison_queue(place: Place, start_host: StartHost) -> None:
    host = start_host(
        {
            "AzureWebJobs_bury_Disabled": "0",
            "AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "1",
            "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:10:00",
        }
    )
    send(place, fail="at once")

    buried = host.wait_for(event="invocation_started", function="bury")

    assert buried["dequeue_count"] == 1


def test_a_lease_is_renewed_while_its_function_runs(running: Running, tmp_path: Path) -> None:
    host, place = running.host, running.place
    gate = tmp_path / "gate"
    send(place, wait_for=str(gate))

    host.wait_for_several(3, event="lease_renewed")
    gate.touch()
    host.wait_for(event="invocation_ended", status="succeeded")
    wait_until(lambda: count(place.queue) == 0, "an empty queue")

    assert len(host.seen(event="invocation_started")) == 1


def test_a_killed_worker_gives_its_messages_back(running: Running) -> None:
    host, place = running.host, running.place
    send(place, hang="once")
    host.wait_for(event="invocation_started")

    os.kill(host.ready()["worker_pid"], signal.SIGKILL)

    host.wait_for(event="worker_died", pid=host.ready()["worker_pid"], status=-signal.SIGKILL)
    host.wait_for(event="invocation_ended", status="worker_died", dequeue_count=1)
    respawned = host.wait_for(event="worker_respawned")
    host.wait_for(event="invocation_ended", status="succeeded", dequeue_count=2)
    assert respawned["pid"] != host.ready()["worker_pid"]


def test_a_message_whose_worker_died_each_time_is_poison_without_running(place: Place, start_host: StartHost) -> None:
    place.queue.send_message(json.dumps({"number": 1}))
    raw = place.queues.get_queue_client(place.name)
    for _ in range(3):
        taken = raw.receive_message()
        assert taken is not None
        raw.update_message(taken, visibility_timeout=0)
    host = start_host()

    poison = host.wait_for(event="poison")

    assert poison["dequeue_count"] == 4
    assert not host.seen(event="invocation_started")


def test_the_third_death_of_a_worker_ends_the_host_and_releases_nothing(place: Place, start_host: StartHost) -> None:
    host = start_host()
    send(place, hang="always")
    pid = host.ready()["worker_pid"]
    for deaths in (1, 2, 3):
        host.wait_for_several(deaths, event="invocation_started")
        os.kill(pid, signal.SIGKILL)
        if deaths < 3:
            pid = host.wait_for_several(deaths, event="worker_respawned")[-1]["pid"]

    host.wait_for(event="host_ended", reason="the worker died three times within half an hour")

    assert host.exit_status() == 0
    assert len(host.seen(event="invocation_ended", status="worker_died")) == 2
    assert place.queue.peek_messages() == []
    assert count(place.queue) == 1


def test_a_time_out_leaves_the_others_hanging_until_their_own_time_is_over(place: Place, start_host: StartHost) -> None:
    host = start_host({"AzureFunctionsJobHost__functionTimeout": "00:00:02"}, "--lease", "60")
    send(place, hang="once", number=1)
    send(place, hang="once", number=2)

    ended = host.wait_for_several(2, event="invocation_ended", dequeue_count=1)

    assert {event["status"] for event in ended} == {"timed_out"}
    host.wait_for_several(2, event="invocation_ended", status="succeeded", dequeue_count=2)


def test_a_function_that_outstays_its_time_takes_the_worker_with_it(place: Place, start_host: StartHost) -> None:
    host = start_host({"AzureFunctionsJobHost__functionTimeout": "00:00:01"}, "--lease", "60")
    send(place, hang="once")
    host.wait_for(event="invocation_started")

    host.wait_for(event="function_timeout", function="work")
    host.wait_for(event="worker_respawned")

    host.wait_for(event="invocation_ended", status="timed_out", dequeue_count=1)
    host.wait_for(event="invocation_ended", status="succeeded", dequeue_count=2)


def test_a_killed_host_leaves_its_lease_and_no_worker(place: Place, start_host: StartHost) -> None:
    host = start_host({}, "--lease", "2")
    send(place, hang="once")
    host.wait_for(event="invocation_started")

    host.kill()

    wait_for_end_of({host.ready()["worker_pid"]})
    assert place.queue.peek_messages() == []
    assert count(place.queue) == 1
    successor = start_host({}, "--lease", "2")
    successor.wait_for(event="invocation_ended", status="succeeded", dequeue_count=2)


def test_a_drain_lets_functions_end_and_takes_one_more_message(
    place: Place, start_host: StartHost, tmp_path: Path
) -> None:
    host = start_host()
    gate = tmp_path / "gate"
    send(place, wait_for=str(gate))
    host.wait_for(event="invocation_started")

    host.terminate()
    host.wait_for(event="draining")
    send(place, number=2)
    send(place, number=3)
    gate.touch()

    assert host.exit_status() == 0
    assert len(host.seen(event="invocation_ended", status="succeeded")) == 2
    (left,) = place.queue.peek_messages()
    assert json.loads(base64.b64decode(left.content)) == {"number": 3}
    wait_for_end_of({host.ready()["worker_pid"]})


def test_a_second_signal_ends_a_drain_and_leaves_the_lease(place: Place, start_host: StartHost) -> None:
    host = start_host()
    send(place, hang="once")
    host.wait_for(event="invocation_started")

    host.terminate()
    host.wait_for(event="draining")
    host.terminate()

    assert host.exit_status() == 1
    assert host.seen(event="stopped_hard")
    assert place.queue.peek_messages() == []
    assert count(place.queue) == 1


def test_a_host_whose_tether_is_let_go_drains_within_its_bound(place: Place, start_host: StartHost) -> None:
    host = start_host({}, "--drain-seconds", "0.1")
    send(place, hang="once")
    host.wait_for(event="invocation_started")

    host.let_go()

    assert host.exit_status() == 1
    assert host.seen(event="draining")
    wait_for_end_of({host.ready()["worker_pid"]})
