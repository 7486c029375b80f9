"""What a person sees at a terminal of 80 columns, and what Ctrl-C says there."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.processes import wait_until
from tests.local.screen import COLUMNS, screen
from tests.local.terminal import Terminal, Up

pytestmark = pytest.mark.stack


# Graph asks every client to wait before it opens a session, and that holds for the whole mailbox: so on a stack of its
# own, where nobody else has to wait.
_PATIENCE = {"operation": "create_session", "effect": {"kind": "answer", "status": 429, "retry_after": 3600}}
# The first file's request is the one that is refused. Whether the second one asks before that is known is a matter of
# milliseconds.
_ASKS = "opens an upload session; waits until .{10,20}: Graph asks to slow down"
_QUEUES = "waits for its turn: Graph asks this mailbox to slow down, expected at about"


@pytest.fixture(scope="module")
def patient_terminal(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    return Terminal(tmp_path_factory.mktemp("patient"))


@pytest.fixture(scope="module")
def patience(patient_terminal: Terminal) -> Iterator[None]:
    with patient_terminal.up("--fault", json.dumps({**_PATIENCE, "count": None})) as up:
        up.ready()
        yield


@pytest.mark.usefixtures("patience")
def test_attach_interrupted_says_what_is_on_its_way_and_how_to_look(patient_terminal: Terminal, tmp_path: Path) -> None:
    files = [tmp_path / "interrupted.bin", tmp_path / "also interrupted.bin"]
    for file in files:
        file.write_bytes(os.urandom(1000))
    with screen(patient_terminal.environment, "attach", *files, "--list", "Household", "--task", "Insurance") as shown:
        waits = ("; waits until", "waits for its turn: ")
        wait_until(lambda: sum(any(map(line.__contains__, waits)) for line in shown.lines()) == 2, "both files wait")
        shown.press_enter()
        shown.press_ctrl_c()
        assert shown.status() == 130
        lines = shown.lines()
        # Words that are broken at the edge of the screen are whole again.
        said = "".join(shown.text().split())
    for before in ("on their way, without this command: interrupted.bin", "also interrupted.bin"):
        assert re.search("".join(f"{before}: (?:{_ASKS}|{_QUEUES})".split()), said)
    assert "-mlocalstatus" in said
    bars = [line for line in lines if line.startswith("interrupted.bin ") and "━" in line]
    assert len(bars) == 1, f"a file has one bar, and it is drawn once: {lines}"


@pytest.mark.usefixtures("patience")
def test_attach_says_when_it_stops_waiting_and_status_says_why(patient_terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "throttled.txt"
    file.write_bytes(b"patience")
    waiting = patient_terminal.run(
        *("attach", file, "--user", "kim@example.com", "--task", "Receipts", "--timeout", "3")
    )
    assert waiting.returncode == 1
    assert "stopped waiting after 3 s" in waiting.stderr
    assert "\tnot finished (opening)\t" in waiting.stdout

    (entry,) = json.loads(patient_terminal.run("status", file.name, "--json").stdout)["under_way"]
    assert entry["attachment_name"] == file.name
    assert "opens an upload session; waits until" in entry["does"]
    assert "429" in entry["detail"]
    assert "session_url" not in entry
    assert "opens an upload session; waits until" in patient_terminal.run("status").stdout


def test_what_attach_starts_for_itself_is_said_to_be_thrown_away_before_and_after(
    terminal: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "thrown away.bin"
    file.write_bytes(b"bytes")
    attached = terminal.run("attach", file)
    assert attached.returncode == 0, attached.stderr
    before, _, after = attached.stderr.partition("thrown away.bin: attached")
    assert "its To Do is thrown away when this command ends" in before
    assert "what was attached is gone with it" in after


def test_status_watched_shows_what_changes_and_ends_with_ctrl_c(
    stack: Up, busy_terminal: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "watched.bin"
    file.write_bytes(os.urandom(100))
    with screen(busy_terminal.environment, "status", "watched", "--watch", "--interval", "0.2") as shown:
        shown.wait_for("Nothing matches.")
        assert busy_terminal.run("attach", file, "--task", "Receipts").returncode == 0
        shown.wait_for("attached  watched.bin")
        shown.press_ctrl_c()
        assert shown.status() == 0
        assert "Traceback" not in shown.text()


def test_status_watched_by_a_program_is_a_line_for_each_change(stack: Up, busy_terminal: Terminal) -> None:
    with busy_terminal.started("status", "--watch", "--json", "--interval", "0.2") as watching:
        assert watching.stdout is not None
        assert set(json.loads(watching.stdout.readline())) == {"at", "counts", "under_way", "ended", "not_seen"}


def test_status_fits_into_eighty_columns_and_cuts_no_name(stack: Up, busy_terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / f"{'a long name, ' * 12}end.bin"
    file.write_bytes(b"bytes")
    assert busy_terminal.run("attach", file, "--task", "Receipts").returncode == 0
    with screen(busy_terminal.environment, "status", "a long name") as shown:
        assert shown.status() == 0
        lines = shown.lines()
    assert max(map(len, lines)) <= COLUMNS
    assert "Ended last" in lines
    assert "end.bin" in "".join(lines)
    assert 'to "Receipts" in the default list, of sam@example.com' in "\n".join(lines)
