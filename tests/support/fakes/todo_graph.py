"""Graph within the process: the To Do emulator's own service, without sockets, on the manual clock."""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

from local.stand_ins.todo.service import Exchange, TodoService
from local.stand_ins.todo.wire import CutOff, Headers, Late, Never, Request, Reset, Response, Trickle
from shared.errors import GraphNoReply
from shared.graph.reply import GraphReply
from shared.graph.request import GraphRequest, is_within
from tests.support.fakes.manual_clock import ManualClock
from tests.support.fakes.seam import Crash, Seam


@dataclass
class TodoGraph:
    """`ports.GraphTransport` that calls a TodoService. When a client gives up, the service is told that it hung up."""

    service: TodoService
    clock: ManualClock
    root: str
    deadline: timedelta
    seam: Seam = field(default_factory=Seam)
    unreachable: bool = False
    # Requests whose client has gone: a test that completes one makes a zombie of it.
    given_up: list[Exchange] = field(default_factory=list)

    def send(self, request: GraphRequest, token: str) -> GraphReply:
        if not is_within(request.url, self.root):
            raise AssertionError("a token on its way to another host")
        operation, changes = f"graph.{request.operation}", request.method != "GET"
        self.seam.enter(operation, changes=changes)
        if self.unreachable:
            raise GraphNoReply("the name does not resolve", sent=False)
        headers = {"Authorization": f"Bearer {token}", **request.headers}
        exchange = self.service.begin(Request(request.method, request.url, Headers(headers), request.body))
        self.clock.advance(min(exchange.latency, self.deadline.total_seconds()))
        try:
            response = self._lived_to_see(exchange)
            self.service.delivered(exchange)
            self.seam.leave(operation, changes=changes)
        except (GraphNoReply, Crash):
            self.service.hang_up(exchange)
            self.given_up.append(exchange)
            raise
        return reply_to(request, response)

    def _lived_to_see(self, exchange: Exchange) -> Response:
        if exchange.latency >= self.deadline.total_seconds():
            raise GraphNoReply("the deadline was over", sent=True)
        match outcome := self.service.complete(exchange):
            case Response():
                return outcome
            case Late(response, seconds) | Trickle(response, seconds):
                self.clock.advance(min(seconds, self.deadline.total_seconds()))
                if seconds < self.deadline.total_seconds():
                    return response
                raise GraphNoReply("the deadline was over", sent=True)
            case CutOff():
                raise GraphNoReply("the reply was cut off", sent=True)
            case Reset():
                raise GraphNoReply("the connection was reset", sent=True)
            case Never():
                self.clock.advance(self.deadline)
                raise GraphNoReply("the deadline was over", sent=True)


def reply_to(request: GraphRequest, response: Response) -> GraphReply:
    headers = {name.lower(): value for name, value in response.headers.items()}
    if request.digest and response.status == 200:
        return GraphReply(200, headers, sha256=hashlib.sha256(response.body).hexdigest())
    return GraphReply(response.status, headers, response.body)
