"""Nobody is signed in, or not any more: the file waits, says so, and goes on where it stopped."""

from datetime import timedelta

import pytest

from local.stand_ins.todo.faults import Answer, ResetConnection
from shared.app.withdrawing import Withdrawing
from shared.core.entry import Phase, Reason
from tests.scenarios.promise import FILE, SLICES, assert_attached, assert_ended, assert_promise, fault, upload
from tests.support.fakes.manual_clock import START
from tests.support.fakes.world import SAM, SHORT_WAIT, TOKEN, World, content

NEXT = "canary-token-of-sam-refreshed"


def sign_out(world: World) -> None:
    world.accounts.tokens.clear()


def sign_in(world: World) -> None:
    world.accounts.tokens[SAM] = TOKEN


@pytest.mark.parametrize("requests", range(SLICES + 1))
@pytest.mark.parametrize("away", [timedelta(minutes=1), timedelta(days=3)])
def test_a_file_waits_for_sign_in_and_goes_on(requests: int, away: timedelta) -> None:
    world = World()
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.requests()) >= requests)
    sign_out(world)
    gone = world.clock.now
    world.run(until=lambda: world.clock.now - gone > away)
    assert world.phase(blob) is Phase.WAITING
    assert world.blobs.blobs["report.pdf"].tags["todo_state"] == "waiting"
    sign_in(world)
    world.run()
    assert_attached(world, blob)
    assert world.blobs.blobs["report.pdf"].tags["todo_state"] == "attached"
    assert_promise(world)


@pytest.mark.parametrize("requests", range(SLICES + 1))
def test_a_token_that_cannot_be_had_for_hours_costs_time_only_and_asks_nobody_to_sign_in(requests: int) -> None:
    """Entra, the key vault or the app's own client credential is out of order: far longer than twenty steps take."""
    world = World()
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: len(world.requests()) >= requests)
    world.accounts.away = "the accounts' key in Key Vault: HTTP 503"
    gone = world.clock.now
    world.run(until=lambda: world.clock.now - gone > timedelta(hours=12))
    entry = world.entry(blob)
    assert not entry.phase.is_terminal
    assert entry.phase is not Phase.WAITING
    assert "Key Vault" in entry.detail
    world.accounts.away = ""
    world.run()
    assert_attached(world, blob)
    assert_promise(world)


def test_a_token_that_can_never_be_had_fails_the_file_by_its_age() -> None:
    world = World()
    world.accounts.away = "the identity provider does not take the app's client credential"
    blob = world.drop(FILE)
    world.notify()
    world.run()
    assert_ended(world, blob, Phase.FAILED, Reason.TOO_OLD)


def test_time_spent_waiting_for_sign_in_does_not_count_as_age() -> None:
    world = World()
    sign_out(world)
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.clock.now - START > timedelta(hours=30))
    sign_in(world)
    world.run()
    assert_attached(world, blob)
    assert world.entry(blob).age(world.clock.now) < timedelta(hours=1)
    assert_promise(world)


def test_a_sign_in_that_never_comes_fails_the_file_with_the_reason() -> None:
    world = World(limits=SHORT_WAIT)
    sign_out(world)
    blob = upload(world)
    assert_ended(world, blob, Phase.FAILED, Reason.SIGN_IN, "nobody signed in within 1 days")
    assert world.blobs.blobs["report.pdf"].tags["todo_reason"].startswith("needs-sign-in")
    assert_promise(world)


def test_a_sign_in_that_never_comes_after_a_lost_last_reply_says_that_it_may_be_attached() -> None:
    world = World(limits=SHORT_WAIT, faults=(fault(ResetConnection("after_applying"), nth=SLICES),))
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.phase(blob) is Phase.LOCATING)
    sign_out(world)
    world.run()
    assert_ended(world, blob, Phase.FAILED, Reason.SIGN_IN, "may already be attached")
    assert world.attached() == [("report.pdf", FILE)]
    assert_promise(world, known_secrets=[TOKEN])


@pytest.mark.parametrize("operation", ["create_session", "put_slice"])
@pytest.mark.parametrize("nth", [1, SLICES])
def test_one_401_is_answered_by_one_refresh_and_the_same_range(operation: str, nth: int) -> None:
    rule = fault(Answer(401, claims=True), operation, nth=nth if operation == "put_slice" else 1)
    world = World(faults=(rule,))
    world.todo.add_mailbox(SAM, NEXT)
    world.accounts.next_tokens[SAM] = [NEXT]
    blob = upload(world)
    assert_attached(world, blob)
    assert_promise(world, known_secrets=[TOKEN])
    assert len(world.requests()) == 1 + SLICES + 1
    assert [claims[:15] for claims in world.accounts.challenges] == ['{"access_token"']


@pytest.mark.parametrize("operation", ["create_session", "put_slice", "get_session", "list_attachments"])
def test_a_401_that_stays_waits_for_sign_in_and_opens_nothing_twice(operation: str) -> None:
    lost = fault(ResetConnection("after_applying"), nth=SLICES)
    world = World(faults=(lost,))
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: operation in {each for each, _ in world.requests()} or len(world.requests()) > 3)
    world.todo.revoke_token(TOKEN)
    world.run(until=lambda: world.phase(blob) is Phase.WAITING)
    world.todo.add_mailbox(SAM, TOKEN)
    world.run()
    assert_attached(world, blob)
    assert world.requests().count(("create_session", 200)) == 1
    assert_promise(world)


def test_a_401_for_ever_ends_as_a_missing_sign_in() -> None:
    world = World(limits=SHORT_WAIT, faults=(fault(Answer(401), "any", count=None),))
    blob = upload(world)
    assert_ended(world, blob, Phase.FAILED, Reason.SIGN_IN)
    assert_promise(world)


def test_an_unknown_account_is_named_and_waits_for_somebody_to_connect_it() -> None:
    world = World()
    blob = world.drop(FILE, task="Receipts", user="nobody@example.com")
    world.notify()
    world.run(until=lambda: "todo_state" in world.blobs.blobs["report.pdf"].tags)
    assert world.phase(blob) is Phase.WAITING
    assert world.requests() == []
    assert world.blobs.blobs["report.pdf"].tags == {
        "todo_state": "waiting",
        "todo_reason": "needs-sign-in: nobody at example.com: nobody is signed in for this account. "
        "if user is misspelt - write the file again under another name",
    }


def test_a_rewrite_while_its_older_version_waits_for_sign_in_waits_too_and_is_attached() -> None:
    """The older version holds the slot until it learns that it is superseded, which takes a sign-in."""
    world = World()
    sign_out(world)
    older = world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.phase(older) is Phase.WAITING)
    newer = world.drop(content(2_000, 9))
    world.notify()
    world.run(until=lambda: world.clock.now - START > timedelta(days=3))
    assert world.phase(newer) is Phase.WAITING
    assert world.blobs.blobs["report.pdf"].tags["todo_reason"].startswith("needs-sign-in")
    sign_in(world)
    world.run()
    assert world.phase(older) is Phase.SUPERSEDED
    assert_attached(world, newer, content(2_000, 9))
    assert_promise(world)


def test_a_file_deleted_while_it_waits_for_sign_in_is_withdrawn_afterwards() -> None:
    world = World()
    sign_out(world)
    blob = world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.clock.now - START > timedelta(hours=2))
    world.blobs.remove("report.pdf")
    sign_in(world)
    world.run()
    assert_ended(world, blob, Phase.WITHDRAWN, Reason.DELETED)
    assert_promise(world)


def test_a_wait_that_is_told_once_is_not_told_at_every_try() -> None:
    world = World()
    sign_out(world)
    world.drop(FILE)
    world.notify()
    world.run(until=lambda: world.clock.now - START > timedelta(days=2))
    reports = [line for line in world.records.events("step") if line["action"] == "ReportOutcome"]
    assert len(reports) == 1


def many_that_wait(number: int) -> World:
    world = World()
    sign_out(world)
    for each in range(number):
        world.drop(content(len(FILE), each), f"{each}.pdf")
        world.notify(f"{each}.pdf")
    world.run(until=lambda: sum(entry.is_in_sign_in_line for entry in world.ledger.entries()) == number)
    return world


def tries(world: World) -> int:
    return sum(line["observation"] == "NeedsSignIn" for line in world.records.events("step"))


def test_many_files_for_somebody_who_never_comes_are_in_no_message_and_cost_one_try_a_minute() -> None:
    """However many: a stranger could else keep the queue, and everybody's files behind it, busy for two weeks."""
    world = many_that_wait(40)
    assert world.messages.messages == []
    began, before = world.clock.now, tries(world)
    world.run(until=lambda: world.clock.now - began > timedelta(hours=2))
    assert 0 < tries(world) - before <= 121


@pytest.mark.parametrize("lost", ["no ticket", "every ticket"])
def test_all_who_wait_go_on_where_there_is_a_token_though_no_sign_in_was_seen(lost: str) -> None:
    world = many_that_wait(20)
    if lost == "every ticket":
        world.paces.queues.clear()
    sign_in(world)
    began = world.clock.now
    world.run(until=lambda: len(world.attached()) == 20)
    assert world.clock.now - began <= timedelta(minutes=12)
    world.run()
    assert_promise(world)
    assert not any(world.paces.queues.values())


def test_each_of_many_who_wait_ends_when_the_wait_is_over() -> None:
    world = World(limits=SHORT_WAIT)
    sign_out(world)
    blobs = [world.drop(content(len(FILE), each), f"{each}.pdf") for each in range(20)]
    for blob in blobs:
        world.notify(blob.name)
    began = world.clock.now
    world.run()
    for blob in blobs:
        assert_ended(world, blob, Phase.FAILED, Reason.SIGN_IN, "nobody signed in within 1 days")
    assert world.clock.now - began <= timedelta(days=1, hours=1)
    assert not any(world.paces.queues.values())


def test_files_that_were_taken_back_while_they_waited_use_up_no_wake_up_of_a_sign_in() -> None:
    world = World()
    sign_out(world)
    blobs = [world.drop(content(len(FILE), number), f"{number:02}.pdf") for number in range(20)]
    for blob in blobs:
        world.clock.advance(1)
        world.event(blob.name)
    world.run(until=lambda: sum(entry.is_in_sign_in_line for entry in world.ledger.entries()) == len(blobs))
    withdrawing = Withdrawing(world.application.ports, world.application.intake)
    for blob in blobs[:10]:
        world.blobs.remove(blob.name)
        withdrawing.end(blob.upload_id())
    sign_in(world)
    assert world.application.sign_in_line.wake_first(SAM) == 8
