"""What other users of the machine, and web pages, can do to a stack: nothing."""

import http.client
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.storage.blob import BlobServiceClient

from local.stack import azurite
from local.stand_ins.loopback import why_refused
from tests.local.terminal import Terminal, Up

OWN = "http://127.0.0.1:1234"


def answered(url: str, path: str | None = None, **headers: str) -> int:
    """The status of a GET, with headers that a browser would choose and not the page."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.request("GET", path if path is not None else parts.path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("host", "origin", "refused"),
    [
        ("127.0.0.1:1234", None, False),
        ("localhost:1234", None, False),
        ("[::1]:1234", None, False),
        ("127.0.0.1:1234", OWN, False),
        ("127.0.0.1:1234", "http://localhost:1234", False),
        ("attacker.example:1234", None, True),
        ("127.0.0.1.attacker.example:1234", None, True),
        ("", None, True),
        ("[", None, True),
        ("127.0.0.1:1234", "https://attacker.example", True),
        ("127.0.0.1:1234", "http://127.0.0.1:9999", True),
        ("127.0.0.1:1234", "null", True),
        ("127.0.0.1:1234", "", True),
    ],
)
def test_only_programs_that_use_a_loopback_name_are_let_in(host: str, origin: str | None, refused: bool) -> None:
    assert (why_refused(host, origin, OWN) is not None) == refused


@pytest.mark.stack
def test_a_web_page_gets_nothing_from_the_emulator(stack: Up) -> None:
    control = f"{stack.emulator()['control']}/mailboxes"
    assert answered(control) == 200
    assert answered(control, Origin="https://attacker.example") == 403
    assert answered(control, Host="attacker.example") == 403
    assert answered(stack.emulator()["page"], Host="attacker.example") == 403
    lists = f"{stack.ready()['graph']}/me/todo/lists"
    token = f"Bearer {stack.emulator()['token']}"
    assert answered(lists, Authorization=token) == 200
    assert answered(lists, Authorization=token, Origin="https://attacker.example") == 403


@pytest.mark.stack
def test_another_user_of_the_machine_gets_nothing_from_the_emulator(stack: Up) -> None:
    control = stack.emulator()["control"]
    assert answered(control, "/_emulator/mailboxes") == 403
    assert answered(control, "/_emulator/guessed/mailboxes") == 403
    assert answered(control, "/_page/guessed/") == 403


@pytest.mark.stack
def test_the_address_of_the_page_opens_the_page_and_no_control(stack: Up) -> None:
    """It is kept in a browser's history."""
    page = stack.emulator()["page"]
    secret = page.rstrip("/").rpartition("/")[2]
    assert answered(page) == 200
    assert answered(page, f"/_emulator/{secret}/mailboxes") == 403


@pytest.mark.stack
def test_azurite_does_not_take_its_published_key(stack: Up) -> None:
    storage = stack.ready()["storage"]
    guessed = re.sub("AccountKey=[^;]+", f"AccountKey={azurite.PUBLISHED_KEY}", storage)
    with BlobServiceClient.from_connection_string(storage) as ours:
        assert [each.name for each in ours.list_containers()]
    with (
        BlobServiceClient.from_connection_string(guessed, retry_total=0) as theirs,
        pytest.raises((ClientAuthenticationError, HttpResponseError)),
    ):
        list(theirs.list_containers())


@pytest.mark.stack
def test_no_secret_is_on_a_command_line_or_in_a_file_that_others_may_read(stack: Up, busy_terminal: Terminal) -> None:
    secrets = [
        stack.emulator()["token"],
        stack.emulator()["control"].rpartition("/")[2],
        re.findall("AccountKey=([^;]+)", stack.ready()["storage"])[0],
    ]
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], check=True, capture_output=True, text=True).stdout
    lines = [line for line in listed.splitlines() if int(line.split(maxsplit=1)[0]) in stack.pids()]
    assert lines
    assert not [line for line in lines if any(secret in line for secret in secrets)]
    directory = Path(busy_terminal.environment["XDG_RUNTIME_DIR"]) / "todo-attach"
    holding = [file for file in directory.iterdir() if any(secret in file.read_text() for secret in secrets)]
    assert {file.name for file in holding} == {"running.json", "secrets.json", "env"}
    assert {oct(file.stat().st_mode & 0o777) for file in holding} == {"0o600"}
    assert directory.stat().st_mode & 0o077 == 0


@pytest.mark.stack
def test_fixed_ports_imply_the_published_key_and_say_what_that_means(
    terminal: Terminal, three_ports: tuple[int, int, int]
) -> None:
    with terminal.up("--ports", ",".join(map(str, three_ports)), "--published-limits") as up:
        storage = up.ready()["storage"]
        assert f"AccountKey={azurite.PUBLISHED_KEY};" in storage
        assert [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", storage)] == list(three_ports)
        up.emulator()
        assert "every user of this machine can read the storage" in up.welcome()
