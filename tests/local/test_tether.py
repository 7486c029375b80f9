import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.stack.child import REPOSITORY
from tests.local.processes import descendants, wait_for_end_of, wait_until

_SLEEPER = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]
_DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)",
]


@contextmanager
def tethered(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-m", "local.stack.tether", "--", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=REPOSITORY,
        start_new_session=True,
    ) as tether:
        try:
            yield tether
        finally:
            tether.kill()


def test_the_command_ends_when_the_pipe_does() -> None:
    with tethered(_SLEEPER) as tether:
        assert tether.stdout is not None
        assert tether.stdin is not None
        assert tether.stdout.readline() == b"here\n"
        command = descendants(tether.pid)
        tether.stdin.close()
        wait_for_end_of(command | {tether.pid})
        assert tether.wait() == 128 + 15


def test_a_terminate_signal_is_passed_on() -> None:
    with tethered(_SLEEPER) as tether:
        assert tether.stdout is not None
        tether.stdout.readline()
        command = descendants(tether.pid)
        tether.terminate()
        wait_for_end_of(command | {tether.pid})


def test_a_command_that_does_not_listen_is_killed() -> None:
    with tethered(_DEAF) as tether:
        assert tether.stdout is not None
        assert tether.stdin is not None
        tether.stdout.readline()
        command = descendants(tether.pid)
        tether.stdin.close()
        wait_for_end_of(command | {tether.pid})
        assert tether.wait() == 128 + 9


def test_the_exit_status_is_the_commands() -> None:
    with tethered([sys.executable, "-c", "raise SystemExit(7)"]) as tether:
        assert wait_until(tether.poll, "the end of the tether") == 7


def test_a_command_that_cannot_be_started_is_named() -> None:
    with tethered(["/no/such/program"]) as tether:
        assert tether.stderr is not None
        assert b"/no/such/program cannot be started" in tether.stderr.read()
        assert tether.wait() == 127


_SAVES_LATE = [
    sys.executable,
    "-c",
    """
import pathlib, signal, sys, time
def save(number, frame):
    for _ in range(3):
        print("closing", flush=True)
        print("closing", file=sys.stderr, flush=True)
    pathlib.Path(sys.argv[1]).write_text("saved")
    sys.exit()
signal.signal(signal.SIGTERM, save)
print("here", flush=True)
time.sleep(600)
""",
]


def test_a_command_that_logs_while_it_saves_outlives_its_readers_by_that(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    with tethered([*_SAVES_LATE, str(saved)]) as tether:
        assert tether.stdout is not None
        assert tether.stderr is not None
        assert tether.stdin is not None
        tether.stdout.readline()
        pids = descendants(tether.pid) | {tether.pid}
        tether.stdout.close()
        tether.stderr.close()
        tether.stdin.close()
        wait_for_end_of(pids)
        assert saved.read_text() == "saved"
