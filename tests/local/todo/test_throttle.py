"""The published limits, when they are switched on."""

from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from local.stand_ins.todo.journal import Offence
from local.stand_ins.todo.throttle import NO_LIMITS, PUBLISHED_LIMITS, Limits
from local.stand_ins.todo.wire import Response
from shared.core.ranges import MAX_SLICE_BYTES
from tests.local.todo.client import START, Client, error_of, make_client


def test_limits_are_off_unless_they_are_switched_on() -> None:
    assert Limits() == NO_LIMITS
    assert (PUBLISHED_LIMITS.concurrent_requests, PUBLISHED_LIMITS.upload_bytes) == (4, 150_000_000)


def hold_requests(client: Client, count: int) -> None:
    for _ in range(count):
        client.service.begin(client.request("GET", client.lists_url))


def test_a_fifth_request_at_once_is_throttled() -> None:
    client = make_client(limits=PUBLISHED_LIMITS)
    hold_requests(client, 3)
    assert client.get(client.lists_url).status == 200
    hold_requests(client, 1)
    response = client.get(client.lists_url)
    assert (response.status, error_of(response)["code"]) == (429, "ApplicationThrottled")
    assert response.headers["Retry-After"] == "1"


def test_requests_whose_clients_have_gone_make_room() -> None:
    client = make_client(limits=PUBLISHED_LIMITS)
    hold_requests(client, 4)
    client.service.hang_up(client.service.in_flight()[0])
    assert client.get(client.lists_url).status == 200


@pytest.mark.parametrize(("scope", "status"), [("mailbox", 200), ("all", 429)])
def test_concurrency_counts_per_mailbox_or_over_all(scope: str, status: int) -> None:
    limits = Limits(concurrent_requests=4, concurrency_scope="all" if scope == "all" else "mailbox")
    client = make_client(limits=limits)
    client.service.add_mailbox("kim@example.com", "token-of-kim")
    hold_requests(client, 4)
    assert client.ask("GET", client.lists_url, authorization="Bearer token-of-kim").status == status


def test_uploads_are_throttled_after_150_mb_until_the_window_has_moved_on() -> None:
    client = make_client(limits=PUBLISHED_LIMITS, keep_content=False)
    size = MAX_SLICE_BYTES * 50
    client.service.behaviour = make_client({"size_limit": size}).service.behaviour
    url, content = client.open(size), bytes(MAX_SLICE_BYTES)
    statuses = [client.put(url, MAX_SLICE_BYTES * number, content, size).status for number in range(38)]
    assert statuses == [200] * 38
    refused = client.put(url, MAX_SLICE_BYTES * 38, content, size)
    assert refused.status == 429
    assert refused.headers["Retry-After"] == "300"
    assert client.get(url).status == 200
    client.pass_time(300)
    assert client.put(url, MAX_SLICE_BYTES * 38, content, size).status == 200


def test_what_was_refused_does_not_count_as_uploaded() -> None:
    client = make_client(limits=Limits(upload_bytes=1_000))
    url = client.open(2_000)
    assert [client.put(url, 0, bytes(900), 2_000).status, client.put(url, 900, bytes(900), 2_000).status] == [200, 429]
    client.pass_time(300)
    assert client.put(url, 900, bytes(900), 2_000).status == 200


def test_requests_are_throttled_by_number_and_refused_ones_count() -> None:
    client = make_client(limits=Limits(requests=3, request_seconds=600))
    assert [client.get(client.lists_url).status for _ in range(4)] == [200, 200, 200, 429]
    client.pass_time(599)
    assert client.get(client.lists_url).status == 429
    client.pass_time(1)
    assert client.get(client.lists_url).status == 200


@pytest.mark.parametrize(
    ("form", "text"), [("integer", "300"), ("fraction", "300.128"), ("huge", "31536000"), ("absent", None)]
)
def test_a_throttled_request_is_told_when_to_come_back(form: str, text: str | None) -> None:
    response = throttled(make_client(limits=limits_that_say(form)))
    assert response.headers.get("Retry-After") == text


def test_it_can_be_told_a_date() -> None:
    response = throttled(make_client(limits=limits_that_say("http_date")))
    assert parsedate_to_datetime(response.headers["Retry-After"]) - START >= timedelta(seconds=300)


def limits_that_say(form: str) -> Limits:
    for retry_after in ("integer", "fraction", "huge", "absent", "http_date"):
        if retry_after == form:
            return Limits(upload_bytes=200, retry_after=retry_after)
    raise AssertionError(form)


def throttled(client: Client) -> Response:
    response = client.put(client.open(190), 0, bytes(190), 190)
    assert response.status == 429
    return response


def test_coming_back_to_a_throttled_mailbox_early_is_an_offence() -> None:
    client = make_client(limits=Limits(concurrent_requests=1, promise_scope="mailbox"))
    hold_requests(client, 1)
    client.get(client.lists_url)
    client.get(client.attachments_url)
    assert client.offences() == {Offence.EARLY_REQUEST: 1}


@pytest.mark.parametrize(("count", "status"), [(False, 200), (True, 429)])
def test_refused_bytes_use_up_the_allowance_or_do_not(count: bool, status: int) -> None:
    """Where they count, a client that does not wait as it was told is let in no sooner for having tried."""
    client = make_client(limits=Limits(upload_bytes=10_000, upload_seconds=100, refused_bytes_count=count))
    url = client.open(20_000)
    assert client.put(url, 0, bytes(7_000), 20_000).status == 200
    client.pass_time(80)
    assert [client.put(url, 7_000, bytes(4_000), 20_000).status for _ in range(3)] == [429] * 3
    client.pass_time(21)
    assert client.put(url, 7_000, bytes(4_000), 20_000).status == status
