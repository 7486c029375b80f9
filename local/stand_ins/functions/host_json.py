"""Reads host.json, strictly: the part that this host implements.

The real host ignores a name that it does not know, and says nothing. With a wrong value it runs, but no function does.
This host refuses a wrong value. It warns about a name that only the real host reads, and about one that neither knows:
a misspelt `maxDequeCount` must not go unnoticed until production. Defaults are those of the extensions (QueuesOptions,
BlobsOptions).
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from local.stand_ins.functions.timespan import parse_timespan

_OVERRIDE = "AzureFunctionsJobHost__"
# What the real host reads below `logging` (ApplicationInsightsLoggerOptions, LoggerFilterOptions). Here the values have
# no effect: this host's log has no levels, and its only telemetry is what local/stand_ins/insights makes of a failure.
# The names are checked because the cloud reads them.
_LOGGING = frozenset({"logLevel", "applicationInsights", "console", "fileLoggingMode"})
_APPLICATION_INSIGHTS = frozenset(
    {
        "samplingSettings",
        "snapshotConfiguration",
        "httpAutoCollectionOptions",
        "enableLiveMetrics",
        "enableDependencyTracking",
        "enablePerformanceCountersCollection",
        "enableQueryStringTracing",
    }
)
_SAMPLING = frozenset({"isEnabled", "maxTelemetryItemsPerSecond", "excludedTypes", "includedTypes"})
_LEVELS = frozenset({"Trace", "Debug", "Information", "Warning", "Error", "Critical", "None"})
_NO_KEYS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """`extensions.queues`. *visibility_timeout* delays a failed message; it is not the lease."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_polling_interval: timedelta = timedelta(minutes=1)
    visibility_timeout: timedelta = timedelta(0)
    max_dequeue_count: int = 5
    base64: bool = True
    # How soon to look again for a message that was released; None: at the next poll.
    retry_pause: timedelta | None = None


@dataclass(frozen=True, slots=True)
class BlobOptions:
    """`extensions.blobs`."""

    max_degree_of_parallelism: int = 8
    poison_blob_threshold: int = 5

    def queue_options(self) -> QueueOptions:
        """The options of the queue behind the blob trigger.

        The extension splits its number of runs at once between the queue's batch and threshold (by its tests, 100 is 32
        and 68, 16 is 9 and 7). It uses nothing of `extensions.queues`: neither visibilityTimeout nor messageEncoding
        nor maxPollingInterval, so its polls back off up to a minute.
        """
        batch = min(32, self.max_degree_of_parallelism // 2 + 1)
        return QueueOptions(
            batch_size=batch,
            new_batch_threshold=self.max_degree_of_parallelism - batch,
            max_dequeue_count=self.poison_blob_threshold,
            retry_pause=timedelta(milliseconds=100),  # seen: five attempts within 0.45 s
        )


@dataclass(frozen=True, slots=True)
class HostJson:
    """host.json as this host understands it."""

    function_timeout: timedelta | None = timedelta(minutes=30)
    has_extension_bundle: bool = False
    queues: QueueOptions = field(default_factory=QueueOptions)
    blobs: BlobOptions = field(default_factory=BlobOptions)
    route_prefix: str = "api"
    open_telemetry: bool = False
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_host_json(text: str, environment: Mapping[str, str]) -> HostJson:
    """Never raises: it lists what is wrong in *problems*, so that it is reported together with all other mistakes."""
    try:
        document = json.loads(text)
    except ValueError as error:
        return HostJson(problems=(f"host.json is not JSON: {error}",))
    if not isinstance(document, dict):
        return HostJson(problems=("host.json is not a JSON object",))
    _override(document, environment)
    return _Reading(cores=os.cpu_count() or 1).read(document)


def _override(document: dict[str, Any], environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        if name.startswith(_OVERRIDE):
            *parents, last = name.removeprefix(_OVERRIDE).split("__")
            section = document
            for parent in parents:
                section = section.setdefault(parent, {})
            section[last] = value


class _Reading:
    """One reading of one document. It collects what is wrong with it."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._problems: list[str] = []
        self._warnings: list[str] = []

    def read(self, document: Mapping[str, Any]) -> HostJson:
        if document.get("version") != "2.0":
            self._problems.append(f'host.json: version must be "2.0", not {document.get("version")!r}')
        known = {"$schema", "version", "functionTimeout", "extensionBundle", "extensions", "logging", "telemetryMode"}
        self._warn_of_unknown("", document, frozenset(known))
        self._check_logging(document)
        extensions = self._section(document, "", "extensions", known=frozenset({"queues", "blobs", "http"}))
        http = self._section(extensions, "extensions.", "http", known=frozenset({"routePrefix"}))
        bundle = self._section(document, "", "extensionBundle", known=frozenset({"id", "version"}))
        return HostJson(
            function_timeout=self._function_timeout(document),
            has_extension_bundle=bool(bundle.get("id") and bundle.get("version")),
            queues=self._queues(extensions),
            blobs=self._blobs(extensions),
            route_prefix=str(http.get("routePrefix", "api")).strip("/"),
            open_telemetry=str(document.get("telemetryMode", "")).lower() == "opentelemetry",
            problems=tuple(self._problems),
            warnings=tuple(self._warnings),
        )

    def _queues(self, extensions: Mapping[str, Any]) -> QueueOptions:
        prefix = "extensions.queues."
        known = {"batchSize", "newBatchThreshold", "maxPollingInterval", "visibilityTimeout", "maxDequeueCount"}
        section = self._section(extensions, "extensions.", "queues", known=frozenset(known | {"messageEncoding"}))
        batch_size = self._whole(section, prefix, "batchSize", default=16, least=1, most=32)
        interval = self._duration(section, prefix, "maxPollingInterval", default=timedelta(minutes=1))
        if interval < timedelta(milliseconds=100):
            self._problems.append(f"host.json: {prefix}maxPollingInterval must be at least 00:00:00.100")
        encoding = str(section.get("messageEncoding", "base64")).lower()
        if encoding not in {"base64", "none"}:
            self._problems.append(f"host.json: {prefix}messageEncoding must be base64 or none, not {encoding!r}")
        return QueueOptions(
            batch_size=batch_size,
            new_batch_threshold=self._whole(
                section, prefix, "newBatchThreshold", default=batch_size // 2 * self._cores, least=0
            ),
            max_polling_interval=interval,
            visibility_timeout=self._duration(section, prefix, "visibilityTimeout", default=timedelta(0)),
            max_dequeue_count=self._whole(section, prefix, "maxDequeueCount", default=5, least=1),
            base64=encoding == "base64",
        )

    def _blobs(self, extensions: Mapping[str, Any]) -> BlobOptions:
        prefix = "extensions.blobs."
        known = frozenset({"maxDegreeOfParallelism", "poisonBlobThreshold"})
        section = self._section(extensions, "extensions.", "blobs", known=known)
        return BlobOptions(
            self._whole(section, prefix, "maxDegreeOfParallelism", default=8 * self._cores, least=1),
            self._whole(section, prefix, "poisonBlobThreshold", default=5, least=1),
        )

    def _check_logging(self, document: Mapping[str, Any]) -> None:
        logging = self._section(document, "", "logging", known=_LOGGING)
        insights = self._section(logging, "logging.", "applicationInsights", known=_APPLICATION_INSIGHTS)
        self._section(insights, "logging.applicationInsights.", "samplingSettings", known=_SAMPLING)
        levels = logging.get("logLevel", {})
        for category, level in (levels if isinstance(levels, dict) else {}).items():
            if level not in _LEVELS:
                allowed = ", ".join(sorted(_LEVELS))
                self._problems.append(f"host.json: logging.logLevel.{category}: {level!r} is none of {allowed}")

    def _function_timeout(self, document: Mapping[str, Any]) -> timedelta | None:
        if document.get("functionTimeout") == "-1":
            return None
        timeout = self._duration(document, "", "functionTimeout", default=timedelta(minutes=30))
        if not timeout:
            self._problems.append("host.json: functionTimeout must be longer than nothing")
        return timeout

    def _section(
        self, parent: Mapping[str, Any], prefix: str, name: str, *, known: frozenset[str] = _NO_KEYS
    ) -> Mapping[str, Any]:
        section = parent.get(name, {})
        if not isinstance(section, dict):
            self._problems.append(f"host.json: {prefix}{name} must be an object")
            return {}
        self._warn_of_unknown(f"{prefix}{name}.", section, known)
        return section

    def _warn_of_unknown(self, prefix: str, section: Mapping[str, Any], known: frozenset[str]) -> None:
        self._warnings += [f"host.json: {prefix}{key} has no effect here" for key in section if key not in known]

    def _duration(self, section: Mapping[str, Any], prefix: str, name: str, *, default: timedelta) -> timedelta:
        return self._value(section, prefix, name, default, lambda value: parse_timespan(_text(value)))

    def _whole(
        self, section: Mapping[str, Any], prefix: str, name: str, *, default: int, least: int, most: int | None = None
    ) -> int:
        def parse(value: object) -> int:
            number = int(_text(value)) if isinstance(value, str) else value
            if not isinstance(number, int) or isinstance(number, bool):
                raise ValueError(f"{value!r} is not a whole number")
            if number < least or (most is not None and number > most):
                raise ValueError(f"{number} is not {least} or more" + (f", {most} or less" if most else ""))
            return number

        return self._value(section, prefix, name, default, parse)

    def _value[T](
        self, section: Mapping[str, Any], prefix: str, name: str, default: T, parse: Callable[[object], T]
    ) -> T:
        if name not in section:
            return default
        try:
            return parse(section[name])
        except ValueError as error:
            self._problems.append(f"host.json: {prefix}{name}: {error}")
            return default


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} must be written as a string")
    return value
