"""Metrics. They are made from the records that are sent, so that the two never contradict each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.core.entry import Phase


class Instrument(StrEnum):
    """OpenTelemetry's instruments: a counter adds up, a histogram collects values, a gauge shows the present value."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric. *unit* is in UCUM notation."""

    name: str
    instrument: Instrument
    unit: str
    description: str


UPLOADS = Metric("todo_attach.uploads", Instrument.COUNTER, "{upload}", "uploads that ended, by outcome and reason")
REJECTIONS = Metric(
    "todo_attach.rejections", Instrument.COUNTER, "{file}", "files that can never be attached as they are, by reason"
)
DURATION = Metric("todo_attach.upload.duration", Instrument.HISTOGRAM, "s", "from blob to outcome, by outcome")
BYTES = Metric("todo_attach.bytes", Instrument.COUNTER, "By", "bytes that Graph took")
SLICES = Metric("todo_attach.slices", Instrument.COUNTER, "{slice}", "slices that were sent, whatever became of them")
DEFERRALS = Metric("todo_attach.deferrals", Instrument.COUNTER, "{step}", "steps after which something is waited for")
POISON = Metric("todo_attach.poison", Instrument.COUNTER, "{message}", "poison messages, by what was done about them")
LIVE = Metric("todo_attach.live", Instrument.GAUGE, "{upload}", "uploads in flight, when last swept")
OLDEST_AGE = Metric("todo_attach.live.oldest_age", Instrument.GAUGE, "s", "age of the oldest of them")
NEED_SIGN_IN = Metric(
    "todo_attach.accounts.need_sign_in", Instrument.GAUGE, "{account}", "accounts that uploads wait for"
)

METRICS = (UPLOADS, REJECTIONS, DURATION, BYTES, SLICES, DEFERRALS, POISON, LIVE, OLDEST_AGE, NEED_SIGN_IN)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value of one metric."""

    metric: Metric
    value: float
    attributes: Mapping[str, str] = field(default_factory=dict)


def measured(event: str, fields: Mapping[str, object]) -> list[Measurement]:
    """What a record adds to the metrics."""
    match event:
        case "outcome":
            outcome, reason = {"outcome": str(fields["phase"])}, {"reason": str(fields["reason"])}
            ended = [
                Measurement(UPLOADS, 1, outcome | reason),
                Measurement(DURATION, _number(fields["elapsed"]), outcome),
            ]
            return [*ended, Measurement(REJECTIONS, 1, reason)] if fields["phase"] == Phase.REJECTED else ended
        case "turned_away":
            # Without an entry it is no upload, but the operator must see that the file was rejected.
            return [Measurement(REJECTIONS, 1, {"reason": str(fields["reason"])})]
        case "step":
            return [*_sent(fields), *_waited(fields)]
        case "poison":
            return [Measurement(POISON, 1, {"result": str(fields["result"])})]
        case "sweep":
            return [
                Measurement(LIVE, _number(fields["live"])),
                Measurement(OLDEST_AGE, _number(fields["oldest_age"])),
                Measurement(NEED_SIGN_IN, _number(fields["accounts_waiting"])),
            ]
        case _:
            return []


def _sent(fields: Mapping[str, object]) -> list[Measurement]:
    # A step that is to send a slice may end before it does so: without its bytes, a token, enough time or a connection.
    # If the slice was sent, the record has a status, or the observation that the result is unclear.
    was_sent = "status" in fields or fields["observation"] == "Unclear"
    if "range_start" not in fields or fields.get("graph_operation") != "put_slice" or not was_sent:
        return []
    slices = [Measurement(SLICES, 1)]
    if fields["observation"] in {"Progress", "Attached", "LandedUnnamed", "LandedUnderOwnedId"}:
        reached = fields["range_stop"] if fields["observation"] != "Progress" else fields["offset"]
        gained = max(0, _number(reached) - _number(fields["range_start"]))
        slices.append(Measurement(BYTES, gained))
    return slices


def _waited(fields: Mapping[str, object]) -> list[Measurement]:
    return [Measurement(DEFERRALS, 1, {"cause": str(fields["waits_for"])})] if fields["waits_for"] else []


def _number(value: object) -> float:
    assert isinstance(value, int | float)  # noqa: S101 - the records' own fields
    return value
