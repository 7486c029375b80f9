"""What a person sees at a terminal of 80 columns, and what Ctrl-C says there."""

import json
import os
from pathlib import Path

import pytest

from tests.local.processes import wait_until
from tests.local.screen import COLUMNS, screen
from tests.local.terminal import Terminal, Up

pytestmark = pytest.mark.stack


# Graph asks every client to wait before it opens a session.
_PATIENCE = {"operation": "create_session", "effect": {"kind": "answer", "status": 429, "retry_after": 3600}}


def test_attach_interrupted_says_what_is_on_its_way_and_how_to_look(terminal: Terminal, tmp_path: Path) -> None:
    files = [tmp_path / "interrupted.bin", tmp_path / "also interrupted.bin"]
    for file in files:
        file.write_bytes(os.urandom(1000))
    with terminal.up("--fault", json.dumps({**_PATIENCE, "count": None})) as up:
        up.ready()
        with screen(terminal.environment, "attach", *files, "--list", "Household", "--task", "Insurance") as shown:
            wait_until(lambda: sum("; waits until" in line for line in shown.lines()) == 2, "both files wait")
            shown.press_enter()
            shown.press_ctrl_c()
            assert shown.status() == 130
            said, lines = " ".join(shown.text().split()), shown.lines()
    assert "on their way, without this command: interrupted.bin: opens an upload session; waits until" in said
    assert "also interrupted.bin: opens an upload session; waits until" in said
    assert "-m local status" in said
    bars = [line for line in lines if line.startswith("interrupted.bin ") and "━" in line]
    assert len(bars) == 1, f"a file has one bar, and it is drawn once: {lines}"


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
        shown.wait_for("Nothing like that.")
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
    assert "end.bin" in "".join(lines)
    assert 'to "Receipts" in the default list, of sam@example.com' in "\n".join(lines)
