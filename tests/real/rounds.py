"""One round: a stack that keeps its state, files dropped into it, processes killed, and the promise at the end.

The seed decides files, victims and moments; what the machine does in between is its own business, so a round is not
replayed exactly, only played again.
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import requests
from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob import ContainerClient

from shared.adapters.storage import clients as azure_clients
from shared.adapters.storage.ledger import TableLedger
from shared.core.attachment import BlobVersion
from shared.core.entry import Entry
from shared.errors import StorageUnavailable
from shared.settings import Connection

REPOSITORY = Path(__file__).resolve().parents[2]
LEASE_SECONDS = 6
PATIENCE_SECONDS = 150
SIZES = (1, 70_000, 3_932_160, 3_932_161, 9_000_000, 16_000_000)
# What every upload URL holds.
_OF_UPLOAD_URLS = "attachmentSessions"
# Azurite keeps its index in memory and saves it every few seconds: killed outright, it loses writes that it has
# acknowledged, which no storage account does. So it is asked to end, and ends with its work saved.
VICTIMS: dict[str, tuple[str, signal.Signals]] = {
    "worker": ("local.stand_ins.functions.worker", signal.SIGKILL),
    "host": ("-m local.stand_ins.functions", signal.SIGKILL),
    "azurite": ("node_modules/.bin/azurite --", signal.SIGTERM),
    "stack": ("-m local up", signal.SIGKILL),
}


@dataclass
class Round:
    """What happened. *broken* lists broken promises; empty is what everybody wants."""

    seed: int
    killed: list[str] = field(default_factory=list)
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)  # by the stack, where something is broken


class RealStack:
    """`python -m local up --data DIR` in a process of its own; started again when it was killed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.output: list[str] = []
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-m", "local", "up", "--json", "--tether", "--data", str(self._directory)]
        self.process = subprocess.Popen(
            [*command, "--lease", str(LEASE_SECONDS), "--duplicate-events", "1"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        # After a restart, what was left undone is going on before everything is up.
        self.ready = self._line_with("ready", self.process.stdout, self.process.stderr)
        self.emulator = self._line_with("control", self.process.stdout, self.process.stderr)
        pipes = (self.process.stdout, self.process.stderr)
        self._readers = [threading.Thread(target=self._keep, args=(pipe,), daemon=True) for pipe in pipes]
        for reader in self._readers:
            reader.start()

    def _line_with(self, member: str, output: IO[str], errors: IO[str]) -> dict[str, Any]:
        for line in output:
            record: dict[str, Any] = json.loads(line)
            if member in record:
                return record
            self.output.append(line)
        raise RuntimeError(f"the stack did not start: {errors.read()[-2000:]}")

    def _keep(self, pipe: IO[str]) -> None:
        with pipe:
            self.output.extend(pipe)

    def _wait(self) -> int:
        """Wait for its end, and for all that it said."""
        status = self.process.wait(timeout=60)
        if self.process.stdin is not None:
            self.process.stdin.close()
        for reader in self._readers:
            reader.join(timeout=60)
        return status

    def kill(self, victim: str) -> bool:
        """Kill one process of the stack; False where it is not running just now."""
        mark, by = VICTIMS[victim]
        if victim == "stack":
            family = _family(self.process.pid)
            self.process.kill()
            _wait_until("the end of a killed stack's children", lambda: _alive(family))
            self._wait()
            self._start()
            return True
        for pid, arguments in _family(self.process.pid).items():
            if mark in arguments and "local.stack.tether" not in arguments:
                with suppress(ProcessLookupError):
                    os.kill(pid, by)
                    return True
        return False

    def missing(self) -> list[str]:
        """The pieces that do not run just now."""
        running = [
            arguments for arguments in _family(self.process.pid).values() if "local.stack.tether" not in arguments
        ]
        marks = {victim: mark for victim, (mark, _) in VICTIMS.items() if victim != "stack"}
        return [victim for victim, mark in marks.items() if not any(mark in arguments for arguments in running)]

    def end(self) -> int:
        """Ctrl-C, and everything ends in order."""
        self.process.send_signal(signal.SIGINT)
        return self._wait()

    def container(self) -> ContainerClient:
        return azure_clients.container_client(self._connection(), self.ready["container"])

    def ledger(self) -> TableLedger:
        return TableLedger(azure_clients.table_client(self._connection(), "uploads"), lambda: "unused")

    def control(self, path: str) -> Any:
        return requests.get(f"{self.emulator['control']}/{path}", timeout=20).json()

    def _connection(self) -> Connection:
        return Connection(connection_string=self.ready["storage"])


def play(seed: int, directory: Path) -> Round:
    """Play one round in *directory*."""
    chance, result, started = random.Random(seed), Round(seed), time.monotonic()
    stack = RealStack(directory)
    try:
        files = {f"{seed}-{number}.bin": chance.randbytes(chance.choice(SIZES)) for number in range(3)}
        versions = {name: _drop(stack, name, content) for name, content in files.items()}
        for _ in range(chance.randint(2, 4)):
            # The moment of a death is what this is about: it must not depend on anything that can be observed.
            time.sleep(chance.uniform(0.0, 1.5))
            victim = chance.choice(list(VICTIMS))
            if stack.kill(victim):
                result.killed.append(victim)
        _wait_until("the end of all uploads", lambda: _undone(stack, versions))
        # Where all was done before the last death, the stack would be ended with a piece dead, and not in order.
        _wait_until("the pieces that were killed to run again", stack.missing)
        result.broken += _broken_promises(stack, files, versions, len(result.killed))
    except TimeoutError as error:
        result.broken.append(str(error))
    finally:
        if (status := stack.end()) != 0:
            result.broken.append(f"the stack ended with {status}")
        if result.broken:
            result.said = stack.output
    result.seconds = time.monotonic() - started
    return result


def _drop(stack: RealStack, name: str, content: bytes) -> BlobVersion:
    """Write a blob; a person whose upload fails tries again, with the very same write if it arrived after all."""
    metadata = {"listid": stack.emulator["list_id"], "taskid": stack.emulator["task_id"]}
    blob = stack.container().get_blob_client(name)
    with suppress(ResourceExistsError):
        blob.upload_blob(content, metadata=metadata)
    etag = blob.get_blob_properties().etag.strip('"')
    return BlobVersion(blob.account_name or "", blob.container_name, name, etag)


def _undone(stack: RealStack, versions: dict[str, BlobVersion]) -> list[str]:
    """The uploads that are not done yet, and where each stands."""
    undone = []
    for name, version in versions.items():
        try:
            stored = stack.ledger().get(version.upload_id())
        except StorageUnavailable as error:
            undone.append(f"{name}: {error}")  # storage is being restarted
            continue
        if stored is None:
            undone.append(f"{name}: no entry for ETag {version.etag}")
        elif not stored.entry.is_done:
            undone.append(f"{name}: {_stands(stored.entry)}")
    return undone


def _stands(entry: Entry) -> str:
    waits = f"not before {entry.not_before:%X}" if entry.not_before else "due"
    claimed = f"claimed until {entry.claim.until:%X}" if entry.claim else "free"
    counts = f"{entry.deferrals} deferrals, {entry.steps_without_progress} steps without progress"
    counts += f", {entry.times_parked} times parked"
    told = f"told {entry.report.phase}, {entry.report.failed_tries} tries"
    return f"{entry.phase}, step {entry.step}, {waits}, {claimed}, {counts}, {told}: {entry.detail}"


def _broken_promises(
    stack: RealStack, files: dict[str, bytes], versions: dict[str, BlobVersion], deaths: int
) -> list[str]:
    broken = []
    hung = [(each["name"], each["sha256"]) for each in stack.control("attachments")]
    wanted = [(name, hashlib.sha256(content).hexdigest()) for name, content in files.items()]
    if sorted(hung) != sorted(wanted):
        broken.append(f"attached {sorted(name for name, _ in hung)}, wanted each of {sorted(files)} once and whole")
    if offences := stack.control("offences")["counts"]:
        broken.append(f"offences: {offences}")
    # A session whose create reply died with its worker is known to nobody; all others are over.
    if len(open_sessions := stack.control("sessions")) > deaths:
        broken.append(f"{len(open_sessions)} sessions left open")
    for name, version in versions.items():
        try:
            tags = stack.container().get_blob_client(version.name).get_blob_tags()
        except AzureError as error:
            tags = {"todo_state": type(error).__name__}
        if tags.get("todo_state") != "attached":
            broken.append(f"{name} is tagged {tags.get('todo_state')}: {tags.get('todo_reason', '')}")
    if any(secret in line for line in stack.output for secret in (stack.emulator["token"], _OF_UPLOAD_URLS)):
        broken.append("a token or an upload URL was logged")
    return broken


def _family(pid: int) -> dict[int, str]:
    """Every descendant of *pid*, with its command line: whole (-ww), however narrow somebody's terminal is."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], check=True, capture_output=True, text=True)
    rows = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    processes = {int(row[0]): (int(row[1]), row[2] if len(row) > 2 else "") for row in rows}
    found: dict[int, str] = {}
    while more := {
        child: arguments
        for child, (parent, arguments) in processes.items()
        if (parent == pid or parent in found) and child not in found
    }:
        found |= more
    return found


def _alive(processes: dict[int, str]) -> list[str]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,stat="], check=True, capture_output=True, text=True)
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [processes[int(pid)] for pid, state in rows if int(pid) in processes and not state.startswith("Z")]


def _wait_until(what: str, missing: Callable[[], list[str]]) -> None:
    """Wait until nothing is missing; where something stays so, say what."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while still := missing():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"{what}: not within {PATIENCE_SECONDS} s: {'; '.join(still)}")
        time.sleep(0.1)
