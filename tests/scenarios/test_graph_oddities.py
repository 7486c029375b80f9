"""Everywhere that the documentation is silent or contradicts itself, both readings must do.

Each value of each switch of the emulator, alone; and again on the way through a lost last reply, where it counts most.
"""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any, get_args, get_type_hints

import pytest

from local.stand_ins.todo.behaviour import DOCUMENTED, Behaviour
from local.stand_ins.todo.faults import Answer, CorruptByte, ExpireSession, ResetConnection
from local.stand_ins.todo.journal import Offence
from shared.core.entry import Phase, Reason
from shared.core.ranges import MAX_POST_BYTES
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_ended, assert_promise, fault, upload
from tests.support.entries import LIMITS
from tests.support.fakes.world import FULL_SIZE, SAM, SHORT_WAIT, SLICE, TOKEN, World, content

# Whatever the value: the file is attached, once.
ATTACHES: dict[str, tuple[Any, ...]] = {
    "create_status": (200, 201),
    "create_casing": ("camel", "pascal"),
    "create_ranges": ("open", "start", "closed", "several", "missing"),
    "expiry": ("fixed", "sliding"),
    "upload_url_version": ("as_asked", "v1.0", "beta", "gv1.0"),
    "upload_url_user": ("guid", "upn", "me"),
    "bare_put": (405, 404, "accepted"),
    "progress_casing": ("camel", "pascal"),
    "progress_ranges": ("open", "start", "closed", "several", "missing"),
    "torn_range": ("dropped", "kept"),
    "abandoned_request": ("applied", "dropped"),
    "acknowledged_range": (416, 200),
    "final_reply": ("location", "entity", "nothing", "ok_entity", "ok_empty", "ok_progress"),
    "location": ("path", "key", "encoded", "relative", "beta", "absent"),
    "session_get": ("works", 404, 405),
    "status_casing": ("camel", "pascal"),
    "status_ranges": ("open", "start", "closed", "several", "missing"),
    "expired_session": (404, 410, 400, 401, 416),
    "unknown_session": (404, 410, 400, 401, 416),
    "finished_session": ("gone", "lingers"),
    "unknown_session_delete": (404, 204),
    "names": ("free", "trimmed", "lower_case", "sanitised"),
    "listed_size_overhead": (0, 1_000),
    "listing_lag": (0.0, 60.0),
    "wrapped_attachment": (False, True),
    "session_content_type": ("lost", "kept"),
    "listed_lists": ("all", "only_in_delta"),
    "page_size": (1, 50),
    "next_link": ("always", "only_with_top", "never"),
    "select": (400, "ignored"),
    "filters": ("exact", "loose", "ignored", 400),
    "tasks_shorthand": (True, False),
    "unknown_task": (404, 400),
    "date_digits": (0, 3, 6, 7),
    "error_form": ("inner_error", "innererror", "no_inner_error", "empty_message", "html", "empty"),
}
SWITCHES = [(name, value) for name, values in ATTACHES.items() for value in values]
# What matters for an empty file only.
EMPTY: dict[str, tuple[Any, ...]] = {
    "empty_session": ("refused", "never_completes", "completes_at_create"),
    "inline_limit": (1,),
    "body_limit": (1_024,),
}
# What matters for some places, names, tokens, and tasks only; each has a test below.
PLACES: dict[str, tuple[Any, ...]] = dict.fromkeys(("personal_sessions", "shared_list"), (400, 403, 404))
NAMESAKES = ("refused_at_create", "refused_at_last_range")
MOVES: dict[str, tuple[Any, ...]] = {"moved_task_id": ("changes", "stays"), "moved_task_session": ("follows", 404)}
OTHERS: dict[str, tuple[Any, ...]] = {
    **EMPTY,
    **PLACES,
    **MOVES,
    "duplicate_names": NAMESAKES,
    "names": ("refused",),
    "next_link": ("other_host",),
    "application_tokens": ("accepted", 401, 403),
    "range_limit": (512,),
    "range_limit_inclusive": (False,),
    "range_limit_status": (400,),
    "session_lifetime": (3_600.0,),
    "upload_url_authtoken": (True,),
    "listed_lists": ("never",),
    "mailbox_for_rest": (404,),
    "minimum_session_size": (len(FILE) + 1,),
}


@pytest.mark.parametrize(("switch", "value"), SWITCHES)
def test_any_reading_attaches_once(switch: str, value: Any) -> None:
    world = World(behaviour=replace(DOCUMENTED, **{switch: value}))
    blob = upload(world, filename="Plan: A/B*?.PDF ", task="Receipts")
    assert world.phase(blob) is Phase.ATTACHED
    assert [data for _, data in world.attached()] == [FILE]
    assert_promise(world)


@pytest.mark.parametrize(("switch", "value"), SWITCHES)
@pytest.mark.parametrize("nth", [2, SLICES])
def test_any_reading_attaches_once_when_a_reply_is_lost(switch: str, value: Any, nth: int) -> None:
    lost = fault(ResetConnection("after_applying"), nth=nth)
    world = World(behaviour=replace(DOCUMENTED, **{switch: value}), faults=(lost,))
    blob = upload(world, filename="Plan: A*?.PDF  ", task="Receipts")
    assert world.phase(blob) is Phase.ATTACHED
    assert [data for _, data in world.attached()] == [FILE]
    assert_promise(world)


@pytest.mark.parametrize(("switch", "value"), SWITCHES)
def test_any_reading_attaches_once_when_a_session_expires(switch: str, value: Any) -> None:
    world = World(behaviour=replace(DOCUMENTED, **{switch: value}), faults=(fault(ExpireSession(), nth=2),))
    blob = upload(world)
    assert world.phase(blob) is Phase.ATTACHED
    assert [data for _, data in world.attached()] == [FILE]
    assert_promise(world)


def test_every_value_of_every_switch_is_played_against_the_application() -> None:
    """A switch that nothing is tried against is a question that nobody has answered."""
    refused = [pair for switches, _, _ in REFUSES for pair in switches.items()]
    others = [(name, value) for name, values in OTHERS.items() for value in values]
    played = {(name, repr(value)) for name, value in [*SWITCHES, *refused, *others]}
    documented = {(each.name, repr(each.default)) for each in fields(Behaviour)}
    hints = get_type_hints(Behaviour)
    choices = {(name, repr(value)) for name, hint in hints.items() for value in choices_of(hint)}
    assert choices - played - documented == set()
    assert set(hints) - {name for name, _ in played} == set()


def choices_of(hint: Any) -> tuple[Any, ...]:
    """The values of a switch that has a closed list of them."""
    return (True, False) if hint is bool else get_args(getattr(hint, "__value__", hint))


@pytest.mark.parametrize(("switch", "value"), [(name, value) for name, values in EMPTY.items() for value in values])
def test_any_reading_attaches_an_empty_file_once_and_opens_no_session(switch: str, value: Any) -> None:
    world = World(behaviour=replace(DOCUMENTED, **{switch: value}))
    blob = upload(world, b"")
    assert_attached(world, blob, b"")
    assert "create_session" not in dict(world.requests())
    assert_promise(world)


REFUSES: list[tuple[dict[str, Any], Phase, Reason]] = [
    ({"size_limit": SLICE}, Phase.REJECTED, Reason.TOO_LARGE),
    ({"size_limit": SLICE, "size_limit_status": 400}, Phase.REJECTED, Reason.TOO_LARGE),
    ({"size_limit": SLICE, "size_limit_status": 507}, Phase.REJECTED, Reason.MAILBOX_FULL),
    ({"size_limit": SLICE, "size_refused_at": "last_range"}, Phase.REJECTED, Reason.TOO_LARGE),
    (
        {"size_limit": SLICE, "size_refused_at": "last_range", "size_limit_status": 400},
        Phase.REJECTED,
        Reason.TOO_LARGE,
    ),
    (
        {"size_limit": SLICE, "size_refused_at": "last_range", "size_limit_status": 507},
        Phase.REJECTED,
        Reason.MAILBOX_FULL,
    ),
    ({"mailbox_for_rest": 404}, Phase.REJECTED, Reason.NO_MAILBOX),
    ({"new_item_lag": 3_600.0}, Phase.REJECTED, Reason.NO_SUCH_TASK),
    ({"upload_url_host": "https://outlook.office.example"}, Phase.REJECTED, Reason.REFUSED),
    ({"put_permitted": False}, Phase.REJECTED, Reason.FORBIDDEN),
    ({"put_redirect": "https://elsewhere.example/upload"}, Phase.FAILED, Reason.NO_PROGRESS),
]


@pytest.mark.parametrize(("switches", "phase", "reason"), REFUSES)
def test_what_cannot_be_followed_ends_with_its_reason_and_leaks_no_token(
    switches: dict[str, Any], phase: Phase, reason: Reason
) -> None:
    world = World(behaviour=replace(DOCUMENTED, **switches))
    blob = upload(world)
    assert_ended(world, blob, phase, reason)
    assert world.attached() == []
    elsewhere = "upload_url_host" in switches  # a session on a host that gets no token from us
    assert_promise(world, unseen_sessions=1 if elsewhere else 0)


@pytest.mark.parametrize("size", [1, 2_500, MAX_POST_BYTES])
def test_a_file_that_graph_finds_too_small_for_a_session_is_attached_by_the_small_post(size: int) -> None:
    """By analogy with mail, whose sessions are for files above 3 MB."""
    behaviour = replace(DOCUMENTED, minimum_session_size=MAX_POST_BYTES + 1)
    world = World(behaviour=behaviour, limits=FULL_SIZE)
    file = content(size)
    blob = upload(world, file)
    assert_attached(world, blob, file)
    assert [operation for operation, _ in world.requests()] == ["create_session", "list_attachments", "post_attachment"]
    assert_promise(world)


def test_a_lost_answer_to_the_small_post_of_a_small_file_attaches_it_once() -> None:
    behaviour = replace(DOCUMENTED, minimum_session_size=len(FILE) + 1)
    world = World(behaviour=behaviour, faults=(fault(ResetConnection("after_applying"), "post_attachment"),))
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world)


def test_a_file_too_large_for_the_small_post_and_too_small_for_a_session_is_rejected() -> None:
    behaviour = replace(DOCUMENTED, minimum_session_size=MAX_POST_BYTES + 2)
    world = World(behaviour=behaviour, limits=FULL_SIZE)
    blob = upload(world, content(MAX_POST_BYTES + 1))
    assert_ended(world, blob, Phase.REJECTED, Reason.REFUSED)
    assert_promise(world)


def with_a_new_task(lag: float) -> World:
    """A To Do with an older list, and in it a task that another app has just made."""
    world = World(behaviour=replace(DOCUMENTED, new_item_lag=lag))
    world.list.created = None
    return world


BY_NAME = {"list": "Tasks", "task": "Receipts"}
TARGETS = pytest.mark.parametrize("target", [{}, BY_NAME], ids=["by id", "by name"])


@TARGETS
def test_a_task_that_graph_does_not_find_yet_gets_its_file(target: dict[str, str]) -> None:
    """It was made in another app, a moment before the file or after it."""
    world = with_a_new_task(60.0)
    blob = upload(world, **target)
    assert_attached(world, blob)
    assert_promise(world)


@TARGETS
def test_a_task_that_graph_never_finds_is_rejected_after_some_minutes(target: dict[str, str]) -> None:
    world = with_a_new_task(3_600.0)
    start = world.clock.now
    blob = upload(world, **target)
    assert_ended(world, blob, Phase.REJECTED, Reason.NO_SUCH_TASK)
    assert LIMITS.missing_patience <= world.clock.now - start < LIMITS.missing_patience + timedelta(minutes=1)
    assert_promise(world)


def test_a_name_that_is_not_there_yet_is_looked_for_again_within_seconds() -> None:
    world = with_a_new_task(4.0)
    start = world.clock.now
    blob = upload(world, **BY_NAME)
    assert_attached(world, blob)
    assert world.clock.now - start < timedelta(seconds=15)


def test_an_upload_url_with_a_token_of_its_own_gets_none_of_ours() -> None:
    """Mail's way. The bearer does not belong there, and without it nothing documented works."""
    world = World(behaviour=replace(DOCUMENTED, upload_url_authtoken=True))
    blob = upload(world)
    assert_ended(world, blob, Phase.REJECTED, Reason.REFUSED, "a token of its own")
    assert_promise(world, unseen_sessions=1)


@pytest.mark.parametrize(("switch", "status"), [(name, status) for name in PLACES for status in PLACES[name]])
def test_a_place_that_takes_no_attachments_rejects_the_file(switch: str, status: int) -> None:
    world = World(behaviour=replace(DOCUMENTED, **{switch: status}))  # type: ignore[arg-type]
    world.mailbox.personal = True
    world.list.shared = True
    blob = upload(world)
    entry = world.entry(blob)
    assert entry.phase is Phase.REJECTED
    assert f"HTTP {status}" in entry.detail
    assert_promise(world)


@pytest.mark.parametrize("switch", NAMESAKES)
def test_a_name_that_is_there_already_fails_with_the_reason(switch: str) -> None:
    world = World(behaviour=replace(DOCUMENTED, duplicate_names=switch))  # type: ignore[arg-type]
    first = upload(world)
    second = upload(world, b"another")
    assert_attached(world, first)
    entry = world.entry(second)
    assert (entry.phase, entry.reason) == (Phase.FAILED, Reason.NO_PROGRESS)
    assert "nameAlreadyExists" in entry.detail
    assert_promise(world)


def test_a_name_that_the_server_refuses_is_rejected() -> None:
    world = World(behaviour=replace(DOCUMENTED, names="refused"))
    blob = upload(world, filename="what?.pdf", task="Receipts")
    assert_ended(world, blob, Phase.REJECTED, Reason.REFUSED, "HTTP 400")
    assert_promise(world)


def test_a_session_that_never_tells_its_ranges_ends_at_a_bound() -> None:
    """Neither the reply to a range nor the session says where it stands: what was sent cannot be known."""
    behaviour = replace(DOCUMENTED, progress_ranges="missing", status_ranges="missing")
    world = World(behaviour=behaviour)
    blob = upload(world)
    assert world.phase(blob) is Phase.FAILED
    assert_promise(world)


@pytest.mark.parametrize("moved_task_id", MOVES["moved_task_id"])
@pytest.mark.parametrize("moved_task_session", MOVES["moved_task_session"])
@pytest.mark.parametrize("requests", range(SLICES + 1))
def test_a_task_dragged_to_another_list_attaches_once_or_says_that_it_is_gone(
    moved_task_id: str, moved_task_session: str | int, requests: int
) -> None:
    switches = {"moved_task_id": moved_task_id, "moved_task_session": moved_task_session}
    world = World(behaviour=replace(DOCUMENTED, **switches))  # type: ignore[arg-type]
    elsewhere = world.todo.add_list(world.mailbox, "Elsewhere")
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.requests()) >= requests)
    world.todo.move_task(world.task, elsewhere)
    world.run()
    entry = world.entry(blob)
    if entry.phase is not Phase.ATTACHED:
        assert (entry.phase, entry.reason) == (Phase.REJECTED, Reason.NO_SUCH_TASK)
    assert len(world.attached()) == (entry.phase is Phase.ATTACHED)
    assert_promise(world, unseen_sessions=1, offences=[Offence.REFUSED_RANGE])


@pytest.mark.parametrize("slices", range(1, SLICES))
def test_a_session_of_another_graph_root_is_left_and_the_token_does_not_go_there(slices: int) -> None:
    """The deployment was pointed at another cloud, or the emulator got another port, half way."""
    world = World()
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.requests()) > slices)
    row = world.ledger.rows[blob.upload_id()]
    elsewhere = "https://dod-graph.microsoft.us/v1.0/users/u/attachmentSessions/s"
    row.entry = replace(row.entry, session=replace(row.entry.open_session, url=elsewhere))
    world.run()
    assert_attached(world, blob)
    assert_promise(world, unseen_sessions=1)


def test_conditional_access_that_asks_for_claims_with_a_403_gets_another_token() -> None:
    demand = {"WWW-Authenticate": 'Bearer error="insufficient_claims", claims="eyJhIjoxfQ=="'}
    world = World(faults=(fault(Answer(403, headers=demand), nth=2),))
    world.accounts.next_tokens = {SAM: [TOKEN]}
    blob = upload(world)
    assert_attached(world, blob)
    assert world.accounts.challenges == ['{"a":1}']
    assert_promise(world)


@pytest.mark.parametrize(
    ("application_tokens", "phase", "reason"),
    [
        ("accepted", Phase.ATTACHED, Reason.NONE),
        (403, Phase.REJECTED, Reason.FORBIDDEN),
        (401, Phase.FAILED, Reason.SIGN_IN),
    ],
)
def test_a_token_of_no_person_attaches_where_graph_takes_it_and_else_says_why(
    application_tokens: Any, phase: Phase, reason: Reason
) -> None:
    """Documented as not supported. The token is not looked into: Graph's answer decides."""
    world = World(
        limits=SHORT_WAIT, behaviour=replace(DOCUMENTED, application_tokens=application_tokens), mailbox_by_id=True
    )
    world.accounts.tokens[SAM] = "canary-token-of-no-person"
    world.todo.add_application_token("canary-token-of-no-person")
    blob = upload(world)
    assert_ended(world, blob, phase, reason)
    assert world.attached() == ([("report.pdf", FILE)] if phase is Phase.ATTACHED else [])
    assert_promise(world)


def test_a_limit_that_excludes_its_own_size_halves_the_slice() -> None:
    world = World(behaviour=replace(DOCUMENTED, range_limit=SLICE, range_limit_inclusive=False))
    blob = upload(world)
    assert_attached(world, blob)
    assert world.entry(blob).slice_bytes == SLICE // 2
    assert_promise(world, offences=[Offence.REFUSED_RANGE])


def test_a_slice_that_is_too_large_by_a_400_fails_with_the_reason() -> None:
    """A 400 may mean anything: it is not taken for "too large"."""
    world = World(behaviour=replace(DOCUMENTED, range_limit=512, range_limit_status=400))
    blob = upload(world)
    assert_ended(world, blob, Phase.FAILED, Reason.REFUSED, "HTTP 400")
    assert_promise(world, offences=[Offence.REFUSED_RANGE])


def test_a_byte_that_graph_stores_wrong_is_not_noticed() -> None:
    """No checksum is documented, and nothing is read back: what was sent counts as what is there."""
    world = World(faults=(fault(CorruptByte(7), nth=2),))
    blob = upload(world)
    ((_, data),) = world.attached()
    assert world.phase(blob) is Phase.ATTACHED
    assert [at for at, (ours, theirs) in enumerate(zip(FILE, data, strict=True)) if ours != theirs] == [SLICE + 7]
    assert_promise(world)


@pytest.mark.parametrize("metadata", [{"list": "Tasks"}, {}], ids=["by name", "the default list"])
def test_a_list_that_graph_hides_from_the_listing_is_found_by_change_tracking(metadata: dict[str, str]) -> None:
    world = World(behaviour=replace(DOCUMENTED, listed_lists="only_in_delta"))
    blob = upload(world, task="Receipts", **metadata)
    assert_attached(world, blob)
    assert ("list_lists_delta", 200) in world.requests()
    assert_promise(world)


def test_lists_that_graph_hides_everywhere_are_said_to_be_hidden() -> None:
    """No name that the person could try would be found."""
    world = World(behaviour=replace(DOCUMENTED, listed_lists="never"))
    blob = upload(world, list="Tasks", task="Receipts")
    assert_ended(world, blob, Phase.REJECTED, Reason.NO_SUCH_LIST, "Graph hides this account's lists")
    assert_promise(world)


def test_an_account_without_a_mailbox_is_told_so_and_not_that_its_list_is_missing() -> None:
    world = World(behaviour=replace(DOCUMENTED, mailbox_for_rest=404))
    blob = upload(world, list="Tasks", task="Receipts")
    assert_ended(world, blob, Phase.REJECTED, Reason.NO_MAILBOX, "sign in with the account that owns the list")
    assert_promise(world)
