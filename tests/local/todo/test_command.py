"""The command: readiness, restarts, and its end."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.stand_ins.todo.cli import main
from tests.local.todo.running import REPOSITORY, Server, command

SIZE = 100


def ended(server: Server) -> int:
    assert server.process is not None
    return server.process.wait(20)


def kill(server: Server) -> None:
    assert server.process is not None
    server.process.kill()
    server.process.wait()


def test_it_is_ready_when_it_says_so_in_one_line() -> None:
    with command() as server:
        assert server.ready["ready"] is True
        assert server.ready["token"] == "local-token"
        assert server.exchange("GET", server.attachments_path)[0] == 200
        _, _, body = server.exchange("GET", "/v1.0/me/todo/lists")
        assert [each["displayName"] for each in json.loads(body)["value"]] == ["Tasks", "Household"]


def test_its_default_ids_are_always_the_same() -> None:
    with command() as first, command() as second:
        assert first.ready["list_id"] == second.ready["list_id"]
        assert first.ready["task_id"] == second.ready["task_id"]


def test_switches_limits_faults_and_mailboxes_come_from_the_command_line() -> None:
    fault = json.dumps({"operation": "list_tasks", "effect": {"kind": "answer", "status": 503}})
    kim = json.dumps({"upn": "kim@example.com", "token": "token-of-kim", "personal": True})
    switches = ["--behaviour", "create_status=201", "location=beta", "--limit", "requests=2", "--published-limits"]
    with command(*switches, "--fault", fault, "--token", "sam@example.com=a=b", "--token", kim) as server:
        behaviour, limits = server.control("GET", "behaviour"), server.control("GET", "limits")
        assert (behaviour["create_status"], behaviour["location"]) == (201, "beta")
        assert (limits["requests"], limits["concurrent_requests"]) == (2, 4)
        [rule] = server.control("GET", "faults")
        assert (rule["operation"], rule["effect"]["status"]) == ("list_tasks", 503)
        told = server.control("GET", "mailboxes")
        assert [(each["upn"], each["personal"]) for each in told] == [
            ("sam@example.com", False),
            ("kim@example.com", True),
        ]
        server.token = "token-of-kim"
        assert server.exchange("GET", "/v1.0/me/todo/lists")[0] == 200


def test_contents_need_not_be_kept() -> None:
    with command("--no-keep-content") as server:
        _, headers, _ = server.put(server.open(SIZE), 0, bytes(SIZE), SIZE)
        path = headers["Location"].partition(f":{server.port}")[2]
        assert server.exchange("GET", f"{path}/$value")[0] == 501


@pytest.mark.parametrize(
    "arguments",
    [
        ["--behaviour", "create_status=202"],
        ["--behaviour", "create_status"],
        ["--limit", "requets=1"],
        ["--fault", "{"],
        ["--token", "sam@example.com"],
        ["--token", '{"upn": "sam@example.com"}'],
    ],
)
def test_a_mistake_on_the_command_line_is_told_and_ends_it(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("todo: ")


# --- restarts ---


def test_a_session_half_done_goes_on_after_a_kill(tmp_path: Path) -> None:
    with command("--data", str(tmp_path)) as server:
        session = server.open(SIZE)
        assert server.put(session, 0, b"a" * 60, SIZE)[0] == 200
        kill(server)
    with command("--data", str(tmp_path)) as server:
        assert json.loads(server.exchange("GET", session)[2])["nextExpectedRanges"] == ["60"]
        status, headers, _ = server.put(session, 60, b"b" * 40, SIZE)
        assert status == 201
        path = headers["Location"].partition(f":{server.port}")[2]
        assert server.exchange("GET", f"{path}/$value")[2] == b"a" * 60 + b"b" * 40


def test_attachments_lists_and_tokens_are_there_after_a_kill(tmp_path: Path) -> None:
    with command("--data", str(tmp_path)) as server:
        server.put(server.open(SIZE), 0, bytes(SIZE), SIZE)
        server.control("POST", "mailboxes", {"upn": "kim@example.com", "token": "token-of-kim"})
        server.control("POST", "lists", {"mailbox": "kim@example.com", "name": "Kim's"})
        before = [server.control("GET", what) for what in ("attachments", "mailboxes")]
        kill(server)
    with command("--data", str(tmp_path)) as server:
        assert [server.control("GET", what) for what in ("attachments", "mailboxes")] == before
        assert server.control("GET", "sessions") == []
        server.token = "token-of-kim"
        assert b"Kim's" in server.exchange("GET", "/v1.0/me/todo/lists")[2]


def test_a_restarted_service_gives_out_new_ids(tmp_path: Path) -> None:
    sessions, attachments = set(), set()
    for _ in range(2):
        with command("--data", str(tmp_path)) as server:
            sessions.add(server.open(SIZE))
            server.put(server.open(SIZE), 0, bytes(SIZE), SIZE)
            attachments |= {each["id"] for each in server.control("GET", "attachments")}
            kill(server)
    assert (len(sessions), len(attachments)) == (2, 2)


# --- the end ---


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    with command() as server:
        assert server.process is not None
        server.process.send_signal(number)
        assert ended(server) == 0


def test_a_tethered_one_ends_with_its_standard_input() -> None:
    with command("--tether") as server:
        assert server.process is not None
        assert server.process.stdin is not None
        server.process.stdin.close()
        assert ended(server) == 0


def test_a_tethered_one_does_not_outlive_a_parent_that_is_killed() -> None:
    parent_code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'local.stand_ins.todo', '--tether'], stdin=subprocess.PIPE)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", parent_code],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    assert json.loads(parent.stdout.readline())["ready"]
    parent.kill()
    parent.wait()
    # The child holds the other end of our pipe: it reads end of file when the child is gone.
    assert parent.stdout.read() == ""
    parent.stdout.close()


def test_an_idle_connection_does_not_delay_the_end() -> None:
    with command() as server:
        connection = server.connect()
        connection.request("GET", "/_emulator/requests")
        connection.getresponse().read()
        assert server.process is not None
        server.process.terminate()
        assert ended(server) == 0
        connection.close()
