"""What becomes of an entry after what was seen."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.core import actions as do
from shared.core import decide as deciding
from shared.core import endings
from shared.core import observations as seen
from shared.core.absorb import absorb as absorbing
from shared.core.actions import End
from shared.core.attachment import Reference
from shared.core.content import Piece
from shared.core.entry import (
    Claim,
    Entry,
    LandedAs,
    MayHaveLanded,
    Phase,
    QueueWait,
    Reason,
    Replaced,
    Session,
    SignInWait,
    Underway,
)
from shared.core.limits import (
    FREE_REWRITES,
    MAX_CLOSING_TRIES,
    MAX_GARBLED,
    MAX_REMOVAL_TRIES,
    MAX_REPORT_TRIES,
    MAX_REPORT_TRIES_REFUSED,
    MAX_REPORT_TRIES_WAITING,
    MAX_SEARCHES_FOR_LANDED,
    MAX_SEARCHES_IN_DOUBT,
    MAX_STEPS_WITHOUT_PROGRESS,
)
from shared.core.ranges import MAX_POST_BYTES, ByteRange
from shared.core.sent_file import blob_name
from tests.support.entries import LIMITS, NOW, SESSION, SESSION_URL, SIZE, an_entry, changed
from tests.support.results import result_for, result_type

TERMINAL = [phase for phase in Phase if phase.is_terminal]
# The phases that ask Graph: whoever waits for the blob itself is neither throttled nor without a token.
LIVE = [phase for phase in Phase if not phase.is_terminal and phase not in {Phase.WAITING, Phase.ARRIVING}]
ASKING = [phase for phase in LIVE if phase is not Phase.QUEUED]
UNATTACHED = [phase for phase in LIVE if phase is not Phase.VERIFYING]
AFTER_DEADLINE = NOW + LIMITS.deadline + timedelta(seconds=1)
SIGN_IN = seen.NeedsSignIn("nobody is signed in")
REPLACES = Replaced("B", "plan.pdf", NOW)


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


def test_an_end_is_a_step_that_frees_the_claim_and_keeps_the_session_to_be_cancelled() -> None:
    before = an_entry(Phase.LOCATING, not_before=NOW, resume=Phase.SENDING, report_tries=2, deferrals=4)
    after = endings.ended(before, End(Phase.FAILED, Reason.TOO_OLD, "why"))
    assert (after.phase, after.reason, after.detail) == (Phase.FAILED, Reason.TOO_OLD, "why")
    assert (after.step, after.claim, after.not_before, after.sign_in_wait) == (8, None, None, None)
    assert (after.session, after.report.failed_tries, after.deferrals) == (SESSION, 0, 0)


def test_a_server_that_has_all_bytes_and_created_nothing_is_confirmed() -> None:
    after = absorb(an_entry(Phase.SENDING, offset=200, furthest=200), seen.Progress(SIZE))
    assert (after.phase, after.steps_without_progress) == (Phase.CONFIRMING, 1)


@pytest.mark.parametrize(("deferrals", "seconds"), [(0, 1), (3, 1), (4, 17), (50, 301)])
def test_a_server_that_says_now_for_ever_is_not_asked_every_second(deferrals: int, seconds: float) -> None:
    after = absorb(an_entry(Phase.SENDING, deferrals=deferrals), seen.Deferred("HTTP 429", timedelta()))
    assert delay(after) == seconds


def test_a_retry_after_is_never_cut_short_by_our_own_back_off() -> None:
    after = absorb(an_entry(Phase.SENDING, deferrals=50), seen.Deferred("HTTP 429", timedelta(hours=2)))
    assert delay(after) == 7201


# -- resolving --


def test_a_blob_that_has_arrived_queues_and_an_empty_one_is_looked_at_again_before() -> None:
    arrived = seen.Arrived(Reference("L"), Reference("T"), "kim@example.com", "plan.pdf")
    after = absorb(an_entry(Phase.ARRIVING, created_at=NOW), arrived)
    assert (after.phase, after.account, after.not_before) == (Phase.QUEUED, "kim@example.com", None)
    empty = absorb(an_entry(Phase.ARRIVING, created_at=NOW, size=0), arrived)
    assert empty.not_before == NOW + LIMITS.empty_file_wait


@pytest.mark.parametrize(("until", "seconds"), [(600, 600), (0, 1), (-600, 1)], ids=["later", "now", "past"])
def test_a_blob_that_has_not_arrived_is_looked_at_when_it_says_and_never_at_once(until: int, seconds: float) -> None:
    after = absorb(an_entry(Phase.ARRIVING), seen.NotYet(NOW + timedelta(seconds=until), "it is being copied"))
    assert (after.phase, after.detail, after.steps_without_progress) == (Phase.ARRIVING, "it is being copied", 0)
    assert delay(after) == seconds


def test_what_was_resolved_is_recorded() -> None:
    after = absorb(an_entry(deferrals=3, detail="waiting"), seen.Resolved("L2", "T2", "S"))
    assert (after.phase, after.list_id, after.task_id, after.slot) == (Phase.OPENING, "L2", "T2", "S")
    assert (after.deferrals, after.detail, after.not_before) == (0, "", None)


def test_what_older_uploads_under_the_name_left_is_recorded_with_the_task() -> None:
    resolved = seen.Resolved("L", "T", "S", rewrites=2, replaces=REPLACES)
    after = absorb(an_entry(), resolved)
    assert (after.phase, after.rewrites, after.replaces) == (Phase.OPENING, 2, REPLACES)
    doubtful = replace(resolved, may_be_of=MayHaveLanded("older", NOW - timedelta(minutes=9)))
    searching = absorb(an_entry(), doubtful)
    assert (searching.phase, searching.in_doubt, searching.may_be_of) == (Phase.CONFIRMING, True, "older")
    assert (searching.first_opened_at, searching.not_before) == (NOW - timedelta(minutes=9), AFTER_DEADLINE)
    assert (searching.list_id, searching.slot, searching.rewrites, searching.replaces) == ("L", "S", 2, REPLACES)


@pytest.mark.parametrize(("attached_at", "kept"), [(NOW - timedelta(days=1), NOW - timedelta(days=1)), (None, NOW)])
def test_a_file_that_is_attached_already_is_attached_as_the_older_upload_did(
    attached_at: datetime | None, kept: datetime
) -> None:
    after = absorb(an_entry(), seen.AlreadyAttached("L", "T", "A", attached_at, "attached before"))
    assert (after.phase, after.list_id, after.task_id, after.attachment_id) == (Phase.ATTACHED, "L", "T", "A")
    assert (after.attached_at, after.detail) == (kept, "attached before")


def test_a_held_slot_is_queued_for_without_the_lease_and_counts_nothing() -> None:
    after = absorb(an_entry(deferrals=50, lease="M"), seen.SlotHeld("S"))
    assert (after.phase, after.slot, after.deferrals, after.steps_without_progress) == (Phase.QUEUED, "S", 50, 0)
    assert after.queue_wait == QueueWait(Phase.RESOLVING, NOW, for_slot=True)
    assert after.detail == "another upload of this name to this task is under way"
    assert decide(after) == do.ReturnLease()
    in_line = absorb(after, seen.LeaseReturned())
    assert (in_line.phase, in_line.lease, in_line.slot, in_line.is_in_line) == (Phase.QUEUED, "", "S", True)
    assert decide(in_line) == do.Admit()


def test_an_upload_that_has_its_slot_and_waits_for_another_looks_again_and_holds_no_lease_meanwhile() -> None:
    after = absorb(an_entry(deferrals=50, lease="M"), seen.SlotHeld("S", is_own=True))
    assert (after.phase, after.slot, after.not_before) == (Phase.QUEUED, "S", NOW + timedelta(seconds=31))
    assert after.deferrals == 51
    assert decide(after) == do.ReturnLease()
    put_off = absorb(after, seen.LeaseReturned())
    assert (put_off.lease, put_off.not_before, put_off.is_in_line) == ("", after.not_before, False)
    assert decide(put_off) == do.Admit()


# -- queued --


def test_an_admitted_upload_goes_on_with_what_it_queued_for() -> None:
    waited = QueueWait(Phase.SENDING, NOW - timedelta(hours=2))
    before = an_entry(Phase.QUEUED, queue_wait=waited, session=SESSION, queued_for=timedelta(hours=1))
    after = absorb(replace(before, deferrals=4, detail="other files are first"), seen.Admitted("M"))
    assert (after.phase, after.lease, after.queue_wait, after.not_before) == (Phase.SENDING, "M", None, None)
    assert (after.queued_for, after.deferrals, after.detail) == (timedelta(hours=3), 4, "")
    assert absorb(replace(before, queue_wait=None), seen.Admitted("M")).phase is Phase.RESOLVING


@pytest.mark.parametrize(
    "turn",
    [
        seen.Admitted("M", older=("older",), account_key="K"),
        seen.MustQueue("M", "others are first", older=("older",), account_key="K"),
    ],
    ids=["admitted", "queues"],
)
def test_where_an_upload_was_entered_on_its_way_to_its_turn_is_kept(turn: seen.Observation) -> None:
    after = absorb(an_entry(Phase.QUEUED), turn)
    assert (after.older, after.account_key) == (("older",), "K")


@pytest.mark.parametrize(("more", "seconds"), [(1, 3), (2, 5), (4, 17)])
def test_a_blob_that_does_not_come_to_rest_waits_longer_with_each_version(more: int, seconds: float) -> None:
    after = absorb(an_entry(Phase.QUEUED, deferrals=7), seen.OftenRewritten(FREE_REWRITES + more))
    assert (after.phase, after.rewrites, after.deferrals) == (Phase.QUEUED, FREE_REWRITES + more, 0)
    assert delay(after) == seconds
    assert after.detail == f"the blob was written {FREE_REWRITES + more} times while it was to be attached"


def test_a_lease_for_later_is_waited_for() -> None:
    assert delay(absorb(an_entry(Phase.QUEUED), seen.Admitted("M", NOW + timedelta(seconds=40)))) == 40


def test_to_queue_is_no_step_so_that_the_message_of_the_ticket_is_never_behind() -> None:
    before = an_entry(Phase.QUEUED)
    after = absorb(before, seen.MustQueue("M", "others are first"))
    assert (after.phase, after.step, after.lease, after.claim) == (Phase.QUEUED, before.step, "M", None)
    assert after.detail == "others are first"
    assert after.queue_wait == QueueWait(Phase.RESOLVING, NOW)
    assert (after.steps_without_progress, after.deferrals, after.sessions_opened) == (0, 0, 0)
    again = absorbing.absorb(
        after,
        do.AdmitResult(seen.MustQueue("M", "others are first")),
        now=NOW + timedelta(hours=1),
        limits=LIMITS,
        jitter=0.0,
    )
    assert again.queue_wait == after.queue_wait, "the wait began when it began"


@pytest.mark.parametrize("observation", [seen.MustQueue("M", "others are first"), seen.Deferred("no token")], ids=str)
def test_an_upload_that_queues_before_it_has_asked_anything_begins_with_its_list_and_task(
    observation: seen.Observation,
) -> None:
    wait = absorb(an_entry(Phase.QUEUED, queue_wait=None), observation).queue_wait
    assert wait is not None
    assert (wait.resume, wait.for_slot) == (Phase.RESOLVING, False)


def test_an_upload_that_waited_for_its_slot_queues_for_the_mailbox_like_any_other() -> None:
    before = an_entry(Phase.QUEUED, queue_wait=QueueWait(Phase.RESOLVING, NOW, for_slot=True))
    after = absorb(before, seen.MustQueue("M", "others are first"))
    assert after.queue_wait == QueueWait(Phase.RESOLVING, NOW)


def test_a_turn_that_cannot_be_taken_is_age_from_then_on() -> None:
    before = an_entry(Phase.QUEUED, lease="M", queue_wait=QueueWait(Phase.RESOLVING, NOW - timedelta(hours=2)))
    after = absorb(before, seen.Deferred("no token"))
    assert (after.queue_wait, after.queued_for) == (QueueWait(Phase.RESOLVING), timedelta(hours=2))
    assert not after.is_in_line


def test_an_upload_that_queued_for_too_long_fails_and_says_so() -> None:
    since = NOW - LIMITS.queue_wait - timedelta(seconds=1)
    end = ended(an_entry(Phase.QUEUED, created_at=since, queue_wait=QueueWait(Phase.RESOLVING, since)))
    assert (end.phase, end.reason) == (Phase.FAILED, Reason.QUEUED_TOO_LONG)
    assert end.detail == "queued for more than 14 days"
    since = NOW - LIMITS.queue_wait
    in_time = an_entry(Phase.QUEUED, created_at=since, queue_wait=QueueWait(Phase.RESOLVING, since))
    assert decide(in_time) == do.Admit(), "the last try comes when the wait is over"


@pytest.mark.parametrize("phase", TERMINAL)
def test_what_others_wait_for_is_given_back_before_all_else(phase: Phase) -> None:
    for held in ({"lease": "M"}, {"slot": "S"}, {"lease": "M", "slot": "S"}):
        entry = an_entry(phase, **held)
        assert decide(entry) == do.ReturnLease()
        after = absorb(entry, seen.LeaseReturned())
        assert not after.holds_up_others
        assert not replace(entry, report=replace(entry.report, phase=phase)).is_done


def test_an_upload_that_waits_for_a_person_keeps_its_slot_and_gives_its_lease_back() -> None:
    waiting = absorb(an_entry(Phase.SENDING, lease="M", slot="S"), SIGN_IN)
    assert decide(waiting) == do.ReturnLease()
    after = absorb(waiting, seen.LeaseReturned())
    assert (after.phase, after.lease, after.slot) == (Phase.WAITING, "", "S")
    assert decide(after) == do.ReportOutcome()


# -- opening --


def test_an_opened_session_starts_fresh() -> None:
    before = an_entry(
        Phase.OPENING, sessions_opened=1, searched=True, refused_status=400, furthest=200, offset=200, deferrals=2
    )
    before = replace(before, detail="HTTP 503")
    after = absorb(before, seen.SessionOpened(SESSION_URL, NOW + timedelta(hours=1), 0, NOW))
    assert after.phase is Phase.SENDING
    assert after.session == Session(
        SESSION_URL, NOW + timedelta(hours=1), offset=0, furthest=0, searched=False, refused_status=0
    )
    assert (after.deferrals, after.detail) == (0, "")


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
    assert (after.phase, after.offset, after.steps_without_progress) == (Phase.CONFIRMING, 0, 1)
    assert after.detail == f"a session just opened expects byte {offset}"
    assert decide(after) == do.CancelSession()


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
    after = absorb(an_entry(Phase.OPENING, size=0, deferrals=3), seen.PostPrepared(opened_at))
    assert (after.phase, after.first_opened_at, after.deferrals) == (Phase.OPENING, expected, 0)
    assert decide(after) == do.PostFile()


def test_an_empty_file_whose_answer_is_lost_waits_out_a_deadline_and_is_looked_for() -> None:
    before = an_entry(Phase.OPENING, size=0, first_opened_at=NOW, sessions_opened=1)
    after = absorb(before, seen.Unclear("no reply"))
    assert (after.phase, after.not_before, after.sessions_opened) == (Phase.CONFIRMING, AFTER_DEADLINE, 1)
    assert decide(after) == do.FindAttachment()
    assert decide(not_found(after)) == do.PostFile()


def test_a_lost_answer_with_a_longer_retry_after_waits_for_that() -> None:
    before = an_entry(Phase.OPENING, size=0, first_opened_at=NOW)
    assert delay(absorb(before, seen.Unclear("HTTP 503", timedelta(minutes=5)))) == 301


# -- sending: progress (I1) --


@pytest.mark.parametrize("offset", [100, 200, 150, 101], ids=["as sent", "more", "a part of it", "a byte"])
def test_progress_is_the_server_s_word_and_resets_what_counts_failures(offset: int) -> None:
    before = an_entry(Phase.LOCATING, offset=100 if offset > 100 else 0, furthest=100 if offset > 100 else 0)
    before = changed(before, steps_without_progress=7, deferrals=3, refused_status=400, detail="HTTP 400")
    after = absorb(before, seen.Progress(offset))
    assert (after.phase, after.offset, after.open_session.furthest) == (Phase.SENDING, offset, offset)
    assert (after.steps_without_progress, after.deferrals, after.detail) == (0, 0, "")
    assert after.open_session.refused_status == 0


def test_bytes_sent_again_after_a_rewind_are_neither_progress_nor_a_lack_of_it() -> None:
    """As a lack of it, eighty small slices would run into the bound on their way back to where they were."""
    entry = an_entry(
        Phase.SENDING,
        size=10_000,
        offset=8_000,
        furthest=8_000,
        steps_without_progress=2,
        deferrals=3,
        detail="HTTP 503",
    )
    entry = absorb(entry, seen.Progress(0))
    assert entry.steps_without_progress == 3
    for offset in range(100, 8_001, 100):
        entry = absorb(entry, seen.Progress(offset))
        assert (entry.offset, entry.open_session.furthest, entry.steps_without_progress) == (offset, 8_000, 3)
    assert (entry.deferrals, entry.detail) == (0, "")
    assert absorb(entry, seen.Progress(8_100)).steps_without_progress == 0


def test_a_session_that_falls_back_again_and_again_ends_at_the_bound() -> None:
    """Each time it moves forward in between, and never beyond where it was."""
    entry = an_entry(Phase.SENDING, offset=200, furthest=200)
    falls = 0
    while not isinstance(decide(entry), End):
        entry = absorb(absorb(absorb(entry, seen.Progress(0)), seen.Progress(100)), seen.Progress(200))
        falls += 1
    assert falls == MAX_STEPS_WITHOUT_PROGRESS + 1
    assert ended(entry).reason is Reason.NO_PROGRESS


@pytest.mark.parametrize("offset", [0, 60, 100], ids=["to the start", "back a part", "unmoved"])
def test_a_rewind_is_followed_but_is_no_progress(offset: int) -> None:
    before = an_entry(Phase.SENDING, offset=100, furthest=100, steps_without_progress=2, deferrals=3)
    after = absorb(before, seen.Progress(offset))
    assert (after.phase, after.offset, after.open_session.furthest) == (Phase.SENDING, offset, 100)
    assert (after.steps_without_progress, after.deferrals) == (3, 3)


@pytest.mark.parametrize("offset", [SIZE, SIZE + 1, 10**18, 101], ids=["all there", "past the end", "far", "a gap"])
def test_a_session_that_cannot_be_continued_is_confirmed(offset: int) -> None:
    before = an_entry(Phase.LOCATING)
    after = absorb(before, seen.Progress(offset))
    assert (after.phase, after.offset, after.steps_without_progress) == (Phase.CONFIRMING, 0, 1)
    assert after.detail == f"the session expects byte {offset}"
    assert decide(after) == do.CancelSession()


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
    before = an_entry(Phase.SENDING, expires_at=NOW + timedelta(hours=1))
    assert absorb(before, seen.Progress(100, told)).open_session.expires_at == kept


# -- sending: everything else --


def test_a_sent_last_slice_is_attached_and_its_session_is_over() -> None:
    before = an_entry(
        Phase.SENDING, offset=200, furthest=200, steps_without_progress=3, reason=Reason.SIGN_IN, detail="x"
    )
    after = absorb(before, seen.Attached("A"))
    assert (after.phase, after.attachment_id, after.session) == (Phase.ATTACHED, "A", None)
    assert (after.reason, after.detail, after.offset, after.steps_without_progress) == (Reason.NONE, "", SIZE, 0)
    assert absorb(after, seen.Reported()).is_done


def test_an_attachment_that_is_to_be_read_back_starts_with_nothing_held_against_it() -> None:
    worn = an_entry(Phase.SENDING, offset=200, read_back=True, steps_without_progress=3, deferrals=4, detail="HTTP 503")
    after = absorb(worn, seen.Attached("A"))
    assert (after.phase, after.attachment_id, after.session) == (Phase.VERIFYING, "A", None)
    assert (after.steps_without_progress, after.deferrals, after.detail) == (0, 0, "")


def test_what_turns_up_before_a_later_session_s_last_slice_is_adopted_and_that_session_cancelled() -> None:
    before = an_entry(Phase.SENDING, offset=200, sessions_opened=2)
    after = absorb(before, seen.Adopted("A"))
    assert (after.phase, after.attachment_id, after.session) == (Phase.ATTACHED, "A", before.session)
    assert decide(absorb(after, seen.Reported())) == do.CancelSession()


def test_a_later_session_s_own_last_slice_leaves_nothing_to_cancel() -> None:
    looked = absorb(an_entry(Phase.SENDING, offset=200, sessions_opened=2), seen.NotFound())
    assert (looked.phase, looked.open_session.searched, looked.steps_without_progress) == (Phase.SENDING, True, 0)
    assert decide(looked) == do.SendSlice(ByteRange(200, 250))
    assert absorb(looked, seen.Attached("A")).session is None


@pytest.mark.parametrize(
    ("observation", "landed_as", "detail"),
    [
        (seen.LandedUnnamed(), LandedAs.UNNAMED, "created, but the reply named no id"),
        (
            seen.LandedUnderOwnedId(),
            LandedAs.OWNED,
            "created, but the reply named the id of an attachment that another upload owns",
        ),
    ],
    ids=["no id", "another upload's id"],
)
def test_created_without_an_id_of_its_own_is_only_searched_for_and_never_sent_again(
    observation: seen.Observation, landed_as: LandedAs, detail: str
) -> None:
    landed = absorb(an_entry(Phase.SENDING, offset=200, steps_without_progress=4), observation)
    assert landed.detail == detail
    assert (landed.phase, landed.landed, landed.session) == (Phase.CONFIRMING, landed_as, None)
    assert landed.steps_without_progress == 0
    waits = []
    while decide(landed) == do.FindAttachment():
        landed = absorb(landed, seen.NotFound())
        assert landed.phase is Phase.CONFIRMING
        waits.append(delay(landed))
    assert waits == [2, 3, 5, 9, 17, 33]
    assert len(waits) == MAX_SEARCHES_FOR_LANDED
    assert ended(landed).phase is Phase.ATTACHED


def test_an_unknown_answer_is_asked_about_after_a_pause() -> None:
    after = absorb(an_entry(Phase.SENDING, offset=100, furthest=100), seen.Unclear("HTTP 500"))
    assert (after.phase, after.offset, after.steps_without_progress, after.deferrals) == (Phase.LOCATING, 100, 1, 1)
    assert (delay(after), after.detail) == (2, "HTTP 500")
    asked = absorb(an_entry(Phase.SENDING, offset=100), seen.Unclear("HTTP 503", timedelta(seconds=30)))
    assert delay(asked) == 31


def test_bytes_refused_twice_at_the_same_offset_fail_with_the_reason() -> None:
    refused = absorb(an_entry(Phase.SENDING, offset=100, furthest=100), seen.SliceRefused(400, "HTTP 400"))
    asked = absorb(refused, seen.Progress(100))
    failed = absorb(asked, seen.SliceRefused(400, "HTTP 400 invalidRequest"))
    assert (refused.phase, asked.phase) == (Phase.LOCATING, Phase.SENDING)
    assert (failed.phase, failed.reason) == (Phase.FAILED, Reason.REFUSED)
    assert failed.detail == "Graph refuses the bytes from 100 on: HTTP 400 invalidRequest"
    assert failed.open_session.url == SESSION_URL


@pytest.mark.parametrize("offset", [0, 150], ids=["rewound", "moved on"])
def test_a_refusal_at_another_offset_is_the_first_one_there(offset: int) -> None:
    refused = an_entry(Phase.LOCATING, offset=100, furthest=100, refused_status=400)
    again = absorb(absorb(refused, seen.Progress(offset)), seen.SliceRefused(400, "HTTP 400"))
    assert again.phase is Phase.LOCATING


def test_a_lost_answer_between_two_refusals_does_not_make_them_one() -> None:
    lost = absorb(an_entry(Phase.SENDING, refused_status=400), seen.Unclear("no reply"))
    assert (lost.phase, lost.open_session.refused_status) == (Phase.LOCATING, 400)


def test_a_slice_too_large_is_halved_once_and_then_rejected() -> None:
    halved = absorb(an_entry(Phase.SENDING, offset=100), seen.SliceTooLarge())
    assert (halved.phase, halved.slice_bytes, halved.offset, halved.steps_without_progress) == (
        Phase.SENDING,
        50,
        100,
        1,
    )
    assert decide(halved) == do.SendSlice(ByteRange(100, 150))
    rejected = absorb(halved, seen.SliceTooLarge())
    assert (rejected.phase, rejected.reason) == (Phase.REJECTED, Reason.TOO_LARGE)
    assert rejected.detail == "Graph takes no slice of 50 bytes"


def test_a_slice_that_is_refused_while_an_earlier_one_may_still_be_applied_says_so() -> None:
    """A request without an answer, with all bytes, may reach Graph after the two that it refuses."""
    too_large = absorb(an_entry(Phase.SENDING, slice_bytes=50, in_doubt=True), seen.SliceTooLarge())
    assert too_large.detail == "Graph takes no slice of 50 bytes; it may already be attached"
    refused = an_entry(Phase.SENDING, offset=100, refused_status=400, in_doubt=True)
    failed = absorb(refused, seen.SliceRefused(400, "HTTP 400"))
    assert failed.detail == "Graph refuses the bytes from 100 on: HTTP 400; it may already be attached"


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
    assert (after.phase, after.reason, after.report.phase) == (end, reason, end)
    unsure = "; it may already be attached" if phase is Phase.CONFIRMING else ""
    assert after.detail == detail + unsure


@pytest.mark.parametrize("phase", LIVE)
def test_throttling_defers_and_counts_nothing_but_itself(phase: Phase) -> None:
    before = an_entry(phase, sessions_opened=1)
    after = absorb(before, seen.Deferred("HTTP 429", timedelta(seconds=41)))
    assert (after.phase, after.steps_without_progress, after.deferrals, delay(after)) == (phase, 0, 1, 42)
    assert after.detail == "HTTP 429"
    assert after.session == before.session


@pytest.mark.parametrize("phase", [phase for phase in ASKING if phase in UNATTACHED])
def test_unavailability_is_a_step_without_progress(phase: Phase) -> None:
    after = absorb(an_entry(phase, sessions_opened=1), seen.Unavailable("HTTP 500"))
    assert (after.phase, after.steps_without_progress, after.deferrals, delay(after)) == (phase, 1, 1, 2)
    assert after.detail == "HTTP 500"


@pytest.mark.parametrize("phase", ASKING)
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


MISSING = seen.TargetMissing(Reason.NO_SUCH_TASK, "HTTP 404")


@pytest.mark.parametrize("phase", [Phase.RESOLVING, Phase.OPENING, Phase.CONFIRMING])
def test_a_target_that_is_missing_is_tried_again_and_then_rejected(phase: Phase) -> None:
    first = absorb(an_entry(phase, session=None), MISSING)
    assert (first.phase, first.missing_since, first.steps_without_progress) == (phase, NOW, 0)
    assert (delay(first), first.deferrals, first.detail) == (2, 1, "HTTP 404")
    assert absorb(first, MISSING).deferrals == 2
    patient = absorb(replace(first, missing_since=NOW - LIMITS.missing_patience + timedelta(seconds=1)), MISSING)
    assert (patient.phase, patient.not_before) == (phase, NOW + timedelta(seconds=2))
    over = absorb(replace(first, missing_since=NOW - LIMITS.missing_patience), MISSING)
    assert (over.phase, over.reason) == (Phase.REJECTED, Reason.NO_SUCH_TASK)


@pytest.mark.parametrize("observation", [seen.Deferred("HTTP 429"), seen.Unavailable("HTTP 500"), SIGN_IN], ids=repr)
def test_a_step_that_is_stored_ends_the_row_of_deaths(observation: seen.Observation) -> None:
    assert absorb(an_entry(Phase.OPENING, deaths=9), observation).deaths == 0


@pytest.mark.parametrize(
    ("observation", "deaths"),
    [(seen.Progress(100), 9), (seen.Deferred("HTTP 429"), 9), (seen.Progress(200), 0), (seen.SessionLost("404"), 9)],
    ids=repr,
)
def test_to_ask_where_the_server_stands_ends_the_row_only_where_something_was_gained(
    observation: seen.Observation, deaths: int
) -> None:
    """Who takes over asks first: otherwise what kills whoever sends would never be ten deaths in a row."""
    asking = an_entry(Phase.LOCATING, offset=100, furthest=100, deaths=9)
    assert absorb(asking, observation).deaths == deaths


def test_a_target_that_was_found_once_may_be_missing_anew() -> None:
    missing = replace(an_entry(Phase.OPENING), missing_since=NOW - timedelta(minutes=4))
    assert absorb(missing, seen.Deferred("HTTP 429")).missing_since == missing.missing_since
    assert absorb(missing, seen.SessionOpened(SESSION_URL, None, 0, NOW)).missing_since is None


def test_a_missing_target_gives_back_the_opening_that_was_counted() -> None:
    opening = an_entry(Phase.OPENING, sessions_opened=2)
    assert absorb(opening, MISSING).sessions_opened == 1


def test_a_file_that_is_too_small_for_a_session_goes_by_the_small_post() -> None:
    after = absorb(an_entry(Phase.OPENING, sessions_opened=1), seen.TooSmallForSession("HTTP 400"))
    assert (after.phase, after.by_post, after.sessions_opened) == (Phase.OPENING, True, 0)
    assert decide(after) == do.PreparePost()
    assert decide(replace(after, first_opened_at=NOW)) == do.PostFile()


@pytest.mark.parametrize(("more", "phase"), [(0, Phase.OPENING), (1, Phase.REJECTED)], ids=["as large", "too large"])
def test_a_file_that_is_too_small_for_a_session_and_too_large_for_the_post_is_rejected(more: int, phase: Phase) -> None:
    entry = an_entry(Phase.OPENING, size=MAX_POST_BYTES + more, sessions_opened=1, deferrals=3)
    after = absorb(entry, seen.TooSmallForSession("HTTP 400"))
    assert (after.phase, after.deferrals) == (phase, 0)
    assert (after.reason, after.detail) == ((Reason.REFUSED, "HTTP 400") if more else (Reason.NONE, ""))


def test_a_file_for_which_no_session_is_opened_a_second_time_may_be_attached_by_the_first() -> None:
    entry = an_entry(Phase.OPENING, size=MAX_POST_BYTES + 1, sessions_opened=2, in_doubt=True)
    assert absorb(entry, seen.TooSmallForSession("HTTP 400")).detail == "HTTP 400; it may already be attached"


def test_a_small_post_without_an_answer_is_in_doubt_however_small_a_slice_is() -> None:
    """It takes the whole file at once: what was sent may attach it, as the last slice of a session may."""
    posted = an_entry(Phase.OPENING, size=1000, slice_bytes=100, by_post=True, sessions_opened=1, first_opened_at=NOW)
    after = absorb(posted, seen.Unclear("no answer"))
    assert (after.phase, after.in_doubt) == (Phase.CONFIRMING, True)


def test_a_refusal_while_confirming_says_that_it_may_be_attached() -> None:
    after = absorb(an_entry(Phase.CONFIRMING, session=None), seen.Refused(Reason.NO_SUCH_TASK, "HTTP 404"))
    assert after.detail == "HTTP 404; it may already be attached"


# -- did it land? --


def test_a_cancelled_session_is_given_a_deadline_before_anybody_looks() -> None:
    """A request that we gave up on may still be applied."""
    for phase in (Phase.SENDING, Phase.CONFIRMING):
        after = absorb(an_entry(phase, expires_at=NOW, deferrals=3), seen.SessionCancelled())
        assert after.deferrals == 0
        assert (after.phase, after.not_before) == (Phase.CONFIRMING, AFTER_DEADLINE)
        assert after.session is None
        assert decide(after) == do.FindAttachment()


def test_a_lost_session_is_cancelled_waited_for_looked_for_and_only_then_reopened() -> None:
    entry = absorb(an_entry(Phase.LOCATING, offset=100, furthest=100), seen.SessionLost("HTTP 404"))
    assert (entry.phase, entry.open_session.url, entry.steps_without_progress) == (Phase.CONFIRMING, SESSION_URL, 1)
    assert entry.detail == "HTTP 404"
    entry = absorb(entry, seen.SessionCancelled())
    assert entry.not_before == AFTER_DEADLINE
    entry = absorb(entry, seen.NotFound())
    assert (entry.phase, entry.session, entry.steps_without_progress) == (Phase.OPENING, None, 2)
    assert (entry.sessions_opened, entry.first_opened_at) == (1, NOW - timedelta(minutes=1))


def test_a_last_slice_in_doubt_is_searched_for_again_and_longer_before_it_is_sent_again() -> None:
    """A listing that lags behind must not make us attach the file twice."""
    entry = an_entry(Phase.CONFIRMING, session=None, in_doubt=True)
    waits = []
    while decide(entry) == do.FindAttachment():
        entry = absorb(entry, seen.NotFound())
        waits.append(delay(entry) if entry.not_before else 0)
        assert entry.steps_without_progress == len(waits)
    assert waits == [181, 361, 0]
    assert len(waits) == MAX_SEARCHES_IN_DOUBT
    assert (entry.phase, entry.offset, entry.in_doubt, entry.searches_in_doubt) == (Phase.OPENING, 0, False, 0)
    assert decide(entry) == do.OpenSession()


def test_a_search_that_could_not_be_made_is_none() -> None:
    entry = absorb(
        an_entry(Phase.CONFIRMING, session=None, in_doubt=True, searches_in_doubt=1), seen.Unavailable("HTTP 500")
    )
    assert entry.searches_in_doubt == 1


def test_what_landed_is_adopted() -> None:
    after = absorb(an_entry(Phase.CONFIRMING, session=None), seen.Adopted("A"))
    assert (after.phase, after.attachment_id, after.session) == (Phase.ATTACHED, "A", None)


# -- reading back --


@pytest.mark.parametrize("observation", [seen.Deferred("later"), seen.Unavailable("later"), seen.NeedsSignIn("later")])
@pytest.mark.parametrize("garbled_id", ["", "B"])
def test_what_is_attached_waits_for_no_sign_in_to_be_read_back(observation: seen.TryAgain, garbled_id: str) -> None:
    before = an_entry(Phase.VERIFYING, garbled_id=garbled_id, closing_tries=3)
    after = absorb(before, observation)
    assert (after.phase, after.closing_tries, after.deferrals, delay(after)) == (Phase.VERIFYING, 4, 1, 2)
    assert (after.attachment_id, after.garbled_id, after.detail) == (before.attachment_id, garbled_id, "later")


@pytest.mark.parametrize(
    ("observation", "detail"),
    [(seen.Intact(), ""), (seen.NotReadBack("HTTP 403"), "not read back: HTTP 403")],
    ids=["intact", "not readable"],
)
def test_what_was_read_back_or_never_can_be_is_attached(observation: seen.Observation, detail: str) -> None:
    after = absorb(an_entry(Phase.VERIFYING, attachment_id="A", closing_tries=3), observation)
    assert (after.phase, after.attachment_id, after.closing_tries, after.detail) == (Phase.ATTACHED, "A", 0, detail)


def test_an_attachment_with_other_bytes_is_to_be_removed_and_is_no_longer_this_upload_s() -> None:
    after = absorb(an_entry(Phase.VERIFYING, attachment_id="A", closing_tries=3, deferrals=3), seen.Garbled())
    assert (after.phase, after.attachment_id, after.garbled_id, after.garbled) == (Phase.VERIFYING, "", "A", 1)
    assert (after.closing_tries, after.deferrals, after.offset) == (0, 0, 0)
    assert after.detail == "the attachment had other bytes than the file"
    assert decide(after) == do.RemoveGarbled()


def test_what_is_sent_anew_is_in_no_doubt_about_what_was_sent_before() -> None:
    before = an_entry(Phase.VERIFYING, attachment_id="", garbled_id="A", garbled=1, in_doubt=True, searches_in_doubt=2)
    after = absorb(replace(before, closing_tries=3, deferrals=3), seen.AttachmentRemoved())
    assert (after.phase, after.garbled_id, after.in_doubt, after.searches_in_doubt) == (Phase.OPENING, "", False, 0)
    assert (after.closing_tries, after.deferrals) == (0, 0)
    assert decide(after) == do.OpenSession()


def test_the_last_attachment_with_other_bytes_that_is_allowed_ends_the_upload() -> None:
    before = an_entry(Phase.VERIFYING, attachment_id="", garbled_id="A", garbled=MAX_GARBLED)
    after = absorb(before, seen.AttachmentRemoved())
    assert (after.phase, after.reason, after.garbled_id) == (Phase.FAILED, Reason.GARBLED, "")
    assert after.detail == "3 times To Do held other bytes than the file, and they were removed again"
    earlier = absorb(replace(before, garbled=MAX_GARBLED - 1), seen.AttachmentRemoved())
    assert earlier.phase is Phase.OPENING


# -- waiting for sign-in --


@pytest.mark.parametrize("phase", UNATTACHED)
def test_without_a_token_an_upload_waits_and_remembers_where(phase: Phase) -> None:
    after = absorb(an_entry(phase, sessions_opened=1, report_tries=2), SIGN_IN)
    assert (after.phase, after.sign_in_wait) == (
        Phase.WAITING,
        SignInWait(phase if phase in ASKING else Phase.RESOLVING, NOW),
    )
    assert (after.reason, after.not_before, after.steps_without_progress, after.report.failed_tries) == (
        Reason.SIGN_IN,
        None,
        0,
        0,
    )
    assert (after.detail, after.deferrals) == ("nobody is signed in", 1)
    assert decide(after) == do.ReportOutcome()


def test_who_was_told_once_is_not_told_at_every_try() -> None:
    after = absorb(an_entry(Phase.SENDING, reported=Phase.WAITING), SIGN_IN)
    assert (after.phase, delay(after)) == (Phase.WAITING, 2)


def test_after_the_telling_there_is_a_pause() -> None:
    after = absorb(an_entry(Phase.WAITING, deferrals=1, report_tries=2), seen.Reported())
    assert (after.phase, after.report.phase, delay(after)) == (Phase.WAITING, Phase.WAITING, 3)
    assert after.report.failed_tries == 0


def test_after_the_outcome_is_told_nothing_is_waited_for() -> None:
    assert absorb(an_entry(Phase.FAILED, session=SESSION), seen.Reported()).not_before is None


def test_a_person_who_cannot_be_told_is_waited_for_all_the_same() -> None:
    entry = an_entry(Phase.WAITING)
    for _ in range(MAX_REPORT_TRIES_WAITING):
        assert entry.report.phase is None
        entry = absorb(entry, seen.Unavailable("tags refused"))
    assert (entry.phase, entry.report.phase) == (Phase.WAITING, Phase.WAITING)


@pytest.mark.parametrize(("waited", "phase"), [(14.0, Phase.WAITING), (14.1, Phase.FAILED)])
def test_nobody_is_waited_for_longer_than_the_setting(waited: float, phase: Phase) -> None:
    after = absorb(an_entry(Phase.SENDING, waited=timedelta(days=waited), reported=Phase.WAITING), SIGN_IN)
    assert (after.phase, after.reason) == (phase, Reason.SIGN_IN)
    if phase is Phase.FAILED:
        assert after.detail == "nobody signed in within 14 days (last: nobody is signed in)"


def test_giving_up_on_a_sign_in_while_confirming_says_that_it_may_be_attached() -> None:
    after = absorb(an_entry(Phase.CONFIRMING, waited=timedelta(days=15)), SIGN_IN)
    assert after.detail.endswith("may already be attached")


# -- the end --


@pytest.mark.parametrize("phase", TERMINAL)
def test_an_outcome_that_cannot_be_told_is_given_up_after_a_few_tries(phase: Phase) -> None:
    entry = an_entry(phase, reason=Reason.TOO_OLD, detail="the outcome")
    waits = []
    for _ in range(MAX_REPORT_TRIES):
        assert decide(entry) == do.ReportOutcome()
        entry = absorb(entry, seen.Unavailable("tags refused"))
        waits.append(delay(entry))
    assert waits[:5] == [2, 3, 5, 9, 17]
    assert max(waits) == 301
    assert entry.is_done
    assert (entry.reason, entry.detail) == (Reason.TOO_OLD, "the outcome")


def test_tags_that_storage_refuses_are_given_up_sooner() -> None:
    entry = an_entry(Phase.FAILED, reason=Reason.TOO_OLD)
    waits = []
    for _ in range(MAX_REPORT_TRIES_REFUSED):
        assert decide(entry) == do.ReportOutcome()
        entry = absorb(entry, seen.TagsRefused())
        waits.append(delay(entry))
    assert waits == [2, 3, 5]
    assert entry.is_done


def test_tries_to_tell_of_the_waiting_do_not_count_against_the_outcome() -> None:
    entry = endings.ended(an_entry(report_tries=MAX_REPORT_TRIES), End(Phase.FAILED, Reason.TOO_OLD, ""))
    assert not absorb(entry, seen.Unavailable("tags refused")).is_done


@pytest.mark.parametrize(
    "observation",
    [seen.Unavailable("HTTP 500"), seen.Deferred("HTTP 429"), SIGN_IN],
    ids=["away", "throttled", "no token"],
)
def test_a_session_that_cannot_be_cancelled_is_left_to_expire_after_a_few_tries(observation: seen.Observation) -> None:
    entry = an_entry(Phase.FAILED, reported=Phase.FAILED, session=SESSION, detail="the outcome")
    waits = []
    for _ in range(MAX_CLOSING_TRIES):
        assert decide(entry) == do.CancelSession()
        entry = absorb(entry, observation)
        waits.append(delay(entry))
    assert waits == [2, 3, 5, 9, 17]
    assert entry.is_done
    assert (entry.detail, entry.session) == ("the outcome", None)


REPLACING = an_entry(Phase.ATTACHED, reported=Phase.ATTACHED, attachment_id="A", replaces=REPLACES)


@pytest.mark.parametrize("observation", [seen.AttachmentRemoved(), seen.ReplacedLeft()], ids=["removed", "left"])
def test_a_replaced_attachment_that_is_gone_or_was_changed_finishes_the_upload(observation: seen.Observation) -> None:
    after = absorb(replace(REPLACING, closing_tries=3, deferrals=3), observation)
    assert after.is_done
    assert (after.replaces, after.closing_tries, after.deferrals) == (None, 0, 0)


@pytest.mark.parametrize(
    "observation",
    [seen.Unavailable("HTTP 500"), seen.Deferred("HTTP 429"), SIGN_IN],
    ids=["away", "throttled", "no token"],
)
def test_a_replaced_attachment_that_cannot_be_removed_stays_after_many_tries(observation: seen.Observation) -> None:
    entry = replace(REPLACING, delete_source=True)
    waits = []
    for _ in range(MAX_REMOVAL_TRIES):
        assert decide(entry) == do.RemoveReplaced()
        entry = absorb(entry, observation)
        waits.append(delay(entry))
    assert waits[:5] == [2, 3, 5, 9, 17]
    assert (entry.replaces, entry.closing_tries, decide(entry)) == (None, 0, do.DeleteSource())


def test_a_file_from_the_page_is_tried_to_be_deleted_for_longer() -> None:
    """The person who sent it has no right to delete it."""
    blob = replace(an_entry().blob, name=blob_name("0" * 32))
    entry = an_entry(Phase.ATTACHED, blob=blob, reported=Phase.ATTACHED, attachment_id="A", delete_source=True)
    for _ in range(MAX_REMOVAL_TRIES):
        assert (entry.is_done, decide(entry)) == (False, do.DeleteSource())
        entry = absorb(entry, seen.Unavailable("leased"))
    assert entry.is_done


@pytest.mark.parametrize(
    "entry",
    [
        an_entry(Phase.FAILED),
        an_entry(Phase.FAILED, reported=Phase.FAILED, session=SESSION),
        REPLACING,
        an_entry(Phase.ATTACHED, reported=Phase.ATTACHED, attachment_id="A", delete_source=True),
    ],
    ids=["report", "cancel the session", "remove the replaced one", "delete the source"],
)
def test_each_of_the_last_things_is_tried_again_no_sooner_than_the_server_asks(entry: Entry) -> None:
    assert delay(absorb(entry, seen.Unavailable("HTTP 503", timedelta(seconds=40)))) == 41


def test_a_cancelled_session_finishes_a_failed_upload() -> None:
    entry = absorb(an_entry(Phase.FAILED, reported=Phase.FAILED, session=SESSION), seen.SessionCancelled())
    assert entry.is_done
    assert entry.not_before is None


def test_a_deleted_source_finishes_an_attached_upload() -> None:
    entry = an_entry(Phase.ATTACHED, reported=Phase.ATTACHED, attachment_id="A", delete_source=True)
    assert absorb(entry, seen.SourceDeleted()).is_done


def test_every_step_takes_the_claim_and_the_time_away() -> None:
    before = an_entry(Phase.SENDING, claim=Claim("me", NOW), not_before=NOW)
    after = absorb(before, seen.Progress(100))
    assert (after.claim, after.not_before, after.step) == (None, None, before.step + 1)


@pytest.mark.parametrize(
    ("phase", "action", "observation"),
    [
        (Phase.RESOLVING, do.Resolve, seen.Resolved("L", "T", "S")),
        (Phase.OPENING, do.PostFile, seen.Refused(Reason.REFUSED, "HTTP 400")),
        (Phase.SENDING, do.SendSlice, seen.Refused(Reason.REFUSED, "HTTP 400")),
        (Phase.CONFIRMING, do.FindAttachment, seen.NotFound()),
    ],
    ids=["resolve", "post", "send", "search"],
)
def test_what_was_read_of_the_blob_is_kept_also_where_graph_refuses_it(
    phase: Phase, action: type[do.Action], observation: seen.Observation
) -> None:
    first, second = Piece(ByteRange(0, 100), "ab" * 32), Piece(ByteRange(100, 200), "cd" * 32)
    seen_and_read = result_type(action)(observation, (second,))
    after = absorbing.absorb(an_entry(phase, content=(first,)), seen_and_read, now=NOW, limits=LIMITS, jitter=0.0)
    assert after.content == (first, second)


def test_a_file_is_attached_at_the_time_of_the_step_that_saw_it() -> None:
    assert absorb(an_entry(Phase.SENDING, offset=200), seen.Attached("A")).attached_at == NOW
    assert absorb(an_entry(Phase.SENDING), seen.Progress(100)).attached_at is None


def test_to_say_that_it_is_under_way_is_a_step_that_leaves_the_wait_as_it_is() -> None:
    later = NOW + timedelta(minutes=9)
    before = an_entry(Phase.SENDING, claim=Claim("me", NOW, tells=True), not_before=later, deaths=2, tell_at=NOW)
    after = absorb(before, seen.Reported())
    assert (after.phase, after.step, after.claim, after.not_before) == (Phase.SENDING, before.step + 1, None, later)
    assert (after.deaths, after.tell_at, after.report.underway) == (2, None, Underway.DELAYED)


def test_a_blob_that_cannot_be_deleted_stays_after_a_few_tries() -> None:
    entry = an_entry(Phase.ATTACHED, reported=Phase.ATTACHED, attachment_id="A", delete_source=True)
    for _ in range(MAX_CLOSING_TRIES):
        assert (entry.is_done, decide(entry)) == (False, do.DeleteSource())
        entry = absorb(entry, seen.Unavailable("leased"))
    assert entry.is_done
    assert (entry.delete_source, entry.source_deleted) == (False, False)


def test_a_session_that_could_not_be_cancelled_leaves_the_deletion_its_own_tries() -> None:
    entry = an_entry(Phase.ATTACHED, reported=Phase.ATTACHED, attachment_id="A", delete_source=True, session=SESSION)
    for _ in range(MAX_CLOSING_TRIES):
        entry = absorb(entry, seen.Unavailable("HTTP 500"))
    assert decide(entry) == do.DeleteSource()
    assert not entry.is_done
    assert entry.closing_tries == 0
