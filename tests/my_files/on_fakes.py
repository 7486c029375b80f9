"""The page over the application on fakes, with a person at a browser that runs no script."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from shared.app.withdrawing import Withdrawing
from shared.core.attachment import BlobVersion
from shared.my_files.endpoints import FilesEndpoints
from shared.my_files.own_uploads import OwnUploads
from shared.my_files.pages import FilesPages
from shared.my_files.sending import Sending
from shared.my_files.signed_in import SignedInBrowsers
from shared.my_files.task_choice import TaskChoices
from shared.sign_in.browser import BrowserRequest, BrowserResponse, Form, FormFile
from shared.sign_in.person import Person
from tests.support.fakes.memory_page_blobs import ORIGIN, MemoryPageBlobs
from tests.support.fakes.memory_page_sessions import MemoryPageSessions
from tests.support.fakes.world import ROOT, SAM_ID, TOKEN, World

APP = "https://app.example/api"
SAM = Person(SAM_ID, "7e000000-0000-4000-8000-000000000001", "sam@example.com")
KIM = Person("5a000000-0000-4000-8000-000000000002", "7e000000-0000-4000-8000-000000000001", "kim@example.com")
KIMS_TOKEN = "canary-token-of-kim"
MOST, MOST_BY_FORM = 64 * 1024, 16 * 1024
OWN = {"sec-fetch-site": "same-origin"}
VISIT = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "none"}
AS_JSON = {**OWN, "content-type": "application/json"}


@dataclass
class Site:
    """*connected*: the object ids whose accounts are."""

    world: World = field(default_factory=lambda: World(signs_in=True))
    connected: set[str] = field(default_factory=lambda: {SAM.object_id, KIM.object_id})

    def __post_init__(self) -> None:
        world = self.world
        world.accounts.tokens |= {SAM.object_id: TOKEN, KIM.object_id: KIMS_TOKEN}
        world.accounts.identities |= {SAM.name: SAM.object_id, KIM.name: KIM.object_id}
        kims = world.todo.add_mailbox(KIM.name, KIMS_TOKEN)
        self.kims_list = world.todo.add_list(kims, "Kim's secret list", wellknown_name="defaultList")
        self.kims_task = world.todo.add_task(self.kims_list, "Kim's secret task")
        self.sessions = MemoryPageSessions()
        self.page_blobs = MemoryPageBlobs(world.blobs)
        self.endpoints = self._endpoints()

    def _endpoints(self) -> FilesEndpoints:
        application, now = self.world.application, lambda: self.world.clock.now
        ports = application.ports
        assert ports.account_uploads is not None
        pages = FilesPages(APP, "https://login.example", ORIGIN, MOST, MOST_BY_FORM)
        end = Withdrawing(ports, application.intake).end
        uploads = OwnUploads(ports.account_uploads, ports.ledger, ports.blobs, end, now)
        return FilesEndpoints(
            SignedInBrowsers(self.sessions, self.connected.__contains__, pages, ports.telemetry, now),
            TaskChoices(ports, application.pacing, ROOT, by_id=False),
            uploads,
            Sending(ports.sent_files, uploads, self.page_blobs, self.page_blobs, ports.telemetry, now),
            pages,
            ports.telemetry,
            lambda: BrowserResponse(303, {"Location": "https://login.example/authorize"}),
        )

    def disconnect(self, person: Person) -> None:
        self.connected.discard(person.object_id)
        self.endpoints.browsers.close_all_of(person)

    def sign_in(self, person: Person = SAM, *, cookie: str = "") -> "Browser":
        """A browser, which has this *cookie* already, with a page session of *person*."""
        opened = self.endpoints.browsers.open(person, coming_back(cookie))
        assert opened.status == 303, opened.body
        return Browser(self, opened.headers["Set-Cookie"].partition(";")[0])

    def drop_for(self, person: Person, name: str, content: bytes = b"x", **metadata: str) -> BlobVersion:
        """Another sender's file for *person*, as far as a first look at it."""
        mine = {"listid": self.world.list.id, "taskid": self.world.task.id}
        blob = self.world.drop(content, name, user=person.object_id, **(metadata or mine))
        self.world.notify(name)
        return blob


@dataclass(frozen=True)
class Browser:
    """*cookie* as it is sent."""

    site: Site
    cookie: str = ""

    def ask(
        self,
        method: str,
        action: str,
        headers: Mapping[str, str] = OWN,
        *,
        parameters: Mapping[str, str] | None = None,
        body: bytes = b"",
        read_form: Callable[[], Form] = Form,
    ) -> BrowserResponse:
        given = {**headers, "cookie": self.cookie}
        return self.site.endpoints.respond(BrowserRequest(method, parameters or {}, given, action, body, read_form))

    def visit(self, **parameters: str) -> BrowserResponse:
        return self.ask("GET", "", VISIT, parameters=parameters)

    def listing(self, **parameters: str) -> BrowserResponse:
        return self.ask("GET", "listing", parameters=parameters)

    def tasks(self, list_id: str = "") -> BrowserResponse:
        return self.ask("GET", "tasks", parameters={"list": list_id or self.site.world.list.id})

    def post_json(self, action: str, content: object, headers: Mapping[str, str] = AS_JSON) -> tuple[int, Any]:
        response = self.ask("POST", action, headers, body=json.dumps(content).encode())
        assert response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(response.body)

    def sign(self, size: int = 5, name: str = "report.pdf", **changes: object) -> tuple[int, Any]:
        world = self.site.world
        usual = {"list": world.list.id, "list_name": "Tasks", "task": world.task.id, "task_title": "Receipts"}
        return self.post_json("sign", {**usual, "name": name, "size": size, **changes})

    def put(self, content: bytes, name: str = "report.pdf", **changes: object) -> str:
        """The whole way of a file by the script; its token."""
        status, signed = self.sign(len(content), name, **changes)
        assert status == 200, signed
        assert self.site.page_blobs.put(signed["url"], content) == 201
        token: str = signed["token"]
        self.site.world.notify(f"from-page/{token}")
        return token

    def send(self, content: bytes, name: str = "report.pdf", **changes: str) -> BrowserResponse:
        """A form with a file."""
        world = self.site.world
        fields = {"list": world.list.id, "task": world.task.id, **changes}
        return self.ask("POST", "send", read_form=lambda: Form(fields, {"file": FormFile(name, content)}))

    def press(self, action: str, upload_id: str) -> BrowserResponse:
        """A button beside an upload."""
        return self.ask("POST", action, read_form=lambda: Form({"upload": upload_id}))


def coming_back(cookie: str = "") -> BrowserRequest:
    """From the identity provider, with *cookie* as it is sent."""
    return BrowserRequest("GET", {}, {**VISIT, "cookie": cookie})


def said(response: BrowserResponse) -> str:
    """The words of a page or a part of one, without its markup."""
    body = re.sub(r"<style>.*?</style>", "", response.body, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def upload_ids(response: BrowserResponse) -> list[str]:
    return re.findall(r'<li id="upload-([0-9a-f]{32})"', response.body)
