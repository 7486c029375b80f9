"""Random lives of an upload, on the model in `lives`."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core import actions as do
from shared.core import observations as seen
from shared.core.absorb.absorb import absorb
from shared.core.entry import Phase, Reason, claimed
from shared.core.transitions import TRANSITIONS
from tests.properties.lives import POSSIBLE, SHORT, Fate, Life, Preferring, Tape, make
from tests.support.entries import NOW, SESSION, an_entry
from tests.support.results import ACTIONS, possible, result

TAPES = st.lists(st.integers(0, 2**32).map(Tape), max_size=60)
SIZES = st.sampled_from([0, 1, 99, 100, 101, 250, 1000])
EVERYTHING_WORKS = Preferring()


def live(life: Life, fates: list[Tape]) -> Life:
    for fate in fates:
        if life.entry.is_done:
            break
        life.step(fate)
    return life


def live_on(life: Life, fate: Fate, most_steps: int) -> None:
    for _ in range(most_steps):
        if life.entry.is_done:
            return
        life.step(fate)
    raise AssertionError(f"not done after {most_steps} steps, the last were {life.story[-6:]}: {life.entry}")


@settings(max_examples=200)
@given(SIZES, TAPES, st.booleans(), st.booleans())
def test_every_life_keeps_the_invariants(size: int, tapes: list[Tape], delete_source: bool, read_back: bool) -> None:
    live(Life.of(size, delete_source=delete_source, read_back=read_back), tapes)


MISERIES: dict[str, list[type]] = {
    "throttled": [seen.Deferred],
    "unavailable": [seen.Unavailable],
    "nobody signs in": [seen.NeedsSignIn],
    "no answer is known": [seen.Unclear, seen.Unavailable],
    "sessions get lost": [seen.Unclear, seen.SessionLost, seen.NotFound],
    "no answer, then throttled": [seen.Unclear, seen.Deferred],
    "slices are too large": [seen.SliceTooLarge],
    "created without a name": [seen.LandedUnnamed, seen.NotFound],
    "created under another's id": [seen.LandedUnderOwnedId, seen.NotFound],
    "slices are refused": [seen.SliceRefused],
    "forbidden": [seen.Refused],
    "rewritten": [seen.BlobRewritten],
    "the slot stays held": [seen.SlotHeld],
    "the mailbox is never free": [seen.MustQueue],
    "other bytes are attached": [seen.Garbled],
    "other bytes are attached and stay": [seen.Garbled, seen.Unavailable],
}
# A day in steps of five minutes at least, once the back-off has grown.
MOST_STEPS = 700


@pytest.mark.parametrize("misery", list(MISERIES))
@settings(max_examples=10)
@given(SIZES, TAPES)
def test_every_life_ends_in_bounded_work_when_nothing_works_any_more(misery: str, size: int, tapes: list[Tape]) -> None:
    """I6: whatever happened before, and whatever fails from then on."""
    life = live(Life.of(size, delete_source=True, read_back=True), tapes)
    live_on(life, Preferring(MISERIES[misery]), MOST_STEPS)


@given(SIZES, TAPES)
def test_every_life_ends_soon_when_everything_works_again(size: int, tapes: list[Tape]) -> None:
    life = live(Life.of(size, delete_source=True, read_back=True), tapes)
    already_ended = life.entry.phase.is_terminal
    live_on(life, EVERYTHING_WORKS, 60)
    if not already_ended and life.entry.phase is not Phase.ATTACHED:
        assert life.entry.phase is Phase.FAILED
        assert life.entry.reason in {
            Reason.TOO_OLD,
            Reason.SESSIONS,
            Reason.NO_PROGRESS,
            Reason.SIGN_IN,
            Reason.QUEUED_TOO_LONG,
            Reason.GARBLED,
        }


@given(SIZES)
def test_an_undisturbed_life_takes_one_step_for_each_slice(size: int) -> None:
    life = Life.of(size)
    live_on(life, EVERYTHING_WORKS, 60)
    slices = -(-size // SHORT.slice_bytes)
    sent = ["OpenSession", *["SendSlice"] * slices] if size else ["PreparePost", "PostFile"]
    assert [action for action, _ in life.story] == ["Admit", "Resolve", *sent, "ReturnLease", "ReportOutcome"]
    assert life.entry.phase is Phase.ATTACHED


@given(SIZES.filter(bool), TAPES, st.sampled_from(Phase))
def test_whatever_the_table_allows_is_one_step_to_where_it_says(size: int, tapes: list[Tape], phase: Phase) -> None:
    """The widest reading: any action of the phase, and any observation that the table knows after it."""
    entry = an_entry(phase, size=size)
    for fate in tapes:
        before = claimed(entry, owner="w", until=NOW, now=NOW, taken_over=bool(fate.number(2)))
        if before.phase in {Phase.SENDING, Phase.LOCATING} and before.session is None:
            before = replace(before, session=SESSION)
        actions = sorted(TRANSITIONS[before.phase], key=lambda kind: kind.__name__)
        action = actions[fate.number(len(actions))]
        row = TRANSITIONS[before.phase][action]
        kinds: list[type] = sorted(row, key=lambda kind: kind.__name__)
        observation = make(fate.kind(kinds), before, do.AskSession(), NOW, fate)
        if isinstance(observation, seen.Progress) and before.phase is Phase.SENDING:
            observation = seen.Progress(min(observation.offset, before.open_session.furthest + 1, before.size - 1))
        entry = absorb(before, result(action, observation), now=NOW, limits=SHORT, jitter=0.5)
        assert entry.phase in row[type(observation)]
        assert (entry.step, entry.claim) == (before.step + (not isinstance(observation, seen.MustQueue)), None)
        assert min(entry.steps_without_progress, entry.deferrals, entry.sessions_opened) >= 0


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_the_model_of_a_life_knows_all_that_an_action_can_lead_to(action: type[do.Action]) -> None:
    assert sorted(POSSIBLE[action], key=repr) == sorted(possible(action), key=repr)


@pytest.mark.parametrize(("phase", "action"), [(phase, action) for phase in Phase for action in TRANSITIONS[phase]])
def test_the_table_knows_all_that_an_action_can_lead_to_where_it_is_taken(
    phase: Phase, action: type[do.Action]
) -> None:
    assert TRANSITIONS[phase][action].keys() == set(possible(action))


def test_the_table_knows_where_each_action_is_taken() -> None:
    taken = {action: {phase for phase in Phase if action in TRANSITIONS[phase]} for action in ACTIONS}
    assert taken == TAKEN_IN


TERMINAL = {phase for phase in Phase if phase.is_terminal}
TAKEN_IN: dict[type[do.Action], set[Phase]] = {
    do.LookAtBlob: {Phase.ARRIVING},
    do.Admit: {Phase.QUEUED},
    do.ReturnLease: {Phase.QUEUED, Phase.WAITING, *TERMINAL},
    do.Resolve: {Phase.RESOLVING},
    do.OpenSession: {Phase.OPENING},
    do.PreparePost: {Phase.OPENING},
    do.PostFile: {Phase.OPENING},
    do.SendSlice: {Phase.SENDING},
    do.AskSession: {Phase.LOCATING},
    do.FindAttachment: {Phase.SENDING, Phase.CONFIRMING},
    do.ReadBack: {Phase.VERIFYING},
    do.RemoveGarbled: {Phase.VERIFYING},
    do.CancelSession: {Phase.SENDING, Phase.CONFIRMING, *TERMINAL},
    do.ReportOutcome: set(Phase),
    do.RemoveReplaced: {Phase.ATTACHED},
    do.DeleteSource: {Phase.ATTACHED, Phase.REJECTED},  # there only what is larger than was signed for
}
