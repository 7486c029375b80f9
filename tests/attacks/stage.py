"""A running stack in which people sign in, seen from outside, and an attacker's tools."""

import http.client
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
from azure.storage.blob import BlobServiceClient, ContainerClient, ContainerSasPermissions, generate_container_sas
from urllib3.filepost import encode_multipart_formdata

from local.stand_ins.entra.people import Resident
from shared.core.outcome import REASON, STATE
from tests.local.control import control
from tests.local.processes import wait_until
from tests.local.terminal import Up
from tests.sign_in.browser import Visitor

COOKIE = "todo-attach"
PAGE_COOKIE = "todo-attach-files"
OVER = {"attached", "rejected", "failed", "superseded", "withdrawn"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def cookie(self) -> str:
        """The value of the cookie that it sets, if it sets one."""
        return self.headers.get("Set-Cookie", "").partition(";")[0].partition("=")[2]


@dataclass
class Stage:
    """*facts*: the stack's line about sign-in."""

    up: Up
    facts: Mapping[str, Any]
    _tasks: dict[str, Mapping[str, str]] = field(default_factory=dict)

    # -- what an operator sees --

    @property
    def storage(self) -> str:
        return str(self.up.ready()["storage"])

    @property
    def container_name(self) -> str:
        return str(self.up.ready()["container"])

    def operator(self) -> ContainerClient:
        return BlobServiceClient.from_connection_string(self.storage).get_container_client(self.container_name)

    def tags(self, name: str) -> dict[str, str]:
        with self.operator() as container:
            return dict(container.get_blob_client(name).get_blob_tags())

    def names(self, prefix: str) -> list[str]:
        """The blobs whose names begin so."""
        with self.operator() as container:
            return list(container.list_blob_names(name_starts_with=prefix))

    def wait_for(self, name: str, *states: str) -> str:
        """The reason that the file's tags give once they say one of *states*."""
        wait_until(lambda: self.tags(name).get(STATE) in states, f"{name} {' or '.join(states)}")
        return self.tags(name).get(REASON, "")

    def attachments(self, of: Resident | None = None) -> list[dict[str, Any]]:
        everyone: list[dict[str, Any]] = self.ask("attachments")
        return [each for each in everyone if of is None or each["mailbox"] == of.name]

    def ask(self, what: str) -> Any:
        """The emulator's own endpoints."""
        return control(self.up.emulator(), "GET", what)

    def turn(self, method: str, what: str, body: Mapping[str, Any] | None = None) -> Any:
        return control(self.up.emulator(), method, what, body)

    def make_task(self, person: Resident, title: str) -> None:
        """In a new list of a person who may have no mailbox yet."""
        self.turn("POST", "mailboxes", {"upn": person.name, "token": f"nobody-has-this-of-{person.name}"})
        task_list = self.turn("POST", "lists", {"mailbox": person.name, "name": "Tasks"})
        self.turn("POST", "tasks", {"mailbox": person.name, "list_id": task_list["id"], "title": title})

    def task_of(self, person: Resident) -> Mapping[str, str]:
        """Metadata that names a task of the person's."""
        if person.name not in self._tasks:
            (mailbox,) = [each for each in self.ask("mailboxes") if each["upn"] == person.name]
            task_list = mailbox["lists"][0]
            self._tasks[person.name] = {"listid": task_list["id"], "taskid": task_list["tasks"][0]["id"]}
        return {"user": person.name, **self._tasks[person.name]}

    def records(self, event: str) -> list[dict[str, Any]]:
        """What the app has noted under that name."""
        logged = [each["message"] for each in self.up.events() if each.get("logger") == "todo_attach"]
        lines: list[dict[str, Any]] = [json.loads(message) for message in logged]
        return [line for line in lines if line["event"] == event]

    def assert_unharmed(self) -> None:
        """Neither the host nor its worker ended, and no run failed."""
        ended = {"worker_died", "host_ended", "function_timeout"}
        events = self.up.events()
        assert not [each for each in events if each.get("event") in ended]
        assert not [
            each for each in events if each.get("event") == "invocation_ended" and each["status"] != "succeeded"
        ]

    # -- a sender --

    def sender(self) -> ContainerClient:
        """Who may write, read tags and find by them: as the deployment's own role for trusted senders."""
        parts = dict(part.split("=", 1) for part in self.storage.strip(";").split(";"))
        signature = generate_container_sas(
            parts["AccountName"],
            self.container_name,
            parts["AccountKey"],
            permission=ContainerSasPermissions(write=True, tag=True, filter_by_tags=True),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )
        return ContainerClient(parts["BlobEndpoint"], self.container_name, signature, retry_total=0)

    def put(self, name: str, content: bytes, metadata: Mapping[str, str], **options: Any) -> None:
        """As a sender, in one request."""
        headers = {key: quote(value, safe="=@") for key, value in metadata.items()}
        with self.sender() as container:
            container.get_blob_client(name).upload_blob(content, metadata=headers, **options)

    # -- a browser --

    def send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, *, root: str = "", body: bytes = b""
    ) -> Answer:
        """One request to the app, or to the server at *root*, with nothing added and nothing mended."""
        app = urlsplit(root or self.facts["connect"].removesuffix("/connect"))
        given = {"Content-Length": str(len(body)), **(headers or {})}
        connection = http.client.HTTPConnection(app.netloc, timeout=60)
        try:
            connection.putrequest(method, f"{app.path}{path}", skip_host="Host" in given, skip_accept_encoding=True)
            for name, value in given.items():
                connection.putheader(name, value.encode())
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read().decode("utf-8", "replace"))
        finally:
            connection.close()

    def begin(self, path: str = "/connect") -> Answer:
        """A person opens the page."""
        answer = self.send("GET", path)
        assert answer.status == 303, answer
        return answer

    def reply_for(self, begun: Answer, person: Resident) -> str:
        """The address, with its parameters, to which the identity provider sends the person back."""
        visitor = Visitor(self.facts["entra"], Path(self.facts["ca"]))
        try:
            return f"/connected?{urlencode(visitor.sign_in(begun.headers['Location'], person))}"
        finally:
            visitor.close()

    def connect(self, person: Resident) -> Answer:
        """The whole way of an honest person."""
        begun = self.begin()
        return self.send("GET", self.reply_for(begun, person), {"Cookie": f"{COOKIE}={begun.cookie}"})

    def sign_in_to_files(self, person: Resident) -> dict[str, str]:
        """A browser on the page of the person's own files: the headers of what its pages send."""
        begun = self.begin("/files/sign-in")
        answer = self.send("GET", self.reply_for(begun, person), {"Cookie": f"{COOKIE}={begun.cookie}"})
        assert answer.status == 303, answer
        return {"Cookie": f"{PAGE_COOKIE}={answer.cookie}", "Sec-Fetch-Site": "same-origin"}

    def post_json(self, path: str, browser: Mapping[str, str], content: object) -> Answer:
        headers = {**browser, "Content-Type": "application/json"}
        return self.send("POST", path, headers, body=json.dumps(content).encode())

    def press(self, action: str, browser: Mapping[str, str], upload: str) -> Answer:
        """A button beside an upload."""
        headers = {**browser, "Content-Type": "application/x-www-form-urlencoded"}
        return self.send("POST", f"/files/{action}", headers, body=urlencode({"upload": upload}).encode())

    def send_form(self, browser: Mapping[str, str], of: Resident, name: str, content: bytes) -> Answer:
        """The form with a file, as a browser sends it that runs no script."""
        task = self.task_of(of)
        fields: dict[str, str | tuple[str, bytes]] = {
            "list": task["listid"],
            "task": task["taskid"],
            "file": (name, content),
        }
        body, content_type = encode_multipart_formdata(fields)
        return self.send("POST", "/files/send", {**browser, "Content-Type": content_type}, body=body)

    def sign(self, browser: Mapping[str, str], of: Resident, **changes: object) -> Answer:
        """Ask for a URL to put a file at."""
        task = self.task_of(of)
        usual = {"list": task["listid"], "task": task["taskid"], "name": "a.bin", "size": 5}
        return self.post_json("/files/sign", browser, {**usual, **changes})

    def put_signed(self, signed: Answer, content: bytes) -> int:
        """What a browser does with the URL; the status that storage answers."""
        given = json.loads(signed.body)
        return requests.put(given["url"], content, headers=given["headers"], timeout=60).status_code


def title_of(answer: Answer) -> str:
    found = re.search(r"<h1>(.*?)</h1>", answer.body)
    return found[1] if found else ""


def status_of(url: str, **headers: str) -> int:
    """Of a request over TLS whose certificate nobody checks: an attacker would not."""
    parts = urlsplit(url)
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection(parts.netloc, timeout=20, context=context)
    try:
        connection.request("GET", parts.path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()
