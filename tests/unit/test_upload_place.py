"""Places in the index of an account: newest first, as text."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.core.upload_place import places_until, upload_at, upload_place
from tests.support.entries import NOW

ID, OTHER = "0" * 32, "f" * 32
MOMENT = timedelta(microseconds=1)


def test_a_place_has_its_upload() -> None:
    assert upload_at(upload_place(OTHER, NOW)) == OTHER


@pytest.mark.parametrize("later", [MOMENT, timedelta(seconds=1), timedelta(days=60_000)])
def test_the_later_one_sorts_first_whatever_its_id(later: timedelta) -> None:
    assert upload_place(OTHER, NOW + later) < upload_place(ID, NOW)
    assert len(upload_place(ID, NOW + later)) == len(upload_place(ID, NOW))


def test_uploads_of_one_moment_have_places_of_their_own() -> None:
    assert upload_place(ID, NOW) < upload_place(OTHER, NOW)


def test_a_moment_parts_those_written_since_from_those_before() -> None:
    assert upload_place(OTHER, NOW) < places_until(NOW) < upload_place(ID, NOW - MOMENT)


def test_a_time_that_no_clock_has_still_has_a_place_before_all_others() -> None:
    assert upload_place(ID, datetime.max.replace(tzinfo=UTC)) == f"{'0' * 16}-{ID}"


@pytest.mark.parametrize("place", ["", "1", f"{'1' * 15}-{ID}", f"{'1' * 16}-{ID}0", f"{'1' * 16}-{'g' * 32}"])
def test_what_is_no_place_has_no_upload(place: str) -> None:
    assert upload_at(place) is None
