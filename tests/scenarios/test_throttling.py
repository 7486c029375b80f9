"""Graph says "not now": wait as long as it asks, keep what was sent, and burn no delivery."""

from datetime import timedelta

import pytest

from local.stand_ins.todo.faults import Answer
from local.stand_ins.todo.journal import Offence
from local.stand_ins.todo.throttle import PUBLISHED_LIMITS, Limits
from shared.core.backoff import LONGEST_RETRY_AFTER
from shared.core.entry import Phase
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_promise, fault, upload
from tests.support.fakes.manual_clock import START
from tests.support.fakes.memory_queue import QueuedMessage
from tests.support.fakes.world import FULL_SIZE, World, content

RETRY_AFTER = {
    "seconds": Answer(429, retry_after=7),
    "fraction": Answer(429, retry_after=2.128),
    "date": Answer(429, retry_after=41, retry_after_as_date=True),
    "absent": Answer(429),
    "fifteen minutes": Answer(429, retry_after=900),
    "nonsense": Answer(429, retry_after="soon"),
    "negative": Answer(429, retry_after="-5"),
    "unavailable": Answer(503, code="MailboxInfoStale", retry_after=30),
    "bandwidth": Answer(509, retry_after=12),
    "locked": Answer(423),
}


@pytest.mark.parametrize("operation", ["create_session", "put_slice"])
@pytest.mark.parametrize("answer", RETRY_AFTER.values(), ids=RETRY_AFTER)
@pytest.mark.parametrize("nth", [1, SLICES])
def test_a_throttled_request_waits_as_asked_and_goes_on(operation: str, answer: Answer, nth: int) -> None:
    world = World(faults=(fault(answer, operation, nth=nth if operation == "put_slice" else 1),))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)
    assert world.raised == []


@pytest.mark.parametrize("operation", ["create_session", "put_slice"])
@pytest.mark.parametrize("answer", RETRY_AFTER.values(), ids=RETRY_AFTER)
def test_four_in_a_row_burn_no_delivery(operation: str, answer: Answer) -> None:
    world = World(faults=(fault(answer, operation, count=4),))
    deliveries: list[int] = []

    def first(visible: list[QueuedMessage]) -> QueuedMessage:
        deliveries.append(visible[0].dequeue_count)
        return visible[0]

    world.choose = first
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)
    assert set(deliveries) == {0}


def test_a_throttled_day_of_quarters_of_an_hour_fails_only_by_age() -> None:
    world = World(faults=(fault(Answer(429, retry_after=900), count=None),))
    blob = upload(world)
    entry = world.entry(blob)
    assert (entry.phase, entry.detail) == (
        Phase.FAILED,
        "not attached within 24 hours (last: Graph asks to slow down: HTTP 429 TooManyRequests)",
    )
    assert entry.steps_without_progress == 0
    assert world.clock.now - START > timedelta(hours=24)
    assert_promise(world)


def test_a_retry_after_of_a_year_is_cut_to_what_a_queue_can_delay() -> None:
    world = World(faults=(fault(Answer(429, retry_after="31536000")),))
    blob = upload(world)
    assert world.phase(blob) is Phase.FAILED
    assert world.clock.now - START < LONGEST_RETRY_AFTER + timedelta(hours=1)
    assert_promise(world)


def test_the_published_limits_slow_down_but_lose_nothing() -> None:
    """Seven files of 25 MB for one mailbox: 150 MB in five minutes are published."""
    world = World(limits=FULL_SIZE, published=PUBLISHED_LIMITS)
    files = {f"scan-{number}.tif": content(25_000_000, number) for number in range(7)}
    for name, data in files.items():
        world.drop(data, name)
        world.notify(name)
    world.run()
    assert dict(world.attached()) == files
    assert world.clock.now - START >= timedelta(minutes=5)
    # Each of the seven learns by a request of its own that their mailbox is over its limit.
    assert_promise(world, offences=[Offence.EARLY_REQUEST])


@pytest.mark.parametrize("form", ["integer", "fraction", "http_date", "absent"])
def test_a_mailbox_over_its_limit_answers_in_any_form(form: str) -> None:
    world = World(published=Limits(requests=2, request_seconds=30.0, retry_after=form))  # type: ignore[arg-type]
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)


@pytest.mark.parametrize("operation", ["cancel_session", "list_attachments", "get_session", "get_value"])
def test_throttled_reads_and_cancels_wait_as_asked_too(operation: str) -> None:
    """On the way through a lost last reply, every other request is throttled once."""
    lost = fault(Answer(500, applied=True), nth=SLICES)
    world = World(faults=(lost, fault(Answer(429, retry_after=20), operation)))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)
    assert len(FILE) == world.entry(blob).offset


def test_a_cancel_that_is_throttled_for_ever_is_given_up() -> None:
    """Bounded: the session runs out by itself, and the entry must not step for ever."""
    refuse_bytes = fault(Answer(403), count=None)
    world = World(faults=(refuse_bytes, fault(Answer(429, retry_after=60), "cancel_session", count=None)))
    blob = world.drop(FILE)
    world.notify()
    world.run()
    assert world.phase(blob) is Phase.REJECTED
    assert_promise(world, unseen_sessions=1)
