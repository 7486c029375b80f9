import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.local.terminal import Terminal, Up


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A terminal where nothing runs yet."""
    return Terminal(tmp_path)


@pytest.fixture(scope="session")
def busy_terminal(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """The terminal in which `stack` runs."""
    return Terminal(tmp_path_factory.mktemp("busy"))


@pytest.fixture(scope="session")
def stack(busy_terminal: Terminal) -> Iterator[Up]:
    """One stack for all tests that only use it. Every blob event comes three times."""
    with busy_terminal.up("--duplicate-events", "2") as up:
        up.ready()
        yield up


@pytest.fixture
def three_ports() -> tuple[int, int, int]:
    """Ports that are free now."""
    with ExitStack() as probes:
        ports = [probes.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(3)]
    return ports[0], ports[1], ports[2]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """An empty one, a few bytes, and one just over a slice."""
    sizes = {"empty.txt": 0, "Größe 50% [1].txt": 17, "over a slice.bin": 3_932_161}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(os.urandom(size))
    return [tmp_path / name for name in sizes]
