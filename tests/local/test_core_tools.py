"""`--host func`: the wiring of Core Tools into the stack, on a program that has their command line (`fake_func`).

With TODO_ATTACH_CORE_TOOLS=real the same tests run on the `func` of the PATH. The workflow does that on every push;
whoever wrote this had none, so it was not seen yet.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from local.stack import core_tools
from local.stack.child import REPOSITORY
from local.stack.plan import CORE_TOOLS
from tests.local.processes import find, wait_until
from tests.local.terminal import Terminal

FAKE = Path(__file__).with_name("fake_func.py")


IS_REAL = os.environ.get("TODO_ATTACH_CORE_TOOLS") == "real"


@pytest.fixture
def terminal_with_func(tmp_path: Path) -> Terminal:
    if IS_REAL:
        return Terminal(tmp_path)
    programs = tmp_path / "programs"
    programs.mkdir()
    func = programs / CORE_TOOLS
    func.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n')
    func.chmod(0o755)
    terminal = Terminal(tmp_path)
    terminal.environment["PATH"] = f"{programs}{os.pathsep}{terminal.environment['PATH']}"
    return terminal


# -- without a process --


def test_a_project_is_laid_out_of_what_is_deployed_and_takes_no_settings_from_a_checkout(tmp_path: Path) -> None:
    """Core Tools take from local.settings.json whatever the environment does not have: say, a real registration."""
    checkout, project = tmp_path / "checkout", tmp_path / "project"
    (checkout / "shared").mkdir(parents=True)
    project.mkdir()
    for name in ("function_app.py", "host.json", "requirements.txt"):
        (checkout / name).write_text("{}")
    stray = {"Values": {"TODO_ATTACH_ENTRA_CLIENT_ID": "a-real-one"}}
    (checkout / "local.settings.json").write_text(json.dumps(stray))

    core_tools.lay_out(checkout, project)

    told = json.loads((project / "local.settings.json").read_text())
    assert told["Values"] == {"FUNCTIONS_WORKER_RUNTIME": "python"}
    assert {path.name for path in project.iterdir()} == {
        *("function_app.py", "host.json", "requirements.txt", "shared"),
        "local.settings.json",
    }


def test_the_worker_is_this_python_and_its_lines_are_shown() -> None:
    made = core_tools.environment(REPOSITORY, {"PATH": "/bin", "TODO_ATTACH_QUEUE": "q"})
    assert made["languageWorkers__python__defaultExecutablePath"] == sys.executable
    assert made["PATH"].split(os.pathsep) == [str(Path(sys.executable).parent), "/bin"]
    assert made["TODO_ATTACH_QUEUE"] == "q"
    assert made["AzureFunctionsJobHost__logging__logLevel__Function.send_range.User"] == "Information"


@pytest.mark.parametrize(
    ("line", "logger", "level"),
    [
        ('[2026-11-28T12:00:00.000Z] {"event": "step", "upload_id": "a"}', "todo_attach", "INFO"),
        ("[2026-11-28T12:00:00.000Z] Worker process started and initialized.", "func", "INFO"),
        ("[2026-11-28T12:00:00.000Z] Executed 'Functions.sweep' (Failed, Id=1)", "func", "WARNING"),
        ("Functions:", "func", "INFO"),
    ],
)
def test_a_line_of_core_tools_becomes_an_event(line: str, logger: str, level: str) -> None:
    event = core_tools.event_of(line)
    assert (event["logger"], event["level"]) == (logger, level)
    assert not event["message"].startswith("[2026")


def test_without_core_tools_they_are_asked_for(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.environment["PATH"] = str(tmp_path)
    for command in (("demo",), ("up",), ("attach", __file__)):
        done = terminal.run(*command, "--host", "func")
        assert done.returncode == 2
        assert "Core Tools are not on the PATH" in done.stderr


@pytest.mark.stack
def test_a_shorter_lease_is_the_stand_in_s(terminal_with_func: Terminal) -> None:
    done = terminal_with_func.run("up", "--host", "func", "--lease", "5")
    assert done.returncode == 2
    assert "--lease is the stand-in's" in done.stderr


# -- the stack on it --


@pytest.mark.stack
def test_the_demo_runs_on_it(terminal_with_func: Terminal) -> None:
    done = terminal_with_func.run("demo", "--host", "func")
    assert "All went as promised" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


_FAULTS: Sequence[Mapping[str, object]] = (
    {"operation": "put_slice", "nth": 1, "effect": {"kind": "answer", "status": 429, "retry_after": 1}},
    {"operation": "put_slice", "nth": 3, "effect": {"kind": "answer", "status": 503, "retry_after": 1}},
    {"operation": "create_session", "nth": 2, "effect": {"kind": "answer", "status": 500}},
)


@pytest.mark.stack
def test_files_are_attached_on_it_under_faults_of_graph(terminal_with_func: Terminal, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.bin", "two.bin", "three.bin")]
    for file in files:
        file.write_bytes(os.urandom(9_000_000))
    faults = [argument for fault in _FAULTS for argument in ("--fault", json.dumps(fault))]
    with terminal_with_func.up("--host", "func", *faults) as up:
        up.ready()
        attached = terminal_with_func.run("attach", *files)
        assert attached.returncode == 0, attached.stdout + attached.stderr


@pytest.mark.stack
@pytest.mark.skipif(IS_REAL, reason="the fake's process is looked for by its name")
def test_it_is_started_again_when_it_dies_and_ends_with_the_stack(terminal_with_func: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_bytes(os.urandom(5_000))
    with terminal_with_func.up("--host", "func") as up:
        up.ready()
        os.kill(find(up.pids(), "fake_func.py start"), signal.SIGKILL)
        wait_until(lambda: "the Functions host runs again" in up.stderr(), "Core Tools again")
        attached = terminal_with_func.run("attach", file)
        assert attached.returncode == 0, attached.stderr
        logged = [event for event in up.events() if event.get("logger") == "todo_attach"]
        assert any('"event": "outcome"' in event["message"] for event in logged)
        up.press_ctrl_c()
        assert up.status() == 0, up.stderr()
