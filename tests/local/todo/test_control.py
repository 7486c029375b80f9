"""The emulator's own endpoints."""

import json
from typing import Any

import pytest

from local.stand_ins.todo.control import PREFIX, handle_control
from local.stand_ins.todo.wire import Request
from tests.local.todo.client import ROOT, Client


def control(client: Client, method: str, what: str, body: object = None, *, status: int = 200) -> Any:
    text = b"" if body is None else json.dumps(body).encode()
    response = handle_control(client.service, Request(method, PREFIX + what, body=text))
    assert response.status == status, response.body
    return json.loads(response.body)


def test_the_journal_is_read_from_where_one_left_off(client: Client) -> None:
    url = client.open(100)
    client.put(url, 0, bytes(50), 100)
    assert [entry["operation"] for entry in control(client, "GET", "journal")] == ["create_session", "put_slice"]
    [entry] = control(client, "GET", "journal?after=1")
    assert (entry["range"], entry["status"], entry["ending"]) == ("bytes 0-49/100", 200, "answered")
    assert (entry["mailbox"], entry["session"]) == ("sam@example.com", url.rpartition("/")[2])


def test_offences_are_counted_and_detailed(client: Client) -> None:
    client.ask("GET", client.lists_url, authorization="")
    answer = control(client, "GET", "offences")
    assert answer["counts"] == {"no_bearer": 1}
    assert answer["details"] == [{"kind": "no_bearer", "sequence": 1, "detail": "a request without a bearer token"}]


def test_requests_are_counted_by_operation(client: Client) -> None:
    client.upload(bytes(3), slice_size=1)
    assert control(client, "GET", "requests") == {"create_session": 1, "put_slice": 3}


def test_open_sessions_are_listed(client: Client) -> None:
    client.put(client.open(100), 0, bytes(50), 100)
    [session] = control(client, "GET", "sessions")
    assert (session["name"], session["size"], session["received"]) == ("scan.pdf", 100, 50)
    assert session["expires"] == "2026-03-02T12:00:00.123456+00:00"


def test_attachments_are_listed_with_their_sha256(client: Client) -> None:
    client.upload(b"hi")
    [attachment] = control(client, "GET", "attachments")
    assert attachment["sha256"] == "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
    assert (attachment["task_id"], attachment["name"]) == (client.task.id, "scan.pdf")


def test_behaviour_is_changed_by_name(client: Client) -> None:
    assert control(client, "PATCH", "behaviour", {"create_status": 201})["create_status"] == 201
    assert client.create(1).status == 201
    assert control(client, "GET", "behaviour")["create_status"] == 201


def test_limits_are_changed_by_name(client: Client) -> None:
    control(client, "PATCH", "limits", {"requests": 1})
    assert [client.get(client.lists_url).status for _ in range(2)] == [200, 429]
    assert control(client, "GET", "limits")["requests"] == 1


def test_faults_are_added_told_and_cleared(client: Client) -> None:
    rule = {"operation": "list_lists", "count": None, "effect": {"kind": "answer", "status": 503}}
    control(client, "POST", "faults", rule)
    assert client.get(client.lists_url).status == 503
    assert [told["fired"] for told in control(client, "GET", "faults")] == [1]
    control(client, "DELETE", "faults")
    assert client.get(client.lists_url).status == 200


def test_mailboxes_lists_and_tasks_are_added(client: Client) -> None:
    kim = control(client, "POST", "mailboxes", {"upn": "kim@example.com", "token": "token-of-kim"})
    added = control(client, "POST", "lists", {"mailbox": kim["object_id"], "name": "Kim's", "shared": True})
    task = control(client, "POST", "tasks", {"mailbox": "kim@example.com", "list_id": added["id"], "title": "Rent"})
    url = f"{ROOT}/v1.0/me/todo/lists/{added['id']}/tasks/{task['id']}"
    assert client.ask("GET", url, authorization="Bearer token-of-kim").status == 200
    told = control(client, "GET", "mailboxes")
    assert [(each["upn"], len(each["lists"])) for each in told] == [("sam@example.com", 1), ("kim@example.com", 1)]


def test_a_task_is_moved_and_deleted(client: Client) -> None:
    other = control(client, "POST", "lists", {"mailbox": "sam@example.com", "name": "Elsewhere"})
    place = {"mailbox": "sam@example.com", "list_id": client.task_list.id, "task_id": client.task.id}
    moved = control(client, "POST", "moves", place | {"to_list_id": other["id"]})
    assert client.get(f"{client.lists_url}/{other['id']}/tasks/{moved['id']}").status == 200
    control(client, "DELETE", "tasks", place | {"list_id": other["id"], "task_id": moved["id"]})
    assert client.get(f"{client.lists_url}/{other['id']}/tasks/{moved['id']}").status == 404


def test_a_token_is_revoked(client: Client) -> None:
    control(client, "POST", "revocations", {"token": client.token})
    assert client.get(client.lists_url).status == 401


def test_a_reset_forgets_everything(client: Client) -> None:
    client.upload(b"hi")
    client.open(100)
    control(client, "POST", "reset")
    for what in ("journal", "sessions", "attachments", "mailboxes", "faults"):
        assert control(client, "GET", what) == []


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
def test_a_mistake_is_named(client: Client, method: str, what: str, body: object, names: str) -> None:
    assert names in control(client, method, what, body, status=400)["error"]


def test_an_unknown_control_is_not_found(client: Client) -> None:
    control(client, "GET", "weather", status=404)
