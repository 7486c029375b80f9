"""Graph in the simulation: requests stay in flight while other workers run, and may be applied after their client left.

The client's side obeys the contract of `GraphTransport`: the deadline counts from the call of `send`. At the deadline a
timer closes the connection, whatever the worker does, and no request begins after it.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from local.stand_ins.todo.faults import Effect, Rule
from local.stand_ins.todo.service import Exchange, TodoService
from local.stand_ins.todo.wire import CutOff, Headers, Late, Never, Request, Reset, Response, Trickle
from shared.errors import GraphNoReply
from shared.graph.reply import GraphReply
from shared.graph.request import GraphRequest, is_within
from tests.support.fakes.manual_clock import ManualClock
from tests.support.fakes.seam import Crash
from tests.support.fakes.todo_graph import reply_to
from tests.support.simulation.workers import Worker, present, stop


@dataclass(eq=False)
class Flight:
    """A request in flight. *ends*: the time at which its client gives up."""

    worker: Worker
    request: GraphRequest
    exchange: Exchange
    ends: datetime
    given_up: bool = False


@dataclass
class Hooks:
    """Functions that the simulation is called with. *trouble* may change a request that is about to begin."""

    trouble: Callable[[GraphRequest], Effect | None]
    begun: Callable[[Flight], None]
    completed: Callable[[Flight], None]
    answered: Callable[[Flight, GraphReply], None]


@dataclass
class SimulatedGraph:
    """`ports.GraphTransport` that calls a TodoService, over time. *later* plans a call for a later time."""

    service: TodoService
    clock: ManualClock
    root: str
    deadline: timedelta
    chance: random.Random
    later: Callable[[timedelta, str, Callable[[], None]], None]
    hooks: Hooks
    unreachable: bool = False
    flights: list[Flight] = field(default_factory=list)

    def send(self, request: GraphRequest, token: str) -> GraphReply:
        if not is_within(request.url, self.root):
            raise AssertionError("a token on its way to another host")
        operation, changes, called = f"graph.{request.operation}", request.method != "GET", self.clock.now
        stop(operation, changes=changes, ready_at=called)
        if self.clock.now - called >= self.deadline:
            raise GraphNoReply("the deadline was over before anything was sent", sent=False)
        if self.unreachable:
            raise GraphNoReply("the name does not resolve", sent=False)
        return self._exchange(request, token, called + self.deadline)

    def _exchange(self, request: GraphRequest, token: str, ends: datetime) -> GraphReply:
        worker = present()
        if worker is None:
            raise AssertionError("a request that no worker sends")
        if (effect := self.hooks.trouble(request)) is not None:
            self.service.faults.add(Rule(effect))
        headers = {"Authorization": f"Bearer {token}", **request.headers}
        exchange = self.service.begin(Request(request.method, request.url, Headers(headers), request.body))
        flight = Flight(worker, request, exchange, ends)
        self.flights.append(flight)
        self.hooks.begun(flight)
        try:
            reply = reply_to(request, self._answer(flight))
        except Crash:
            self.give_up(flight)
            raise
        finally:
            if flight in self.flights:
                self.flights.remove(flight)
        self.hooks.answered(flight, reply)
        stop(f"graph.{request.operation}", changes=request.method != "GET", applied=True, ready_at=self.clock.now)
        return reply

    def _answer(self, flight: Flight) -> Response:
        self._wait(flight, flight.exchange.latency)
        outcome = self._complete(flight)
        match outcome:
            case Response():
                return outcome
            case Late(response, seconds) | Trickle(response, seconds):
                self._wait(flight, seconds)
                self.service.delivered(flight.exchange)
                return response
            case CutOff() | Reset():
                raise GraphNoReply("the connection broke", sent=True)
            case Never():
                self._wait(flight, None)
        raise AssertionError("a reply that never comes has come")

    def _wait(self, flight: Flight, seconds: float | None) -> None:
        ready_at = self.clock.now + timedelta(seconds=seconds) if seconds is not None else None
        operation = f"in flight: {flight.request.operation}"
        stop(operation, changes=flight.request.method != "GET", ready_at=ready_at)
        if flight.given_up:
            raise GraphNoReply("the deadline was over", sent=True)

    def _complete(
        self, flight: Flight, body: bytes | None = None
    ) -> Response | Late | Trickle | CutOff | Reset | Never:
        outcome = self.service.complete(flight.exchange, body)
        self.hooks.completed(flight)
        return outcome

    def give_up(self, flight: Flight) -> None:
        """Close the connection. What arrived of the request may still be applied, within one more deadline."""
        if flight.given_up:
            return
        flight.given_up = True
        self.service.hang_up(flight.exchange)
        if flight in self.flights:
            self.flights.remove(flight)
        flight.worker.ready_at = self.clock.now
        if not flight.exchange.completed and self.chance.random() < 0.6:
            whole = len(flight.request.body)
            arrived = whole if self.chance.random() < 0.8 else self.chance.randrange(whole + 1)
            body = flight.request.body[:arrived]
            wait = self.deadline * self.chance.random()
            self.later(wait, f"zombie of {flight.request.operation}", lambda: self._haunt(flight, body))

    def _haunt(self, flight: Flight, body: bytes) -> None:
        if not flight.exchange.completed:
            self._complete(flight, body)
