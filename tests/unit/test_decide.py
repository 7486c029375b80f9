"""What is done next, and the bounds at which an upload ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.core import actions as do
from shared.core import decide as deciding
from shared.core import endings
from shared.core import observations as seen
from shared.core.absorb import absorb as absorbing
from shared.core.actions import End
from shared.core.entry import Entry, LandedAs, Phase, Reason
from shared.core.limits import (
    MAX_READ_BACK_TRIES,
    MAX_SEARCHES_FOR_LANDED,
    MAX_SESSIONS,
    MAX_STEPS_WITHOUT_PROGRESS,
)
from shared.core.ranges import ByteRange
from tests.support.entries import LIMITS, NOW, SESSION, an_entry
from tests.support.results import result_for

TERMINAL = [phase for phase in Phase if phase.is_terminal]
LIVE = [phase for phase in Phase if not phase.is_terminal and phase not in {Phase.WAITING, Phase.VERIFYING}]
AFTER_DEADLINE = NOW + LIMITS.deadline + timedelta(seconds=1)
SIGN_IN = seen.NeedsSignIn("nobody is signed in")


def decide(entry: Entry) -> do.Decision:
    return deciding.decide(entry, now=NOW, limits=LIMITS)


def absorb(entry: Entry, observation: seen.Observation) -> Entry:
    return absorbing.absorb(entry, result_for(entry, decide(entry), observation), now=NOW, limits=LIMITS, jitter=0.0)


def ended(entry: Entry) -> End:
    action = decide(entry)
    assert isinstance(action, End)
    return action


def delay(entry: Entry) -> float:
    assert entry.not_before is not None
    return (entry.not_before - NOW).total_seconds()


def not_found(entry: Entry) -> Entry:
    """After as many searches as it takes."""
    while entry.phase is Phase.CONFIRMING:
        entry = absorb(entry, seen.NotFound())
    return entry


# -- what is done next --


@pytest.mark.parametrize(
    ("entry", "action"),
    [
        (an_entry(Phase.RESOLVING), do.Resolve()),
        (an_entry(Phase.OPENING), do.OpenSession()),
        (an_entry(Phase.OPENING, size=0), do.PreparePost()),
        (an_entry(Phase.OPENING, size=0, first_opened_at=NOW), do.PostFile()),
        (an_entry(Phase.SENDING), do.SendSlice(ByteRange(0, 100))),
        (an_entry(Phase.SENDING, offset=200), do.SendSlice(ByteRange(200, 250))),
        (an_entry(Phase.SENDING, offset=249, slice_bytes=1), do.SendSlice(ByteRange(249, 250))),
        (an_entry(Phase.LOCATING), do.AskSession()),
        (an_entry(Phase.CONFIRMING), do.CancelSession()),
        # The only session is gone right after its last slice: most likely the file is attached.
        (an_entry(Phase.CONFIRMING, in_doubt=True, sessions_opened=1), do.FindAttachment()),
        (an_entry(Phase.CONFIRMING, in_doubt=True, sessions_opened=1, searched=True), do.CancelSession()),
        (an_entry(Phase.CONFIRMING, in_doubt=True, sessions_opened=2), do.CancelSession()),
        (an_entry(Phase.CONFIRMING, session=None), do.FindAttachment()),
        (an_entry(Phase.WAITING), do.ReportOutcome()),
        (an_entry(Phase.FAILED), do.ReportOutcome()),
        (an_entry(Phase.FAILED, session=SESSION), do.ReportOutcome()),
        (an_entry(Phase.FAILED, session=SESSION, reported=Phase.FAILED), do.CancelSession()),
        (an_entry(Phase.SUPERSEDED, session=SESSION, reported=Phase.SUPERSEDED), do.CancelSession()),
        (
            an_entry(Phase.ATTACHED, reported=Phase.ATTACHED, attachment_id="A", delete_source=True),
            do.DeleteSource(),
        ),
    ],
    ids=[
        "resolve",
        "open",
        "empty file: intent first",
        "empty file: small POST",
        "first slice",
        "last slice",
        "last byte",
        "ask the session",
        "confirming: cancel first",
        "confirming the only session: look first",
        "confirming, looked in vain: cancel",
        "confirming a later session: cancel first",
        "confirming: then look",
        "tell who must sign in",
        "tell the outcome",
        "tell before cancelling",
        "cancel what is open",
        "cancel for a rewritten blob",
        "delete the source last",
    ],
)
def test_each_state_has_one_thing_to_do(entry: Entry, action: do.Decision) -> None:
    assert decide(entry) == action


@pytest.mark.parametrize(
    ("expires_in", "sends"),
    [(61.0, True), (60.0, False), (0.0, False), (-3600.0, False)],
    ids=["just long enough", "at the margin", "now", "long over"],
)
def test_no_range_is_started_in_a_session_s_last_minute(expires_in: float, sends: bool) -> None:
    action = decide(an_entry(Phase.SENDING, expires_at=NOW + timedelta(seconds=expires_in)))
    assert action == (do.SendSlice(ByteRange(0, 100)) if sends else do.CancelSession())


@pytest.mark.parametrize(
    ("expires_at", "sends"),
    [(datetime.min.replace(tzinfo=UTC), False), (datetime.max.replace(tzinfo=UTC), True)],
    ids=["the first moment", "the last moment"],
)
def test_an_expiry_at_the_end_of_all_times_is_only_a_time(expires_at: datetime, sends: bool) -> None:
    assert isinstance(decide(an_entry(Phase.SENDING, expires_at=expires_at)), do.SendSlice) is sends


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({"sessions_opened": 2, "offset": 200}, do.FindAttachment()),
        ({"sessions_opened": 2, "offset": 200, "searched": True}, do.SendSlice(ByteRange(200, 250))),
        ({"sessions_opened": 2, "offset": 100}, do.SendSlice(ByteRange(100, 200))),
        ({"sessions_opened": 1, "offset": 200}, do.SendSlice(ByteRange(200, 250))),
        ({"sessions_opened": 2, "offset": 0, "size": 60}, do.FindAttachment()),
    ],
    ids=["second session", "looked already", "not yet the last", "first session", "the only slice"],
)
def test_before_the_last_slice_of_a_later_session_the_file_is_looked_for(
    changes: dict[str, Any], action: do.Decision
) -> None:
    assert decide(an_entry(Phase.SENDING, **changes)) == action


# -- bounds (I6) --


@pytest.mark.parametrize("phase", [*LIVE, Phase.WAITING])
def test_every_live_phase_ends_when_it_is_too_old(phase: Phase) -> None:
    created = NOW - timedelta(hours=24, seconds=1)
    end = ended(an_entry(phase, created_at=created))
    assert (end.phase, end.reason) == (Phase.FAILED, Reason.TOO_OLD)
    assert end.detail.startswith("not attached within 24 hours")
    assert not isinstance(decide(an_entry(phase, created_at=NOW - timedelta(hours=24))), End)


def test_time_waiting_for_sign_in_counts_apart_from_age() -> None:
    old = an_entry(Phase.SENDING, created_at=NOW - timedelta(days=10), waited=timedelta(days=9, hours=12))
    assert isinstance(decide(old), do.SendSlice)
    waiting = an_entry(Phase.WAITING, created_at=NOW - timedelta(days=10), waiting_since=NOW - timedelta(days=9.5))
    assert decide(waiting) == do.ReportOutcome()


@pytest.mark.parametrize("phase", [*LIVE, Phase.WAITING])
def test_every_live_phase_ends_after_too_many_steps_without_progress(phase: Phase) -> None:
    end = ended(an_entry(phase, steps_without_progress=MAX_STEPS_WITHOUT_PROGRESS + 1, detail="HTTP 500"))
    assert (end.phase, end.reason) == (Phase.FAILED, Reason.NO_PROGRESS)
    assert "(last: HTTP 500)" in end.detail
    assert not isinstance(decide(an_entry(phase, steps_without_progress=MAX_STEPS_WITHOUT_PROGRESS)), End)


@pytest.mark.parametrize("phase", [*LIVE, Phase.WAITING])
def test_ten_deaths_in_a_row_end_an_upload_and_no_fewer(phase: Phase) -> None:
    end = ended(an_entry(phase, deaths=10, detail="HTTP 500"))
    assert (end.phase, end.reason) == (Phase.FAILED, Reason.WORKERS_DIED)
    assert end.detail.startswith("10 workers in a row died while they worked on it (last: HTTP 500)")
    assert not isinstance(decide(an_entry(phase, deaths=9)), End)


NOT_READ_BACK: list[dict[str, Any]] = [
    {"deaths": 10},
    {"closing_tries": MAX_READ_BACK_TRIES},
    {"created_at": NOW - timedelta(hours=24, seconds=1)},
]


@pytest.mark.parametrize("changes", NOT_READ_BACK, ids=["deaths", "tries", "age"])
def test_what_is_attached_and_cannot_be_read_back_ends_as_attached(changes: dict[str, Any]) -> None:
    end = ended(an_entry(Phase.VERIFYING, detail="HTTP 500", **changes))
    assert end == End(Phase.ATTACHED, Reason.NONE, "attached, but its bytes could not be read back (last: HTTP 500)")


@pytest.mark.parametrize("changes", NOT_READ_BACK, ids=["deaths", "tries", "age"])
def test_other_bytes_that_cannot_be_removed_end_the_upload_as_failed(changes: dict[str, Any]) -> None:
    end = ended(an_entry(Phase.VERIFYING, attachment_id="", garbled_id="A", **changes))
    detail = "To Do holds other bytes than the file, under an attachment that could not be removed"
    assert end == End(Phase.FAILED, Reason.GARBLED, detail)


@pytest.mark.parametrize("changes", [{}, {"attachment_id": "", "garbled_id": "A"}], ids=["attached", "garbled"])
def test_what_is_read_back_goes_on_up_to_its_bounds(changes: dict[str, Any]) -> None:
    within = {"deaths": 9, "closing_tries": MAX_READ_BACK_TRIES - 1, "created_at": NOW - timedelta(hours=24)}
    assert not isinstance(decide(an_entry(Phase.VERIFYING, **within, **changes)), End)


def test_without_a_last_word_none_is_told() -> None:
    assert ended(an_entry(steps_without_progress=MAX_STEPS_WITHOUT_PROGRESS + 1)).detail == "21 steps without progress"


def test_a_sixth_session_is_never_opened() -> None:
    end = ended(an_entry(Phase.OPENING, sessions_opened=MAX_SESSIONS + 1))
    assert (end.phase, end.reason) == (Phase.FAILED, Reason.SESSIONS)
    assert decide(an_entry(Phase.OPENING, sessions_opened=MAX_SESSIONS)) == do.OpenSession()


def test_too_many_sessions_tell_what_the_last_one_came_to() -> None:
    end = ended(an_entry(Phase.OPENING, sessions_opened=MAX_SESSIONS + 1, detail="HTTP 404"))
    assert end.detail == "5 upload sessions came to nothing (last: HTTP 404)"
    in_doubt = ended(an_entry(Phase.OPENING, sessions_opened=MAX_SESSIONS + 1, in_doubt=True))
    assert in_doubt.detail == "5 upload sessions came to nothing; it may already be attached"


def test_the_fifth_session_may_still_be_used() -> None:
    assert isinstance(decide(an_entry(Phase.SENDING, sessions_opened=MAX_SESSIONS + 1)), do.SendSlice)


@pytest.mark.parametrize(
    ("phase", "unsure"),
    [(Phase.LOCATING, True), (Phase.CONFIRMING, True), (Phase.SENDING, False), (Phase.OPENING, False)],
)
def test_giving_up_while_an_answer_is_missing_says_that_it_may_be_attached(phase: Phase, unsure: bool) -> None:
    assert (
        ended(an_entry(phase, steps_without_progress=MAX_STEPS_WITHOUT_PROGRESS + 1)).detail.endswith(
            "may already be attached"
        )
        is unsure
    )


def test_giving_up_on_a_wait_remembers_what_was_unknown_before_it() -> None:
    assert ended(an_entry(Phase.WAITING, resume=Phase.CONFIRMING, steps_without_progress=99)).detail.endswith(
        "may already be attached"
    )


@pytest.mark.parametrize("phase", TERMINAL)
def test_no_bound_ends_what_has_ended(phase: Phase) -> None:
    entry = an_entry(phase, steps_without_progress=99, sessions_opened=99, created_at=NOW - timedelta(days=99))
    assert decide(entry) == do.ReportOutcome()


LANDED = [
    (LandedAs.UNNAMED, "not under which id"),
    (LandedAs.OWNED, "under the id of an attachment that another upload owns"),
]


@pytest.mark.parametrize(("landed", "id_named"), LANDED, ids=["no id", "another upload's id"])
@pytest.mark.parametrize(
    "changes",
    [{"steps_without_progress": MAX_SEARCHES_FOR_LANDED}, {"created_at": NOW - timedelta(days=2)}],
    ids=["searched for often enough", "too old"],
)
def test_what_graph_said_it_created_ends_as_attached_even_without_an_id(
    changes: dict[str, Any], landed: LandedAs, id_named: str
) -> None:
    """As failed, the person would be told to write the file again, and have it twice."""
    end = ended(an_entry(Phase.CONFIRMING, session=None, landed=landed, **changes))
    assert (end.phase, end.reason) == (Phase.ATTACHED, Reason.NONE)
    assert end.detail == f"Graph answered that it was created, but {id_named}"


def test_until_then_what_graph_said_it_created_is_searched_for() -> None:
    entry = an_entry(Phase.CONFIRMING, session=None, landed=LandedAs.UNNAMED)
    entry = replace(entry, steps_without_progress=MAX_SEARCHES_FOR_LANDED - 1)
    assert decide(entry) == do.FindAttachment()


def test_a_source_is_never_deleted_for_an_attachment_without_an_id() -> None:
    entry = an_entry(
        Phase.CONFIRMING,
        landed=LandedAs.UNNAMED,
        session=None,
        steps_without_progress=MAX_SEARCHES_FOR_LANDED,
        delete_source=True,
    )
    attached = absorb(endings.ended(entry, ended(entry)), seen.Reported())
    assert attached.phase is Phase.ATTACHED
    assert attached.is_done
    assert not attached.source_deleted


# -- what a message proposes --


def proposed(entry: Entry) -> ByteRange | None:
    return deciding.range_to_send(entry, now=NOW, limits=LIMITS)


@pytest.mark.parametrize("phase", list(Phase))
def test_only_a_step_that_sends_proposes_bytes(phase: Phase) -> None:
    assert (proposed(an_entry(phase)) is not None) is (phase is Phase.SENDING)


def test_the_proposed_bytes_are_those_from_the_servers_offset_on() -> None:
    assert proposed(an_entry(Phase.SENDING, offset=200)) == ByteRange(200, 250)


def test_no_bytes_are_proposed_before_a_search() -> None:
    assert proposed(an_entry(Phase.SENDING, offset=200, sessions_opened=2)) is None


def test_what_is_proposed_holds_for_the_time_at_which_the_step_may_be_taken() -> None:
    """The session will have expired by then."""
    expires_at = NOW + timedelta(minutes=5)
    assert proposed(an_entry(Phase.SENDING, expires_at=expires_at)) is not None
    assert proposed(an_entry(Phase.SENDING, expires_at=expires_at, not_before=expires_at)) is None
