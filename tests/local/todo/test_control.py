"""The emulator's own endpoints."""

import json
from typing import Any

import pytest

from local.stand_ins.todo.control import PREFIX, handle_control
from local.stand_ins.todo.wire import Request
from tests.local.todo.desk import ROOT, Desk


def control(desk: Desk, method: str, what: str, body: object = None, *, status: int = 200) -> Any:
    text = b"" if body is None else json.dumps(body).encode()
    response = handle_control(desk.service, Request(method, PREFIX + what, body=text))
    assert response.status == status, response.body
    return json.loads(response.body)


def test_the_journal_is_read_from_where_one_left_off(desk: Desk) -> None:
    url = desk.open(100)
    desk.put(url, 0, bytes(50), 100)
    assert [entry["operation"] for entry in control(desk, "GET", "journal")] == ["create_session", "put_slice"]
    [entry] = control(desk, "GET", "journal?after=1")
    assert (entry["range"], entry["status"], entry["ending"]) == ("bytes 0-49/100", 200, "answered")
    assert (entry["mailbox"], entry["session"]) == ("sam@example.com", url.rpartition("/")[2])


def test_offences_are_counted_and_detailed(desk: Desk) -> None:
    desk.ask("GET", desk.lists_url, authorization="")
    answer = control(desk, "GET", "offences")
    assert answer["counts"] == {"no_bearer": 1}
    assert answer["details"] == [{"kind": "no_bearer", "sequence": 1, "detail": "a request without a bearer token"}]


def test_requests_are_counted_by_operation(desk: Desk) -> None:
    desk.upload(bytes(3), slice_size=1)
    assert control(desk, "GET", "requests") == {"create_session": 1, "put_slice": 3}


def test_open_sessions_are_listed(desk: Desk) -> None:
    desk.put(desk.open(100), 0, bytes(50), 100)
    [session] = control(desk, "GET", "sessions")
    assert (session["name"], session["size"], session["received"]) == ("scan.pdf", 100, 50)
    assert session["expires"] == "2026-03-02T12:00:00.123456+00:00"


def test_attachments_are_listed_with_their_sha256(desk: Desk) -> None:
    desk.upload(b"hi")
    [attachment] = control(desk, "GET", "attachments")
    assert attachment["sha256"] == "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
    assert (attachment["task_id"], attachment["name"]) == (desk.task.id, "scan.pdf")


def test_behaviour_is_changed_by_name(desk: Desk) -> None:
    assert control(desk, "PATCH", "behaviour", {"create_status": 201})["create_status"] == 201
    assert desk.create(1).status == 201
    assert control(desk, "GET", "behaviour")["create_status"] == 201


def test_limits_are_changed_by_name(desk: Desk) -> None:
    control(desk, "PATCH", "limits", {"requests": 1})
    assert [desk.get(desk.lists_url).status for _ in range(2)] == [200, 429]
    assert control(desk, "GET", "limits")["requests"] == 1


def test_faults_are_added_told_and_cleared(desk: Desk) -> None:
    rule = {"operation": "list_lists", "count": None, "effect": {"kind": "answer", "status": 503}}
    control(desk, "POST", "faults", rule)
    assert desk.get(desk.lists_url).status == 503
    assert [told["fired"] for told in control(desk, "GET", "faults")] == [1]
    control(desk, "DELETE", "faults")
    assert desk.get(desk.lists_url).status == 200


def test_mailboxes_lists_and_tasks_are_added(desk: Desk) -> None:
    kim = control(desk, "POST", "mailboxes", {"upn": "kim@example.com", "token": "token-of-kim"})
    added = control(desk, "POST", "lists", {"mailbox": kim["object_id"], "name": "Kim's", "shared": True})
    task = control(desk, "POST", "tasks", {"mailbox": "kim@example.com", "list_id": added["id"], "title": "Rent"})
    url = f"{ROOT}/v1.0/me/todo/lists/{added['id']}/tasks/{task['id']}"
    assert desk.ask("GET", url, authorization="Bearer token-of-kim").status == 200
    told = control(desk, "GET", "mailboxes")
    assert [(each["upn"], len(each["lists"])) for each in told] == [("sam@example.com", 1), ("kim@example.com", 1)]


def test_a_task_is_moved_and_deleted(desk: Desk) -> None:
    other = control(desk, "POST", "lists", {"mailbox": "sam@example.com", "name": "Elsewhere"})
    place = {"mailbox": "sam@example.com", "list_id": desk.task_list.id, "task_id": desk.task.id}
    moved = control(desk, "POST", "moves", place | {"to_list_id": other["id"]})
    assert desk.get(f"{desk.lists_url}/{other['id']}/tasks/{moved['id']}").status == 200
    control(desk, "DELETE", "tasks", place | {"list_id": other["id"], "task_id": moved["id"]})
    assert desk.get(f"{desk.lists_url}/{other['id']}/tasks/{moved['id']}").status == 404


def test_a_token_is_revoked(desk: Desk) -> None:
    control(desk, "POST", "revocations", {"token": desk.token})
    assert desk.get(desk.lists_url).status == 401


def test_a_reset_forgets_everything(desk: Desk) -> None:
    desk.upload(b"hi")
    desk.open(100)
    control(desk, "POST", "reset")
    for what in ("journal", "sessions", "attachments", "mailboxes", "faults"):
        assert control(desk, "GET", what) == []


@pytest.mark.parametrize(
    ("method", "what", "body", "names"),
    [
        ("PATCH", "behaviour", {"create_statis": 201}, "create_statis"),
        ("PATCH", "behaviour", {"create_status": 202}, "202"),
        ("PATCH", "limits", {"requests": "many"}, "many"),
        ("POST", "faults", {"effect": {"kind": "explode"}}, "explode"),
        ("POST", "lists", {"mailbox": "nobody", "name": "x"}, "nobody"),
        ("POST", "mailboxes", {"upn": "x"}, "token"),
        ("POST", "revocations", {"token": "unknown"}, "unknown"),
    ],
)
def test_a_mistake_is_named(desk: Desk, method: str, what: str, body: object, names: str) -> None:
    assert names in control(desk, method, what, body, status=400)["error"]


def test_an_unknown_control_is_not_found(desk: Desk) -> None:
    control(desk, "GET", "weather", status=404)
