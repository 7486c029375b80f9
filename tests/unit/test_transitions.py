"""The table says what `absorb` and `decide` do: move by move, and no other move."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core import actions as do
from shared.core import decide as deciding
from shared.core import observations as seen
from shared.core.absorb import absorb as absorbing
from shared.core.attachment import Reference
from shared.core.entry import Claim, Entry, LandedAs, MayHaveLanded, Phase, QueueWait, Reason, Replaced
from shared.core.limits import FREE_REWRITES, MAX_GARBLED, MAX_SEARCHES_IN_DOUBT
from shared.core.ranges import MAX_POST_BYTES
from shared.core.transitions import TRANSITIONS
from tests.support.entries import LIMITS, NOW, SESSION, SESSION_URL, SIZE, an_entry
from tests.support.results import ACTIONS, possible, result

TERMINAL = [phase for phase in Phase if phase.is_terminal]
TOO_LONG = LIMITS.sign_in_wait + timedelta(days=1)

# Each observation, in as many forms as lead to different places.
EXAMPLES: dict[type[seen.Observation], list[seen.Observation]] = {
    seen.Arrived: [seen.Arrived(Reference(), Reference(name="Plan"), "sam@example.com", "plan.pdf")],
    seen.NotYet: [seen.NotYet(NOW, "waits for the metadata")],
    seen.Resolved: [
        seen.Resolved("L", "T", "S"),
        seen.Resolved("L", "T", "S", may_be_of=MayHaveLanded("older", NOW)),
    ],
    seen.AlreadyAttached: [seen.AlreadyAttached("L", "T", "A", NOW, "")],
    seen.OftenRewritten: [seen.OftenRewritten(FREE_REWRITES + 1)],
    seen.Admitted: [seen.Admitted("M")],
    seen.MustQueue: [seen.MustQueue("M", "others are first")],
    seen.LeaseReturned: [seen.LeaseReturned()],
    seen.SlotHeld: [seen.SlotHeld("S"), seen.SlotHeld("S", is_own=True)],
    seen.SessionOpened: [seen.SessionOpened(SESSION_URL, None, offset, NOW) for offset in (0, 1)],
    seen.PostPrepared: [seen.PostPrepared(NOW)],
    seen.Progress: [seen.Progress(100), seen.Progress(SIZE)],
    seen.Attached: [seen.Attached("A")],
    seen.Adopted: [seen.Adopted("A")],
    seen.LandedUnnamed: [seen.LandedUnnamed()],
    seen.LandedUnderOwnedId: [seen.LandedUnderOwnedId()],
    seen.Unclear: [seen.Unclear("HTTP 500")],
    seen.SliceRefused: [seen.SliceRefused(400, "HTTP 400")],
    seen.SessionLost: [seen.SessionLost("HTTP 404")],
    seen.SliceTooLarge: [seen.SliceTooLarge()],
    seen.Deferred: [seen.Deferred("HTTP 429")],
    seen.Unavailable: [seen.Unavailable("HTTP 500")],
    seen.Refused: [seen.Refused(Reason.FORBIDDEN, "HTTP 403")],
    seen.TargetMissing: [seen.TargetMissing(Reason.NO_SUCH_TASK, "HTTP 404")],
    seen.TooSmallForSession: [seen.TooSmallForSession("HTTP 400")],
    seen.NeedsSignIn: [seen.NeedsSignIn("nobody is signed in")],
    seen.NotFound: [seen.NotFound()],
    seen.SessionCancelled: [seen.SessionCancelled()],
    seen.BlobRewritten: [seen.BlobRewritten()],
    seen.BlobDeleted: [seen.BlobDeleted()],
    seen.Reported: [seen.Reported()],
    seen.TagsRefused: [seen.TagsRefused()],
    seen.Intact: [seen.Intact()],
    seen.Garbled: [seen.Garbled()],
    seen.NotReadBack: [seen.NotReadBack("HTTP 403")],
    seen.AttachmentRemoved: [seen.AttachmentRemoved()],
    seen.ReplacedLeft: [seen.ReplacedLeft()],
    seen.SourceDeleted: [seen.SourceDeleted()],
}
CASES = [(phase, action, kind) for phase in Phase for action, row in TRANSITIONS[phase].items() for kind in row]


def entries(phase: Phase) -> Iterator[Entry]:
    """As many kinds of entries of a phase as are treated differently."""
    usual = an_entry(phase, not_before=NOW)
    yield usual
    if usual.queue_wait is not None:
        for resume in (Phase.OPENING, Phase.SENDING, Phase.LOCATING, Phase.CONFIRMING):
            yield replace(usual, queue_wait=QueueWait(resume))
    yield replace(usual, slice_bytes=LIMITS.slice_bytes // 2)
    yield replace(usual, waited=TOO_LONG)
    if not phase.is_terminal and phase is not Phase.WAITING:
        yield replace(usual, claim=Claim("me", NOW, tells=True))
    yield replace(usual, in_doubt=True)
    yield replace(usual, in_doubt=True, searches_in_doubt=MAX_SEARCHES_IN_DOUBT - 1)
    yield replace(usual, landed=LandedAs.UNNAMED)
    yield replace(usual, missing_since=NOW - timedelta(hours=1))
    yield replace(usual, read_back=True, garbled=MAX_GARBLED)
    if usual.session is None:
        yield replace(usual, size=MAX_POST_BYTES + 1)
    if phase is Phase.CONFIRMING:
        closed = replace(usual, session=None)
        yield closed
        yield replace(closed, in_doubt=True)
    if usual.session is not None:
        yield replace(usual, session=replace(SESSION, refused_status=400))


@pytest.mark.parametrize(("phase", "action", "kind"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_an_observation_leads_exactly_where_the_table_says(
    phase: Phase, action: type[do.Action], kind: type[seen.Observation]
) -> None:
    reached = set()
    for before in entries(phase):
        for observation in EXAMPLES[kind]:
            after = absorbing.absorb(before, result(action, observation), now=NOW, limits=LIMITS, jitter=0.0)
            assert (after.step, after.claim) == (7 if kind is seen.MustQueue else 8, None)
            reached.add(after.phase)
    assert reached == TRANSITIONS[phase][action][kind]


def in_every_state(phase: Phase) -> Iterator[Entry]:
    for entry in entries(phase):
        yield entry
        yield replace(entry, lease="M")
        yield replace(entry, session=replace(SESSION, expires_at=NOW))
        yield replace(entry, session=replace(SESSION, offset=200), sessions_opened=2)
        reported = replace(entry, report=replace(entry.report, phase=phase))
        yield replace(reported, session=SESSION)
        if phase is Phase.ATTACHED:
            yield replace(reported, attachment_id="A", replaces=Replaced("older", "plan.pdf", NOW))
        yield replace(
            reported, session=None if phase.is_terminal else entry.session, delete_source=True, attachment_id="A"
        )
        if phase is Phase.REJECTED:
            yield replace(reported, reason=Reason.LARGER_THAN_DECLARED, delete_source=True)
    if phase is Phase.QUEUED:
        yield an_entry(phase, lease="M", queue_wait=QueueWait(Phase.RESOLVING, for_slot=True))
    if phase is Phase.OPENING:
        yield an_entry(phase, size=0)
        yield an_entry(phase, size=0, first_opened_at=NOW)
    if phase is Phase.CONFIRMING:
        yield an_entry(phase, session=None)
    if phase is Phase.VERIFYING:
        yield an_entry(phase, attachment_id="", garbled_id="A")


@pytest.mark.parametrize("phase", list(Phase))
def test_what_is_decided_in_a_phase_is_what_the_table_says_is_done_there(phase: Phase) -> None:
    undone = [entry for entry in in_every_state(phase) if not entry.is_done]
    decisions = {type(deciding.decide(entry, now=NOW, limits=LIMITS)) for entry in undone}
    assert decisions - {do.End} == TRANSITIONS[phase].keys()


@pytest.mark.parametrize(("phase", "action"), [(phase, action) for phase in Phase for action in TRANSITIONS[phase]])
def test_the_table_knows_all_that_an_action_can_lead_to(phase: Phase, action: type[do.Action]) -> None:
    assert TRANSITIONS[phase][action].keys() == set(possible(action))


def test_the_table_knows_every_phase_every_action_and_every_observation() -> None:
    assert TRANSITIONS.keys() == set(Phase)
    assert {action for row in TRANSITIONS.values() for action in row} == set(ACTIONS)
    assert {kind for _, _, kind in CASES} == EXAMPLES.keys()


@pytest.mark.parametrize("phase", TERMINAL)
def test_the_table_leaves_no_terminal_phase(phase: Phase) -> None:
    reached = {to for row in TRANSITIONS[phase].values() for targets in row.values() for to in targets}
    assert reached == {phase}


def test_a_phase_that_needs_a_session_says_so_where_there_is_none() -> None:
    entry = an_entry(Phase.SENDING, session=None)
    with pytest.raises(ValueError, match="is sending and has no session"):
        deciding.decide(entry, now=NOW, limits=LIMITS)
