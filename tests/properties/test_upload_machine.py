"""The simulated world in the hands of Hypothesis: it picks every move, and shrinks what fails to the few that matter.

The moves and what must hold after each of them are the simulation's own (tests/support/simulation).
"""

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from local.stand_ins.todo.faults import Effect, Rule
from shared.core.entry import Reason
from shared.errors import StorageUnavailable
from tests.support.fakes.world import SAM, SLICE, TOKEN, content
from tests.support.simulation.schedule import FATAL, OPERATIONS, PASSING
from tests.support.simulation.stage import Stage
from tests.support.simulation.workers import Worker

names = st.sampled_from(["plan.pdf", "a/plan.pdf", "b/other: 1.txt"])
sizes = st.sampled_from([0, 1, SLICE, SLICE + 1, 2 * SLICE + 100])
index = st.integers(0, 5)


class UploadMachine(RuleBasedStateMachine):
    """Workers, people, storage and Graph, one move at a time."""

    @initialize(seed=st.integers(0, 2**16))
    def begin(self, seed: int) -> None:
        self.stage = Stage(seed)
        self.write("plan.pdf", 2 * SLICE + 100, 1, [0.0])

    # -- people --

    @rule(name=names, size=sizes, bytes_of=st.integers(1, 2), events=st.lists(st.sampled_from([0.0, 40.0]), min_size=1))
    def somebody_writes(self, name: str, size: int, bytes_of: int, events: list[float]) -> None:
        self.write(name, size, bytes_of, events)

    def write(self, name: str, size: int, bytes_of: int, events: list[float]) -> None:
        where = {"listid": self.stage.world.list.id, "taskid": self.stage.world.task.id}
        self.stage.write(name, content(size, bytes_of), where, events=tuple(events[:3]))

    @precondition(lambda self: self.stage.world.blobs.blobs)
    @rule(number=index, how=st.sampled_from(["delete", "metadata", "nonsense", "tags", "event"]))
    def person(self, number: int, how: str) -> None:
        blobs = self.stage.world.blobs.blobs
        name = sorted(blobs)[number % len(blobs)]
        if how == "delete":
            self.stage.delete(name)
        elif how == "metadata":
            self.stage.edit_metadata(name, {"task": "Receipts"})
        elif how == "nonsense":
            self.stage.edit_metadata(name, {"colour": "red"})
        elif how == "tags":
            blobs[name].tags["own"] = "x"
        else:
            self.stage.world.events.put(name.encode())

    # -- the host --

    @precondition(lambda self: self.stage.deliverable())
    @rule(number=index)
    def deliver(self, number: int) -> None:
        deliverable = self.stage.deliverable()
        self.stage.deliver(*deliverable[number % len(deliverable)])

    @precondition(lambda self: self.stage.ready())
    @rule(number=index, steps=st.integers(1, 12))
    def go_on(self, number: int, steps: int) -> None:
        worker = self._worker(number)
        for _ in range(steps):
            if worker.is_over or worker not in self.stage.ready():
                return
            self.stage.resume(worker)

    @rule(moves=st.integers(1, 80))
    def play_on(self, moves: int) -> None:
        for _ in range(moves):
            if not self.stage.play_on():
                return

    @precondition(lambda self: any(self.stage.is_storage(worker) for worker in self.stage.ready()))
    @rule(number=index)
    def storage_fails(self, number: int) -> None:
        at_storage = [worker for worker in self.stage.ready() if self.stage.is_storage(worker)]
        self.stage.resume(at_storage[number % len(at_storage)], StorageUnavailable("storage answered 503"))

    @precondition(lambda self: self.stage.workers)
    @rule(number=index)
    def kill(self, number: int) -> None:
        self.stage.kill(self.stage.workers[number % len(self.stage.workers)])

    @precondition(lambda self: self.stage.world.messages.messages)
    @rule(number=index, poison=st.booleans())
    def message_turns_up_early_or_poison(self, number: int, poison: bool) -> None:
        messages = self.stage.world.messages.messages
        message = messages[number % len(messages)]
        if poison:
            self.stage.poison(message)
        else:
            message.visible_at = min(message.visible_at, self.stage.clock.now)

    @precondition(lambda self: self.stage.sweep_is_due())
    @rule()
    def sweep(self) -> None:
        self.stage.sweep()

    # -- time, and Graph --

    @rule(seconds=st.sampled_from([0.3, 1.0, 29.0, 95.0, 121.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.stage.advance(timedelta(seconds=seconds))

    @rule()
    def time_passes_until_something_happens(self) -> None:
        self.stage.advance_to_next()

    @rule(effect=st.sampled_from(PASSING), operation=st.sampled_from(sorted(set(OPERATIONS))))
    def next_request_goes_wrong(self, effect: Effect, operation: str) -> None:
        self.stage.todo.faults.add(Rule(effect, operation))

    @rule(fatal=st.sampled_from(FATAL))
    def next_request_is_refused_for_good(self, fatal: tuple[Effect, str, frozenset[Reason]]) -> None:
        effect, operation, reasons = fatal
        self.stage.watch.fatal |= reasons
        self.stage.todo.faults.add(Rule(effect, operation))

    @rule()
    def signed_out_or_in(self) -> None:
        tokens = self.stage.world.accounts.tokens
        self.stage.watch.cannot_cancel = True
        if tokens.pop(SAM, None) is None:
            tokens[SAM] = TOKEN

    # -- what must hold --

    @invariant()
    def nothing_is_wrong_yet(self) -> None:
        if hasattr(self, "stage"):
            self.stage.watch.check()

    def teardown(self) -> None:
        if hasattr(self, "stage"):
            self.stage.settle()
            self.stage.watch.check_end()

    def _worker(self, number: int) -> Worker:
        ready = self.stage.ready()
        return ready[number % len(ready)]


TestUploadMachine = UploadMachine.TestCase
TestUploadMachine.settings = settings(
    max_examples=60, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
