"""When timers fire, and when a run counts as missed."""

from datetime import UTC, datetime, timedelta

import pytest

from local.stand_ins.functions.schedule import Schedule
from local.stand_ins.functions.timer_listener import is_past_due
from local.stand_ins.functions.timer_status import TimerStatus

START = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "following"),
    [
        ("*/5 * * * * *", START + timedelta(seconds=5)),
        ("0 */5 * * * *", datetime(2026, 1, 1, 12, 5, tzinfo=UTC)),
        ("*/5 * * * *", datetime(2026, 1, 1, 12, 5, tzinfo=UTC)),
        ("0 30 9 * * Mon-Fri", datetime(2026, 1, 2, 9, 30, tzinfo=UTC)),
        ("0 0 0 13 * 5", datetime(2026, 2, 13, tzinfo=UTC)),
        ("00:10:00", START + timedelta(minutes=10)),
    ],
)
def test_a_schedule_gives_the_next_time(text: str, following: datetime) -> None:
    assert Schedule.parse(text).after(START) == following


@pytest.mark.parametrize("text", ["whenever", "", "* * * *", "61 * * * * *", "0 0 0 * * * *", "00:00:00", "@daily"])
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|schedule"):
        Schedule.parse(text)


@pytest.mark.parametrize(
    ("text", "faster"),
    [
        ("*/30 * * * * *", True),
        ("00:00:30", True),
        ("0 * * * * *", False),
        ("00:01:00", False),
        ("0,5 0 * * * *", True),
    ],
)
def test_a_schedule_knows_whether_it_is_faster_than_a_minute(text: str, faster: bool) -> None:
    assert Schedule.parse(text).is_faster_than_a_minute is faster


HOURLY = Schedule.parse("0 0 * * * *")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RAN_AT_NOON = TimerStatus(NOON, NOON + timedelta(hours=1), NOON)


def test_a_time_that_has_passed_is_past_due() -> None:
    assert is_past_due(RAN_AT_NOON, HOURLY, NOON + timedelta(hours=1, seconds=1))


def test_a_time_still_to_come_is_not_past_due() -> None:
    assert not is_past_due(RAN_AT_NOON, HOURLY, NOON + timedelta(minutes=59))


def test_a_changed_schedule_is_not_past_due() -> None:
    assert not is_past_due(RAN_AT_NOON, Schedule.parse("0 30 * * * *"), NOON + timedelta(days=1))


def test_a_timer_that_never_ran_is_past_due_by_what_was_written_last() -> None:
    never_ran = TimerStatus(None, NOON + timedelta(hours=1), NOON + timedelta(minutes=1))

    assert is_past_due(never_ran, HOURLY, NOON + timedelta(hours=2))


def test_a_status_survives_its_file() -> None:
    assert TimerStatus.from_json(RAN_AT_NOON.as_json()) == RAN_AT_NOON


def test_a_timer_that_has_not_fired_says_so_as_dot_net_does() -> None:
    status = TimerStatus(None, RAN_AT_NOON.next, RAN_AT_NOON.last_updated)
    assert status.as_json()["Last"] == "0001-01-01T00:00:00"
    assert TimerStatus.from_json(status.as_json()) == status
