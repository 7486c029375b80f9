"""The emulator on a real socket, and clients that know no more than HTTP."""

import asyncio
import http.client
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.stand_ins.todo.behaviour import DOCUMENTED
from local.stand_ins.todo.faults import read_rule
from local.stand_ins.todo.secrets import Secrets
from local.stand_ins.todo.server import HOST, control_path, listen, origin_of, serving
from local.stand_ins.todo.service import TodoService
from local.stand_ins.todo.switches import change
from tests.local.processes import wait_until

TOKEN = "local-token"
SECRETS = Secrets("control-of-a-test", {})
REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass
class Server:
    """*service* belongs to the server's thread: tests look at it through the control endpoints."""

    port: int
    attachments_path: str
    service: TodoService | None = None
    token: str = TOKEN
    process: subprocess.Popen[str] | None = None
    ready: dict[str, Any] = field(default_factory=dict)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(HOST, self.port, timeout=20)

    def exchange(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = self.connect()
        try:
            connection.request(method, path, body or None, {"Authorization": f"Bearer {self.token}", **(headers or {})})
            response = connection.getresponse()
            return response.status, dict(response.headers.items()), response.read()
        finally:
            connection.close()

    def control(self, method: str, what: str, body: object = None) -> Any:
        root = urlsplit(self.ready["control"]).path if self.ready else control_path(SECRETS)
        status, _, answer = self.exchange(method, f"{root}/{what}", b"" if body is None else json.dumps(body).encode())
        assert status == 200, answer
        return json.loads(answer)

    def open(self, size: int, name: str = "scan.pdf") -> str:
        """The path of a new session's upload URL."""
        body = json.dumps({"attachmentInfo": {"attachmentType": "file", "name": name, "size": size}}).encode()
        headers = {"Content-Type": "application/json"}
        status, _, answer = self.exchange("POST", f"{self.attachments_path}/createUploadSession", body, headers)
        assert status == 200, answer
        return str(json.loads(answer)["uploadUrl"]).removeprefix(f"http://{HOST}:{self.port}")

    def put(self, session: str, start: int, chunk: bytes, total: int) -> tuple[int, dict[str, str], bytes]:
        return self.exchange("PUT", f"{session}/content", chunk, range_headers(start, chunk, total))

    def last_entry(self) -> dict[str, Any]:
        return dict(self.control("GET", "journal")[-1])

    def start_put(self, session: str, chunk: bytes, total: int, *, sent: int | None = None) -> socket.socket:
        """A PUT of which only the first *sent* bytes of the body go out, on a socket that the test may close."""
        headers = {"Host": HOST, "Authorization": f"Bearer {self.token}", **range_headers(0, chunk, total)}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection = socket.create_connection((HOST, self.port), timeout=20)
        connection.sendall(f"PUT {session}/content HTTP/1.1\r\n{head}\r\n".encode() + chunk[:sent])
        return connection

    def wait_for_entry(self, **wanted: object) -> dict[str, Any]:
        """The newest entry, once it has these fields."""

        def look() -> dict[str, Any] | None:
            entry = self.last_entry()
            return entry if wanted.items() <= entry.items() else None

        return wait_until(look, f"an entry with {wanted}")


def range_headers(start: int, chunk: bytes, total: int) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(len(chunk)),
        "Content-Range": f"bytes {start}-{start + len(chunk) - 1}/{total}",
    }


@contextmanager
def running(
    *, behaviour: Mapping[str, object] | None = None, faults: Sequence[Mapping[str, Any]] = ()
) -> Iterator[Server]:
    """A server on a thread of its own."""
    listener = listen(0)
    service = TodoService(
        now=lambda: datetime.now(UTC),
        root=origin_of(listener),
        behaviour=change(DOCUMENTED, behaviour or {}),
        faults=[read_rule(rule) for rule in faults],
    )
    tasks = service.add_list(service.add_mailbox("sam@example.com", TOKEN), "Tasks", wellknown_name="defaultList")
    task = service.add_task(tasks, "Receipts")
    path = f"/v1.0/me/todo/lists/{tasks.id}/tasks/{task.id}/attachments"
    loop, stop, started = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def serve() -> None:
        async with serving(service, listener, SECRETS):
            started.set()
            await stop.wait()

    def run() -> None:
        loop.run_until_complete(serve())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(20)
    try:
        yield Server(listener.getsockname()[1], path, service)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


@contextmanager
def command(*arguments: str) -> Iterator[Server]:
    """The command as a process; killed at the end, if it has not ended by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "local.stand_ins.todo", *arguments],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        path = f"/v1.0/me/todo/lists/{ready['list_id']}/tasks/{ready['task_id']}/attachments"
        port = int(ready["graph"].rpartition(":")[2].partition("/")[0])
        yield Server(port, path, token=ready["token"], process=process, ready=ready)
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
