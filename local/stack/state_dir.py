"""What a stack stores between runs, and how other commands find the one that runs.

    lock          names the stack's process. It and all of its children hold the lock, so that it is free only when the
                  last of them has ended: two stacks never share a directory, and none starts while the children of a
                  killed one still save their data there
    running.json  where everything is, while a stack runs; a file that a killed stack left is recognised by the lock
    ports.json    the ports, which the next run uses again: upload URLs in the ledger have them
    secrets.json  the key of the storage account and the emulator's tokens, made at the first run
    env           for a shell: the connection string, in the variable that `az` reads

A stack without `--data` keeps its data in memory; these files are then in a directory of this user.
"""

import asyncio
import fcntl
import json
import os
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.stack.child import REPOSITORY

# The children of a stack that was killed get some seconds to save their data.
_WAIT_FOR_THE_DYING_SECONDS = 20.0
_POLL_SECONDS = 0.1


class StateDirError(Exception):
    """Another stack uses the directory (the text names its process), or it cannot be used."""


@dataclass(frozen=True, slots=True)
class EmulatorRecord:
    """The To Do emulator of a stack. *control*: the root of its own endpoints, which has their secret in its path.

    *page*: the address of its page for people, with a secret of its own that only permits to look.
    """

    control: str = field(repr=False)
    list_id: str
    task_id: str
    page: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningRecord:
    """Where everything is, in a stack that runs. *emulator* is None where uploads go to another Graph.

    *accounts*: the names of the accounts for which this stack can attach files. *tokens*: their bearer tokens, where
    people do not sign in. *connect_url*: where people sign in with a browser; empty where this stack has no such page.
    """

    pid: int
    storage: str = field(repr=False)
    container: str
    queue: str
    table: str
    graph: str
    functions: str
    account: str
    accounts: tuple[str, ...]
    tokens: Mapping[str, str] = field(repr=False)
    connect_url: str
    durable: bool
    emulator: EmulatorRecord | None

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        emulator = record["emulator"]
        return cls(
            **{
                **record,
                "accounts": tuple(record["accounts"]),
                "emulator": EmulatorRecord(**emulator) if emulator is not None else None,
            }
        )


def default_directory() -> Path:
    """The directory of a stack without `--data`. It is the same for every command of this user in this checkout."""
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(runtime) / "todo-attach"
    return REPOSITORY / ".local" / "run"


def find_running(directory: Path) -> RunningRecord | None:
    """The stack that runs in *directory*, if one does."""
    try:
        lock = os.open(directory / "lock", os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        record = _read_running(directory)
        # If the stack was killed and its children are still ending, the lock is held, but no stack runs.
        return record if record is not None and _is_alive(record.pid) else None
    finally:
        os.close(lock)
    return None


class StateDir:
    """A directory that this process owns while this is entered. Raises StateDirError where another stack does."""

    def __init__(self, directory: Path) -> None:
        self.path = directory
        self._lock = -1

    async def __aenter__(self) -> Self:
        # For this user only: the ledger holds upload URLs, and anyone who has one can write to its task.
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StateDirError(f"{self.path} cannot hold a stack's state: {error.strerror}") from error
        try:
            await self._take_lock()
        except BaseException:
            os.close(self._lock)
            raise
        (self.path / "running.json").unlink(missing_ok=True)
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        (self.path / "running.json").unlink(missing_ok=True)
        self.env_file.unlink(missing_ok=True)
        os.close(self._lock)

    @property
    def lock(self) -> int:
        """The file descriptor of the lock, which each child must hold."""
        return self._lock

    def ports(self) -> dict[str, int]:
        """The ports of earlier runs, by service."""
        try:
            found = json.loads((self.path / "ports.json").read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return {str(name): int(port) for name, port in found.items()}

    def remember_ports(self, ports: Mapping[str, int]) -> None:
        _write(self.path / "ports.json", {**self.ports(), **ports})

    def secrets(self, make: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
        """The secrets of earlier runs. *make* makes those that are missing."""
        file = self.path / "secrets.json"
        try:
            known: dict[str, str] = json.loads(file.read_text())
        except (FileNotFoundError, ValueError):
            known = {}
        secrets = {**make(), **known}
        if secrets != known:
            _write(file, secrets)
        return secrets

    def announce(self, record: RunningRecord) -> None:
        """Write where everything is, for other commands, and into `env` for a shell."""
        _write(self.path / "running.json", asdict(record))
        _write_text(self.env_file, f"export AZURE_STORAGE_CONNECTION_STRING={shlex.quote(record.storage)}\n")

    @property
    def env_file(self) -> Path:
        return self.path / "env"

    async def _take_lock(self) -> None:
        give_up_at = time.monotonic() + _WAIT_FOR_THE_DYING_SECONDS
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _holder(self._lock)
                if _is_alive(holder):
                    remedy = "end that one, or use another --data"
                    raise StateDirError(f"a stack runs in {self.path} (process {holder}): {remedy}") from None
                if time.monotonic() > give_up_at:
                    raise StateDirError(
                        f"what is left of process {holder} holds {self.path} and does not end"
                    ) from None
                await asyncio.sleep(_POLL_SECONDS)
            else:
                os.truncate(self._lock, 0)
                os.pwrite(self._lock, str(os.getpid()).encode(), 0)
                return


def _holder(lock: int) -> int:
    """The process that took the lock; 0 where there is none, or it has not written its id yet."""
    text = os.pread(lock, 20, 0)
    return int(text) if text.isdigit() else 0


def _read_running(directory: Path) -> RunningRecord | None:
    try:
        return RunningRecord.from_json(json.loads((directory / "running.json").read_text()))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _is_alive(pid: int) -> bool:
    if pid == 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _write(path: Path, record: Mapping[str, Any]) -> None:
    _write_text(path, json.dumps(record, indent=2))


def _write_text(path: Path, text: str) -> None:
    """Write *text*, for this user only, so that a reader at any moment sees all of it or nothing."""
    new = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    new.replace(path)
