"""The alert rules, on what the application itself records in good and in bad hours.

The application runs on fakes and a manual clock; the rules are evaluated as alerts.bicep states them. How far this goes
stands in docs/operations.md: the engine is not Azure's, and neither is the evaluation of a rule.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from local.stand_ins.todo.faults import Answer
from shared.errors import StorageUnavailable
from tests.infra.alert_rules import duration, rules
from tests.infra.deployed import every_option, sample
from tests.infra.watched import Watched
from tests.scenarios.promise import FILE, fault
from tests.support.documents import ROOT, section, table
from tests.support.fakes.memory_queue import MemoryQueue
from tests.support.fakes.seam import Seam
from tests.support.fakes.world import LIMITS

pytestmark = pytest.mark.infra
OPERATIONS = ROOT / "docs/operations.md"
each_rule = pytest.mark.parametrize("name", rules())


# -- the rules themselves --


@each_rule
def test_a_rule_looks_back_further_than_it_sleeps(name: str) -> None:
    """Telemetry arrives some minutes late: what comes after a run must still be in the window of the next."""
    rule = rules()[name]
    assert rule.window >= 2 * rule.every


@each_rule
def test_a_rule_has_a_frequency_and_a_window_that_azure_takes(name: str) -> None:
    rule = rules()[name]
    minutes = {5, 10, 15, 30, 45, 60, 120, 180, 240, 300, 360, 1440}
    assert {rule.every / timedelta(minutes=1), rule.window / timedelta(minutes=1)} <= minutes
    assert rule.severity in range(5)


def test_every_query_of_alerts_is_a_rule_s() -> None:
    files = {path.stem for path in (ROOT / "infra/kql/alerts").glob("*.kql")}
    assert rules().keys() == files


@each_rule
def test_a_rule_s_heading_in_the_operator_s_guide_has_a_command(name: str) -> None:
    """The rule's description links to `#alert-<name>`, which is this heading's anchor."""
    told = section(OPERATIONS, f"### Alert: {name}")
    assert "```sh\n" in told
    assert rules()[name].meaning.rstrip(".") in " ".join(told.split())


def test_the_operator_s_table_of_alerts_is_true() -> None:
    told = [row[:4] for row in table(section(OPERATIONS, "### Alerts"))]
    minute = timedelta(minutes=1)
    assert told == [
        [
            f"[{rule.name}](#alert-{rule.name})",
            str(rule.severity),
            f"{rule.every // minute} min",
            f"{rule.window // minute} min",
        ]
        for rule in rules().values()
    ]


def test_a_rule_links_to_its_heading() -> None:
    for deployed in every_option().of("Microsoft.Insights/scheduledQueryRules"):
        name = deployed.at("displayName").removeprefix("todo-attach ")
        assert deployed.at("description").endswith(f"https://example.com/operations.md#alert-{name}")
    for deployed in sample().of("Microsoft.Insights/scheduledQueryRules"):
        name = deployed.at("displayName").removeprefix("todo-attach ")
        assert deployed.at("description").endswith(f'docs/operations.md, "Alert: {name}"')


def test_only_the_rule_about_rejections_is_off_until_somebody_wants_it() -> None:
    for snapshot, off in ((sample(), {"rejected"}), (every_option(), set[str]())):
        listed = snapshot.of("Microsoft.Insights/scheduledQueryRules")
        assert {each.at("displayName").split()[1] for each in listed if not each.at("enabled")} == off


def test_durations_are_read() -> None:
    assert duration("PT1H30M") == timedelta(minutes=90)
    with pytest.raises(ValueError, match="P1D"):
        duration("P1D")


# -- hours in which nobody is told --


def test_good_hours_are_silent() -> None:
    """Files come, events come twice, people make mistakes, and Graph asks for a moment."""
    watched = Watched(faults=(fault(Answer(429, retry_after=240), "put_slice", nth=2),))
    world = watched.world
    world.drop(FILE, "first.pdf")
    world.notify("first.pdf", times=2)
    watched.metric("MatchedEventCount", 2)
    watched.live(0.5)
    world.drop(FILE, "mistaken.pdf", task="No such task")
    world.drop(b"", "empty.txt")
    for name in ("mistaken.pdf", "empty.txt", "gone.pdf"):
        world.notify(name)
    watched.metric("MatchedEventCount", 3)
    watched.live(0.5)
    world.drop(FILE + b"!", "first.pdf")
    world.notify("first.pdf")
    watched.metric("MatchedEventCount", 1)
    watched.live(2)
    assert sorted(entry.phase for entry in world.ledger.entries()) == ["attached", "attached", "attached", "rejected"]
    assert watched.fired == {}


def test_a_lost_message_that_the_sweep_makes_up_for_is_silent() -> None:
    watched = Watched()
    blob = watched.world.drop(FILE)
    watched.world.notify()
    watched.world.run(until=lambda: len(watched.world.requests()) >= 2)
    watched.world.messages.messages.clear()
    watched.live(1)
    assert watched.world.settled(blob)
    assert watched.fired == {}


def test_a_poison_message_of_a_step_that_was_done_is_silent() -> None:
    watched = Watched()
    watched.world.drop(FILE)
    watched.world.event()
    old = watched.world.messages.messages[0].body
    watched.live(0.25)
    watched.world.poison.put(old)
    watched.live(1)
    assert [line["result"] for line in watched.records.events("poison")] != []
    assert watched.fired == {}


def test_throttling_for_a_quarter_of_an_hour_is_silent() -> None:
    watched = Watched(faults=(fault(Answer(429, retry_after=300), "put_slice", nth=2, count=3),))
    watched.world.drop(FILE)
    watched.world.notify()
    watched.live(2)
    assert [line["waits_for"] for line in watched.records.events("step")].count("throttling") == 3
    assert watched.fired == {}


# -- hours in which somebody is told, and of nothing else --


def test_an_upload_that_gives_up_is_told() -> None:
    watched = Watched(faults=(fault(Answer(400), "put_slice", count=None),))
    blob = watched.world.drop(FILE)
    watched.world.notify()
    watched.live(1)
    assert watched.world.entry(blob).phase == "failed"
    assert watched.fired.keys() == {"failed"}


@pytest.mark.parametrize("strange", [False, True])
def test_a_poison_message_is_told(strange: bool) -> None:
    watched = Watched()
    watched.world.drop(FILE)
    watched.world.event()
    [message] = watched.world.messages.messages
    watched.world.poison.put(b"not ours" if strange else message.body)
    if not strange:
        watched.world.messages.messages.clear()
    watched.live(1)
    assert watched.fired.keys() == {"failed"}


def test_an_upload_that_the_sweep_cannot_move_is_told() -> None:
    """The host reads the queue no more: messages are sent, and nobody gets them."""
    watched = Watched()
    watched.world.drop(FILE)
    watched.world.event()
    watched.world.messages = MemoryQueue(watched.world.clock)
    watched.live(1)
    assert watched.fired.keys() == {"stalled"}
    assert watched.fired["stalled"][0] <= timedelta(minutes=30)


def test_a_missing_sign_in_is_told_until_it_is_there() -> None:
    watched = Watched()
    tokens = dict(watched.world.accounts.tokens)
    watched.world.accounts.tokens.clear()
    watched.world.drop(FILE)
    watched.world.notify()
    watched.live(1)
    watched.world.accounts.tokens.update(tokens)
    watched.live(3)
    assert watched.fired.keys() == {"signin"}
    assert watched.fired["signin"][0] <= timedelta(minutes=15)
    assert watched.fired["signin"][-1] <= timedelta(hours=2)


@pytest.mark.parametrize("retry_after", [20, 900, 3600])
def test_throttling_for_most_of_an_hour_is_told(retry_after: int) -> None:
    watched = Watched(faults=(fault(Answer(429, retry_after=retry_after), "put_slice", count=None),))
    watched.world.drop(FILE)
    watched.world.notify()
    watched.live(1)
    assert watched.fired.keys() == {"throttled"}


@pytest.mark.parametrize("metric", ["MatchedEventCount", "Matched Events"])
def test_blobs_that_the_application_does_not_hear_of_are_told(metric: str) -> None:
    watched = Watched()
    watched.world.drop(FILE)
    watched.metric(metric, 1)
    watched.live(1)
    assert watched.fired.keys() == {"unheard"}
    assert watched.fired["unheard"][0] <= timedelta(minutes=30)


def test_an_event_that_comes_again_is_heard() -> None:
    """Hours later, when no blob was entered for long."""
    watched = Watched()
    watched.world.drop(FILE)
    watched.world.notify()
    watched.live(3)
    watched.metric("MatchedEventCount", 1)
    watched.world.event()
    watched.live(1)
    assert watched.fired == {}


@pytest.mark.parametrize("metric", ["DeadLetteredCount", "Dead Lettered Events"])
def test_an_event_that_event_grid_gave_up_is_told(metric: str) -> None:
    watched = Watched()
    watched.metric(metric, 1)
    watched.live(0.5)
    assert watched.fired.keys() == {"unheard"}


def test_an_application_that_does_not_run_is_told() -> None:
    watched = Watched()
    watched.live(1)
    watched.is_down = True
    watched.live(1)
    assert watched.fired.keys() == {"silent"}
    assert watched.fired["silent"][0] <= timedelta(minutes=90)


def test_an_outage_of_storage_is_told_by_its_exceptions() -> None:
    watched = Watched()
    watched.world.put_in(_Away())
    for each in range(3):
        watched.world.drop(FILE, f"{each}.pdf")
        watched.world.notify(f"{each}.pdf")
    watched.live(0.5)
    assert watched.fired.keys() == {"exceptions", "silent"}


@pytest.mark.parametrize(("deaths", "fired"), [(2, False), (3, True)])
def test_workers_that_die_are_told_by_the_host_alone(deaths: int, fired: bool) -> None:
    watched = Watched()
    watched.live(0.5)
    for _ in range(deaths):
        watched.worker_died()
    watched.live(0.5)
    assert watched.fired.keys() == ({"host"} if fired else set())


def test_a_message_that_cannot_be_read_is_told() -> None:
    watched = Watched()
    watched.world.messages.put(b"not ours")
    watched.world.drop(FILE)
    watched.world.notify()
    watched.live(0.5)
    assert watched.fired.keys() == {"failed"}


class _Away(Seam):
    """Storage answers nothing."""

    def enter(self, operation: str, *, changes: bool) -> None:
        if not operation.startswith("graph."):
            raise StorageUnavailable("storage is away")


@pytest.mark.parametrize("switched_on", [(), ("rejected",)])
def test_a_rejected_file_is_told_where_that_rule_was_switched_on(switched_on: tuple[str, ...]) -> None:
    watched = Watched(switched_on=switched_on)
    watched.world.drop(FILE, "mistaken.pdf", task="No such task")
    watched.world.notify("mistaken.pdf")
    watched.live(0.5)
    assert watched.fired.keys() == set(switched_on)


@pytest.mark.parametrize("name", ["dead-letters", "executions"])
def test_a_metric_s_rule_has_a_heading_in_the_operator_s_guide(name: str) -> None:
    [rule] = [
        each for each in sample().of("Microsoft.Insights/metricAlerts") if each.name.startswith(f"metric-{name}-")
    ]
    told = " ".join(section(OPERATIONS, f"### Alert: {name}").split())
    meaning, _, link = rule.at("description").partition(" What to do: ")
    assert meaning.rstrip(".") in told
    assert link == f'docs/operations.md, "Alert: {name}"'


def test_the_age_limit_of_an_upload_is_told() -> None:
    watched = Watched(
        limits=replace(LIMITS, max_age=timedelta(hours=1)),
        faults=(fault(Answer(500), "put_slice", count=None),),
    )
    watched.world.drop(FILE)
    watched.world.notify()
    watched.live(1.5)
    assert watched.fired.keys() == {"failed"}
