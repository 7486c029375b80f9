"""A client of the emulator, without sockets: one mailbox with a task, a clock that stands still until it is moved."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from local.stand_ins.todo.behaviour import DOCUMENTED, Behaviour
from local.stand_ins.todo.faults import Rule, read_rule
from local.stand_ins.todo.journal import Offence
from local.stand_ins.todo.mailbox import Attachment, Mailbox, Task, TaskList
from local.stand_ins.todo.service import TodoService
from local.stand_ins.todo.store import Keeper
from local.stand_ins.todo.switches import change
from local.stand_ins.todo.throttle import NO_LIMITS, Limits
from local.stand_ins.todo.wire import Headers, Outcome, Request, Response
from shared.core.ranges import MAX_SLICE_BYTES

ROOT = "https://graph.microsoft.com"
TOKEN = "token-of-sam"
START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


@dataclass
class Client:
    service: TodoService
    clock: list[datetime]
    mailbox: Mailbox
    task_list: TaskList
    task: Task
    token: str = TOKEN

    @property
    def lists_url(self) -> str:
        return f"{ROOT}/v1.0/me/todo/lists"

    @property
    def tasks_url(self) -> str:
        return f"{self.lists_url}/{self.task_list.id}/tasks"

    @property
    def task_url(self) -> str:
        return f"{self.tasks_url}/{self.task.id}"

    @property
    def attachments_url(self) -> str:
        return f"{self.task_url}/attachments"

    def pass_time(self, seconds: float) -> None:
        self.clock[0] += timedelta(seconds=seconds)

    def request(self, method: str, url: str, body: bytes = b"", **headers: str) -> Request:
        """Header names are written with underscores; an empty value leaves the header out."""
        fields = {"authorization": f"Bearer {self.token}"}
        if method in ("PUT", "POST"):
            fields["content-length"] = str(len(body))
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        return Request(method, url, Headers({name: value for name, value in fields.items() if value}), body)

    def outcome(self, method: str, url: str, body: bytes = b"", **headers: str) -> Outcome:
        return self.service.handle(self.request(method, url, body, **headers))

    def ask(self, method: str, url: str, body: bytes = b"", **headers: str) -> Response:
        outcome = self.outcome(method, url, body, **headers)
        assert isinstance(outcome, Response)
        return outcome

    def get(self, url: str) -> Response:
        return self.ask("GET", url)

    def post_json(self, url: str, body: object) -> Response:
        return self.ask("POST", url, json.dumps(body).encode(), content_type="application/json")

    def create(self, size: int, name: str = "scan.pdf", **info: object) -> Response:
        described = {"attachmentType": "file", "name": name, "size": size, **info}
        return self.post_json(f"{self.attachments_url}/createUploadSession", {"attachmentInfo": described})

    def open(self, size: int, name: str = "scan.pdf") -> str:
        """The upload URL of a new session."""
        response = self.create(size, name)
        assert response.status in (200, 201)
        return str(field_of(response, "uploadUrl"))

    def range_request(self, url: str, start: int, chunk: bytes, total: int, **headers: str) -> Request:
        path, mark, query = url.partition("?")
        given = {
            "content_type": "application/octet-stream",
            "content_range": f"bytes {start}-{start + len(chunk) - 1}/{total}",
            **headers,
        }
        return self.request("PUT", f"{path}/content{mark}{query}", chunk, **given)

    def put_outcome(self, url: str, start: int, chunk: bytes, total: int, **headers: str) -> Outcome:
        return self.service.handle(self.range_request(url, start, chunk, total, **headers))

    def put(self, url: str, start: int, chunk: bytes, total: int, **headers: str) -> Response:
        outcome = self.put_outcome(url, start, chunk, total, **headers)
        assert isinstance(outcome, Response)
        return outcome

    def upload(self, content: bytes, name: str = "scan.pdf", slice_size: int = MAX_SLICE_BYTES) -> Response:
        """A clean upload; the last answer."""
        url = self.open(len(content), name)
        for start in range(0, len(content), slice_size):
            response = self.put(url, start, content[start : start + slice_size], len(content))
            assert response.status in (200, 201)
        return response

    def attached(self) -> list[Attachment]:
        return list(self.task.attachments.values())

    def listed(self) -> list[dict[str, Any]]:
        return list(json_of(self.get(self.attachments_url))["value"])

    def offences(self) -> dict[Offence, int]:
        return dict(self.service.journal.offences)


def make_client(
    behaviour: Mapping[str, object] | None = None,
    *,
    faults: Iterable[Mapping[str, Any] | Rule] = (),
    limits: Limits = NO_LIMITS,
    keep_content: bool = True,
    keeper: Keeper | None = None,
    personal: bool = False,
    base: Behaviour = DOCUMENTED,
) -> Client:
    clock = [START]
    service = TodoService(
        now=lambda: clock[0],
        root=ROOT,
        behaviour=change(base, behaviour or {}),
        faults=[rule if isinstance(rule, Rule) else read_rule(rule) for rule in faults],
        limits=limits,
        keep_content=keep_content,
        keeper=keeper,
    )
    mailbox = service.add_mailbox("sam@example.com", TOKEN, personal=personal)
    tasks = service.add_list(mailbox, "Tasks", wellknown_name="defaultList")
    return Client(service, clock, mailbox, tasks, service.add_task(tasks, "Receipts"))


def json_of(response: Response) -> dict[str, Any]:
    body = json.loads(response.body)
    assert isinstance(body, dict)
    return body


def field_of(response: Response, name: str) -> Any:
    """A field by its name in either casing."""
    return {key.lower(): value for key, value in json_of(response).items()}[name.lower()]


def error_of(response: Response) -> dict[str, Any]:
    error = json_of(response)["error"]
    assert isinstance(error, dict)
    return error


def inner_code(response: Response) -> str:
    return str(error_of(response)["innerError"].get("code", ""))


def ranges_of(response: Response) -> list[str]:
    return list(field_of(response, "nextExpectedRanges"))
