"""Event Grid's stand-in: what it reads in an access log, and how it delivers."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from azure.core.exceptions import ServiceRequestError

from local.stand_ins.event_grid import BlobWrite, EventGridStandIn, read_access_line, retry_delays
from tests.local.functions.conftest import Place
from tests.local.functions.hosted import PATIENCE_SECONDS

HOUR = 3600
# A wait that is not cut short is longer than this.
_SHORTEST_RETRY_SECONDS = 8


def line(method: str, target: str, status: int) -> str:
    return f'127.0.0.1 - - [23/Nov/2026:23:02:19 +0000] "{method} /devstoreaccount1/{target} HTTP/1.1" {status} -'


@pytest.mark.parametrize(
    ("target", "status", "written"),
    [
        ("drop/plain.txt", 201, BlobWrite("drop", "plain.txt", "PutBlob")),
        ("drop/plain.txt?sv=2026&sig=abc", 201, BlobWrite("drop", "plain.txt", "PutBlob")),
        ("drop/blk?comp=blocklist", 201, BlobWrite("drop", "blk", "PutBlockList")),
        ("drop/copy", 202, BlobWrite("drop", "copy", "CopyBlob")),
        ("drop/a%20b/%C3%BC%25%23%3F.txt", 201, BlobWrite("drop", "a b/ü%#?.txt", "PutBlob")),
        ("drop/a%252Fb.txt", 201, BlobWrite("drop", "a%2Fb.txt", "PutBlob")),
        ("drop/dir//dbl", 201, BlobWrite("drop", "dir//dbl", "PutBlob")),
        ("drop/blk?comp=metadata", 200, BlobWrite("drop", "blk", None)),
        ("drop/blk?comp=properties", 200, BlobWrite("drop", "blk", None)),
    ],
)
def test_a_write_is_read_in_the_access_log(target: str, status: int, written: BlobWrite) -> None:
    assert read_access_line(line("PUT", target, status)) == written


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("PUT", "drop?restype=container", 201),
        ("PUT", "drop/blk?comp=block&blockid=TURFPQ%3D%3D", 201),
        ("PUT", "drop/blk?comp=tags", 204),
        ("PUT", "drop/blk?comp=lease", 201),
        ("PUT", "drop/blk?comp=snapshot", 201),
        ("PUT", "drop/ap?comp=appendblock", 201),
        ("PUT", "drop/plain.txt", 409),
        ("PUT", "drop/plain.txt", 412),
        ("PUT", "drop/blk?comp=metadata", 412),
        ("GET", "drop/plain.txt", 200),
        ("DELETE", "drop/plain.txt", 202),
        ("PUT", "queue", 201),
    ],
)
def test_what_is_no_write_of_a_blob_raises_nothing(method: str, target: str, status: int) -> None:
    assert read_access_line(line(method, target, status)) is None


def test_other_lines_raise_nothing() -> None:
    assert read_access_line("Azurite Blob service is successfully listening at http://127.0.0.1:10000") is None


def test_retries_follow_the_documented_schedule_for_a_day() -> None:
    delays = list(retry_delays(1.0))

    assert delays[:7] == [10, 30, 60, 300, 600, 1800, HOUR]
    assert set(delays[7:]) == {HOUR}
    assert len(delays) + 1 <= 30
    assert sum(delays) <= 24 * HOUR


class Subscriber:
    """A webhook that answers as it is told, and remembers."""

    def __init__(self, *answers: int) -> None:
        self._answers = list(answers)
        self.events: list[dict[str, Any]] = []
        self.url = ""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        application = web.Application()
        application.router.add_post("/", self._answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        yield
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        assert request.headers["aeg-event-type"] == "Notification"
        (event,) = await request.json()
        self.events.append(event)
        return web.Response(status=self._answers.pop(0) if self._answers else 200)


def watching(place: Place, subscriber: Subscriber, **options: Any) -> EventGridStandIn:
    return EventGridStandIn(
        place.azurite.connection_string, subscriber.url, containers=[place.name], retry_scale=1e-6, **options
    )


async def settled(stand_in: EventGridStandIn) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await stand_in.idle()


@pytest.mark.azurite
def test_an_event_has_the_documented_shape(place: Place) -> None:
    async def scenario() -> None:
        subscriber = Subscriber()
        async with subscriber.listening(), watching(place, subscriber) as stand_in:
            uploaded = place.container.upload_blob("a b/ü.txt", b"12345")
            stand_in.observe(line("PUT", f"{place.name}/a%20b/%C3%BC.txt", 201))
            await settled(stand_in)
        (event,) = subscriber.events
        data = event["data"]
        assert event["eventType"] == "Microsoft.Storage.BlobCreated"
        assert event["subject"] == f"/blobServices/default/containers/{place.name}/blobs/a b/ü.txt"
        assert (data["api"], data["blobType"], data["contentLength"]) == ("PutBlob", "BlockBlob", 5)
        assert data["url"] == uploaded.url
        assert f'"{data["eTag"]}"' == uploaded.get_blob_properties().etag

    asyncio.run(scenario())


@pytest.mark.azurite
def test_a_refused_event_is_delivered_again(place: Place) -> None:
    async def scenario() -> None:
        reports: list[Mapping[str, object]] = []
        subscriber = Subscriber(503, 401)
        async with subscriber.listening(), watching(place, subscriber, report=reports.append) as stand_in:
            place.container.upload_blob("a.txt", b"1")
            stand_in.observe(line("PUT", f"{place.name}/a.txt", 201))
            await settled(stand_in)
        assert len({event["id"] for event in subscriber.events}) == 1
        assert [report["event"] for report in reports] == ["delivery_failed", "delivery_failed", "delivered"]

    asyncio.run(scenario())


@pytest.mark.azurite
def test_an_event_that_nobody_takes_is_given_up(place: Place) -> None:
    async def scenario() -> None:
        reports: list[Mapping[str, object]] = []
        subscriber = Subscriber()
        subscriber.url = "http://127.0.0.1:1/?code=secret"
        async with watching(place, subscriber, report=reports.append) as stand_in:
            place.container.upload_blob("a.txt", b"1")
            stand_in.observe(line("PUT", f"{place.name}/a.txt", 201))
            await settled(stand_in)
        assert reports[-1]["event"] == "given_up"
        assert "secret" not in str(reports)

    asyncio.run(scenario())


@pytest.mark.azurite
def test_a_host_that_is_back_gets_at_once_what_waits_for_it(place: Place) -> None:
    async def scenario() -> None:
        failed = asyncio.Event()

        def report(facts: Mapping[str, object]) -> None:
            if facts["event"] == "delivery_failed":
                failed.set()

        subscriber = Subscriber()
        patient = EventGridStandIn(
            place.azurite.connection_string, "http://127.0.0.1:1/", containers=[place.name], report=report
        )
        async with subscriber.listening(), patient as stand_in:
            place.container.upload_blob("a.txt", b"1")
            stand_in.observe(line("PUT", f"{place.name}/a.txt", 201))
            async with asyncio.timeout(PATIENCE_SECONDS):
                await failed.wait()
            stand_in.deliver_to(subscriber.url)
            async with asyncio.timeout(_SHORTEST_RETRY_SECONDS):
                await stand_in.idle()
        assert len(subscriber.events) == 1

    asyncio.run(scenario())


class AwayOnce:
    """Storage that does not answer the first time."""

    def __init__(self, blobs: Any) -> None:
        self._blobs = blobs
        self._away = True

    def __getattr__(self, name: str) -> Any:
        if self._away:
            self._away = False
            raise ServiceRequestError("connection refused")
        return getattr(self._blobs, name)


@pytest.mark.azurite
def test_a_write_seen_while_storage_is_restarted_is_told_when_it_is_back(place: Place) -> None:
    async def scenario() -> None:
        reports: list[Mapping[str, object]] = []
        subscriber = Subscriber()
        async with subscriber.listening(), watching(place, subscriber, report=reports.append) as stand_in:
            stand_in._blobs = AwayOnce(stand_in._blobs)  # type: ignore[assignment]
            place.container.upload_blob("a.txt", b"1")
            stand_in.observe(line("PUT", f"{place.name}/a.txt", 201))
            await settled(stand_in)
        assert [report["event"] for report in reports] == ["event_waits", "delivered"]

    asyncio.run(scenario())


@pytest.mark.azurite
def test_what_was_written_unseen_is_told_at_the_next_start(place: Place, tmp_path: Path) -> None:
    async def scenario() -> None:
        subscriber = Subscriber()
        state = tmp_path / "seen.json"
        place.container.upload_blob("before.txt", b"older than the subscription")
        async with subscriber.listening():
            async with watching(place, subscriber, state_file=state) as stand_in:
                await settled(stand_in)
                place.container.upload_blob("seen.txt", b"1")
                stand_in.observe(line("PUT", f"{place.name}/seen.txt", 201))
                await settled(stand_in)
                place.container.get_blob_client("seen.txt").set_blob_metadata({"edited": "yes"})
                stand_in.observe(line("PUT", f"{place.name}/seen.txt?comp=metadata", 200))
                await settled(stand_in)
            place.container.upload_blob("unseen.txt", b"2")
            place.container.upload_blob("before.txt", b"newer", overwrite=True)
            subscriber.events.clear()
            async with watching(place, subscriber, state_file=state) as stand_in:
                # The line about the write that the listing has found comes late, and is no second event.
                stand_in.observe(line("PUT", f"{place.name}/unseen.txt", 201))
                await settled(stand_in)
            names = sorted(event["subject"].rpartition("/")[2] for event in subscriber.events)
            assert names == ["before.txt", "unseen.txt"]
            subscriber.events.clear()
            async with watching(place, subscriber, state_file=state) as stand_in:
                await settled(stand_in)
            assert subscriber.events == []

    asyncio.run(scenario())


@pytest.mark.azurite
def test_other_containers_are_none_of_its_business(place: Place) -> None:
    async def scenario() -> None:
        subscriber = Subscriber()
        async with subscriber.listening(), watching(place, subscriber) as stand_in:
            stand_in.observe(line("PUT", f"{place.name}-other/a.txt", 201))
            await settled(stand_in)
        assert subscriber.events == []

    asyncio.run(scenario())
