"""One schedule: a seed determines a profile of what may fail, and then one move after the other.

Each profile switches only some of the faults on ("swarm testing"): a schedule in which everything may fail seldom gets
far enough to reach rare combinations.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from local.stand_ins.todo.behaviour import DOCUMENTED, Behaviour
from local.stand_ins.todo.faults import (
    Answer,
    CutOffReply,
    Delay,
    Effect,
    ExpireSession,
    ForgetBytes,
    KeepPart,
    NonsenseRanges,
    ResetConnection,
    Rule,
    Silence,
    TrickleReply,
)
from local.stand_ins.todo.mailbox import Task, TaskList
from shared.core.entry import Reason
from shared.core.pacing import MailboxLimits
from shared.errors import BlobTagsRefused, StorageUnavailable
from shared.graph.request import GraphRequest
from tests.support.fakes.world import MAILBOX_LIMITS, SAM, SLICE, TOKEN, content
from tests.support.simulation.stage import TIMEOUT, Stage

# For how many moves there are faults. Whatever is under way then ends without any.
MOVES = (120, 260, 260, 260, 800)
KIM, TOKEN_OF_KIM = "kim@example.com", "canary-token-of-kim"
FILENAMES = ("plan.pdf", "final.pdf")
SIZES = (0, 0, 1, SLICE - 1, SLICE, SLICE + 1, 2 * SLICE, 2 * SLICE, 2 * SLICE + 100, 4 * SLICE, 25 * SLICE)

PASSING: tuple[Effect, ...] = (
    *(Answer(429, retry_after=seconds) for seconds in (1, 2.128, 30, 900)),
    Answer(429),
    Answer(429, retry_after=41, retry_after_as_date=True),
    *(Answer(status, applied=applied) for status in (500, 502, 503, 504, 408, 409) for applied in (False, True)),
    Answer(503, retry_after=20),
    Answer(423),
    Answer(509, retry_after=15),
    Answer(502, body="html", applied=True),
    *(ResetConnection(at) for at in ("before_body", "in_body", "after_body", "after_applying")),
    CutOffReply(),
    *(Delay(seconds, applied=applied) for seconds in (3, 60, 100) for applied in (False, True)),
    TrickleReply(30),
    TrickleReply(300),
    Silence(),
    Silence(applied=True),
    KeepPart(0.5),
    KeepPart(0.0),
    ExpireSession(),
    ForgetBytes(),
    NonsenseRanges("beyond"),
    NonsenseRanges("negative"),
    NonsenseRanges("empty"),
)
FATAL: tuple[tuple[Effect, str, frozenset[Reason]], ...] = (
    (Answer(403), "any", frozenset({Reason.FORBIDDEN})),
    # Not for an attachment that was just listed: against a server that is wrong about that, no client can be right.
    *(
        (Answer(404), operation, frozenset({Reason.NO_SUCH_TASK}))
        for operation in ("create_session", "put_slice", "list_attachments", "get_session", "post_attachment")
    ),
    (Answer(413), "put_slice", frozenset({Reason.TOO_LARGE})),
    (Answer(400), "any", frozenset({Reason.REFUSED})),
    (Answer(507), "any", frozenset({Reason.MAILBOX_FULL})),
    (Answer(401), "any", frozenset()),
)
OPERATIONS = (
    *["put_slice"] * 6,
    *["create_session"] * 2,
    *["any"] * 2,
    "get_session",
    "cancel_session",
    "list_attachments",
    "get_value",
    "list_lists",
    "list_tasks",
    "post_attachment",
)
SWITCHES: dict[str, tuple[Any, ...]] = {
    "session_get": (404, 405),
    "final_reply": ("entity", "nothing", "ok_entity", "ok_empty", "ok_progress"),
    "finished_session": ("lingers",),
    "torn_range": ("kept",),
    "expired_session": (410, 400, 401, 416),
    "unknown_session": (410, 400, 416),
    "unknown_session_delete": (204,),
    "acknowledged_range": (200,),
    "names": ("trimmed", "lower_case", "sanitised"),
    "location": ("key", "encoded", "relative", "absent"),
    "progress_ranges": ("open", "closed", "several"),
    "status_ranges": ("open", "closed", "several"),
    "create_casing": ("pascal",),
    "listing_lag": (20.0, 60.0, 400.0),
    "session_lifetime": (1_500.0, 7_200.0),
    "expiry": ("sliding",),
    "unknown_task": (400,),
    "moved_task_id": ("stays",),
    "error_form": ("html", "empty", "innererror"),
}
UNKNOWN = b'{"v":1,"upload":"00112233445566778899aabbccddeeff","step":1}'
STRANGE = (b"hello", b"[]", b'{"v":0,"upload":"00112233445566778899aabbccddeeff","step":1}', b"x" * 60_000, UNKNOWN)


class Swarm:
    """Draws which kinds of faults this schedule has."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def odds(self, enabled: float, most: float) -> float:
        """The probability for each move; 0 in most schedules."""
        return self._chance.uniform(0, most) if self._chance.random() < enabled else 0.0

    def yes(self, probability: float) -> bool:
        return self._chance.random() < probability


@dataclass
class Profile:
    """What may happen in a schedule, and how likely it is at each move."""

    workers: int
    kill: float
    restart: float
    storage_fault: float
    slow: float
    frozen: float
    person: float
    tokens: float
    outage: float
    strange: float
    unreachable: float
    early: float
    poison: float
    graph_fault: float
    late_writes: bool
    sweeping: bool
    delete_attached: bool
    files: tuple[int, ...] = (1, 1, 2, 2, 3, 4)
    sizes: tuple[int, ...] = SIZES
    rules: list[Rule] = field(default_factory=list)
    fatal: set[Reason] = field(default_factory=set)
    behaviour: Behaviour = DOCUMENTED
    mailbox_limits: MailboxLimits = MAILBOX_LIMITS

    @classmethod
    def draw(cls, chance: random.Random) -> "Profile":
        swarm = Swarm(chance)
        sweeping = swarm.yes(0.7)
        profile = cls(
            workers=chance.choice((1, 2, 2, 3, 4, 6)),
            kill=swarm.odds(0.5, 0.04),
            restart=swarm.odds(0.15, 0.01),
            storage_fault=swarm.odds(0.4, 0.05),
            slow=swarm.odds(0.5, 0.25),
            frozen=swarm.odds(0.25, 0.02) if sweeping else 0.0,
            # An upload whose worker died before it announced, and whose blob is gone when the event comes again, needs
            # the sweep.
            person=swarm.odds(0.6, 0.04) if sweeping else 0.0,
            tokens=swarm.odds(0.15, 0.01),
            outage=swarm.odds(0.15, 0.015),
            strange=swarm.odds(0.1, 0.01),
            unreachable=swarm.odds(0.1, 0.01),
            early=swarm.odds(0.2, 0.05),
            poison=swarm.odds(0.15, 0.02),
            graph_fault=swarm.odds(0.75, 0.5),
            late_writes=sweeping and swarm.yes(0.2),
            sweeping=sweeping,
            delete_attached=swarm.yes(0.15),
        )
        profile._draw_graph(chance, swarm)
        # Drawn last, so that the rest of a seed's profile stays as it was before this was added.
        profile.mailbox_limits = replace(
            MAILBOX_LIMITS,
            uploads_at_once=chance.choice((1, 1, 2, 3)),
            bytes=replace(MAILBOX_LIMITS.bytes, amount=chance.choice((4 * SLICE, 30 * SLICE, 150_000))),
        )
        return profile

    def _draw_graph(self, chance: random.Random, swarm: Swarm) -> None:
        if swarm.yes(0.65):
            for _ in range(chance.randint(1, 5)):
                nth, count = chance.randint(1, 7), chance.choice((1, 1, 1, 2, 3))
                self.rules.append(Rule(chance.choice(PASSING), chance.choice(OPERATIONS), nth=nth, count=count))
        if swarm.yes(0.08):
            effect, operation, reasons = chance.choice(FATAL)
            self.rules.append(Rule(effect, operation, nth=chance.randint(1, 6), count=chance.choice((1, 3))))
            self.fatal |= reasons
        if swarm.yes(0.3):
            switches = chance.sample(sorted(SWITCHES), chance.randint(1, 4))
            self.behaviour = replace(DOCUMENTED, **{name: chance.choice(SWITCHES[name]) for name in switches})


class Schedule:
    """Plays one seed. *focus* overrides members of the profile that the seed draws."""

    def __init__(
        self, seed: int, tell: Callable[[str], None] | None = None, focus: Mapping[str, Any] | None = None
    ) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.profile = replace(Profile.draw(self.chance), **(focus or {}))
        behaviour, delete_attached = self.profile.behaviour, self.profile.delete_attached
        self.stage = Stage(
            seed,
            behaviour=behaviour,
            delete_attached=delete_attached,
            mailbox_limits=self.profile.mailbox_limits,
            tell=tell,
        )
        self.stage.say(f"{self.profile}")
        self.stage.watch.fatal |= self.profile.fatal
        self.stage.late_writes = self.profile.late_writes
        self.stage.sweeping = self.profile.sweeping
        self.stage.trouble = self._trouble
        for rule in self.profile.rules:
            self.stage.todo.faults.add(rule)
        # A random source of its own, so that everything else in a seed's schedule stays as it was. Where no event
        # comes, only the timer helps, and if a run of it dies before it announces, only the sweep does.
        self._unheard = random.Random(f"what is not heard of in {seed}")
        swarm, plays = Swarm(self._unheard), self.profile.sweeping and not focus
        self._catching_up = swarm.odds(0.4, 0.05) if plays else 0.0
        self._lost_events = swarm.odds(0.5, 0.5) if plays else 0.0
        self._tasks: list[tuple[str, TaskList, Task]] = []
        self._furnish()
        self._names: list[str] = []

    def run(self) -> Counter[str]:
        """Play the whole schedule. Raises Violation where something does not hold."""
        for _ in range(self.chance.choice(self.profile.files)):
            self._drop()
        for _ in range(self.chance.choice(MOVES)):
            if not self._move():
                break
            self.stage.watch.check()
        self.stage.settle()
        self.stage.watch.check_end()
        return self.stage.counts

    # -- people and what they have --

    def _furnish(self) -> None:
        stage, world = self.stage, self.stage.world
        self._tasks.append((SAM, world.list, world.task))
        self._tasks.append((SAM, world.list, stage.todo.add_task(world.list, "Invoices")))
        kim = stage.todo.add_mailbox(KIM, TOKEN_OF_KIM)
        theirs = stage.todo.add_list(kim, "Tasks", wellknown_name="defaultList")
        self._tasks.append((KIM, theirs, stage.todo.add_task(theirs, "Receipts")))
        world.accounts.tokens[KIM] = TOKEN_OF_KIM
        stage.watch.tokens |= {SAM: TOKEN, KIM: TOKEN_OF_KIM}

    def _drop(self) -> None:
        folder, last = (
            self.chance.choice(("", "", "a/", "b/")),
            self.chance.choice(("plan.pdf", "plan.pdf", "no: 2?.txt")),
        )
        self._write(folder + last)

    def _write(self, name: str) -> None:
        data = content(self.chance.choice(self.profile.sizes), self.chance.choice((1, 1, 2, 3)))
        events = tuple(
            self.chance.choice((0.0, 0.0, 1.0, 40.0, 700.0)) for _ in range(self.chance.choice((1, 1, 2, 3)))
        )
        if self._unheard.random() < self._lost_events:
            events = ()
            if self._unheard.random() < 0.5:
                self.stage.world.dead_letters.give_up(name)
        self.stage.write(name, data, self._metadata(name), events=events)
        if name not in self._names:
            self._names.append(name)

    def _metadata(self, name: str) -> dict[str, str]:
        # Under one name, mostly files of the same person: those of another account are turned away.
        whose_name = [each for each in self._tasks if (each[0] == KIM) is name.startswith("b/")]
        choices = whose_name if self.chance.random() < 0.8 else self._tasks
        user, task_list, task = self.chance.choice((choices[0], *choices))
        whose = {"user": user} if user != SAM else {}
        if self.chance.random() < 0.7:
            return {"listid": task_list.id, "taskid": task.id, **whose}
        if self.chance.random() < 0.05:
            return {"colour": "red"}
        return {"task": task.title, **whose}

    # -- moves --

    def _move(self) -> bool:
        chance, profile, stage = self.chance, self.profile, self.stage
        if self._unheard.random() < self._catching_up:
            stage.catch_up()
            return True
        for odds, trouble in (
            (profile.person, self._person_acts),
            (profile.kill, self._kill_one),
            (profile.restart, self._kill_all),
            (profile.slow, self._time_passes),
            (profile.frozen, self._everything_freezes),
            (profile.tokens, self._tokens_change),
            (profile.outage, self._storage_goes),
            (profile.strange, self._strange_message),
            (profile.early, self._message_turns_up_early),
            (profile.poison, self._message_turns_poison),
            (profile.unreachable, self._network_changes),
        ):
            if odds and chance.random() < odds:
                trouble()
                return True
        ready = stage.ready()
        deliverable = stage.deliverable() if len(stage.workers) < profile.workers else []
        if ready and (not deliverable or chance.random() < 0.75):
            worker = chance.choice(ready)
            stage.resume(worker, self._fault(worker))
        elif deliverable:
            stage.deliver(*chance.choice(deliverable))
        elif stage.sweep_is_due():
            stage.sweep()
        else:
            return self._nothing_else_to_do()
        return True

    def _nothing_else_to_do(self) -> bool:
        moved = self.stage.advance_to_next()
        self._end_old_workers()
        return moved

    def _fault(self, worker: Any) -> Exception | None:
        if not self.stage.is_storage(worker) or self.chance.random() >= self.profile.storage_fault:
            return None
        if worker.at == "blobs.set_tags" and not worker.applied and self.chance.random() < 0.5:
            return BlobTagsRefused("403")
        return StorageUnavailable("storage answered 503")

    def _trouble(self, request: GraphRequest) -> Effect | None:
        if self.chance.random() >= self.profile.graph_fault:
            return None
        if request.operation == "put_slice" and self.chance.random() < 0.1:
            return Answer(416)
        return self.chance.choice(PASSING)

    def _kill_one(self) -> None:
        if not self.stage.workers:
            return
        worker = self.chance.choice(self.stage.workers)
        self.stage.kill(worker)
        if worker.message is not None and self.chance.random() < self.profile.poison * 20:
            self.stage.poison(worker.message)

    def _kill_all(self) -> None:
        for worker in list(self.stage.workers):
            self.stage.kill(worker)

    def _time_passes(self) -> None:
        self.stage.advance(timedelta(seconds=self.chance.choice((0.2, 1.0, 5.0, 29.0, 45.0, 95.0, 121.0))))
        self._end_old_workers()

    def _everything_freezes(self) -> None:
        """The machine freezes for longer than any lease, and then goes on as if nothing had happened."""
        self.stage.advance(timedelta(seconds=self.chance.choice((301.0, 660.0, 4_000.0))))

    def _end_old_workers(self) -> None:
        if self.profile.frozen:
            return
        for worker in list(self.stage.workers):
            if worker in self.stage.workers and self.stage.clock.now - worker.started_at > TIMEOUT:
                self.stage.time_out(worker)

    def _tokens_change(self) -> None:
        accounts, user = self.stage.world.accounts.tokens, self.chance.choice((SAM, KIM))
        if user in accounts:
            self.stage.say(f"{user} is signed out")
            del accounts[user]
            self.stage.watch.cannot_cancel = True
        else:
            accounts[user] = self.stage.watch.tokens[user]

    def _storage_goes(self) -> None:
        minutes = self.chance.choice((1, 10, 60))
        self.stage.say(f"storage is away for {minutes} minutes")
        self.stage.out_until = self.stage.clock.now + timedelta(minutes=minutes)

    def _strange_message(self) -> None:
        self.stage.put_strange(self.chance.choice(STRANGE))

    def _message_turns_up_early(self) -> None:
        # A leased message too, which loses its lease. If its worker then fails to schedule, only the sweep finds the
        # upload.
        messages = self.stage.world.messages.messages
        if early := [each for each in messages if self.profile.sweeping or not each.dequeue_count]:
            message = self.chance.choice(early)
            self.stage.say(f"message {message.number} turns up early")
            message.visible_at = min(message.visible_at, self.stage.clock.now)

    def _message_turns_poison(self) -> None:
        if self.stage.world.messages.messages:
            self.stage.poison(self.chance.choice(self.stage.world.messages.messages))

    def _network_changes(self) -> None:
        self.stage.graph.unreachable = not self.stage.graph.unreachable
        self.stage.watch.faults += 20  # as long as it lasts, each try is one
        self.stage.watch.cannot_cancel = True

    def _person_acts(self) -> None:
        blobs = self.stage.world.blobs.blobs
        name = self.chance.choice(self._names)
        act = self.chance.choice(
            (
                "rewrite",
                "rewrite",
                "same bytes",
                "former bytes",
                "delete",
                "metadata",
                "touch",
                "rename",
                "tags",
                "drop",
                "task",
                "event",
                "removal",
            )
        )
        if act in {"rewrite", "drop"} or name not in blobs:
            self._write(name) if act == "rewrite" else self._drop()
        elif act == "same bytes":
            self.stage.write(name, blobs[name].content, blobs[name].metadata)
        elif act == "former bytes":
            former = [each.content for each in self.stage.watch.versions.values() if each.blob.name == name]
            self.stage.write(name, self.chance.choice(former), blobs[name].metadata)
        elif act == "delete":
            self.stage.delete(name)
        elif act == "metadata":
            self.stage.edit_metadata(name, self._metadata(name))
        elif act == "touch":
            self.stage.edit_metadata(name, {**blobs[name].metadata, "colour": self.chance.choice("rgb")})
        elif act == "rename":
            self.stage.edit_metadata(name, {**blobs[name].metadata, "filename": self.chance.choice(FILENAMES)})
        elif act == "removal":
            self.stage.remove_attachment([task for _, _, task in self._tasks], self.chance)
        elif act == "tags":
            blobs[name].tags["own"] = "x"
        elif act == "event":
            self.stage.world.events.put(name.encode())
        else:
            self._task_changes()

    def _task_changes(self) -> None:
        _, task_list, task = self.chance.choice(self._tasks)
        if task.deleted:
            return
        if self.chance.random() < 0.5:
            self.stage.say(f"renames task {task.title}")
            title, task.title = task.title, f"{task.title} (old)"
            self.stage.todo.add_task(task_list, title)
        elif self.chance.random() < 0.3:
            self.stage.say(f"deletes task {task.title}")
            self.stage.todo.delete_task(task)
            self.stage.watch.fatal |= {Reason.NO_SUCH_TASK, Reason.REFUSED}


def run(seed: int, tell: Callable[[str], None] | None = None, focus: Mapping[str, Any] | None = None) -> Counter[str]:
    """Play the schedule of *seed*."""
    return Schedule(seed, tell, focus).run()
