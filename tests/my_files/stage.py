"""A small app and a small storage service for the page's script, each of an origin of its own.

They hold the script to the protocol, and go wrong as they are asked to.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from shared.my_files.pages import Choice, FilesPages, FilesView, TaskChoice
from shared.my_files.shown import ShownUpload
from shared.sign_in.browser import BrowserResponse
from shared.sign_in.person import Person

SAM = Person("5a000000-0000-4000-8000-000000000001", "7e000000-0000-4000-8000-000000000001", "sam@example.com")
MOST = 3_000_000
LISTS = (Choice("L1", "Tasks"), Choice("L2", "Reisekosten"))
TASKS: Mapping[str, Sequence[TaskChoice]] = {
    "L1": (
        TaskChoice("T1", "Buy milk", is_open=True),
        TaskChoice("T2", "Büro aufräumen", is_open=True),
        TaskChoice("T3", "Old receipts", is_open=False),
    ),
    "L2": (TaskChoice("T4", "Kosten für März", is_open=True),),
}
# What the browser may send to storage across origins, as the deployment allows it.
_ALLOWED_HEADERS = {"x-ms-blob-type", "x-ms-version", "content-type"}
_SIGNED_HEADERS = {
    "x-ms-blob-type": "BlockBlob",
    "x-ms-version": "2026-02-06",
    "content-type": "application/octet-stream",
}

# What storage does with one PUT, before it would answer 201: nothing, or one of these.
LOSE_THE_REPLY, CUT, EXPIRED, BUSY, FORBIDDEN = "lose the reply", "cut", "expired", "busy", "forbidden"


@dataclass
class Stage:
    """What both know. *offences*: what a sound script does not do."""

    pages: FilesPages
    uploads: list[ShownUpload] = field(default_factory=list)
    signed: dict[str, dict[str, object]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    acted: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    offences: list[str] = field(default_factory=list)
    problem: str = ""  # signing is refused in these words
    is_signed_out: bool = False
    next_page: str = ""
    on_blob: Callable[[str], None] = lambda _token: None

    def view(self, chosen: Choice, *, is_first_page: bool = True) -> FilesView:
        return FilesView(
            SAM,
            LISTS,
            chosen,
            TASKS[chosen.id],
            tasks_cut=False,
            uploads=tuple(self.uploads),
            next_page=self.next_page,
            is_first_page=is_first_page,
            notice="",
        )

    def count(self, path: str) -> int:
        return sum(each == path for each in self.asked)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stage: Stage

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _answer(self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class _App(_Handler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        what = parts.path.removeprefix("/api/")
        self.stage.asked.append(what)
        pages = self.stage.pages
        chosen = next((each for each in LISTS if each.id == query.get("list")), LISTS[0])
        is_first_page = "page" not in query
        match what:
            case "files":
                self._respond(pages.files(self.stage.view(chosen, is_first_page=is_first_page)))
            case "files/script":
                self._respond(pages.script(self.headers.get("If-None-Match", "")))
            case "files/listing" | "files/tasks" if self.stage.is_signed_out:
                self._respond(pages.problem(401, "Please sign in", "This session is over."))
            case "files/listing":
                self._respond(pages.listing(self.stage.view(chosen, is_first_page=is_first_page)))
            case "files/tasks":
                self._respond(pages.tasks(TASKS[chosen.id]))
            case _:
                self._answer(404)

    def do_POST(self) -> None:
        what = self.path.removeprefix("/api/files/")
        body = self._body()
        self.stage.asked.append(f"files/{what}")
        if self.headers.get("Sec-Fetch-Site") != "same-origin":
            self.stage.offences.append(f"{what} from {self.headers.get('Sec-Fetch-Site')}")
        match what:
            case "sign":
                self._json(*self._sign(self._read_json(body)))
            case "sent":
                token = str(self._read_json(body)["token"])
                self._json(200, {"state": "there" if token in self.stage.blobs else "missing"})
            case "withdraw" | "retry":
                self._act(what, parse_qs(body.decode()))
            case _:
                self._answer(404)

    def _read_json(self, body: bytes) -> dict[str, object]:
        if self.headers.get("Content-Type") != "application/json":
            self.stage.offences.append(f"JSON sent as {self.headers.get('Content-Type')}")
        read = json.loads(body)
        assert isinstance(read, dict)
        return read

    def _sign(self, asked: dict[str, object]) -> tuple[int, dict[str, object]]:
        if self.stage.problem:
            return 429, {"problem": self.stage.problem}
        if asked.keys() != {"list", "list_name", "task", "task_title", "name", "size"}:
            self.stage.offences.append(f"asked to sign {sorted(asked)}")
        if not isinstance(asked["size"], int) or asked["size"] > MOST:
            self.stage.offences.append(f"asked to sign for {asked['size']} bytes")
        token = f"{len(self.stage.signed):032x}"
        self.stage.signed[token] = asked
        url = f"{self.stage.pages.blob_origin}/attachments/from-page/{token}?sig=s"
        return 200, {"url": url, "token": token, "headers": _SIGNED_HEADERS}

    def _act(self, what: str, fields: Mapping[str, Sequence[str]]) -> None:
        (upload_id,) = fields["upload"]
        if all(each.upload_id != upload_id for each in self.stage.uploads):
            words = "There is no such file of yours."
            self._respond(self.stage.pages.problem(404, "Not found", words))
            return
        self.stage.acted.append((what, upload_id))
        self._respond(self.stage.pages.redirect(self.stage.pages.address))

    def _json(self, status: int, content: Mapping[str, object]) -> None:
        self._answer(status, {"Content-Type": "application/json"}, json.dumps(content).encode())

    def _respond(self, response: BrowserResponse) -> None:
        self._answer(response.status, response.headers, response.body.encode())


class _Storage(_Handler):
    """Put Blob with a signature that may only create."""

    def do_OPTIONS(self) -> None:
        wanted = {each.strip() for each in self.headers.get("Access-Control-Request-Headers", "").split(",")}
        if wanted - _ALLOWED_HEADERS or self.headers["Access-Control-Request-Method"] != "PUT":
            self.stage.offences.append(f"a preflight for {self.headers['Access-Control-Request-Method']} {wanted}")
            self._answer(403)
            return
        allow = {"Access-Control-Allow-Methods": "PUT", "Access-Control-Allow-Headers": ",".join(_ALLOWED_HEADERS)}
        self._answer(200, {**self._cors(), **allow, "Access-Control-Max-Age": "3600"})

    def do_PUT(self) -> None:
        token = urlsplit(self.path).path.rpartition("/")[2]
        fault = self.stage.faults.pop(0) if self.stage.faults else ""
        if fault == CUT:
            self._hang_up()
            return
        content = self._body()
        declared = self.stage.signed[token]
        if len(content) != declared["size"]:
            self.stage.offences.append(f"{len(content)} bytes where {declared['size']} were declared")
        if any(self.headers.get(name) != value for name, value in _SIGNED_HEADERS.items()):
            self.stage.offences.append("a PUT without the headers that it was given")
        if fault in {EXPIRED, BUSY, FORBIDDEN}:
            self._answer({EXPIRED: 403, BUSY: 503, FORBIDDEN: 400}[fault], self._cors())
            return
        if token in self.stage.blobs:
            self._answer(409, self._cors())
            return
        self.stage.blobs[token] = content
        self.stage.on_blob(token)
        if fault == LOSE_THE_REPLY:
            self._hang_up()
            return
        self._answer(201, self._cors())

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _cors(self) -> dict[str, str]:
        app = urlsplit(self.stage.pages.app_url)
        return {"Access-Control-Allow-Origin": f"{app.scheme}://{app.netloc}"}


@contextmanager
def on_stage() -> Iterator[Stage]:
    app = ThreadingHTTPServer(("127.0.0.1", 0), type("App", (_App,), {}))
    storage = ThreadingHTTPServer(("127.0.0.1", 0), type("Storage", (_Storage,), {}))
    origins = [f"http://127.0.0.1:{server.server_port}" for server in (app, storage)]
    stage = Stage(FilesPages(f"{origins[0]}/api", "https://login.example", origins[1], MOST, 1_000_000))
    for server in (app, storage):
        server.RequestHandlerClass.stage = stage  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield stage
    finally:
        for server in (app, storage):
            server.shutdown()
            server.server_close()
