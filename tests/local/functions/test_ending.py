"""What ends the host by itself: exit status 0, nothing released."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError, ServiceResponseError

from local.stand_ins.functions.ending import StorageLoss
from tests.local.functions.conftest import Place, StartHost
from tests.local.functions.test_blob_contract import event_about, post, webhook

REFUSED = ServiceRequestError("connection refused")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def answered(status: int) -> HttpResponseError:
    error = HttpResponseError("an answer")
    error.status_code = status
    return error


def after(*polls: tuple[float, AzureError | None]) -> list[str | None]:
    """What is said of each poll, which began so many seconds after the first one and took none."""
    clock = Clock()
    loss = StorageLoss(timedelta(seconds=24.5), clock)
    said: list[str | None] = []
    for seconds, error in polls:
        clock.now = 100.0 + seconds
        if error is None:
            loss.polled()
        said.append(loss.failed(error, clock.now) if error is not None else None)
    return said


def test_storage_that_refuses_connections_for_24_seconds_and_a_half_ends_the_host() -> None:
    assert after((0, REFUSED), (24, REFUSED), (24.5, REFUSED)) == [
        None,
        None,
        "storage refused connections for 24.5 s",
    ]


def test_a_poll_that_was_answered_in_between_begins_it_anew() -> None:
    assert after((0, REFUSED), (20, None), (30, REFUSED), (50, REFUSED)) == [None] * 4


@pytest.mark.parametrize("error", [ServiceResponseError("timed out"), *map(answered, (404, 409, 500, 503))])
def test_storage_that_hangs_or_fails_ends_nothing(error: AzureError) -> None:
    assert after((0, error), (60, error)) == [None, None]


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_answer_that_time_does_not_help_ends_the_host_at_once(status: int) -> None:
    assert after((0, answered(status))) == [f"storage answered a poll with {status}"]


class Line:
    """A line to Azurite's queues that can be cut."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._is_cut = False
        self._open: list[socket.socket] = []
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._is_cut = True
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            self.cut()
        for each in self._open:  # also what was accepted while the line was being cut
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                if self._is_cut:  # accepted while the line was being cut
                    near.shutdown(socket.SHUT_RDWR)
                    continue
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=_pass_on, args=(source, sink), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def line(place: Place) -> Iterator[Line]:
    parts = urlsplit(place.queue.url)
    with closing(Line((parts.hostname or "", parts.port or 0))) as line:
        yield line


def through(line: Line, place: Place) -> dict[str, str]:
    port = urlsplit(place.queue.url).port
    storage = place.azurite.connection_string.replace(f":{port}/", f":{line.port}/")
    return {"AzureWebJobsStorage": storage, "ToyStorage": storage}


@pytest.mark.azurite
def test_a_host_that_lost_its_storage_ends_by_itself(place: Place, start_host: StartHost, line: Line) -> None:
    host = start_host(through(line, place), "--storage-loss-seconds", "1")

    line.cut()

    host.wait_for(event="host_ended", reason="storage refused connections for 1 s")
    assert host.exit_status() == 0


@pytest.mark.azurite
def test_an_event_that_cannot_be_kept_is_the_host_s_failure(place: Place, start_host: StartHost, line: Line) -> None:
    host = start_host(through(line, place), "--storage-loss-seconds", "3600")

    line.cut()

    assert post(webhook(host), json.loads(json.dumps(event_about(place, "a"))))[0] == 500
