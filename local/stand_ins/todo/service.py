"""The To Do service: a request begins, is completed, or loses its client. It has no socket, clock or random source.

    exchange = service.begin(request)        # routed, authenticated, throttled; in flight from here
    ...                                      # exchange.latency seconds; the client may go: service.hang_up(exchange)
    outcome = service.complete(exchange)     # does the work; the outcome is what the client gets to see

`complete` after `hang_up` makes a zombie: a request that its client gave up, and that is applied all the same. The
caller (`server`, a simulation) decides how much time passes between the calls, and in which order they come, so that
every interleaving of two clients can be played. An exchange whose outcome takes time (`Late`, `Trickle`, `Never`) stays
in flight until `delivered` or `hang_up`.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from local.stand_ins.todo import listings, small_files, uploads
from local.stand_ins.todo.behaviour import DOCUMENTED, Behaviour
from local.stand_ins.todo.call import Call
from local.stand_ins.todo.callers import Caller, identify, refuse_caller
from local.stand_ins.todo.exchange import Exchange
from local.stand_ins.todo.faults import Answer, ExpireSession, Faults, ForgetBytes, Rule
from local.stand_ins.todo.journal import Ending, Journal, Offence
from local.stand_ins.todo.mailbox import Mailbox, Task, TaskList, WellknownName
from local.stand_ins.todo.refusals import Refusal
from local.stand_ins.todo.replies import injected, refused, signed
from local.stand_ins.todo.routes import PUTS, SESSION_OPERATIONS, Operation, Route, find_route
from local.stand_ins.todo.sessions import UploadSession
from local.stand_ins.todo.store import Keeper, Store
from local.stand_ins.todo.throttle import NO_LIMITS, Limits, Throttle, retry_after_text
from local.stand_ins.todo.wire import CutOff, Late, Never, Outcome, Request, Reset, Response, Trickle

__all__ = ["Exchange", "TodoService"]

ENDPOINTS: Mapping[Operation, Callable[[Call], Response]] = {
    Operation.LIST_LISTS: listings.list_lists,
    Operation.LIST_LISTS_DELTA: listings.list_lists_delta,
    Operation.GET_LIST: listings.get_list,
    Operation.LIST_TASKS: listings.list_tasks,
    Operation.GET_TASK: listings.get_task,
    Operation.LIST_ATTACHMENTS: listings.list_attachments,
    Operation.GET_ATTACHMENT: listings.get_attachment,
    Operation.GET_VALUE: listings.get_value,
    Operation.POST_ATTACHMENT: small_files.post_attachment,
    Operation.DELETE_ATTACHMENT: small_files.delete_attachment,
    Operation.CREATE_SESSION: uploads.create_session,
    Operation.GET_SESSION: uploads.get_session,
    Operation.CANCEL_SESSION: uploads.cancel_session,
    Operation.PUT_SLICE: uploads.put_slice,
    Operation.PUT_BARE: uploads.put_bare,
}


class TodoService:
    """*root* is the origin in the URLs that it gives out. *seed* is for rules that fire with a probability."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        root: str = "https://graph.microsoft.com",
        behaviour: Behaviour = DOCUMENTED,
        limits: Limits = NO_LIMITS,
        faults: Iterable[Rule] = (),
        keep_content: bool = True,
        keeper: Keeper | None = None,
        generation: int = 0,
        seed: int = 0,
        journal_size: int = 100_000,
    ) -> None:
        self.now = now
        self.root = root
        self.behaviour = behaviour
        self.limits = limits
        self.faults = Faults(faults, seed)
        self.journal = Journal(journal_size)
        self.store = Store(keeper, keep_content=keep_content, generation=generation)
        self._throttle = Throttle()
        self._in_flight: dict[int, Exchange] = {}

    # --- furnishing ---

    def add_mailbox(self, upn: str, token: str, *, personal: bool = False) -> Mailbox:
        """Add a mailbox with a token; if there is such a mailbox already, add the token to it."""
        return self.store.add_mailbox(upn, token, personal=personal)

    def add_application_token(self, token: str) -> None:
        """Add a token of an application, without a person. It is valid for every mailbox, by /users/{id}."""
        self.store.add_application_token(token)

    def revoke_token(self, token: str) -> None:
        self.store.revoke_token(token)

    def add_list(
        self, mailbox: Mailbox, name: str, *, wellknown_name: WellknownName = "none", shared: bool = False
    ) -> TaskList:
        task_list = self.store.add_list(mailbox, name, wellknown_name=wellknown_name, shared=shared)
        task_list.created = self.now()
        return task_list

    def add_task(self, task_list: TaskList, title: str) -> Task:
        task = self.store.add_task(task_list, title)
        task.created = self.now()
        return task

    def move_task(self, task: Task, to: TaskList) -> None:
        self.store.move_task(task, to, id_=self.behaviour.moved_task_id)

    def delete_task(self, task: Task) -> None:
        self.store.delete_task(task)

    def reset(self) -> None:
        """Forget everything, except behaviour and limits."""
        self.store.clear()
        self.faults.clear()
        self.journal.clear()
        self._throttle = Throttle()

    def open_sessions(self) -> list[UploadSession]:
        """The sessions that are neither finished nor cancelled nor expired."""
        return self.store.open_sessions(self.now())

    def in_flight(self) -> list[Exchange]:
        """The requests whose client is still connected, and has no answer yet."""
        return list(self._in_flight.values())

    # --- one request ---

    def handle(self, request: Request) -> Outcome:
        """Begin and complete a request at once."""
        return self.complete(self.begin(request))

    def begin(self, request: Request) -> Exchange:
        now = self.now()
        route = find_route(request.method, request.url)
        caller = identify(self.store, route, request.headers)
        entry = self.journal.open(
            now,
            method=request.method,
            operation=route.operation,
            path=route.path,
            mailbox=caller.mailbox.upn if caller.mailbox else "",
            task=route.task_id,
            session=route.item_id if route.operation in SESSION_OPERATIONS else "",
            range_=request.headers.get("content-range", ""),
        )
        exchange = Exchange(request, route, entry, caller.mailbox)
        self._watch(exchange, caller, now)
        exchange.refusal = self._refuse_host(route) or refuse_caller(caller, self.behaviour, route)
        exchange.refusal = exchange.refusal or self._refuse_load(exchange, now) or route.problem
        if exchange.refusal is None and caller.mailbox is not None:
            exchange.plan = self.faults.plan(route, (caller.mailbox.upn, caller.mailbox.object_id))
        self._in_flight[entry.sequence] = exchange
        return exchange

    def complete(self, exchange: Exchange, body: bytes | None = None) -> Outcome:
        """Do the work. *body* is the body that arrived, where it was not a part of the request."""
        if exchange.completed:
            raise ValueError("this exchange is completed: a request is worked on once")
        exchange.completed = True
        exchange.entry.zombie = exchange.hung_up
        outcome = self._outcome(exchange, exchange.arrived(exchange.request.body) if body is None else body)
        match outcome:
            case Response(status):
                self._end(exchange, "answered", status)
                self._promise(exchange)
            case CutOff(Response(status)):
                self._end(exchange, "cut_off", status)
            case Reset():
                self._end(exchange, "reset")
            case Late(Response(status)):
                self._go_on(exchange, "late", status)
            case Trickle(Response(status)):
                self._go_on(exchange, "trickled", status)
            case Never():
                self._go_on(exchange, "never")
        return outcome

    def delivered(self, exchange: Exchange) -> None:
        """A slow reply has reached its end."""
        self._in_flight.pop(exchange.entry.sequence, None)
        self._promise(exchange)

    def hang_up(self, exchange: Exchange) -> None:
        """The client has gone. `complete` may follow or not."""
        if exchange.entry.sequence in self._in_flight:
            exchange.hung_up = True
            self._end(exchange, "hung_up", exchange.entry.status)

    def _end(self, exchange: Exchange, ending: Ending, status: int | None = None) -> None:
        self._go_on(exchange, ending, status)
        self._in_flight.pop(exchange.entry.sequence, None)

    def _go_on(self, exchange: Exchange, ending: Ending, status: int | None = None) -> None:
        exchange.entry.status = status
        exchange.entry.ending = "hung_up" if exchange.hung_up else ending

    # --- at the beginning: offences, and reasons to refuse the request ---

    def _watch(self, exchange: Exchange, caller: Caller, now: datetime) -> None:
        """Note the offences of sending this request at all."""
        route, entry = exchange.route, exchange.entry
        url_has_token = "authtoken" in route.query
        if not caller.has_bearer and not url_has_token:
            self.journal.offend(Offence.NO_BEARER, entry, "a request without a bearer token")
        if caller.has_bearer and (url_has_token or route.origin not in ("", self.root)):
            self.journal.offend(Offence.STRAY_BEARER, entry, "a bearer token sent where it does not belong")
        if route.operation in PUTS and any(
            other.route.operation in PUTS and other.route.item_id == route.item_id for other in self._in_flight.values()
        ):
            self.journal.offend(Offence.CONCURRENT_PUTS, entry, "two PUTs at once on one session")
        if self._throttle.breaks_promise(self._promise_key(exchange), now):
            self.journal.offend(Offence.EARLY_REQUEST, entry, "a request before its Retry-After was over")

    def _refuse_host(self, route: Route) -> Refusal | None:
        if route.origin in ("", self.root, self.behaviour.upload_url_host):
            return None
        return Refusal(421, "This host does not serve Graph.", code="misdirectedRequest")

    def _refuse_load(self, exchange: Exchange, now: datetime) -> Refusal | None:
        mailbox, limits = exchange.mailbox, self.limits
        if mailbox is None or limits is NO_LIMITS:
            return None
        everyone = limits.concurrency_scope == "all"
        in_flight = sum(everyone or other.mailbox is mailbox for other in self._in_flight.values())
        upload = exchange.declared_length if exchange.request.method in ("PUT", "POST", "PATCH") else 0
        denial = self._throttle.admit(limits, mailbox.object_id, now, in_flight=in_flight, upload=upload)
        if denial is None:
            return None
        text, seconds = retry_after_text(limits, denial.seconds, now)
        if text:
            exchange.not_before = now + timedelta(seconds=seconds)
        return Refusal(429, denial.message, code=denial.code, headers={"Retry-After": text} if text else {})

    def _promise(self, exchange: Exchange) -> None:
        """Note that the client must wait, if it got a Retry-After; one that was gone by then cannot know of it."""
        if exchange.not_before is not None and not exchange.hung_up:
            self._throttle.promise(self._promise_key(exchange), exchange.not_before)

    def _promise_key(self, exchange: Exchange) -> str:
        mailbox = exchange.mailbox.object_id if exchange.mailbox else ""
        if self.limits.promise_scope == "mailbox":
            return mailbox
        return f"{mailbox}/{exchange.route.list_id}/{exchange.route.task_id}"

    # --- at the end: the work, and what the client gets to see ---

    def _outcome(self, exchange: Exchange, body: bytes) -> Outcome:
        plan = exchange.plan
        if exchange.intake != "whole" or (exchange.hung_up and len(body) < exchange.declared_length):
            self._keep_torn(exchange, body)
            return Reset(applied=False)
        response = self._work(exchange, body) if plan.works else None
        if plan.reset:
            return Reset(applied=plan.works)
        if plan.silence:
            return Never(applied=plan.works)
        if plan.answer:
            response = self._injected(exchange, plan.answer)
        if response is None:
            raise AssertionError("a plan that does not work answers, resets or is silent")
        if plan.cut_off:
            return CutOff(response)
        if plan.trickle_seconds:
            return Trickle(response, plan.trickle_seconds + plan.lateness)
        return Late(response, plan.lateness) if plan.lateness else response

    def _work(self, exchange: Exchange, body: bytes) -> Response:
        if exchange.refusal is not None:
            return self._refused(exchange, exchange.refusal)
        self._lose(exchange)
        try:
            response = ENDPOINTS[exchange.route.operation](self._call(exchange, body))
        except Refusal as refusal:
            return self._refused(exchange, refusal)
        return signed(exchange, response.status, response.headers, response.body, self.now())

    def _lose(self, exchange: Exchange) -> None:
        session = self.store.sessions.get(exchange.route.item_id)
        if session is None:
            return
        match exchange.plan.session_loss:
            case ExpireSession():
                self.store.expire_session(session, self.now())
            case ForgetBytes():
                self.store.empty_session(session)

    def _injected(self, exchange: Exchange, answer: Answer) -> Response:
        now = self.now()
        response, wait = injected(exchange, answer, now)
        if wait is not None:
            exchange.not_before = now + timedelta(seconds=wait)
        return response

    def _refused(self, exchange: Exchange, refusal: Refusal) -> Response:
        return refused(exchange, refusal, self.behaviour.error_form, self.now())

    def _keep_torn(self, exchange: Exchange, body: bytes) -> None:
        if exchange.refusal is not None or exchange.route.operation is not Operation.PUT_SLICE:
            return
        try:
            uploads.keep_torn_range(self._call(exchange, body), exchange.declared_length)
        except Refusal:
            return  # the client is gone

    def _call(self, exchange: Exchange, body: bytes) -> Call:
        if exchange.mailbox is None:
            raise AssertionError("a caller without a mailbox was not refused")
        return Call(
            store=self.store,
            behaviour=self.behaviour,
            root=self.root,
            now=self.now(),
            route=exchange.route,
            mailbox=exchange.mailbox,
            headers=exchange.request.headers,
            body=body,
            plan=exchange.plan,
            offend=lambda kind, detail: self._offend(exchange, kind, detail),
        )

    def _offend(self, exchange: Exchange, kind: Offence, detail: str) -> None:
        # The client of a zombie sent its range in good faith: the session expected it then.
        if not (exchange.hung_up and kind is Offence.REFUSED_RANGE):
            self.journal.offend(kind, exchange.entry, detail)
