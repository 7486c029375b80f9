from datetime import UTC, datetime, timedelta

import pytest

from shared.core.pacing import (
    Budget,
    Lease,
    MailboxLimits,
    Need,
    Pace,
    Ticket,
    Use,
    earliest_start,
    expected_wait,
    granted,
    returned,
    spent,
    throttled,
    tidied,
    why_not_yet,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
LIMITS = MailboxLimits(
    uploads_at_once=3,
    bytes=Budget(150, 5 * MINUTE),
    requests=Budget(100, 10 * MINUTE),
    lease=30 * MINUTE,
    slack=4 * SECOND,
)
FILE = Need(bytes=25, requests=8)


def pace_of(*, leases: int = 0, used: tuple[tuple[timedelta, Need], ...] = ()) -> Pace:
    """*used*: how long ago, and what."""
    held = tuple(Lease(f"upload {number}", NOW + 30 * MINUTE, FILE) for number in range(leases))
    return Pace(held, tuple(Use(NOW - ago, need) for ago, need in used))


def test_a_need_counts_the_slices_and_the_requests_around_them() -> None:
    assert Need.of(25, slice_bytes=4, by_name=False) == Need(25, 1 + 7)
    assert Need.of(0, slice_bytes=4, by_name=False) == Need(0, 1 + 1)
    assert Need.of(25, slice_bytes=4, by_name=True) == Need(25, 1 + 7 + 2)


def test_an_idle_mailbox_lets_an_upload_start_at_once() -> None:
    assert earliest_start(Pace(), FILE, NOW, LIMITS) == NOW


def test_no_upload_starts_beside_as_many_as_may_run_at_once() -> None:
    assert earliest_start(pace_of(leases=2), FILE, NOW, LIMITS) == NOW
    assert earliest_start(pace_of(leases=3), FILE, NOW, LIMITS) is None


def test_an_upload_waits_until_enough_bytes_have_left_the_window() -> None:
    used = ((3 * MINUTE, Need(50, 1)), (2 * MINUTE, Need(50, 1)), (MINUTE, Need(40, 1)))
    assert earliest_start(pace_of(used=used), FILE, NOW, LIMITS) == NOW + 2 * MINUTE + 4 * SECOND


def test_an_upload_waits_until_enough_requests_have_left_their_longer_window() -> None:
    used = ((6 * MINUTE, Need(0, 95)),)
    assert earliest_start(pace_of(used=used), FILE, NOW, LIMITS) == NOW + 4 * MINUTE + 4 * SECOND


def test_what_leases_reserve_must_be_given_back_before_it_is_known_when_there_is_room() -> None:
    large = Need(bytes=120, requests=8)
    assert earliest_start(pace_of(leases=2), large, NOW, LIMITS) is None


def test_a_file_larger_than_the_budget_goes_alone_instead_of_never() -> None:
    huge = Need(bytes=1_000, requests=8)
    assert earliest_start(Pace(), huge, NOW, LIMITS) == NOW
    assert earliest_start(pace_of(leases=1), huge, NOW, LIMITS) is None


def test_a_throttled_mailbox_starts_no_upload_before_graph_said() -> None:
    pace = throttled(Pace(), NOW + MINUTE, NOW)
    assert earliest_start(pace, FILE, NOW, LIMITS) == NOW + MINUTE
    assert throttled(pace, NOW + SECOND, NOW) == pace  # the later word of two holds
    assert earliest_start(pace, FILE, NOW + 2 * MINUTE, LIMITS) == NOW + 2 * MINUTE


def test_an_upload_that_has_to_wait_for_graph_keeps_its_lease_as_long() -> None:
    """An hour is longer than a lease: others would be given three more when the hour is over."""
    pace = throttled(granted(Pace(), "a", FILE, NOW, LIMITS), NOW + 60 * MINUTE, NOW)
    assert pace.leases == (Lease("a", NOW + 90 * MINUTE, FILE),)
    assert tidied(pace, NOW + 60 * MINUTE, LIMITS).leases == pace.leases
    again = throttled(pace, NOW + SECOND, NOW)
    assert again == pace


def test_a_lease_that_is_never_given_back_is_prolonged_by_no_more_than_graph_asked_to_wait() -> None:
    pace = granted(Pace(), "lost", FILE, NOW, LIMITS)
    for minutes in (10, 20):
        now = NOW + minutes * MINUTE
        pace = throttled(tidied(pace, now, LIMITS), now + MINUTE, now)
    assert pace.leases == (Lease("lost", NOW + 32 * MINUTE, FILE),)


def test_who_queues_reads_whether_graph_or_other_files_are_the_reason() -> None:
    assert why_not_yet(throttled(Pace(), NOW + MINUTE, NOW), NOW) == "Graph asks this mailbox to slow down"
    assert why_not_yet(throttled(Pace(), NOW + MINUTE, NOW), NOW + MINUTE) == "other files are first"
    assert why_not_yet(pace_of(leases=3), NOW) == "other files are first"


def test_a_lease_is_given_from_its_start_on_and_only_once() -> None:
    once = granted(Pace(), "a", FILE, NOW + MINUTE, LIMITS)
    assert once.leases == (Lease("a", NOW + 31 * MINUTE, FILE),)
    again = granted(once, "a", FILE, NOW + 2 * MINUTE, LIMITS)
    assert again.leases == (Lease("a", NOW + 32 * MINUTE, FILE),)
    assert [lease.starts_at(LIMITS) for lease in again.leases] == [NOW + 2 * MINUTE]


def test_what_a_lease_reserved_counts_as_used_from_its_return_on() -> None:
    pace = returned(granted(Pace(), "a", FILE, NOW, LIMITS), "a", NOW + SECOND, FILE)
    assert pace.lease_of("a") is None
    assert pace.uses == (Use(NOW + 2 * SECOND, FILE),)


def test_a_lease_under_which_nothing_was_asked_counts_as_nothing() -> None:
    assert returned(granted(Pace(), "a", FILE, NOW, LIMITS), "a", NOW, Need(0, 0)) == Pace()


def test_returning_a_lease_twice_counts_it_once() -> None:
    pace = returned(granted(Pace(), "a", FILE, NOW, LIMITS), "a", NOW, FILE)
    assert returned(pace, "a", NOW + MINUTE, FILE) == pace


def test_uses_of_the_same_two_seconds_are_one_and_never_reach_into_the_next() -> None:
    pace = Pace()
    for number in range(300):
        at = NOW + number * SECOND
        pace = returned(granted(pace, f"upload {number}", Need(1, 1), at, LIMITS), f"upload {number}", at, Need(1, 1))
    assert len(pace.uses) == 150
    assert {use.need for use in pace.uses} == {Need(2, 2)}
    assert all(use.ended_at - NOW - 2 * number * SECOND == 2 * SECOND for number, use in enumerate(pace.uses))


def test_tidying_forgets_uses_that_count_in_no_window_any_more() -> None:
    old, young = Use(NOW - 10 * MINUTE - 4 * SECOND, FILE), Use(NOW - 10 * MINUTE - 3 * SECOND, FILE)
    assert tidied(Pace(uses=(old, young)), NOW, LIMITS).uses == (young,)


@pytest.mark.parametrize("until", [NOW - SECOND, NOW], ids=["a second ago", "now"])
def test_tidying_takes_back_the_lease_of_a_lost_upload_and_counts_all_that_it_reserved(until: datetime) -> None:
    lost, held = Lease("a", until, FILE), Lease("b", NOW + SECOND, FILE)
    assert tidied(Pace(leases=(lost, held)), NOW, LIMITS) == Pace(leases=(held,), uses=(Use(until, FILE),))


def test_tidying_forgets_a_throttling_that_is_over() -> None:
    assert tidied(throttled(Pace(), NOW, NOW), NOW, LIMITS) == Pace()
    later = throttled(Pace(), NOW + SECOND, NOW)
    assert tidied(later, NOW, LIMITS) == later


@pytest.mark.parametrize(
    ("ahead", "wait"),
    [
        (Need(0, 0), timedelta()),
        (Need(125, 0), timedelta()),
        (Need(125, 90), 30 * SECOND),
        (Need(275, 40), 5 * MINUTE),
        (Need(0, 192), 10 * MINUTE),
    ],
)
def test_the_expected_wait_follows_from_what_is_ahead(ahead: Need, wait: timedelta) -> None:
    assert expected_wait(Pace(), ahead, FILE, NOW, LIMITS) == wait


def test_the_expected_wait_counts_what_is_reserved_and_what_was_used() -> None:
    pace = pace_of(leases=1, used=((MINUTE, Need(100, 20)),))
    assert expected_wait(pace, Need(75, 0), FILE, NOW, LIMITS) == 2.5 * MINUTE
    assert expected_wait(pace, Need(0, 89), FILE, NOW, LIMITS) == 2.5 * MINUTE


def test_the_expected_wait_counts_a_second_for_each_request_of_what_is_ahead_and_what_is_sent() -> None:
    assert expected_wait(pace_of(leases=3), Need(0, 30), FILE, NOW, LIMITS) == (3 * 8 + 30) / 3 * SECOND


def test_the_expected_wait_is_no_shorter_than_graph_asked_for_and_never_less_than_none() -> None:
    slow = throttled(Pace(), NOW + MINUTE, NOW)
    assert expected_wait(slow, Need(0, 0), FILE, NOW, LIMITS) == MINUTE
    assert expected_wait(slow, Need(0, 0), FILE, NOW + 2 * MINUTE, LIMITS) == timedelta()


def test_tickets_sort_by_the_time_of_queueing_and_then_by_upload() -> None:
    early = Ticket(NOW, "b", 1, FILE)
    twin = Ticket(NOW, "c", 1, FILE)
    late = Ticket(NOW + timedelta(microseconds=1), "a", 1, FILE)
    assert sorted([late, twin, early], key=lambda ticket: ticket.place) == [early, twin, late]


def test_the_ideal_is_nearly_reached_by_files_that_fill_the_budget() -> None:
    """A hundred files of 25 of 150 bytes, 8 s each: sent as soon as the pace allows, never more than the budget."""
    pace, at, running, ends = Pace(), NOW, list[tuple[datetime, str]](), list[datetime]()
    for number in range(100):
        while (start := earliest_start(tidied(pace, at, LIMITS), Need(25, 1), at, LIMITS)) is None:
            end, upload = running.pop(0)
            at = max(at, end)
            pace = returned(tidied(pace, at, LIMITS), upload, at, Need(25, 1))
            ends.append(end)
        pace = granted(tidied(pace, at, LIMITS), f"upload {number}", Need(25, 1), start, LIMITS)
        running.append((start + 8 * SECOND, f"upload {number}"))
        running.sort()
    elapsed = max(end for end, _ in running) - NOW
    assert elapsed / (100 / 6 * 5 * MINUTE) <= 1 / 0.95
    ends.extend(end for end, _ in running)
    for end in ends:
        assert sum(end - 5 * MINUTE < other <= end for other in ends) <= 6


def test_what_a_person_asks_counts_like_what_uploads_ask() -> None:
    pace = spent(pace_of(), 2, NOW, LIMITS)
    assert pace is not None
    assert [use.need for use in pace.uses] == [Need(0, 2)]


def test_what_a_person_asks_needs_no_lease() -> None:
    assert spent(pace_of(leases=LIMITS.uploads_at_once), 1, NOW, LIMITS) is not None


def test_a_person_asks_nothing_where_the_budget_is_used_or_reserved() -> None:
    all_of_it = Need(0, LIMITS.requests.amount)
    used = pace_of(used=((timedelta(seconds=1), all_of_it),))
    assert spent(used, 1, NOW, LIMITS) is None
    reserved = granted(Pace(), "upload", all_of_it, NOW, LIMITS)
    assert spent(reserved, 1, NOW, LIMITS) is None


def test_a_person_asks_nothing_before_graph_said() -> None:
    slow = throttled(Pace(), NOW + timedelta(seconds=10), NOW)
    assert spent(slow, 1, NOW, LIMITS) is None
    assert spent(slow, 1, NOW + timedelta(seconds=10), LIMITS) is not None


def test_a_person_asks_at_the_very_time_from_which_the_budget_has_room() -> None:
    used = pace_of(used=((10 * MINUTE + 4 * SECOND, Need(0, LIMITS.requests.amount)),))
    assert spent(used, 1, NOW - SECOND, LIMITS) is None
    assert spent(used, 1, NOW, LIMITS) is not None
