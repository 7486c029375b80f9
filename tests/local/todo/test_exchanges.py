"""Requests in flight: what counts as at once, clients that go away, and what lands after they did."""

import pytest

from local.stand_ins.todo.faults import read_rule
from local.stand_ins.todo.journal import Offence
from local.stand_ins.todo.wire import Never, Response, Trickle
from tests.local.todo.client import Client, make_client, ranges_of

SIZE = 100


def test_two_puts_at_once_on_one_session_are_an_offence(client: Client) -> None:
    url = client.open(SIZE)
    first = client.service.begin(client.range_request(url, 0, bytes(50), SIZE))
    second = client.service.begin(client.range_request(url, 0, bytes(50), SIZE))
    assert client.offences() == {Offence.CONCURRENT_PUTS: 1}
    assert isinstance(client.service.complete(first), Response)
    late = client.service.complete(second)
    assert isinstance(late, Response)
    assert late.status == 416


def test_a_put_whose_client_hung_up_does_not_count(client: Client) -> None:
    url = client.open(SIZE)
    first = client.service.begin(client.range_request(url, 0, bytes(50), SIZE))
    client.service.hang_up(first)
    client.service.begin(client.range_request(url, 0, bytes(50), SIZE))
    assert client.offences() == {}


def test_puts_on_two_sessions_may_be_at_once(client: Client) -> None:
    for _ in range(2):
        client.service.begin(client.range_request(client.open(SIZE), 0, bytes(50), SIZE))
    assert client.offences() == {}


def test_reading_a_session_during_a_put_is_no_offence(client: Client) -> None:
    url = client.open(SIZE)
    client.service.begin(client.range_request(url, 0, bytes(50), SIZE))
    assert client.get(url).status == 200
    assert client.offences() == {}


def test_an_answered_put_is_over(client: Client) -> None:
    url = client.open(SIZE)
    client.put(url, 0, bytes(50), SIZE)
    assert client.service.in_flight() == []


def test_a_zombie_lands_after_its_client_has_gone(client: Client) -> None:
    url = client.open(SIZE)
    zombie = client.service.begin(client.range_request(url, 0, bytes(SIZE), SIZE))
    client.service.hang_up(zombie)
    assert ranges_of(client.get(url)) == ["0"]
    client.service.complete(zombie)
    assert len(client.attached()) == 1
    [entry] = [entry for entry in client.service.journal.entries if entry.operation == "put_slice"]
    assert (entry.status, entry.ending, entry.zombie) == (201, "hung_up", True)


def test_a_zombie_that_comes_too_late_is_refused_and_no_offence(client: Client) -> None:
    url = client.open(SIZE)
    zombie = client.service.begin(client.range_request(url, 0, bytes(50), SIZE))
    client.service.hang_up(zombie)
    client.put(url, 0, bytes(50), SIZE)
    client.service.complete(zombie)
    assert zombie.entry.status == 416
    assert ranges_of(client.get(url)) == ["50"]
    assert client.offences() == {}


def test_a_zombie_of_a_cancelled_session_lands_nowhere(client: Client) -> None:
    url = client.open(SIZE)
    zombie = client.service.begin(client.range_request(url, 0, bytes(SIZE), SIZE))
    client.service.hang_up(zombie)
    client.ask("DELETE", url)
    client.service.complete(zombie)
    assert client.attached() == []


def test_a_request_whose_client_has_gone_may_never_be_applied(client: Client) -> None:
    url = client.open(SIZE)
    client.service.hang_up(client.service.begin(client.range_request(url, 0, bytes(SIZE), SIZE)))
    entry = client.service.journal.entries[-1]
    assert (entry.status, entry.ending) == (None, "hung_up")
    assert client.attached() == []


def test_a_request_is_completed_once(client: Client) -> None:
    exchange = client.service.begin(client.request("GET", client.lists_url))
    client.service.complete(exchange)
    with pytest.raises(ValueError, match="once"):
        client.service.complete(exchange)


@pytest.mark.parametrize("effect", [{"kind": "trickle", "seconds": 9}, {"kind": "silence", "applied": True}])
def test_a_slow_or_missing_reply_keeps_the_request_in_flight(effect: dict[str, object]) -> None:
    client = make_client(faults=[{"operation": "put_slice", "effect": effect}])
    url = client.open(SIZE)
    exchange = client.service.begin(client.range_request(url, 0, bytes(50), SIZE))
    assert isinstance(client.service.complete(exchange), Trickle | Never)
    client.put(url, 50, bytes(50), SIZE)
    assert client.offences() == {Offence.CONCURRENT_PUTS: 1}
    client.service.hang_up(exchange)
    assert client.service.in_flight() == []


def test_a_delivered_reply_ends_the_request() -> None:
    client = make_client(faults=[{"operation": "put_slice", "effect": {"kind": "trickle", "seconds": 9}}])
    exchange = client.service.begin(client.range_request(client.open(SIZE), 0, bytes(50), SIZE))
    client.service.complete(exchange)
    client.service.delivered(exchange)
    assert client.service.in_flight() == []
    assert exchange.entry.ending == "trickled"


# --- offences that need more than one request ---


def test_the_same_file_twice_on_a_task_is_an_offence(client: Client) -> None:
    client.upload(b"same", name="a")
    client.upload(b"other", name="a")
    client.upload(b"same", name="b")
    assert client.offences() == {}
    client.upload(b"same", name="a")
    assert client.offences() == {Offence.SECOND_ATTACHMENT: 1}


def test_the_same_file_posted_twice_is_an_offence(client: Client) -> None:
    for _ in range(2):
        client.post_json(client.attachments_url, {"name": "empty", "contentBytes": ""})
    assert client.offences() == {Offence.SECOND_ATTACHMENT: 1}


def test_a_file_that_was_deleted_may_come_again(client: Client) -> None:
    client.ask("DELETE", client.upload(b"same").headers["Location"])
    client.upload(b"same")
    assert client.offences() == {}


def test_the_same_file_may_hang_on_two_tasks(client: Client) -> None:
    client.upload(b"same")
    client.task = client.service.add_task(client.task_list, "Other")
    client.upload(b"same")
    assert client.offences() == {}


def test_a_request_before_its_retry_after_is_over_is_an_offence(client: Client) -> None:
    client.service.faults.add(read_rule({"effect": {"kind": "answer", "status": 429, "retry_after": 10}}))
    assert client.get(client.attachments_url).status == 429
    client.pass_time(9)
    assert client.create(SIZE).status == 200
    assert client.offences() == {Offence.EARLY_REQUEST: 1}
    client.pass_time(1)
    client.get(client.attachments_url)
    assert client.offences() == {Offence.EARLY_REQUEST: 1}


def test_a_retry_after_that_nobody_was_there_to_read_binds_nobody(client: Client) -> None:
    client.service.faults.add(read_rule({"effect": {"kind": "answer", "status": 429, "retry_after": 10}}))
    exchange = client.service.begin(client.request("GET", client.attachments_url))
    client.service.hang_up(exchange)
    client.service.complete(exchange)
    client.get(client.attachments_url)
    assert client.offences() == {}


def test_a_retry_after_that_came_slowly_binds_from_when_it_has_come(client: Client) -> None:
    for effect in ({"kind": "answer", "status": 429, "retry_after": 10}, {"kind": "trickle", "seconds": 5}):
        client.service.faults.add(read_rule({"effect": effect}))
    exchange = client.service.begin(client.request("GET", client.attachments_url))
    assert isinstance(client.service.complete(exchange), Trickle)
    client.get(client.attachments_url)
    assert client.offences() == {}
    client.service.delivered(exchange)
    client.get(client.attachments_url)
    assert client.offences() == {Offence.EARLY_REQUEST: 1}


def test_another_task_may_be_asked_for_meanwhile(client: Client) -> None:
    client.service.faults.add(read_rule({"effect": {"kind": "answer", "status": 503, "retry_after": 10}}))
    client.get(client.attachments_url)
    client.task = client.service.add_task(client.task_list, "Other")
    client.get(client.attachments_url)
    assert client.offences() == {}


def test_the_journal_forgets_its_oldest_entries_but_not_its_counts() -> None:
    client = make_client()
    client.service.journal.entries = type(client.service.journal.entries)(maxlen=2)
    for _ in range(5):
        client.get(client.lists_url)
    assert [entry.sequence for entry in client.service.journal.entries] == [4, 5]
    assert client.service.journal.requests == {"list_lists": 5}
