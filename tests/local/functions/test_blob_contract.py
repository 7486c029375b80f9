"""The blob trigger, from the webhook to the function, and from Azurite's access log to the webhook."""

import asyncio
import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobProperties
from azure.storage.queue import QueueClient

from local.stand_ins.event_grid import EventGridStandIn
from local.stand_ins.functions.blob_bridge import blob_input
from local.stand_ins.functions.blob_path import BlobPath
from local.stand_ins.functions.function import BlobTrigger
from tests.local.functions.conftest import Place, Running, StartHost, count
from tests.local.functions.hosted import PATIENCE_SECONDS, Hosted
from tests.local.processes import wait_until

pytestmark = pytest.mark.azurite

AWKWARD_NAMES = ("plain.txt", "a b/ü%#?.txt", "100%25.txt", "x&y=z+1;'(é).txt", "deep//er/🗂.pdf")


def post(url: str, body: object, event_type: str = "Notification") -> tuple[int, bytes]:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"aeg-event-type": event_type, "Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def webhook(host: Hosted) -> str:
    url: str = host.ready()["blob_webhooks"]["dropped"]
    return url


def event_about(place: Place, blob: str) -> list[dict[str, Any]]:
    client = place.container.get_blob_client(blob)
    return [{"data": {"url": client.url, "eTag": "0x1", "blobType": "BlockBlob"}}]


def test_the_subscription_handshake_echoes_the_code(running: Running) -> None:
    body = [{"data": {"validationCode": "0-1-2"}}]

    status, answer = post(webhook(running.host), body, "SubscriptionValidation")

    assert (status, json.loads(answer)) == (200, {"validationResponse": "0-1-2"})


def test_a_delivery_with_a_wrong_key_is_refused(running: Running) -> None:
    url = webhook(running.host).partition("&code=")[0] + "&code=wrong"

    assert post(url, event_about(running.place, "a"))[0] == 401


@pytest.mark.parametrize("body", [{}, [{}], [{"data": {"url": "http://127.0.0.1/", "eTag": "1"}}], "text"])
def test_a_malformed_delivery_is_the_host_s_failure_so_that_it_comes_again(running: Running, body: object) -> None:
    assert post(webhook(running.host), body)[0] == 500


def test_a_delivery_of_no_kind_is_refused(running: Running) -> None:
    assert post(webhook(running.host), event_about(running.place, "a"), "")[0] == 400


def test_of_two_events_the_first_runs_although_the_second_is_malformed(running: Running) -> None:
    running.place.container.upload_blob("first.txt", b"content")

    assert post(webhook(running.host), [*event_about(running.place, "first.txt"), {}])[0] == 500

    running.host.logged("dropped first.txt: content")


def test_an_event_runs_the_function_on_the_blob_itself(running: Running) -> None:
    running.place.container.upload_blob("one.txt", b"content")

    status, _ = post(webhook(running.host), event_about(running.place, "one.txt"))

    assert status == 202
    running.host.logged("dropped one.txt: content")
    running.host.wait_for(event="invocation_ended", function="dropped", status="succeeded", dequeue_count=1)


def test_an_event_about_a_blob_that_is_gone_is_dropped(running: Running) -> None:
    post(webhook(running.host), event_about(running.place, "gone.txt"))

    running.host.wait_for(event="blob_event_dropped", reason="no such blob")
    assert not running.host.seen(event="invocation_started")


@pytest.mark.parametrize("change", [{"type": "BlobDeleted"}, {"snapshot": "?snapshot=2026"}, {"account": "another"}])
def test_an_event_of_any_kind_runs_the_function_where_the_trigger_s_account_has_the_blob(
    running: Running, change: dict[str, str]
) -> None:
    running.place.container.upload_blob("any.txt", b"content", overwrite=True)
    (event,) = event_about(running.place, "any.txt")
    url = event["data"]["url"].replace("devstoreaccount1", change.get("account", "devstoreaccount1"))
    event["data"]["url"] = url + change.get("snapshot", "")
    event["eventType"] = f"Microsoft.Storage.{change.get('type', 'BlobCreated')}"

    assert post(webhook(running.host), [event]) == (202, b"")

    running.host.logged("dropped any.txt: content")


@pytest.mark.parametrize("name", ["Host.Functions.renamed", "host.functions.dropped", ""])
def test_an_event_for_an_unknown_function_is_accepted_and_dropped(running: Running, name: str) -> None:
    url = webhook(running.host).replace("Host.Functions.dropped", name)

    status, _ = post(url, event_about(running.place, "a"))

    assert status == 202
    running.host.wait_for(event="blob_event_dropped", reason="no such function")


def test_a_function_that_always_fails_leaves_a_poison_message(running: Running) -> None:
    running.place.container.upload_blob("bad.txt", b"fail")

    post(webhook(running.host), event_about(running.place, "bad.txt"))

    poison = running.host.wait_for(event="poison")
    assert poison["poison_queue"] == "webjobs-blobtrigger-poison"
    ended = running.host.seen(event="invocation_ended", function="dropped")
    assert [event["dequeue_count"] for event in ended] == [1, 2]


def poison_of_blobs(place: Place) -> QueueClient:
    return place.queues.get_queue_client("webjobs-blobtrigger-poison")


def test_the_host_s_own_messages_are_base64_whatever_host_json_says(place: Place, start_host: StartHost) -> None:
    host = start_host(
        {
            "AzureFunctionsJobHost__extensions__queues__messageEncoding": "none",
            "AzureFunctionsJobHost__extensions__blobs__poisonBlobThreshold": "5",
        }
    )
    place.container.upload_blob("bad.txt", b"fail")

    post(webhook(host), event_about(place, "bad.txt"))

    host.wait_for(event="poison")
    ended = host.seen(event="invocation_ended", function="dropped")
    assert [event["dequeue_count"] for event in ended] == [1, 2, 3, 4, 5]
    told = [json.loads(base64.b64decode(each.content)) for each in poison_of_blobs(place).peek_messages(32)]
    (event,) = [each for each in told if each["ContainerName"] == place.name]
    assert (event["BlobName"], event["ETag"]) == ("bad.txt", '"0x1"')


def test_a_blob_is_replayed_by_hand(running: Running) -> None:
    running.place.container.upload_blob("again please.txt", b"content", overwrite=True)
    url = f"{running.host.ready()['url']}/admin/functions/dropped"

    assert post(url, {"input": f"{running.place.name}/again please.txt"})[0] == 202

    running.host.logged("dropped again please.txt: content")


def test_an_event_about_a_container_alone_ends_the_host(place: Place, start_host: StartHost) -> None:
    host = start_host()
    event = {"data": {"url": place.container.url, "eTag": "0x1"}}

    assert post(webhook(host), [event])[0] == 202

    host.wait_for(event="host_ended", reason="a blob event that names a container alone")
    assert host.exit_status() == 0


def bridge(place: Place) -> QueueClient:
    queue = place.queues.get_queue_client(f"azure-webjobs-blobtrigger-{place.name}")
    queue.create_queue()
    return queue


def test_a_message_of_the_bridge_that_is_not_base64_is_deleted_at_once(place: Place, start_host: StartHost) -> None:
    queue = bridge(place)
    queue.send_message("plain")

    host = start_host()

    assert host.wait_for(event="undecodable")["body"] == "plain"
    wait_until(lambda: count(queue) == 0, "an empty queue")


def test_a_message_of_the_bridge_that_is_no_json_ends_the_host(place: Place, start_host: StartHost) -> None:
    bridge(place).send_message(base64.b64encode(b"plain").decode())

    host = start_host()

    host.wait_for(event="host_ended", reason="a message of blob events that cannot be read")
    assert host.exit_status() == 0


def test_while_it_drains_the_host_takes_events_and_leaves_their_messages(
    place: Place, start_host: StartHost, tmp_path: Path
) -> None:
    host = start_host()
    gate = tmp_path / "gate"
    place.queue.send_message(json.dumps({"wait_for": str(gate)}))
    host.wait_for(event="invocation_started")
    place.container.upload_blob("late.txt", b"content")

    host.terminate()
    host.wait_for(event="draining")
    status, _ = post(webhook(host), event_about(place, "late.txt"))
    gate.touch()

    assert status == 202
    assert host.exit_status() == 0
    # The one last message may be this one.
    ran = len(host.seen(event="invocation_ended", function="dropped"))
    assert count(place.queues.get_queue_client(f"azure-webjobs-blobtrigger-{place.name}")) + ran == 1


def test_what_the_function_is_told_of_the_blob() -> None:
    trigger = BlobTrigger(BlobPath.parse("c/{name}"), "Toy", "storage")
    properties = BlobProperties(**{"Content-Length": 7, "ETag": '"0x1"'})
    properties.container, properties.name, properties.metadata = "c", "a/b.txt", {"k": "v"}

    given = blob_input(trigger, "https://host/c/a/b.txt", properties, 1)

    assert {name: json.loads(value) for name, (kind, value) in given.metadata.items() if kind == "json"} == {
        "Uri": "https://host/c/a/b.txt",
        "Properties": {"Length": properties.size, "ETag": {}},
        "Metadata": {"k": "v"},
    }
    assert (given.metadata["BlobTrigger"], given.metadata["name"]) == (("string", "c/a/b.txt"), ("string", "a/b.txt"))


async def _watched(running: Running, duplicate_events: int, names: tuple[str, ...]) -> list[Mapping[str, object]]:
    """Write blobs of these *names* while Event Grid's stand-in watches; what it reported."""
    reports: list[Mapping[str, object]] = []
    stand_in = EventGridStandIn(
        running.place.azurite.connection_string,
        webhook(running.host),
        containers=[running.place.name],
        duplicate_events=duplicate_events,
        report=reports.append,
    )
    loop = asyncio.get_running_loop()
    observed: asyncio.Queue[None] = asyncio.Queue()

    def observe(line: str) -> None:
        stand_in.observe(line)
        if f"/{running.place.name}/" in line and '"PUT ' in line:
            observed.put_nowait(None)

    def hand_over(line: str) -> None:
        loop.call_soon_threadsafe(observe, line)

    async with stand_in:
        with running.place.azurite.observed_by(hand_over):
            for name in names:
                await asyncio.to_thread(running.place.container.upload_blob, name, name.encode())
            async with asyncio.timeout(PATIENCE_SECONDS):
                for _ in names:
                    await observed.get()
                await stand_in.idle()
    return reports


def test_a_written_blob_reaches_its_function_whatever_its_name(running: Running) -> None:
    asyncio.run(_watched(running, 0, AWKWARD_NAMES))

    ended = running.host.wait_for_several(
        len(AWKWARD_NAMES), event="invocation_ended", function="dropped", status="succeeded"
    )
    logged = {event["message"] for event in running.host.seen(event="log", logger="toy")}
    assert logged == {f"dropped {name}: {name}" for name in AWKWARD_NAMES}
    assert len(ended) == len(AWKWARD_NAMES)


def test_duplicate_events_are_duplicate_runs(running: Running) -> None:
    reports = asyncio.run(_watched(running, 2, ("again.txt",)))

    assert [report["event"] for report in reports] == ["delivered"] * 3
    assert len({report["id"] for report in reports}) == 1
    running.host.wait_for_several(3, event="invocation_ended", function="dropped", status="succeeded")
