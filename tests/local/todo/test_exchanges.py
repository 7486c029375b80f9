"""Requests in flight: what counts as at once, clients that go away, and what lands after they did."""

import pytest

from local.stand_ins.todo.faults import read_rule
from local.stand_ins.todo.journal import Offence
from local.stand_ins.todo.wire import Never, Response, Trickle
from tests.local.todo.desk import Desk, make_desk, ranges_of

SIZE = 100


def test_two_puts_at_once_on_one_session_are_an_offence(desk: Desk) -> None:
    url = desk.open(SIZE)
    first = desk.service.begin(desk.range_request(url, 0, bytes(50), SIZE))
    second = desk.service.begin(desk.range_request(url, 0, bytes(50), SIZE))
    assert desk.offences() == {Offence.CONCURRENT_PUTS: 1}
    assert isinstance(desk.service.complete(first), Response)
    late = desk.service.complete(second)
    assert isinstance(late, Response)
    assert late.status == 416


def test_a_put_whose_client_hung_up_does_not_count(desk: Desk) -> None:
    url = desk.open(SIZE)
    first = desk.service.begin(desk.range_request(url, 0, bytes(50), SIZE))
    desk.service.hang_up(first)
    desk.service.begin(desk.range_request(url, 0, bytes(50), SIZE))
    assert desk.offences() == {}


def test_puts_on_two_sessions_may_be_at_once(desk: Desk) -> None:
    for _ in range(2):
        desk.service.begin(desk.range_request(desk.open(SIZE), 0, bytes(50), SIZE))
    assert desk.offences() == {}


def test_reading_a_session_during_a_put_is_no_offence(desk: Desk) -> None:
    url = desk.open(SIZE)
    desk.service.begin(desk.range_request(url, 0, bytes(50), SIZE))
    assert desk.get(url).status == 200
    assert desk.offences() == {}


def test_an_answered_put_is_over(desk: Desk) -> None:
    url = desk.open(SIZE)
    desk.put(url, 0, bytes(50), SIZE)
    assert desk.service.in_flight() == []


def test_a_zombie_lands_after_its_client_has_gone(desk: Desk) -> None:
    url = desk.open(SIZE)
    zombie = desk.service.begin(desk.range_request(url, 0, bytes(SIZE), SIZE))
    desk.service.hang_up(zombie)
    assert ranges_of(desk.get(url)) == ["0"]
    desk.service.complete(zombie)
    assert len(desk.attached()) == 1
    [entry] = [entry for entry in desk.service.journal.entries if entry.operation == "put_slice"]
    assert (entry.status, entry.ending, entry.zombie) == (201, "hung_up", True)


def test_a_zombie_that_comes_too_late_is_refused_and_no_offence(desk: Desk) -> None:
    url = desk.open(SIZE)
    zombie = desk.service.begin(desk.range_request(url, 0, bytes(50), SIZE))
    desk.service.hang_up(zombie)
    desk.put(url, 0, bytes(50), SIZE)
    desk.service.complete(zombie)
    assert zombie.entry.status == 416
    assert ranges_of(desk.get(url)) == ["50"]
    assert desk.offences() == {}


def test_a_zombie_of_a_cancelled_session_lands_nowhere(desk: Desk) -> None:
    url = desk.open(SIZE)
    zombie = desk.service.begin(desk.range_request(url, 0, bytes(SIZE), SIZE))
    desk.service.hang_up(zombie)
    desk.ask("DELETE", url)
    desk.service.complete(zombie)
    assert desk.attached() == []


def test_a_request_whose_client_has_gone_may_never_be_applied(desk: Desk) -> None:
    url = desk.open(SIZE)
    desk.service.hang_up(desk.service.begin(desk.range_request(url, 0, bytes(SIZE), SIZE)))
    entry = desk.service.journal.entries[-1]
    assert (entry.status, entry.ending) == (None, "hung_up")
    assert desk.attached() == []


def test_a_request_is_completed_once(desk: Desk) -> None:
    exchange = desk.service.begin(desk.request("GET", desk.lists_url))
    desk.service.complete(exchange)
    with pytest.raises(ValueError, match="once"):
        desk.service.complete(exchange)


@pytest.mark.parametrize("effect", [{"kind": "trickle", "seconds": 9}, {"kind": "silence", "applied": True}])
def test_a_slow_or_missing_reply_keeps_the_request_in_flight(effect: dict[str, object]) -> None:
    desk = make_desk(faults=[{"operation": "put_slice", "effect": effect}])
    url = desk.open(SIZE)
    exchange = desk.service.begin(desk.range_request(url, 0, bytes(50), SIZE))
    assert isinstance(desk.service.complete(exchange), Trickle | Never)
    desk.put(url, 50, bytes(50), SIZE)
    assert desk.offences() == {Offence.CONCURRENT_PUTS: 1}
    desk.service.hang_up(exchange)
    assert desk.service.in_flight() == []


def test_a_delivered_reply_ends_the_request() -> None:
    desk = make_desk(faults=[{"operation": "put_slice", "effect": {"kind": "trickle", "seconds": 9}}])
    exchange = desk.service.begin(desk.range_request(desk.open(SIZE), 0, bytes(50), SIZE))
    desk.service.complete(exchange)
    desk.service.delivered(exchange)
    assert desk.service.in_flight() == []
    assert exchange.entry.ending == "trickled"


# --- offences that need more than one request ---


def test_the_same_file_twice_on_a_task_is_an_offence(desk: Desk) -> None:
    desk.upload(b"same", name="a")
    desk.upload(b"other", name="a")
    desk.upload(b"same", name="b")
    assert desk.offences() == {}
    desk.upload(b"same", name="a")
    assert desk.offences() == {Offence.SECOND_ATTACHMENT: 1}


def test_the_same_file_posted_twice_is_an_offence(desk: Desk) -> None:
    for _ in range(2):
        desk.post_json(desk.attachments_url, {"name": "empty", "contentBytes": ""})
    assert desk.offences() == {Offence.SECOND_ATTACHMENT: 1}


def test_a_file_that_was_deleted_may_come_again(desk: Desk) -> None:
    desk.ask("DELETE", desk.upload(b"same").headers["Location"])
    desk.upload(b"same")
    assert desk.offences() == {}


def test_the_same_file_may_hang_on_two_tasks(desk: Desk) -> None:
    desk.upload(b"same")
    desk.task = desk.service.add_task(desk.task_list, "Other")
    desk.upload(b"same")
    assert desk.offences() == {}


def test_a_request_before_its_retry_after_is_over_is_an_offence(desk: Desk) -> None:
    desk.service.faults.add(read_rule({"effect": {"kind": "answer", "status": 429, "retry_after": 10}}))
    assert desk.get(desk.attachments_url).status == 429
    desk.pass_time(9)
    assert desk.create(SIZE).status == 200
    assert desk.offences() == {Offence.EARLY_REQUEST: 1}
    desk.pass_time(1)
    desk.get(desk.attachments_url)
    assert desk.offences() == {Offence.EARLY_REQUEST: 1}


def test_a_retry_after_that_nobody_was_there_to_read_binds_nobody(desk: Desk) -> None:
    desk.service.faults.add(read_rule({"effect": {"kind": "answer", "status": 429, "retry_after": 10}}))
    exchange = desk.service.begin(desk.request("GET", desk.attachments_url))
    desk.service.hang_up(exchange)
    desk.service.complete(exchange)
    desk.get(desk.attachments_url)
    assert desk.offences() == {}


def test_a_retry_after_that_came_slowly_binds_from_when_it_has_come(desk: Desk) -> None:
    for effect in ({"kind": "answer", "status": 429, "retry_after": 10}, {"kind": "trickle", "seconds": 5}):
        desk.service.faults.add(read_rule({"effect": effect}))
    exchange = desk.service.begin(desk.request("GET", desk.attachments_url))
    assert isinstance(desk.service.complete(exchange), Trickle)
    desk.get(desk.attachments_url)
    assert desk.offences() == {}
    desk.service.delivered(exchange)
    desk.get(desk.attachments_url)
    assert desk.offences() == {Offence.EARLY_REQUEST: 1}


def test_another_task_may_be_asked_for_meanwhile(desk: Desk) -> None:
    desk.service.faults.add(read_rule({"effect": {"kind": "answer", "status": 503, "retry_after": 10}}))
    desk.get(desk.attachments_url)
    desk.task = desk.service.add_task(desk.task_list, "Other")
    desk.get(desk.attachments_url)
    assert desk.offences() == {}


def test_the_journal_forgets_its_oldest_entries_but_not_its_counts() -> None:
    desk = make_desk()
    desk.service.journal.entries = type(desk.service.journal.entries)(maxlen=2)
    for _ in range(5):
        desk.get(desk.lists_url)
    assert [entry.sequence for entry in desk.service.journal.entries] == [4, 5]
    assert desk.service.journal.requests == {"list_lists": 5}
