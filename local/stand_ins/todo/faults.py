"""Rules that make a request fail: which requests match, which of the matching ones fail, and how.

As JSON: {"operation": "put_slice", "nth": 2, "effect": {"kind": "answer", "status": 503, "retry_after": 3}}.
Rules combine: if two apply to one request, half a range can be kept *and* the answer be a 500.
"""

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from local.stand_ins.todo.behaviour import ErrorForm
from local.stand_ins.todo.routes import Operation, Route
from local.stand_ins.todo.switches import checked


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer *status* instead of doing the work, or (*applied*) after doing it."""

    status: int
    code: str = ""
    message: str = ""
    # Seconds, whole or not; or any text, sent unchanged.
    retry_after: float | str | None = None
    retry_after_as_date: bool = False
    body: ErrorForm = "inner_error"
    headers: dict[str, str] = field(default_factory=dict)
    # With a 401: the claims challenge of continuous access evaluation.
    claims: bool = False
    applied: bool = False


@dataclass(frozen=True, slots=True)
class ResetConnection:
    """Reset the connection before the body, inside it (half of it read) or after it; or after the work is done.

    In the last case only the reply is lost.
    """

    at: Literal["before_body", "in_body", "after_body", "after_applying"] = "after_body"


@dataclass(frozen=True, slots=True)
class CutOffReply:
    """Do the work; break off the reply in the middle."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Wait some seconds between the request and the work, or (*applied*) between the work and the reply."""

    seconds: float
    applied: bool = False


@dataclass(frozen=True, slots=True)
class TrickleReply:
    """Do the work; send the reply byte by byte, over *seconds*."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Silence:
    """Accept the request, and never answer."""

    applied: bool = False


@dataclass(frozen=True, slots=True)
class KeepPart:
    """Keep only this fraction of a range. The next expected range begins after it."""

    fraction: float = 0.5


@dataclass(frozen=True, slots=True)
class ExpireSession:
    """Let the session expire right before the request."""


@dataclass(frozen=True, slots=True)
class ForgetBytes:
    """Let the session lose all its bytes right before the request: it expects byte 0 again."""


@dataclass(frozen=True, slots=True)
class CorruptByte:
    """Flip one byte of what is kept. *position* counts from the start of the body."""

    position: int = 0


@dataclass(frozen=True, slots=True)
class NonsenseRanges:
    """Name impossible next ranges, in a 200 for a range or in the answer about a session."""

    form: Literal["beyond", "negative", "empty", "text", "null"] = "beyond"


type Effect = (
    Answer
    | ResetConnection
    | CutOffReply
    | Delay
    | TrickleReply
    | Silence
    | KeepPart
    | ExpireSession
    | ForgetBytes
    | CorruptByte
    | NonsenseRanges
)

KINDS: Mapping[str, type[Effect]] = {
    "answer": Answer,
    "reset": ResetConnection,
    "cut_off": CutOffReply,
    "delay": Delay,
    "trickle": TrickleReply,
    "silence": Silence,
    "keep_part": KeepPart,
    "expire_session": ExpireSession,
    "forget_bytes": ForgetBytes,
    "corrupt_byte": CorruptByte,
    "nonsense_ranges": NonsenseRanges,
}
_KIND_OF: Mapping[type[Effect], str] = {effect: kind for kind, effect in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Rule:
    """Fires at the *nth* matching request, then at each *every*-th after it, *count* times (None: for ever)."""

    effect: Effect
    operation: str = "any"
    nth: int = 1
    every: int = 1
    count: int | None = 1
    # How often it really fires where it could; drawn at random from the service's seed.
    probability: float = 1.0
    # A sign-in name or object id; a task id.
    mailbox: str = ""
    task: str = ""

    def __post_init__(self) -> None:
        if self.operation != "any" and self.operation not in set(Operation):
            raise ValueError(f"no operation {self.operation!r}; there are any, {', '.join(Operation)}")
        if self.nth < 1 or self.every < 1:
            raise ValueError("nth and every count from 1")

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"effect": {"kind": _KIND_OF[type(self.effect)], **asdict(self.effect)}}


EXAMPLE = '{"operation": "put_slice", "nth": 2, "effect": {"kind": "answer", "status": 503}}'


def parse_rule(text: str) -> Rule:
    """A rule as typed in a shell. Raises ValueError, which names what is wrong."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"the fault {text!r} is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise ValueError(f"the fault {text!r} is not an object of operation, effect and their like")
    return read_rule(data)


def read_rule(data: Mapping[str, Any]) -> Rule:
    rest = dict(data)
    given = rest.pop("effect", {})
    if not isinstance(given, Mapping):
        raise ValueError(f"the effect {given!r} is not an object of kind and its like")
    described = dict(given)
    kind = described.pop("kind", None)
    if kind not in KINDS:
        raise ValueError(f"no effect {kind!r}; there are {', '.join(KINDS)}")
    effect = KINDS[kind]
    return Rule(**checked(Rule, {**rest, "effect": effect(**checked(effect, described))}))


@dataclass(slots=True, eq=False)
class Plan:
    """What all rules together do to one request."""

    answer: Answer | None = None
    reset: ResetConnection | None = None
    silence: Silence | None = None
    cut_off: bool = False
    trickle_seconds: float = 0.0
    latency: float = 0.0
    lateness: float = 0.0
    kept_fraction: float = 1.0
    session_loss: ExpireSession | ForgetBytes | None = None
    corrupted_byte: int | None = None
    nonsense: NonsenseRanges | None = None

    def add(self, effect: Effect) -> None:
        match effect:
            case Answer():
                self.answer = effect
            case ResetConnection():
                self.reset = effect
            case Silence():
                self.silence = effect
            case CutOffReply():
                self.cut_off = True
            case TrickleReply(seconds):
                self.trickle_seconds += seconds
            case Delay(seconds, applied=True):
                self.lateness += seconds
            case Delay(seconds):
                self.latency += seconds
            case KeepPart(fraction):
                self.kept_fraction = fraction
            case ExpireSession() | ForgetBytes():
                self.session_loss = effect
            case CorruptByte(position):
                self.corrupted_byte = position
            case NonsenseRanges():
                self.nonsense = effect

    @property
    def works(self) -> bool:
        """Whether the request's work is done at all."""
        return not (
            (self.answer and not self.answer.applied)
            or (self.reset and self.reset.at != "after_applying")
            or (self.silence and not self.silence.applied)
        )


# The plan of most requests. It is shared, so it must never be changed.
NO_FAULT = Plan()


@dataclass(slots=True)
class _Armed:
    rule: Rule
    seen: int = 0
    fired: int = 0

    def fires(self, chance: random.Random) -> bool:
        rule = self.rule
        self.seen += 1
        if self.seen < rule.nth or (self.seen - rule.nth) % rule.every:
            return False
        if rule.count is not None and self.fired >= rule.count:
            return False
        if rule.probability < 1.0 and chance.random() >= rule.probability:
            return False
        self.fired += 1
        return True


class Faults:
    """The rules in force, and how many requests have matched each."""

    def __init__(self, rules: Iterable[Rule], seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - repeatable faults, no secrets
        self._armed = [_Armed(rule) for rule in rules]

    def add(self, rule: Rule) -> None:
        self._armed.append(_Armed(rule))

    def clear(self) -> None:
        self._armed.clear()

    def rules(self) -> list[tuple[Rule, int]]:
        """Each rule and how often it fired."""
        return [(armed.rule, armed.fired) for armed in self._armed]

    def plan(self, route: Route, mailbox_names: tuple[str, ...]) -> Plan:
        if not self._armed:
            return NO_FAULT
        plan = NO_FAULT
        for armed in self._armed:
            rule = armed.rule
            if rule.operation not in ("any", route.operation):
                continue
            if (rule.mailbox and rule.mailbox not in mailbox_names) or (rule.task and rule.task != route.task_id):
                continue
            if armed.fires(self._chance):
                plan = Plan() if plan is NO_FAULT else plan
                plan.add(armed.rule.effect)
        return plan
