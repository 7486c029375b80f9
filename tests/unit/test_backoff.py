from datetime import UTC, datetime, timedelta

import pytest

from shared.core.backoff import LONGEST, LONGEST_RETRY_AFTER, delay_before, parse_http_date, parse_retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempt", "longest"),
    [(1, 2), (2, 4), (3, 8), (9, 512), (10, 600), (11, 600), (10**9, 600), (0, 2), (-5, 2)],
)
def test_a_delay_doubles_from_two_seconds_to_ten_minutes(attempt: int, longest: int) -> None:
    assert delay_before(attempt, jitter=0.0) == timedelta(seconds=longest / 2)
    assert delay_before(attempt, jitter=0.5) == timedelta(seconds=longest * 0.75)
    assert delay_before(attempt, jitter=0.999) < timedelta(seconds=longest) <= LONGEST


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("10", timedelta(seconds=10)),
        ("2.128", timedelta(seconds=2.128)),
        (" 7 ", timedelta(seconds=7)),
        ("0", timedelta()),
        ("Sun, 01 Mar 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Sunday, 01-Mar-26 12:00:30 GMT", timedelta(seconds=30)),
        ("Sun, 01 Mar 2026 13:00:30 +0100", timedelta(seconds=30)),
        ("Sun, 01 Mar 2026 12:00:30 -0000", timedelta(seconds=30)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", timedelta()),
        ("99999999999", LONGEST_RETRY_AFTER),
        ("1e300", LONGEST_RETRY_AFTER),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_RETRY_AFTER),
    ],
    ids=[
        "seconds",
        "fraction",
        "spaces",
        "zero",
        "date",
        "old date form",
        "date with a zone",
        "date without a zone",
        "date in the past",
        "huge",
        "huge float",
        "date far away",
    ],
)
def test_retry_after_is_understood_in_every_form(value: str, expected: timedelta) -> None:
    assert parse_retry_after(value, now=NOW) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "soon",
        "-1",
        "-0.5",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "Sun, 32 Mar 2026 12:00:30 GMT",
        "Sun, 01 Mar 99999999999999999999 12:00:30 GMT",
        "Sun, 01 Mar 2026 12:00:30 +99999999999999999999",
    ],
    ids=repr,
)
def test_a_retry_after_that_makes_no_sense_counts_as_absent(value: str | None) -> None:
    assert parse_retry_after(value, now=NOW) is None


def test_a_retry_after_date_without_any_clock_counts_as_absent() -> None:
    assert parse_retry_after("Sun, 01 Mar 2026 12:00:30 GMT", now=None) is None
    assert parse_retry_after("10", now=None) == timedelta(seconds=10)


def test_an_http_date_without_a_zone_is_utc() -> None:
    assert parse_http_date("Sun, 01 Mar 2026 12:00:00 -0000") == NOW
