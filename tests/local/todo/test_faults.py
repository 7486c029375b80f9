"""Every effect that a rule can have, as the service tells it; `test_http` shows them on a socket."""

import json
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from local.stand_ins.todo.faults import KINDS, read_rule
from local.stand_ins.todo.routes import Operation
from local.stand_ins.todo.wire import CutOff, Late, Never, Outcome, Reset, Response, Trickle
from tests.local.todo.desk import START, Desk, error_of, json_of, make_desk, ranges_of

SIZE = 100


def faulty(effect: dict[str, Any], **rule: Any) -> tuple[Desk, str]:
    """A desk where the next range goes wrong, and an open session."""
    desk = make_desk(faults=[{"operation": "put_slice", "effect": effect, **rule}])
    return desk, desk.open(SIZE)


def first_half(desk: Desk, url: str) -> Outcome:
    return desk.put_outcome(url, 0, bytes(50), SIZE)


def stands_at(desk: Desk, url: str) -> str:
    return ranges_of(desk.get(url))[0]


# --- answers ---


def test_a_rule_answers_in_place_of_the_work() -> None:
    desk, url = faulty({"kind": "answer", "status": 503, "code": "serviceNotAvailable"})
    response = first_half(desk, url)
    assert isinstance(response, Response)
    assert (response.status, error_of(response)["code"]) == (503, "serviceNotAvailable")
    assert "retry-after" not in response.headers
    assert stands_at(desk, url) == "0"


def test_a_rule_answers_after_the_work() -> None:
    desk, url = faulty({"kind": "answer", "status": 500, "applied": True})
    response = first_half(desk, url)
    assert isinstance(response, Response)
    assert response.status == 500
    assert stands_at(desk, url) == "50"


@pytest.mark.parametrize(
    ("asked", "sent"),
    [(3, "3"), (2.128, "2.128"), (31_536_000, "31536000"), ("soon", "soon"), ("-1", "-1")],
)
def test_retry_after_takes_every_form(asked: float | str, sent: str) -> None:
    desk, url = faulty({"kind": "answer", "status": 429, "retry_after": asked})
    response = first_half(desk, url)
    assert isinstance(response, Response)
    assert response.headers["Retry-After"] == sent


def test_retry_after_can_be_a_date_that_is_not_too_early() -> None:
    desk, url = faulty({"kind": "answer", "status": 429, "retry_after": 30, "retry_after_as_date": True})
    response = first_half(desk, url)
    assert isinstance(response, Response)
    moment = parsedate_to_datetime(response.headers["Retry-After"])
    assert timedelta(seconds=30) <= moment - START < timedelta(seconds=31)


@pytest.mark.parametrize("claims", [True, False])
def test_a_401_carries_a_challenge(claims: bool) -> None:
    desk, url = faulty({"kind": "answer", "status": 401, "claims": claims})
    response = first_half(desk, url)
    assert isinstance(response, Response)
    challenge = response.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer ")
    assert ('error="insufficient_claims", claims="' in challenge) is claims


def test_an_answer_has_its_own_body_form_and_headers() -> None:
    effect = {"kind": "answer", "status": 307, "body": "html", "headers": {"Location": "https://elsewhere.example/"}}
    desk, url = faulty(effect)
    response = first_half(desk, url)
    assert isinstance(response, Response)
    assert (response.status, response.headers["location"]) == (307, "https://elsewhere.example/")
    assert response.headers["Content-Type"].startswith("text/html")


# --- connections ---


@pytest.mark.parametrize(
    ("at", "intake", "applied", "stands"),
    [
        ("before_body", "none", False, "0"),
        ("in_body", "half", False, "0"),
        ("after_body", "whole", False, "0"),
        ("after_applying", "whole", True, "50"),
    ],
)
def test_a_connection_is_reset(at: str, intake: str, applied: bool, stands: str) -> None:
    desk, url = faulty({"kind": "reset", "at": at})
    exchange = desk.service.begin(desk.range_request(url, 0, bytes(50), SIZE))
    assert exchange.intake == intake
    assert desk.service.complete(exchange) == Reset(applied)
    assert stands_at(desk, url) == stands


def test_a_service_that_keeps_torn_ranges_keeps_the_half_that_it_read() -> None:
    desk, url = faulty({"kind": "reset", "at": "in_body"})
    desk.service.behaviour = make_desk({"torn_range": "kept"}).service.behaviour
    assert first_half(desk, url) == Reset(applied=False)
    assert stands_at(desk, url) == "25"


def test_a_lost_last_answer_leaves_the_attachment() -> None:
    desk, url = faulty({"kind": "reset", "at": "after_applying"})
    assert desk.put_outcome(url, 0, bytes(SIZE), SIZE) == Reset(applied=True)
    assert len(desk.attached()) == 1
    assert desk.get(url).status == 404


def test_a_reply_is_cut_off() -> None:
    desk, url = faulty({"kind": "cut_off"})
    outcome = first_half(desk, url)
    assert isinstance(outcome, CutOff)
    assert outcome.response.status == 200
    assert stands_at(desk, url) == "50"


def test_a_delay_comes_before_the_work() -> None:
    desk, url = faulty({"kind": "delay", "seconds": 7})
    exchange = desk.service.begin(desk.range_request(url, 0, bytes(50), SIZE))
    assert exchange.latency == 7
    assert stands_at(desk, url) == "0"
    assert isinstance(desk.service.complete(exchange), Response)


def test_a_delay_comes_after_the_work() -> None:
    desk, url = faulty({"kind": "delay", "seconds": 7, "applied": True})
    outcome = first_half(desk, url)
    assert isinstance(outcome, Late)
    assert outcome.seconds == 7
    assert stands_at(desk, url) == "50"


def test_a_reply_trickles() -> None:
    desk, url = faulty({"kind": "trickle", "seconds": 90})
    outcome = first_half(desk, url)
    assert isinstance(outcome, Trickle)
    assert outcome.seconds == 90
    assert stands_at(desk, url) == "50"


@pytest.mark.parametrize(("applied", "stands"), [(False, "0"), (True, "50")])
def test_an_answer_never_comes(applied: bool, stands: str) -> None:
    desk, url = faulty({"kind": "silence", "applied": applied})
    assert first_half(desk, url) == Never(applied)
    assert stands_at(desk, url) == stands


# --- what is kept ---


def test_part_of_a_range_is_kept_and_the_next_start_says_so() -> None:
    desk, url = faulty({"kind": "keep_part", "fraction": 0.5})
    response = first_half(desk, url)
    assert isinstance(response, Response)
    assert ranges_of(response) == ["25"]
    assert stands_at(desk, url) == "25"


def test_a_last_range_kept_in_part_attaches_nothing() -> None:
    desk, url = faulty({"kind": "keep_part"})
    response = desk.put(url, 0, bytes(SIZE), SIZE)
    assert (response.status, ranges_of(response)) == (200, ["50"])
    assert desk.attached() == []


def test_a_session_expires_under_way() -> None:
    desk, url = faulty({"kind": "expire_session"}, nth=2)
    assert desk.put(url, 0, bytes(50), SIZE).status == 200
    assert desk.put(url, 50, bytes(50), SIZE).status == 404
    assert desk.service.open_sessions() == []


def test_a_session_forgets_what_it_held_and_takes_it_again() -> None:
    desk, url = faulty({"kind": "forget_bytes"}, nth=2)
    assert desk.put(url, 0, bytes(50), SIZE).status == 200
    assert desk.put(url, 50, bytes(50), SIZE).status == 416
    assert stands_at(desk, url) == "0"
    assert desk.put(url, 0, b"x" * SIZE, SIZE).status == 201
    assert desk.attached()[0].content == b"x" * SIZE


def test_one_byte_is_corrupted() -> None:
    desk, url = faulty({"kind": "corrupt_byte", "position": 3})
    desk.put(url, 0, bytes(SIZE), SIZE)
    content = desk.attached()[0].content
    assert content == bytes(3) + b"\xff" + bytes(96)


def test_one_byte_of_a_small_file_is_corrupted() -> None:
    desk = make_desk(faults=[{"operation": "post_attachment", "effect": {"kind": "corrupt_byte"}}])
    desk.post_json(desk.attachments_url, {"name": "a", "contentBytes": "AAAA"})
    assert desk.attached()[0].content == b"\xff\0\0"


@pytest.mark.parametrize(
    ("form", "ranges"),
    [("beyond", ["1000100-"]), ("negative", ["-5-"]), ("empty", []), ("text", ["all of it"]), ("null", None)],
)
def test_next_ranges_are_nonsense(form: str, ranges: list[str] | None) -> None:
    effect = {"kind": "nonsense_ranges", "form": form}
    desk = make_desk(faults=[{"operation": "any", "count": 3, "effect": effect}])
    created = json_of(desk.create(SIZE))
    url = created["uploadUrl"]
    assert created["nextExpectedRanges"] == ranges
    assert json_of(desk.put(url, 0, bytes(50), SIZE))["NextExpectedRanges"] == ranges
    assert json_of(desk.get(url))["nextExpectedRanges"] == ranges


# --- which requests ---


def statuses(desk: Desk, count: int) -> list[int]:
    return [desk.get(desk.attachments_url).status for _ in range(count)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [500, 200, 200, 200, 200, 200]),
        ({"nth": 3}, [200, 200, 500, 200, 200, 200]),
        ({"nth": 2, "count": 2}, [200, 500, 500, 200, 200, 200]),
        ({"every": 2, "count": None}, [500, 200, 500, 200, 500, 200]),
        ({"nth": 2, "every": 3, "count": 2}, [200, 500, 200, 200, 500, 200]),
        ({"count": None}, [500] * 6),
        ({"operation": "list_attachments"}, [500, 200, 200, 200, 200, 200]),
        ({"operation": "list_tasks", "count": None}, [200] * 6),
        ({"mailbox": "someone@example.com"}, [200] * 6),
        ({"mailbox": "sam@example.com"}, [500, 200, 200, 200, 200, 200]),
        ({"task": "another"}, [200] * 6),
    ],
)
def test_a_rule_fires_for_the_requests_that_it_names(rule: dict[str, Any], expected: list[int]) -> None:
    desk = make_desk(faults=[{"effect": {"kind": "answer", "status": 500}, **rule}])
    assert statuses(desk, 6) == expected


def test_a_rule_can_name_a_task() -> None:
    desk = make_desk()
    desk.service.faults.add(read_rule({"task": desk.task.id, "effect": {"kind": "answer", "status": 500}}))
    assert desk.get(desk.lists_url).status == 200
    assert desk.get(desk.attachments_url).status == 500


def test_chance_is_repeatable() -> None:
    rule = {"probability": 0.5, "count": None, "effect": {"kind": "answer", "status": 500}}
    first, second = (statuses(make_desk(faults=[rule]), 40) for _ in range(2))
    assert first == second
    assert set(first) == {200, 500}


def test_rules_add_up() -> None:
    desk, url = faulty({"kind": "keep_part"})
    desk.service.faults.add(read_rule({"effect": {"kind": "answer", "status": 500, "applied": True}}))
    desk.service.faults.add(read_rule({"effect": {"kind": "trickle", "seconds": 2}}))
    outcome = first_half(desk, url)
    assert isinstance(outcome, Trickle)
    assert outcome.response.status == 500
    assert stands_at(desk, url) == "25"


def test_a_request_that_is_refused_at_the_door_uses_up_no_rule() -> None:
    desk = make_desk(faults=[{"effect": {"kind": "answer", "status": 500}}])
    assert desk.ask("GET", desk.attachments_url, authorization="").status == 401
    assert statuses(desk, 1) == [500]


def test_cleared_rules_fire_no_more() -> None:
    desk = make_desk(faults=[{"count": None, "effect": {"kind": "answer", "status": 500}}])
    desk.service.faults.clear()
    assert statuses(desk, 1) == [200]


# --- as JSON ---


@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_survives_json(kind: str) -> None:
    needs: dict[str, dict[str, Any]] = {
        "answer": {"status": 503, "retry_after": 2.5},
        "delay": {"seconds": 1},
        "trickle": {"seconds": 1},
    }
    rule = read_rule({"operation": "put_slice", "nth": 2, "effect": {"kind": kind, **needs.get(kind, {})}})
    assert read_rule(json.loads(json.dumps(rule.as_json()))) == rule


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({"effect": {"kind": "explode"}}, "explode"),
        ({}, "None"),
        ({"operation": "put_rnage", "effect": {"kind": "silence"}}, "put_rnage"),
        ({"nht": 2, "effect": {"kind": "silence"}}, "nht"),
        ({"nth": 0, "effect": {"kind": "silence"}}, "nth"),
        ({"effect": {"kind": "reset", "at": "midnight"}}, "midnight"),
        ({"effect": {"kind": "answer", "status": "503"}}, "status"),
        ({"effect": {"kind": "delay"}}, "seconds"),
    ],
)
def test_a_misspelt_rule_is_an_error_that_names_the_mistake(data: dict[str, Any], names: str) -> None:
    with pytest.raises((ValueError, TypeError), match=names):
        read_rule(data)


@pytest.mark.parametrize("operation", ["any", *Operation])
def test_a_rule_can_name_every_operation(operation: str) -> None:
    assert read_rule({"operation": operation, "effect": {"kind": "silence"}}).operation == operation
