"""How long an empty queue is left alone."""

from datetime import timedelta

from local.stand_ins.functions.polling import PollInterval


def milliseconds(interval: PollInterval, times: int) -> list[int]:
    return [round(interval.after_empty_poll() / timedelta(milliseconds=1)) for _ in range(times)]


def unshaken(longest_seconds: float) -> PollInterval:
    return PollInterval(timedelta(seconds=longest_seconds), lambda: 1.0)


def test_the_first_empty_poll_waits_100_ms_and_then_twice_as_long_each_time() -> None:
    assert milliseconds(unshaken(60), 6) == [100, 200, 300, 500, 900, 1700]


def test_the_longest_interval_is_never_passed_and_never_left() -> None:
    assert milliseconds(unshaken(0.5), 6) == [100, 200, 300, 500, 500, 500]


def test_messages_set_the_interval_back() -> None:
    interval = unshaken(60)
    milliseconds(interval, 6)

    interval.found_messages()

    assert milliseconds(interval, 3) == [200, 300, 500]


def test_messages_set_back_an_interval_that_had_reached_its_longest() -> None:
    interval = unshaken(0.25)
    milliseconds(interval, 6)

    interval.found_messages()

    assert milliseconds(interval, 2) == [200, 250]


def test_only_the_doubling_part_is_shaken() -> None:
    assert milliseconds(PollInterval(timedelta(minutes=1), lambda: 0.8), 3) == [100, 180, 260]


def test_an_interval_of_a_tenth_of_a_second_stays() -> None:
    assert milliseconds(unshaken(0.1), 3) == [100, 100, 100]
