"""Reads bindings, as the worker reports them, into functions. A binding that is not implemented is refused by name.

If this host ignored such a binding, the app would run, and do something else than in Azure.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local.stand_ins.functions.app_settings import HOST_STORAGE, AppSettings, SettingError
from local.stand_ins.functions.blob_path import BlobPath
from local.stand_ins.functions.function import BlobTrigger, Function, HttpTrigger, QueueTrigger, TimerTrigger, Trigger
from local.stand_ins.functions.http_route import Route
from local.stand_ins.functions.schedule import Schedule
from local.stand_ins.functions.worker.frames import Indexed

_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9](?:-?[a-z0-9])*")
_COMMON = frozenset({"name", "type", "direction"})


class _UnsupportedError(Exception):
    """Why one function cannot run here."""


@dataclass(frozen=True, slots=True)
class Functions:
    """The functions of the app. Of disabled ones it has only the names."""

    enabled: tuple[Function[Trigger], ...]
    disabled: tuple[str, ...]
    problems: tuple[str, ...]

    def with_trigger[T: Trigger](self, kind: type[T]) -> list[Function[T]]:
        return [
            Function(function.name, function.id, function.argument, function.trigger)
            for function in self.enabled
            if isinstance(function.trigger, kind)
        ]


def read_functions(found: Iterable[Indexed], settings: AppSettings) -> Functions:
    """Every function of the app, or what is wrong with it."""
    enabled: list[Function[Trigger]] = []
    disabled: list[str] = []
    problems: list[str] = []
    for indexed in found:
        if settings.is_disabled(indexed.name):
            disabled.append(indexed.name)
            continue
        try:
            enabled.append(_read_function(indexed, settings))
        except (_UnsupportedError, SettingError, ValueError) as error:
            problems.append(f"function {indexed.name!r}: {error}")
    return Functions(tuple(enabled), tuple(disabled), tuple(problems))


def _read_function(indexed: Indexed, settings: AppSettings) -> Function[Trigger]:
    if indexed.has_retry_policy:
        raise _UnsupportedError("a retry policy is not implemented here; queues and blobs retry by their dequeue count")
    bindings = [json.loads(raw) for raw in indexed.raw_bindings]
    triggers = [binding for binding in bindings if binding["type"] in _TRIGGERS]
    for binding in bindings:
        if binding not in triggers and not _is_http_answer(binding):
            raise _UnsupportedError(f"binding {binding['name']!r} of type {binding['type']!r} is not implemented here")
    if len(triggers) != 1:
        raise _UnsupportedError(f"has {len(triggers)} triggers")
    binding = triggers[0]
    known, read = _TRIGGERS[binding["type"]]
    if unknown := sorted(binding.keys() - known - _COMMON):
        raise _UnsupportedError(f"{binding['type']} setting {unknown[0]!r} is not implemented here")
    return Function(indexed.name, indexed.id, binding["name"], read(binding, settings))


def _is_http_answer(binding: Mapping[str, Any]) -> bool:
    return (binding["type"], binding["name"]) == ("http", "$return")


def _queue_trigger(binding: Mapping[str, Any], settings: AppSettings) -> QueueTrigger:
    queue = settings.resolve(binding["queueName"]).lower()
    if not _QUEUE_NAME.fullmatch(queue):
        raise _UnsupportedError(f"{queue!r} is not a queue name")
    return QueueTrigger(queue, settings.connection_string(_connection(binding)))


def _blob_trigger(binding: Mapping[str, Any], settings: AppSettings) -> BlobTrigger:
    if binding.get("source") != "EventGrid":
        raise _UnsupportedError("a blob trigger runs here with source=EVENT_GRID only, as it does on Flex Consumption")
    if not binding.get("properties", {}).get("SupportsDeferredBinding"):
        raise _UnsupportedError("a blob is bound here as an SDK type (BlobClient) only, never as InputStream")
    connection = _connection(binding)
    path = BlobPath.parse(settings.resolve(binding["path"]))
    return BlobTrigger(path, connection, settings.connection_string(connection))


def _timer_trigger(binding: Mapping[str, Any], settings: AppSettings) -> TimerTrigger:
    schedule = Schedule.parse(settings.resolve(binding["schedule"]))
    # The real extension does not monitor a timer that fires more often than once a minute.
    use_monitor = binding.get("useMonitor", True) and not schedule.is_faster_than_a_minute
    return TimerTrigger(schedule, bool(binding.get("runOnStartup", False)), use_monitor)


def _http_trigger(binding: Mapping[str, Any], settings: AppSettings) -> HttpTrigger:
    methods = frozenset(method.upper() for method in binding.get("methods") or ())
    route = settings.resolve(binding["route"])
    if route.strip("/").lower().startswith("admin"):
        raise _UnsupportedError(f"route {route!r}: the host keeps what begins with admin to itself")
    return HttpTrigger(Route.parse(route), methods)


def _connection(binding: Mapping[str, Any]) -> str:
    return binding.get("connection") or HOST_STORAGE


type _Read = Callable[[Mapping[str, Any], AppSettings], Trigger]

_TRIGGERS: Mapping[str, tuple[frozenset[str], _Read]] = {
    "queueTrigger": (frozenset({"queueName", "connection"}), _queue_trigger),
    "blobTrigger": (frozenset({"path", "connection", "source", "properties"}), _blob_trigger),
    "timerTrigger": (frozenset({"schedule", "runOnStartup", "useMonitor"}), _timer_trigger),
    "httpTrigger": (frozenset({"route", "methods", "authLevel"}), _http_trigger),
}
