"""The blob trigger, from the webhook to the function, and from Azurite's access log to the webhook."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest

from local.stand_ins.event_grid import EventGridStandIn
from tests.local.functions.conftest import Place, Running
from tests.local.functions.hosted import PATIENCE_SECONDS, Hosted

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


@pytest.mark.parametrize("body", [{}, [{}], [{"data": {"url": "http://127.0.0.1/a", "eTag": "1"}}], "text"])
def test_a_delivery_that_is_not_about_a_blob_is_refused(running: Running, body: object) -> None:
    assert post(webhook(running.host), body)[0] == 400


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


def test_an_event_for_an_unknown_function_is_accepted_and_dropped(running: Running) -> None:
    url = webhook(running.host).replace("Host.Functions.dropped", "Host.Functions.renamed")

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
