"""What is done next (decide), and what becomes of an entry after what was seen (absorb)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.core import observations as seen
from shared.core import upload
from shared.core.entry import Claim, Entry, Phase, Reason
from shared.core.ranges import ByteRange
from shared.core.upload import (
    MAX_CLOSING_TRIES,
    MAX_LOOKS_FOR_LANDED,
    MAX_REPORT_TRIES,
    MAX_REPORT_TRIES_WAITING,
    MAX_SEARCHES_IN_DOUBT,
    MAX_SESSIONS,
    MAX_STALLED,
    End,
)
from tests.support.entries import LIMITS, NOW, SESSION_URL, SIZE, an_entry

TERMINAL = [phase for phase in Phase if phase.is_terminal]
LIVE = [phase for phase in Phase if not phase.is_terminal and phase is not Phase.WAITING]
AFTER_DEADLINE = NOW + LIMITS.deadline + timedelta(seconds=1)
SIGN_IN = seen.NeedsSignIn("nobody is signed in")


def decide(entry: Entry) -> upload.Action:
    return upload.decide(entry, now=NOW, limits=LIMITS)


def absorb(entry: Entry, observation: seen.Observation) -> Entry:
    return upload.absorb(entry, observation, now=NOW, limits=LIMITS, jitter=0.0)


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
        (an_entry(Phase.RESOLVING), upload.Resolve()),
        (an_entry(Phase.OPENING), upload.OpenSession()),
        (an_entry(Phase.OPENING, size=0), upload.RecordIntent()),
        (an_entry(Phase.OPENING, size=0, first_opened_at=NOW), upload.PostEmpty()),
        (an_entry(Phase.SENDING), upload.SendSlice(ByteRange(0, 100))),
        (an_entry(Phase.SENDING, offset=200), upload.SendSlice(ByteRange(200, 250))),
        (an_entry(Phase.SENDING, offset=249, slice_bytes=1), upload.SendSlice(ByteRange(249, 250))),
        (an_entry(Phase.LOCATING), upload.AskSession()),
        (an_entry(Phase.CONFIRMING), upload.CancelSession()),
        (an_entry(Phase.CONFIRMING, session_url=""), upload.LookForAttachment()),
        (an_entry(Phase.WAITING), upload.ReportOutcome()),
        (an_entry(Phase.FAILED), upload.ReportOutcome()),
        (an_entry(Phase.FAILED, session_url=SESSION_URL), upload.ReportOutcome()),
        (an_entry(Phase.FAILED, session_url=SESSION_URL, reported=Phase.FAILED), upload.CancelSession()),
        (an_entry(Phase.SUPERSEDED, session_url=SESSION_URL, reported=Phase.SUPERSEDED), upload.CancelSession()),
        (
            an_entry(Phase.ATTACHED, reported=Phase.ATTACHED, attachment_id="A", delete_source=True),
            upload.DeleteSource(),
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
        "confirming: then look",
        "tell who must sign in",
        "tell the outcome",
        "tell before cancelling",
        "cancel what is open",
        "cancel for a rewritten blob",
        "delete the source last",
    ],
)
def test_each_state_has_one_thing_to_do(entry: Entry, action: upload.Action) -> None:
    assert decide(entry) == action


@pytest.mark.parametrize(
    ("expires_in", "sends"),
    [(61.0, True), (60.0, False), (0.0, False), (-3600.0, False)],
    ids=["just long enough", "at the margin", "now", "long over"],
)
def test_no_range_is_started_in_a_session_s_last_minute(expires_in: float, sends: bool) -> None:
    action = decide(an_entry(Phase.SENDING, session_expires_at=NOW + timedelta(seconds=expires_in)))
    assert action == (upload.SendSlice(ByteRange(0, 100)) if sends else upload.CancelSession())


@pytest.mark.parametrize(
    ("expires_at", "sends"),
    [(datetime.min.replace(tzinfo=UTC), False), (datetime.max.replace(tzinfo=UTC), True)],
    ids=["the first moment", "the last moment"],
)
def test_an_expiry_at_the_end_of_all_times_is_only_a_time(expires_at: datetime, sends: bool) -> None:
    assert isinstance(decide(an_entry(Phase.SENDING, session_expires_at=expires_at)), upload.SendSlice) is sends


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({"sessions_opened": 2, "offset": 200}, upload.LookForAttachment()),
        ({"sessions_opened": 2, "offset": 200, "looked": True}, upload.SendSlice(ByteRange(200, 250))),
        ({"sessions_opened": 2, "offset": 100}, upload.SendSlice(ByteRange(100, 200))),
        ({"sessions_opened": 1, "offset": 200}, upload.SendSlice(ByteRange(200, 250))),
        ({"sessions_opened": 2, "offset": 0, "size": 60}, upload.LookForAttachment()),
    ],
    ids=["second session", "looked already", "not yet the last", "first session", "the only slice"],
)
def test_before_the_last_slice_of_a_later_session_the_file_is_looked_for(
    changes: dict[str, Any], action: upload.Action
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
    assert isinstance(decide(old), upload.SendSlice)
    waiting = an_entry(Phase.WAITING, created_at=NOW - timedelta(days=10), waiting_since=NOW - timedelta(days=9.5))
    assert decide(waiting) == upload.ReportOutcome()


@pytest.mark.parametrize("phase", [*LIVE, Phase.WAITING])
def test_every_live_phase_ends_after_too_many_steps_without_progress(phase: Phase) -> None:
    end = ended(an_entry(phase, stalled=MAX_STALLED + 1, detail="HTTP 500"))
    assert (end.phase, end.reason) == (Phase.FAILED, Reason.NO_PROGRESS)
    assert "(last: HTTP 500)" in end.detail
    assert not isinstance(decide(an_entry(phase, stalled=MAX_STALLED)), End)


def test_without_a_last_word_none_is_told() -> None:
    assert ended(an_entry(stalled=MAX_STALLED + 1)).detail == "21 steps without progress"


def test_a_sixth_session_is_never_opened() -> None:
    end = ended(an_entry(Phase.OPENING, sessions_opened=MAX_SESSIONS + 1))
    assert (end.phase, end.reason) == (Phase.FAILED, Reason.SESSIONS)
    assert decide(an_entry(Phase.OPENING, sessions_opened=MAX_SESSIONS)) == upload.OpenSession()


def test_too_many_sessions_tell_what_the_last_one_came_to() -> None:
    end = ended(an_entry(Phase.OPENING, sessions_opened=MAX_SESSIONS + 1, detail="HTTP 404"))
    assert end.detail == "5 upload sessions came to nothing (last: HTTP 404)"


def test_the_fifth_session_may_still_be_used() -> None:
    assert isinstance(decide(an_entry(Phase.SENDING, sessions_opened=MAX_SESSIONS + 1)), upload.SendSlice)


@pytest.mark.parametrize(
    ("phase", "unsure"),
    [(Phase.LOCATING, True), (Phase.CONFIRMING, True), (Phase.SENDING, False), (Phase.OPENING, False)],
)
def test_giving_up_while_an_answer_is_missing_says_that_it_may_be_attached(phase: Phase, unsure: bool) -> None:
    assert ended(an_entry(phase, stalled=MAX_STALLED + 1)).detail.endswith("may already be attached") is unsure


def test_giving_up_on_a_wait_remembers_what_was_unknown_before_it() -> None:
    assert ended(an_entry(Phase.WAITING, resume=Phase.CONFIRMING, stalled=99)).detail.endswith(
        "may already be attached"
    )


@pytest.mark.parametrize("phase", TERMINAL)
def test_no_bound_ends_what_has_ended(phase: Phase) -> None:
    entry = an_entry(phase, stalled=99, sessions_opened=99, created_at=NOW - timedelta(days=99))
    assert decide(entry) == upload.ReportOutcome()


@pytest.mark.parametrize(
    "changes",
    [{"stalled": MAX_LOOKS_FOR_LANDED}, {"created_at": NOW - timedelta(days=2)}],
    ids=["looked often enough", "too old"],
)
def test_what_graph_said_it_created_ends_as_attached_even_without_an_id(changes: dict[str, Any]) -> None:
    """As failed, the person would be told to write the file again, and have it twice."""
    end = ended(an_entry(Phase.CONFIRMING, session_url="", landed=True, **changes))
    assert (end.phase, end.reason) == (Phase.ATTACHED, Reason.NONE)
    assert end.detail == "Graph answered that it was created, but not under which id"


def test_until_then_what_graph_said_it_created_is_looked_for() -> None:
    entry = an_entry(Phase.CONFIRMING, session_url="", landed=True, stalled=MAX_LOOKS_FOR_LANDED - 1)
    assert decide(entry) == upload.LookForAttachment()


def test_a_source_is_never_deleted_for_an_attachment_without_an_id() -> None:
    entry = an_entry(Phase.CONFIRMING, landed=True, session_url="", stalled=MAX_LOOKS_FOR_LANDED, delete_source=True)
    attached = absorb(upload.ended(entry, ended(entry)), seen.Reported())
    assert attached.phase is Phase.ATTACHED
    assert attached.is_done
    assert not attached.source_deleted


def test_an_end_is_a_step_that_frees_the_claim_and_keeps_the_session_to_be_cancelled() -> None:
    before = an_entry(Phase.LOCATING, not_before=NOW, resume=Phase.SENDING, report_tries=2, deferrals=4)
    after = upload.ended(before, End(Phase.FAILED, Reason.TOO_OLD, "why"))
    assert (after.phase, after.reason, after.detail) == (Phase.FAILED, Reason.TOO_OLD, "why")
    assert (after.step, after.claim, after.not_before, after.resume) == (8, None, None, None)
    assert (after.session_url, after.report_tries, after.deferrals) == (SESSION_URL, 0, 0)


# -- the table --

EXAMPLES: dict[type, seen.Observation] = {
    seen.Resolved: seen.Resolved("L", "T"),
    seen.SlotHeld: seen.SlotHeld(),
    seen.SessionOpened: seen.SessionOpened(SESSION_URL, NOW + timedelta(hours=1), 0, NOW),
    seen.IntentRecorded: seen.IntentRecorded(NOW),
    seen.Progress: seen.Progress(100),
    seen.Attached: seen.Attached("A"),
    seen.LandedUnnamed: seen.LandedUnnamed(),
    seen.Unclear: seen.Unclear("HTTP 500"),
    seen.SessionLost: seen.SessionLost("HTTP 404"),
    seen.SliceTooLarge: seen.SliceTooLarge(),
    seen.Deferred: seen.Deferred("HTTP 429"),
    seen.Unavailable: seen.Unavailable("HTTP 500"),
    seen.Refused: seen.Refused(Reason.FORBIDDEN, "HTTP 403"),
    seen.NeedsSignIn: SIGN_IN,
    seen.NotFound: seen.NotFound(),
    seen.SessionCancelled: seen.SessionCancelled(),
    seen.BlobRewritten: seen.BlobRewritten(),
    seen.BlobDeleted: seen.BlobDeleted(),
    seen.Reported: seen.Reported(),
    seen.SourceDeleted: seen.SourceDeleted(),
}
CASES = [(phase, kind) for phase in Phase for kind in EXAMPLES]


@pytest.mark.parametrize(("phase", "kind"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_an_observation_leads_where_the_table_says_or_is_a_bug(phase: Phase, kind: type) -> None:
    before = an_entry(phase, not_before=NOW, offset=50, furthest=50)
    allowed = upload.TRANSITIONS[phase].get(kind)
    if allowed is None:
        with pytest.raises(ValueError, match=f"{kind.__name__} cannot be seen while {phase}"):
            absorb(before, EXAMPLES[kind])
        return
    after = absorb(before, EXAMPLES[kind])
    assert after.phase is allowed[0]
    assert (after.step, after.claim) == (8, None)


def test_the_table_leaves_no_terminal_phase() -> None:
    for phase in TERMINAL:
        assert {to for row in upload.TRANSITIONS[phase].values() for to in row} == {phase}


def test_an_observation_against_the_table_is_a_bug_and_changes_nothing() -> None:
    with pytest.raises(ValueError, match="Unclear does not lead from opening to failed"):
        absorb(an_entry(Phase.OPENING, size=0, refused=400), seen.Unclear("HTTP 400", refused=400))


def test_a_server_that_has_all_bytes_and_created_nothing_is_confirmed() -> None:
    after = absorb(an_entry(Phase.SENDING, offset=200, furthest=200), seen.Progress(SIZE))
    assert (after.phase, after.stalled) == (Phase.CONFIRMING, 1)


@pytest.mark.parametrize(("deferrals", "seconds"), [(0, 1), (3, 1), (4, 17), (50, 301)])
def test_a_server_that_says_now_for_ever_is_not_asked_every_second(deferrals: int, seconds: float) -> None:
    after = absorb(an_entry(Phase.SENDING, deferrals=deferrals), seen.Deferred("HTTP 429", timedelta()))
    assert delay(after) == seconds


def test_a_retry_after_is_never_cut_short_by_our_own_back_off() -> None:
    after = absorb(an_entry(Phase.SENDING, deferrals=50), seen.Deferred("HTTP 429", timedelta(hours=2)))
    assert delay(after) == 7201


# -- resolving --


def test_what_was_resolved_is_recorded() -> None:
    after = absorb(an_entry(deferrals=3, detail="waiting"), seen.Resolved("L2", "T2"))
    assert (after.phase, after.list_id, after.task_id) == (Phase.OPENING, "L2", "T2")
    assert (after.deferrals, after.detail, after.not_before) == (0, "", None)


def test_a_held_slot_is_waited_for_at_most_half_a_minute_and_counts_nothing() -> None:
    after = absorb(an_entry(deferrals=50), seen.SlotHeld())
    assert (after.phase, after.deferrals, after.stalled) == (Phase.RESOLVING, 51, 0)
    assert after.detail == "another upload of this name to this task is under way"
    assert delay(after) == 31
    assert [delay(absorb(an_entry(deferrals=tries), seen.SlotHeld())) for tries in range(4)] == [2, 3, 5, 9]


# -- opening --


def test_an_opened_session_starts_fresh() -> None:
    before = an_entry(Phase.OPENING, sessions_opened=1, looked=True, refused=400, furthest=200, offset=200, deferrals=2)
    before = replace(before, detail="HTTP 503")
    after = absorb(before, seen.SessionOpened(SESSION_URL, NOW + timedelta(hours=1), 0, NOW))
    assert (after.phase, after.session_url, after.session_expires_at) == (
        Phase.SENDING,
        SESSION_URL,
        NOW + timedelta(hours=1),
    )
    assert (after.offset, after.furthest, after.looked, after.refused, after.deferrals) == (0, 0, False, 0, 0)
    assert after.detail == ""


@pytest.mark.parametrize(
    ("known", "told", "expected"),
    [
        (None, NOW, NOW),
        (NOW - timedelta(hours=1), NOW, NOW - timedelta(hours=1)),
        (None, None, an_entry().created_at),
    ],
    ids=["the first session", "a later session", "no Date"],
)
def test_nothing_older_than_the_first_session_can_be_ours(
    known: datetime | None, told: datetime | None, expected: datetime
) -> None:
    """Never later than the first session: what it left would count as too old to be ours, and be sent again."""
    before = an_entry(Phase.OPENING, first_opened_at=known)
    assert absorb(before, seen.SessionOpened(SESSION_URL, None, 0, told)).first_opened_at == expected


@pytest.mark.parametrize("offset", [1, 100, SIZE, 10**9])
def test_a_new_session_that_claims_bytes_already_is_cancelled_not_continued(offset: int) -> None:
    """Going on from there would attach a file without its beginning (I2)."""
    after = absorb(an_entry(Phase.OPENING), seen.SessionOpened(SESSION_URL, None, offset, NOW))
    assert (after.phase, after.offset, after.stalled) == (Phase.CONFIRMING, 0, 1)
    assert after.detail == f"a session just opened expects byte {offset}"
    assert decide(after) == upload.CancelSession()


@pytest.mark.parametrize("observation", [seen.Deferred("x"), seen.Unavailable("x"), SIGN_IN], ids=repr)
@pytest.mark.parametrize("changes", [{}, {"size": 0, "first_opened_at": NOW}], ids=["session", "small POST"])
def test_an_opening_that_opened_nothing_gives_its_count_back(
    observation: seen.Observation, changes: dict[str, Any]
) -> None:
    before = an_entry(Phase.OPENING, sessions_opened=3, **changes)
    assert absorb(before, observation).sessions_opened == 2


def test_an_intent_that_was_deferred_had_no_count_to_give_back() -> None:
    assert absorb(an_entry(Phase.OPENING, size=0), seen.Deferred("x")).sessions_opened == 0


@pytest.mark.parametrize(
    ("opened_at", "expected"), [(NOW, NOW), (None, an_entry().created_at)], ids=["Graph's Date", "no Date"]
)
def test_an_empty_file_records_its_intent_before_it_is_sent(opened_at: datetime | None, expected: datetime) -> None:
    after = absorb(an_entry(Phase.OPENING, size=0, deferrals=3), seen.IntentRecorded(opened_at))
    assert (after.phase, after.first_opened_at, after.deferrals) == (Phase.OPENING, expected, 0)
    assert decide(after) == upload.PostEmpty()


def test_an_empty_file_whose_answer_is_lost_waits_out_a_deadline_and_is_looked_for() -> None:
    before = an_entry(Phase.OPENING, size=0, first_opened_at=NOW, sessions_opened=1)
    after = absorb(before, seen.Unclear("no reply"))
    assert (after.phase, after.not_before, after.sessions_opened) == (Phase.CONFIRMING, AFTER_DEADLINE, 1)
    assert decide(after) == upload.LookForAttachment()
    assert decide(not_found(after)) == upload.PostEmpty()


def test_a_lost_answer_with_a_longer_retry_after_waits_for_that() -> None:
    before = an_entry(Phase.OPENING, size=0, first_opened_at=NOW)
    assert delay(absorb(before, seen.Unclear("HTTP 503", timedelta(minutes=5)))) == 301


# -- sending: progress (I1) --


@pytest.mark.parametrize("offset", [100, 200, 150, 101], ids=["as sent", "more", "a part of it", "a byte"])
def test_progress_is_the_server_s_word_and_resets_what_counts_failures(offset: int) -> None:
    before = an_entry(Phase.LOCATING, offset=100 if offset > 100 else 0, furthest=100 if offset > 100 else 0)
    before = replace(before, stalled=7, deferrals=3, refused=400, detail="HTTP 400")
    after = absorb(before, seen.Progress(offset))
    assert (after.phase, after.offset, after.furthest) == (Phase.SENDING, offset, offset)
    assert (after.stalled, after.deferrals, after.refused, after.detail) == (0, 0, 0, "")


def test_bytes_sent_again_after_a_rewind_are_neither_progress_nor_a_lack_of_it() -> None:
    """As a lack of it, eighty small slices would run into the bound on their way back to where they were."""
    entry = an_entry(
        Phase.SENDING, size=10_000, offset=8_000, furthest=8_000, stalled=2, deferrals=3, detail="HTTP 503"
    )
    entry = absorb(entry, seen.Progress(0))
    assert entry.stalled == 3
    for offset in range(100, 8_001, 100):
        entry = absorb(entry, seen.Progress(offset))
        assert (entry.offset, entry.furthest, entry.stalled) == (offset, 8_000, 3)
    assert (entry.deferrals, entry.detail) == (0, "")
    assert absorb(entry, seen.Progress(8_100)).stalled == 0


def test_a_session_that_falls_back_again_and_again_ends_at_the_bound() -> None:
    """Each time it moves forward in between, and never beyond where it was."""
    entry = an_entry(Phase.SENDING, offset=200, furthest=200)
    falls = 0
    while not isinstance(decide(entry), End):
        entry = absorb(absorb(absorb(entry, seen.Progress(0)), seen.Progress(100)), seen.Progress(200))
        falls += 1
    assert falls == MAX_STALLED + 1
    assert ended(entry).reason is Reason.NO_PROGRESS


@pytest.mark.parametrize("offset", [0, 60, 100], ids=["to the start", "back a part", "unmoved"])
def test_a_rewind_is_followed_but_is_no_progress(offset: int) -> None:
    before = an_entry(Phase.SENDING, offset=100, furthest=100, stalled=2, deferrals=3)
    after = absorb(before, seen.Progress(offset))
    assert (after.phase, after.offset, after.furthest) == (Phase.SENDING, offset, 100)
    assert (after.stalled, after.deferrals) == (3, 3)


@pytest.mark.parametrize("offset", [SIZE, SIZE + 1, 10**18, 101], ids=["all there", "past the end", "far", "a gap"])
def test_a_session_that_cannot_be_continued_is_confirmed(offset: int) -> None:
    before = an_entry(Phase.LOCATING)
    after = absorb(before, seen.Progress(offset))
    assert (after.phase, after.offset, after.stalled) == (Phase.CONFIRMING, 0, 1)
    assert after.detail == f"the session expects byte {offset}"
    assert decide(after) == upload.CancelSession()


@pytest.mark.parametrize(
    ("doubted", "offset", "in_doubt"),
    [(True, 200, True), (True, 100, True), (True, 201, False), (False, 201, False), (False, 200, False)],
    ids=["not got yet", "rewound", "gained a byte", "never in doubt", "never in doubt, unmoved"],
)
def test_a_last_slice_stays_in_doubt_until_the_session_has_gained_a_byte(
    doubted: bool, offset: int, in_doubt: bool
) -> None:
    """The session was asked and has not got it: the request that we gave up on may be under way all the same."""
    before = an_entry(Phase.LOCATING, offset=200, furthest=200, in_doubt=doubted)
    assert absorb(before, seen.Progress(offset)).in_doubt is in_doubt


def test_a_session_that_stays_where_it_was_keeps_the_reason_why() -> None:
    assert absorb(an_entry(Phase.LOCATING, detail="HTTP 503"), seen.Progress(0)).detail == "HTTP 503"


@pytest.mark.parametrize(
    ("told", "kept"),
    [(NOW + timedelta(hours=2), NOW + timedelta(hours=2)), (None, NOW + timedelta(hours=1))],
    ids=["slides", "fixed at creation"],
)
def test_the_newest_expiry_counts(told: datetime | None, kept: datetime) -> None:
    before = an_entry(Phase.SENDING, session_expires_at=NOW + timedelta(hours=1))
    assert absorb(before, seen.Progress(100, told)).session_expires_at == kept


# -- sending: everything else --


def test_a_sent_last_slice_is_attached_and_its_session_is_over() -> None:
    before = an_entry(Phase.SENDING, offset=200, furthest=200, stalled=3, reason=Reason.SIGN_IN, detail="x")
    after = absorb(before, seen.Attached("A"))
    assert (after.phase, after.attachment_id, after.session_url) == (Phase.ATTACHED, "A", "")
    assert (after.reason, after.detail, after.offset, after.stalled) == (Reason.NONE, "", SIZE, 0)
    assert absorb(after, seen.Reported()).is_done


def test_what_turns_up_before_a_later_session_s_last_slice_is_adopted_and_that_session_cancelled() -> None:
    before = an_entry(Phase.SENDING, offset=200, sessions_opened=2)
    after = absorb(before, seen.Attached("A"))
    assert (after.phase, after.session_url) == (Phase.ATTACHED, SESSION_URL)
    assert decide(absorb(after, seen.Reported())) == upload.CancelSession()


def test_a_later_session_s_own_last_slice_leaves_nothing_to_cancel() -> None:
    looked = absorb(an_entry(Phase.SENDING, offset=200, sessions_opened=2), seen.NotFound())
    assert (looked.phase, looked.looked, looked.stalled) == (Phase.SENDING, True, 0)
    assert decide(looked) == upload.SendSlice(ByteRange(200, 250))
    assert absorb(looked, seen.Attached("A")).session_url == ""


def test_created_without_a_name_is_only_looked_for_and_never_sent_again() -> None:
    landed = absorb(an_entry(Phase.SENDING, offset=200, stalled=4), seen.LandedUnnamed())
    assert landed.detail == "created, but the reply named no id"
    assert (landed.phase, landed.landed, landed.session_url, landed.stalled) == (Phase.CONFIRMING, True, "", 0)
    waits = []
    while decide(landed) == upload.LookForAttachment():
        landed = absorb(landed, seen.NotFound())
        assert landed.phase is Phase.CONFIRMING
        waits.append(delay(landed))
    assert waits == [2, 3, 5, 9, 17, 33]
    assert len(waits) == MAX_LOOKS_FOR_LANDED
    assert ended(landed).phase is Phase.ATTACHED


def test_an_unknown_answer_is_asked_about_after_a_pause() -> None:
    after = absorb(an_entry(Phase.SENDING, offset=100, furthest=100), seen.Unclear("HTTP 500"))
    assert (after.phase, after.offset, after.stalled, after.deferrals) == (Phase.LOCATING, 100, 1, 1)
    assert (delay(after), after.detail) == (2, "HTTP 500")


def test_bytes_refused_twice_at_the_same_offset_fail_with_the_reason() -> None:
    refused = absorb(an_entry(Phase.SENDING, offset=100, furthest=100), seen.Unclear("HTTP 400", refused=400))
    asked = absorb(refused, seen.Progress(100))
    failed = absorb(asked, seen.Unclear("HTTP 400 invalidRequest", refused=400))
    assert (refused.phase, asked.phase) == (Phase.LOCATING, Phase.SENDING)
    assert (failed.phase, failed.reason) == (Phase.FAILED, Reason.REFUSED)
    assert failed.detail == "Graph refuses the bytes from 100 on: HTTP 400 invalidRequest"
    assert failed.session_url == SESSION_URL


@pytest.mark.parametrize("offset", [0, 150], ids=["rewound", "moved on"])
def test_a_refusal_at_another_offset_is_the_first_one_there(offset: int) -> None:
    refused = an_entry(Phase.LOCATING, offset=100, furthest=100, refused=400)
    again = absorb(absorb(refused, seen.Progress(offset)), seen.Unclear("HTTP 400", refused=400))
    assert again.phase is Phase.LOCATING


def test_a_lost_answer_between_two_refusals_does_not_make_them_one() -> None:
    lost = absorb(an_entry(Phase.SENDING, refused=400), seen.Unclear("no reply"))
    assert (lost.phase, lost.refused) == (Phase.LOCATING, 400)


def test_a_slice_too_large_is_halved_once_and_then_rejected() -> None:
    halved = absorb(an_entry(Phase.SENDING, offset=100), seen.SliceTooLarge())
    assert (halved.phase, halved.slice_bytes, halved.offset, halved.stalled) == (Phase.SENDING, 50, 100, 1)
    assert decide(halved) == upload.SendSlice(ByteRange(100, 150))
    rejected = absorb(halved, seen.SliceTooLarge())
    assert (rejected.phase, rejected.reason) == (Phase.REJECTED, Reason.TOO_LARGE)
    assert rejected.detail == "Graph takes no slice of 50 bytes"


@pytest.mark.parametrize("phase", [Phase.SENDING, Phase.OPENING, Phase.CONFIRMING])
@pytest.mark.parametrize(
    ("observation", "end", "reason", "detail"),
    [
        (seen.BlobRewritten(), Phase.SUPERSEDED, Reason.REWRITTEN, "the blob was written again"),
        (seen.BlobDeleted(), Phase.WITHDRAWN, Reason.DELETED, "the blob was deleted"),
    ],
    ids=["rewritten", "deleted"],
)
def test_a_blob_that_is_lost_ends_its_upload_and_has_no_tags_to_write(
    phase: Phase, observation: seen.Observation, end: Phase, reason: Reason, detail: str
) -> None:
    after = absorb(an_entry(phase), observation)
    assert (after.phase, after.reason, after.reported) == (end, reason, end)
    unsure = "; it may already be attached" if phase is Phase.CONFIRMING else ""
    assert after.detail == detail + unsure


@pytest.mark.parametrize("phase", LIVE)
def test_throttling_defers_and_counts_nothing_but_itself(phase: Phase) -> None:
    before = an_entry(phase, sessions_opened=1)
    after = absorb(before, seen.Deferred("HTTP 429", timedelta(seconds=41)))
    assert (after.phase, after.stalled, after.deferrals, delay(after)) == (phase, 0, 1, 42)
    assert after.detail == "HTTP 429"
    assert (after.offset, after.session_url) == (before.offset, before.session_url)


@pytest.mark.parametrize("phase", LIVE)
def test_unavailability_is_a_step_without_progress(phase: Phase) -> None:
    after = absorb(an_entry(phase, sessions_opened=1), seen.Unavailable("HTTP 500"))
    assert (after.phase, after.stalled, after.deferrals, delay(after)) == (phase, 1, 1, 2)
    assert after.detail == "HTTP 500"


@pytest.mark.parametrize("phase", LIVE)
def test_what_is_unavailable_is_asked_again_no_sooner_than_it_says(phase: Phase) -> None:
    assert delay(absorb(an_entry(phase, sessions_opened=1), seen.Unavailable("x", timedelta(seconds=41)))) == 42


@pytest.mark.parametrize(("deferrals", "seconds"), [(0, 2), (1, 3), (4, 17), (30, 301)])
def test_without_a_retry_after_the_delay_backs_off(deferrals: int, seconds: float) -> None:
    assert delay(absorb(an_entry(Phase.SENDING, deferrals=deferrals), seen.Deferred("HTTP 429"))) == seconds


def test_a_retry_after_of_nothing_still_waits_a_second() -> None:
    assert delay(absorb(an_entry(Phase.SENDING), seen.Deferred("x", timedelta()))) == 1


@pytest.mark.parametrize("phase", [Phase.RESOLVING, Phase.OPENING, Phase.SENDING])
def test_what_can_never_work_is_rejected_with_graph_s_reason(phase: Phase) -> None:
    after = absorb(an_entry(phase), seen.Refused(Reason.FORBIDDEN, "HTTP 403"))
    assert (after.phase, after.reason, after.detail) == (Phase.REJECTED, Reason.FORBIDDEN, "HTTP 403")


def test_a_refusal_while_confirming_says_that_it_may_be_attached() -> None:
    after = absorb(an_entry(Phase.CONFIRMING, session_url=""), seen.Refused(Reason.NO_SUCH_TASK, "HTTP 404"))
    assert after.detail == "HTTP 404; it may already be attached"


# -- did it land? --


def test_a_cancelled_session_is_given_a_deadline_before_anybody_looks() -> None:
    """A request that we gave up on may still be applied."""
    for phase in (Phase.SENDING, Phase.CONFIRMING):
        after = absorb(an_entry(phase, session_expires_at=NOW, deferrals=3), seen.SessionCancelled())
        assert after.deferrals == 0
        assert (after.phase, after.not_before) == (Phase.CONFIRMING, AFTER_DEADLINE)
        assert (after.session_url, after.session_expires_at) == ("", None)
        assert decide(after) == upload.LookForAttachment()


def test_a_lost_session_is_cancelled_waited_for_looked_for_and_only_then_reopened() -> None:
    entry = absorb(an_entry(Phase.LOCATING, offset=100, furthest=100), seen.SessionLost("HTTP 404"))
    assert (entry.phase, entry.session_url, entry.stalled) == (Phase.CONFIRMING, SESSION_URL, 1)
    assert entry.detail == "HTTP 404"
    entry = absorb(entry, seen.SessionCancelled())
    assert entry.not_before == AFTER_DEADLINE
    entry = absorb(entry, seen.NotFound())
    assert (entry.phase, entry.offset, entry.furthest, entry.stalled) == (Phase.OPENING, 0, 0, 2)
    assert (entry.sessions_opened, entry.first_opened_at) == (1, NOW - timedelta(minutes=1))


def test_a_last_slice_in_doubt_is_searched_for_again_and_longer_before_it_is_sent_again() -> None:
    """A listing that lags behind must not make us attach the file twice."""
    entry = an_entry(Phase.CONFIRMING, session_url="", in_doubt=True)
    waits = []
    while decide(entry) == upload.LookForAttachment():
        entry = absorb(entry, seen.NotFound())
        waits.append(delay(entry) if entry.not_before else 0)
        assert entry.stalled == len(waits)
    assert waits == [181, 361, 0]
    assert len(waits) == MAX_SEARCHES_IN_DOUBT
    assert (entry.phase, entry.offset, entry.in_doubt, entry.searched) == (Phase.OPENING, 0, False, 0)
    assert decide(entry) == upload.OpenSession()


def test_a_search_that_could_not_be_made_is_none() -> None:
    entry = absorb(an_entry(Phase.CONFIRMING, session_url="", in_doubt=True, searched=1), seen.Unavailable("HTTP 500"))
    assert entry.searched == 1


def test_what_landed_is_adopted() -> None:
    after = absorb(an_entry(Phase.CONFIRMING, session_url=""), seen.Attached("A"))
    assert (after.phase, after.attachment_id, after.session_url) == (Phase.ATTACHED, "A", "")


# -- waiting for sign-in --


@pytest.mark.parametrize("phase", LIVE)
def test_without_a_token_an_upload_waits_and_remembers_where(phase: Phase) -> None:
    after = absorb(an_entry(phase, sessions_opened=1, report_tries=2), SIGN_IN)
    assert (after.phase, after.resume, after.waiting_since) == (Phase.WAITING, phase, NOW)
    assert (after.reason, after.not_before, after.stalled, after.report_tries) == (Reason.SIGN_IN, None, 0, 0)
    assert (after.detail, after.deferrals) == ("nobody is signed in", 1)
    assert decide(after) == upload.ReportOutcome()


def test_who_was_told_once_is_not_told_at_every_try() -> None:
    after = absorb(an_entry(Phase.SENDING, reported=Phase.WAITING), SIGN_IN)
    assert (after.phase, delay(after)) == (Phase.WAITING, 2)


def test_after_the_telling_there_is_a_pause() -> None:
    after = absorb(an_entry(Phase.WAITING, deferrals=1, report_tries=2), seen.Reported())
    assert (after.phase, after.reported, delay(after)) == (Phase.WAITING, Phase.WAITING, 3)
    assert after.report_tries == 0


def test_after_the_outcome_is_told_nothing_is_waited_for() -> None:
    assert absorb(an_entry(Phase.FAILED, session_url=SESSION_URL), seen.Reported()).not_before is None


def test_a_person_who_cannot_be_told_is_waited_for_all_the_same() -> None:
    entry = an_entry(Phase.WAITING)
    for _ in range(MAX_REPORT_TRIES_WAITING):
        assert entry.reported is None
        entry = absorb(entry, seen.Unavailable("tags refused"))
    assert (entry.phase, entry.reported) == (Phase.WAITING, Phase.WAITING)


@pytest.mark.parametrize(("waited", "phase"), [(14.0, Phase.WAITING), (14.1, Phase.FAILED)])
def test_nobody_is_waited_for_longer_than_the_setting(waited: float, phase: Phase) -> None:
    after = absorb(an_entry(Phase.SENDING, waited=timedelta(days=waited), reported=Phase.WAITING), SIGN_IN)
    assert (after.phase, after.reason) == (phase, Reason.SIGN_IN)
    if phase is Phase.FAILED:
        assert after.detail == "nobody signed in within 14 days"


def test_giving_up_on_a_sign_in_while_confirming_says_that_it_may_be_attached() -> None:
    after = absorb(an_entry(Phase.CONFIRMING, waited=timedelta(days=15)), SIGN_IN)
    assert after.detail.endswith("may already be attached")


# -- the end --


@pytest.mark.parametrize("phase", TERMINAL)
def test_an_outcome_that_cannot_be_told_is_given_up_after_a_few_tries(phase: Phase) -> None:
    entry = an_entry(phase, reason=Reason.TOO_OLD, detail="the outcome")
    waits = []
    for _ in range(MAX_REPORT_TRIES):
        assert decide(entry) == upload.ReportOutcome()
        entry = absorb(entry, seen.Unavailable("tags refused"))
        waits.append(delay(entry))
    assert waits[:5] == [2, 3, 5, 9, 17]
    assert max(waits) == 301
    assert entry.is_done
    assert (entry.reason, entry.detail) == (Reason.TOO_OLD, "the outcome")


def test_tries_to_tell_of_the_waiting_do_not_count_against_the_outcome() -> None:
    entry = upload.ended(an_entry(report_tries=MAX_REPORT_TRIES), End(Phase.FAILED, Reason.TOO_OLD, ""))
    assert not absorb(entry, seen.Unavailable("tags refused")).is_done


@pytest.mark.parametrize(
    "observation",
    [seen.Unavailable("HTTP 500"), seen.Deferred("HTTP 429"), SIGN_IN],
    ids=["away", "throttled", "no token"],
)
def test_a_session_that_cannot_be_cancelled_is_left_to_expire_after_a_few_tries(observation: seen.Observation) -> None:
    entry = an_entry(Phase.FAILED, reported=Phase.FAILED, session_url=SESSION_URL, detail="the outcome")
    waits = []
    for _ in range(MAX_CLOSING_TRIES):
        assert decide(entry) == upload.CancelSession()
        entry = absorb(entry, observation)
        waits.append(delay(entry))
    assert waits == [2, 3, 5, 9, 17]
    assert entry.is_done
    assert (entry.detail, entry.session_url) == ("the outcome", "")


def test_a_cancelled_session_finishes_a_failed_upload() -> None:
    entry = absorb(an_entry(Phase.FAILED, reported=Phase.FAILED, session_url=SESSION_URL), seen.SessionCancelled())
    assert entry.is_done
    assert entry.not_before is None


def test_a_deleted_source_finishes_an_attached_upload() -> None:
    entry = an_entry(Phase.ATTACHED, reported=Phase.ATTACHED, attachment_id="A", delete_source=True)
    assert absorb(entry, seen.SourceDeleted()).is_done


def test_every_step_takes_the_claim_and_the_time_away() -> None:
    before = an_entry(Phase.SENDING, claim=Claim("me", NOW), not_before=NOW)
    after = absorb(before, seen.Progress(100))
    assert (after.claim, after.not_before, after.step) == (None, None, before.step + 1)


def test_a_blob_that_cannot_be_deleted_stays_after_a_few_tries() -> None:
    entry = an_entry(Phase.ATTACHED, reported=Phase.ATTACHED, attachment_id="A", delete_source=True)
    for _ in range(MAX_CLOSING_TRIES):
        assert decide(entry) == upload.DeleteSource()
        entry = absorb(entry, seen.Unavailable("leased"))
    assert entry.is_done
    assert (entry.delete_source, entry.source_deleted) == (False, False)


def test_a_session_that_could_not_be_cancelled_leaves_the_deletion_its_own_tries() -> None:
    entry = an_entry(
        Phase.ATTACHED, reported=Phase.ATTACHED, attachment_id="A", delete_source=True, session_url=SESSION_URL
    )
    for _ in range(MAX_CLOSING_TRIES):
        entry = absorb(entry, seen.Unavailable("HTTP 500"))
    assert decide(entry) == upload.DeleteSource()
    assert not entry.is_done
    assert entry.closing_tries == 0
