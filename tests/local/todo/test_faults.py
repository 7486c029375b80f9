"""Every effect that a rule can have, as the service tells it; `test_http` shows them on a socket."""

import json
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from local.stand_ins.todo.faults import KINDS, read_rule
from local.stand_ins.todo.routes import Operation
from local.stand_ins.todo.wire import CutOff, Late, Never, Outcome, Reset, Response, Trickle
from tests.local.todo.client import START, Client, error_of, json_of, make_client, ranges_of

SIZE = 100


def faulty(effect: dict[str, Any], **rule: Any) -> tuple[Client, str]:
    """A client where the next range goes wrong, and an open session."""
    client = make_client(faults=[{"operation": "put_slice", "effect": effect, **rule}])
    return client, client.open(SIZE)


def first_half(client: Client, url: str) -> Outcome:
    return client.put_outcome(url, 0, bytes(50), SIZE)


def stands_at(client: Client, url: str) -> str:
    return ranges_of(client.get(url))[0]


# --- answers ---


def test_a_rule_answers_in_place_of_the_work() -> None:
    client, url = faulty({"kind": "answer", "status": 503, "code": "serviceNotAvailable"})
    response = first_half(client, url)
    assert isinstance(response, Response)
    assert (response.status, error_of(response)["code"]) == (503, "serviceNotAvailable")
    assert "retry-after" not in response.headers
    assert stands_at(client, url) == "0"


def test_a_rule_answers_after_the_work() -> None:
    client, url = faulty({"kind": "answer", "status": 500, "applied": True})
    response = first_half(client, url)
    assert isinstance(response, Response)
    assert response.status == 500
    assert stands_at(client, url) == "50"


@pytest.mark.parametrize(
    ("asked", "sent"),
    [(3, "3"), (2.128, "2.128"), (31_536_000, "31536000"), ("soon", "soon"), ("-1", "-1")],
)
def test_retry_after_takes_every_form(asked: float | str, sent: str) -> None:
    client, url = faulty({"kind": "answer", "status": 429, "retry_after": asked})
    response = first_half(client, url)
    assert isinstance(response, Response)
    assert response.headers["Retry-After"] == sent


def test_retry_after_can_be_a_date_that_is_not_too_early() -> None:
    client, url = faulty({"kind": "answer", "status": 429, "retry_after": 30, "retry_after_as_date": True})
    response = first_half(client, url)
    assert isinstance(response, Response)
    moment = parsedate_to_datetime(response.headers["Retry-After"])
    assert timedelta(seconds=30) <= moment - START < timedelta(seconds=31)


@pytest.mark.parametrize("claims", [True, False])
def test_a_401_carries_a_challenge(claims: bool) -> None:
    client, url = faulty({"kind": "answer", "status": 401, "claims": claims})
    response = first_half(client, url)
    assert isinstance(response, Response)
    challenge = response.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer ")
    assert ('error="insufficient_claims", claims="' in challenge) is claims


def test_an_answer_has_its_own_body_form_and_headers() -> None:
    effect = {"kind": "answer", "status": 307, "body": "html", "headers": {"Location": "https://elsewhere.example/"}}
    client, url = faulty(effect)
    response = first_half(client, url)
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
    client, url = faulty({"kind": "reset", "at": at})
    exchange = client.service.begin(client.range_request(url, 0, bytes(50), SIZE))
    assert exchange.intake == intake
    assert client.service.complete(exchange) == Reset(applied)
    assert stands_at(client, url) == stands


def test_a_service_that_keeps_torn_ranges_keeps_the_half_that_it_read() -> None:
    client, url = faulty({"kind": "reset", "at": "in_body"})
    client.service.behaviour = make_client({"torn_range": "kept"}).service.behaviour
    assert first_half(client, url) == Reset(applied=False)
    assert stands_at(client, url) == "25"


def test_a_lost_last_answer_leaves_the_attachment() -> None:
    client, url = faulty({"kind": "reset", "at": "after_applying"})
    assert client.put_outcome(url, 0, bytes(SIZE), SIZE) == Reset(applied=True)
    assert len(client.attached()) == 1
    assert client.get(url).status == 404


def test_a_reply_is_cut_off() -> None:
    client, url = faulty({"kind": "cut_off"})
    outcome = first_half(client, url)
    assert isinstance(outcome, CutOff)
    assert outcome.response.status == 200
    assert stands_at(client, url) == "50"


def test_a_delay_comes_before_the_work() -> None:
    client, url = faulty({"kind": "delay", "seconds": 7})
    exchange = client.service.begin(client.range_request(url, 0, bytes(50), SIZE))
    assert exchange.latency == 7
    assert stands_at(client, url) == "0"
    assert isinstance(client.service.complete(exchange), Response)


def test_a_delay_comes_after_the_work() -> None:
    client, url = faulty({"kind": "delay", "seconds": 7, "applied": True})
    outcome = first_half(client, url)
    assert isinstance(outcome, Late)
    assert outcome.seconds == 7
    assert stands_at(client, url) == "50"


def test_a_reply_trickles() -> None:
    client, url = faulty({"kind": "trickle", "seconds": 90})
    outcome = first_half(client, url)
    assert isinstance(outcome, Trickle)
    assert outcome.seconds == 90
    assert stands_at(client, url) == "50"


@pytest.mark.parametrize(("applied", "stands"), [(False, "0"), (True, "50")])
def test_an_answer_never_comes(applied: bool, stands: str) -> None:
    client, url = faulty({"kind": "silence", "applied": applied})
    assert first_half(client, url) == Never(applied)
    assert stands_at(client, url) == stands


# --- what is kept ---


def test_part_of_a_range_is_kept_and_the_next_start_says_so() -> None:
    client, url = faulty({"kind": "keep_part", "fraction": 0.5})
    response = first_half(client, url)
    assert isinstance(response, Response)
    assert ranges_of(response) == ["25"]
    assert stands_at(client, url) == "25"


def test_a_last_range_kept_in_part_attaches_nothing() -> None:
    client, url = faulty({"kind": "keep_part"})
    response = client.put(url, 0, bytes(SIZE), SIZE)
    assert (response.status, ranges_of(response)) == (200, ["50"])
    assert client.attached() == []


def test_a_session_expires_under_way() -> None:
    client, url = faulty({"kind": "expire_session"}, nth=2)
    assert client.put(url, 0, bytes(50), SIZE).status == 200
    assert client.put(url, 50, bytes(50), SIZE).status == 404
    assert client.service.open_sessions() == []


def test_a_session_forgets_what_it_held_and_takes_it_again() -> None:
    client, url = faulty({"kind": "forget_bytes"}, nth=2)
    assert client.put(url, 0, bytes(50), SIZE).status == 200
    assert client.put(url, 50, bytes(50), SIZE).status == 416
    assert stands_at(client, url) == "0"
    assert client.put(url, 0, b"x" * SIZE, SIZE).status == 201
    assert client.attached()[0].content == b"x" * SIZE


def test_one_byte_is_corrupted() -> None:
    client, url = faulty({"kind": "corrupt_byte", "position": 3})
    client.put(url, 0, bytes(SIZE), SIZE)
    content = client.attached()[0].content
    assert content == bytes(3) + b"\xff" + bytes(96)


def test_one_byte_of_a_small_file_is_corrupted() -> None:
    client = make_client(faults=[{"operation": "post_attachment", "effect": {"kind": "corrupt_byte"}}])
    client.post_json(client.attachments_url, {"name": "a", "contentBytes": "AAAA"})
    assert client.attached()[0].content == b"\xff\0\0"


@pytest.mark.parametrize(
    ("form", "ranges"),
    [("beyond", ["1000100-"]), ("negative", ["-5-"]), ("empty", []), ("text", ["all of it"]), ("null", None)],
)
def test_next_ranges_are_nonsense(form: str, ranges: list[str] | None) -> None:
    effect = {"kind": "nonsense_ranges", "form": form}
    client = make_client(faults=[{"operation": "any", "count": 3, "effect": effect}])
    created = json_of(client.create(SIZE))
    url = created["uploadUrl"]
    assert created["nextExpectedRanges"] == ranges
    assert json_of(client.put(url, 0, bytes(50), SIZE))["NextExpectedRanges"] == ranges
    assert json_of(client.get(url))["nextExpectedRanges"] == ranges


# --- which requests ---


def statuses(client: Client, count: int) -> list[int]:
    return [client.get(client.attachments_url).status for _ in range(count)]


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
    client = make_client(faults=[{"effect": {"kind": "answer", "status": 500}, **rule}])
    assert statuses(client, 6) == expected


def test_a_rule_can_name_a_task() -> None:
    client = make_client()
    client.service.faults.add(read_rule({"task": client.task.id, "effect": {"kind": "answer", "status": 500}}))
    assert client.get(client.lists_url).status == 200
    assert client.get(client.attachments_url).status == 500


def test_chance_is_repeatable() -> None:
    rule = {"probability": 0.5, "count": None, "effect": {"kind": "answer", "status": 500}}
    first, second = (statuses(make_client(faults=[rule]), 40) for _ in range(2))
    assert first == second
    assert set(first) == {200, 500}


def test_rules_add_up() -> None:
    client, url = faulty({"kind": "keep_part"})
    client.service.faults.add(read_rule({"effect": {"kind": "answer", "status": 500, "applied": True}}))
    client.service.faults.add(read_rule({"effect": {"kind": "trickle", "seconds": 2}}))
    outcome = first_half(client, url)
    assert isinstance(outcome, Trickle)
    assert outcome.response.status == 500
    assert stands_at(client, url) == "25"


def test_a_request_that_is_refused_at_the_door_uses_up_no_rule() -> None:
    client = make_client(faults=[{"effect": {"kind": "answer", "status": 500}}])
    assert client.ask("GET", client.attachments_url, authorization="").status == 401
    assert statuses(client, 1) == [500]


def test_cleared_rules_fire_no_more() -> None:
    client = make_client(faults=[{"count": None, "effect": {"kind": "answer", "status": 500}}])
    client.service.faults.clear()
    assert statuses(client, 1) == [200]


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
