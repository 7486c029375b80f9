"""host.json: what is read, what is refused, what is warned of."""

import json
from datetime import timedelta
from typing import Any

import pytest

from local.stand_ins.functions.host_json import BlobOptions, HostJson, QueueOptions, read_host_json
from local.stand_ins.functions.timespan import parse_timespan

BUNDLE = {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"}


def read(environment: dict[str, str] | None = None, **document: Any) -> HostJson:
    return read_host_json(json.dumps({"version": "2.0", "extensionBundle": BUNDLE, **document}), environment or {})


def read_queues(**section: Any) -> HostJson:
    return read(extensions={"queues": section})


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("00:00:30", timedelta(seconds=30)),
        ("00:00:00.500", timedelta(milliseconds=500)),
        ("0:0:1", timedelta(seconds=1)),
        ("01:30", timedelta(minutes=90)),
        ("7.00:00:00", timedelta(days=7)),
        ("00:00:00.1234567", timedelta(microseconds=123456)),
    ],
)
def test_a_timespan_is_read(text: str, duration: timedelta) -> None:
    assert parse_timespan(text) == duration


@pytest.mark.parametrize("text", ["", "30", "24:00:00", "00:60:00", "00:00:61", "-00:00:01", "PT5S", "00:00:00."])
def test_what_is_no_timespan_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_timespan(text)


def test_what_is_said_is_read() -> None:
    host_json = read(
        functionTimeout="00:05:00",
        extensions={
            "queues": {
                "batchSize": 8,
                "newBatchThreshold": 0,
                "maxPollingInterval": "00:00:00.500",
                "visibilityTimeout": "00:00:30",
                "maxDequeueCount": 3,
                "messageEncoding": "none",
            },
            "blobs": {"maxDegreeOfParallelism": 4, "poisonBlobThreshold": 1},
            "http": {"routePrefix": ""},
        },
    )

    assert host_json.problems == ()
    assert host_json.warnings == ()
    assert host_json.function_timeout == timedelta(minutes=5)
    assert host_json.queues == QueueOptions(8, 0, timedelta(milliseconds=500), timedelta(seconds=30), 3, base64=False)
    assert host_json.blobs == BlobOptions(4, 1)
    assert host_json.route_prefix == ""
    assert host_json.has_extension_bundle


def test_a_timeout_of_minus_one_is_none() -> None:
    assert read(functionTimeout="-1").function_timeout is None


def test_the_threshold_follows_the_batch_where_it_is_not_given() -> None:
    assert read_queues(batchSize=1).queues.new_batch_threshold == 0


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"batchSize": 33}, "batchSize: 33"),
        ({"batchSize": 0}, "batchSize: 0"),
        ({"batchSize": True}, "batchSize: True"),
        ({"batchSize": "many"}, "batchSize"),
        ({"newBatchThreshold": -1}, "newBatchThreshold: -1"),
        ({"maxPollingInterval": "00:00:00.050"}, "at least 00:00:00.100"),
        ({"maxPollingInterval": 500}, "must be written as a string"),
        ({"visibilityTimeout": "30"}, "visibilityTimeout"),
        ({"messageEncoding": "utf-8"}, "messageEncoding"),
    ],
)
def test_a_value_out_of_range_is_named(section: dict[str, object], problem: str) -> None:
    (found,) = read_queues(**section).problems

    assert problem in found


def test_all_problems_are_named_at_once() -> None:
    host_json = read(version="1.0", functionTimeout="soon", extensions={"queues": {"batchSize": 99}, "blobs": []})

    assert len(host_json.problems) == 4


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_what_is_no_object_is_refused(text: str) -> None:
    assert len(read_host_json(text, {}).problems) == 1


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"extensions": {"queues": {"maxDequeCount": 5}}}, "extensions.queues.maxDequeCount"),
        ({"extensions": {"http": {"maxOutstandingRequests": 5}}}, "extensions.http.maxOutstandingRequests"),
        ({"extensions": {"serviceBus": {}}}, "extensions.serviceBus"),
        ({"functiontimeout": "00:05:00"}, "functiontimeout"),
        ({"logging": {"loglevel": {}}}, "logging.loglevel"),
        ({"logging": {"applicationInsights": {"sampling": {}}}}, "logging.applicationInsights.sampling"),
    ],
)
def test_an_unknown_key_is_warned_of(document: dict[str, Any], key: str) -> None:
    assert read(**document).warnings == (f"host.json: {key} has no effect here",)


def test_logging_is_the_cloud_s_business_but_its_names_are_read() -> None:
    levels = {"default": "Warning", "Function.a.User": "None"}
    insights = {"samplingSettings": {"isEnabled": False}, "enableDependencyTracking": False}
    read_here = read(logging={"logLevel": levels, "applicationInsights": insights})
    assert (read_here.warnings, read_here.problems) == ((), ())


def test_a_level_that_there_is_not_is_named() -> None:
    (problem,) = read(logging={"logLevel": {"default": "Off"}}).problems
    assert "logging.logLevel.default: 'Off'" in problem


@pytest.mark.parametrize(("mode", "expected"), [({}, False), ({"telemetryMode": "OpenTelemetry"}, True)])
def test_the_mode_of_telemetry_is_read(mode: dict[str, Any], expected: bool) -> None:
    assert read(**mode).open_telemetry is expected


def test_a_setting_overrides_host_json() -> None:
    environment = {
        "AzureFunctionsJobHost__functionTimeout": "00:00:01",
        "AzureFunctionsJobHost__extensions__queues__batchSize": "2",
    }

    host_json = read(environment, extensions={"queues": {"batchSize": 8}})

    assert host_json.function_timeout == timedelta(seconds=1)
    assert host_json.queues.batch_size == 2


@pytest.mark.parametrize(
    ("parallelism", "batch", "threshold"),
    [(100, 32, 68), (64, 32, 32), (63, 32, 31), (62, 32, 30), (16, 9, 7), (3, 2, 1), (2, 2, 0), (1, 1, 0)],
)
def test_blob_parallelism_is_split_as_the_extension_splits_it(parallelism: int, batch: int, threshold: int) -> None:
    options = BlobOptions(parallelism, 4).queue_options()

    assert (options.batch_size, options.new_batch_threshold, options.max_dequeue_count) == (batch, threshold, 4)
    assert options.visibility_timeout == timedelta(0)
    assert options.max_polling_interval == timedelta(minutes=1)
    assert options.base64
