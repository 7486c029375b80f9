"""The application on fakes, its records in a small workspace, and the alert rules that look at them all the time.

A record becomes a row as the exporter makes one: the event's name, the upload as the operation, attributes as text.
"""

import itertools
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from local.stand_ins.insights.rows import host_failure
from shared.errors import StorageUnavailable
from shared.telemetry.records import ATTRIBUTES
from tests.infra.alert_rules import rules
from tests.infra.kql import TABLES
from tests.infra.workspace import Workspace
from tests.support.fakes.world import SWEEP_EVERY, Records, World


class Watched:
    """A world whose timer runs also when nothing is under way, a workspace, and which rules fired when."""

    def __init__(self, *, switched_on: Collection[str] = (), **world: Any) -> None:
        """*switched_on*: rules that run although they are off by default."""
        self.switched_on = switched_on
        self.workspace = Workspace()
        self.records = _Exported(self)
        self.world = World(**world, watched=lambda ports: replace(ports, telemetry=self.records))
        self.start = self.now
        self._runs = itertools.count(1)
        self.is_down = False  # no timer runs either
        self.fired: dict[str, list[timedelta]] = {}

    @property
    def now(self) -> datetime:
        return self.world.clock.now.replace(tzinfo=None)

    def live(self, hours: float) -> None:
        """Let the time pass."""
        end = self.now + timedelta(hours=hours)
        while self.now < end:
            mark = self.now + SWEEP_EVERY
            raised = len(self.world.raised)
            if not self.is_down:
                self.world.run(until=lambda mark=mark: self.now >= mark)  # type: ignore[misc]
            self.world.clock.now = max(self.world.clock.now, mark.replace(tzinfo=self.world.clock.now.tzinfo))
            if not self.is_down and not self.world.ledger.live_rows:
                self._sweep()
            for error in self.world.raised[raised:]:
                self._run_failed(error)
            self._look()

    def metric(self, name: str, total: float) -> None:
        """What Event Grid's topic exports."""
        self.workspace.add(
            "AzureMetrics",
            {
                "TimeGenerated": self.now,
                "ResourceProvider": "MICROSOFT.EVENTGRID",
                "MetricName": name,
                "Total": total,
            },
        )

    def worker_died(self) -> None:
        """The host alone can tell of it; the run's own span died with the worker."""
        self._host_tells(f"dead-{next(self._runs)}")

    def _run_failed(self, error: Exception) -> None:
        """The worker tells of it by the run's span and its exception, the host in its own words."""
        run = f"failed-{next(self._runs)}"
        failed = {"Name": "send_range", "Success": False, "Properties": {"faas.invocation_id": run}}
        self.workspace.add("AppRequests", {"TimeGenerated": self.now, **failed})
        self.workspace.add("AppExceptions", {"TimeGenerated": self.now, "ExceptionType": type(error).__name__})
        self._host_tells(run)

    def _host_tells(self, run: str) -> None:
        event = {"function": "send_range", "invocation_id": run, "ms": 3.0}
        for table, row in host_failure(event, self.now):
            known = {name: value for name, value in row.items() if name in TABLES[table]}
            self.workspace.add(table, {**known, "TimeGenerated": self.now})

    def _sweep(self) -> None:
        try:
            self.world.sweep()
        except StorageUnavailable as error:
            self.world.raised.append(error)

    def _look(self) -> None:
        for rule in rules().values():
            is_due = (self.now - self.start) % rule.every < SWEEP_EVERY
            is_on = rule.enabled or rule.name in self.switched_on
            if is_due and is_on and rule.fires(self.workspace, self.now):
                self.fired.setdefault(rule.name, []).append(self.now - self.start)


class _Exported(Records):
    def __init__(self, watched: Watched) -> None:
        super().__init__()
        self._watched = watched

    def record(self, event: str, **fields: object) -> None:
        super().record(event, **fields)
        self._watched.workspace.add(
            "AppEvents",
            {
                "TimeGenerated": self._watched.now,
                "Name": f"todo_attach.{event}",
                "OperationId": fields.get("upload_id", ""),
                "Properties": {ATTRIBUTES[name]: str(value) for name, value in fields.items() if value is not None},
            },
        )
