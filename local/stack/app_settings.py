"""The application's settings for this stack, as its environment."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

CONTAINER = "attachments"
DEAD_LETTERS = "dead-letters"
QUEUE = "upload-ranges"
POISON_QUEUE = f"{QUEUE}-poison"
TABLE = "uploads"

# As in Azure. By default the worker has a few more threads than cores, too few to run a whole batch at once.
WORKER_SETTINGS = {"PYTHON_THREADPOOL_THREAD_COUNT": "16"}

# As in Azure: a large body costs the host far more memory than its size, and its start page is of no use here.
HOST_SETTINGS = {"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "2097152", "AzureWebJobsDisableHomepage": "true"}

# In the cloud a queue lease is always ten minutes. With a shorter one, deadline and claim are shorter as well.
LONGEST_LEASE_SECONDS = 600
SHORTEST_LEASE_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Graph:
    """The Graph that uploads go to: its root, and the token of each account. The first account is the default one."""

    root: str
    tokens: Mapping[str, str] = field(repr=False)

    @property
    def default_account(self) -> str:
        return next(iter(self.tokens))


def app_settings(storage: str, graph: Graph, *, lease_seconds: int | None) -> dict[str, str]:
    """The settings that the application reads from its environment."""
    settings = {
        "AzureWebJobsStorage": storage,
        "AttachmentStorage": storage,
        "TODO_ATTACH_CONTAINER": CONTAINER,
        "TODO_ATTACH_QUEUE": QUEUE,
        "TODO_ATTACH_TABLE": TABLE,
        "TODO_ATTACH_GRAPH_ROOT": graph.root,
        "TODO_ATTACH_TOKENS": json.dumps(dict(graph.tokens)),
        "TODO_ATTACH_DEFAULT_ACCOUNT": graph.default_account,
        "TODO_ATTACH_SWEEP_SCHEDULE": "*/30 * * * * *",
        "TODO_ATTACH_CATCH_UP_SCHEDULE": "*/10 * * * * *",
        "TODO_ATTACH_DEAD_LETTERS": DEAD_LETTERS,
        # In the cloud it is ten minutes, which is too long to try things.
        "TODO_ATTACH_EMPTY_FILE_WAIT_SECONDS": "2",
        # In the cloud it is five minutes. At a terminal, a person who has misspelt a name should learn of it at once.
        "TODO_ATTACH_MISSING_PATIENCE_SECONDS": "2",
        **WORKER_SETTINGS,
        **HOST_SETTINGS,
    }
    if lease_seconds is not None:
        settings["TODO_ATTACH_REQUEST_DEADLINE_SECONDS"] = f"{lease_seconds / 4:g}"
        # The work between the claim and the request (to read a slice) must fit in, on a busy machine too.
        settings["TODO_ATTACH_CLAIM_MARGIN_SECONDS"] = f"{max(3.0, lease_seconds / 8):g}"
        # Longer than a lease, or the sweep would announce an upload whose message is about to be delivered again.
        settings["TODO_ATTACH_STALLED_AFTER_SECONDS"] = f"{lease_seconds * 1.5:g}"
        # The wait after a failed delivery. The blob trigger has no such wait, neither in the cloud nor here.
        settings["AzureFunctionsJobHost__extensions__queues__visibilityTimeout"] = str(
            timedelta(seconds=min(30, max(1, lease_seconds // 3)))
        ).rjust(8, "0")
    return settings


# How long the worker may hold telemetry back, in milliseconds. The defaults, as in the cloud: 5000, 1000 and 60000.
SOON = {
    "OTEL_BSP_SCHEDULE_DELAY": "500",
    "OTEL_BLRP_SCHEDULE_DELAY": "500",
    "OTEL_METRIC_EXPORT_INTERVAL": "2000",
}


def telemetry_settings(connection_string: str) -> dict[str, str]:
    """Further settings for telemetry as in the cloud, which goes to where *connection_string* says."""
    return {
        "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "true",
        "PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME": "todo_attach",
        "APPLICATIONINSIGHTS_CONNECTION_STRING": connection_string,
        "OTEL_SERVICE_NAME": "todo-attach",
        "OTEL_TRACES_SAMPLER": "always_on",
        # The spans of these would hold upload URLs.
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": (
            "azure_sdk,django,fastapi,flask,httpx,httpx2,psycopg2,requests,urllib,urllib3"
        ),
        # Otherwise the exporter and the distribution report about themselves to Microsoft, and send requests to the
        # metadata address of virtual machines.
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
        "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
        "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
        "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED": "true",
        "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "azure_functions",
    }


# Variables of a developer's own, which say where other programs send telemetry, and how much.
_TO_THE_CLOUD = ("APPLICATIONINSIGHTS_", "PYTHON_APPLICATIONINSIGHTS_", "OTEL_")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process with *settings* over it, and without variables that concern telemetry."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_TO_THE_CLOUD)}
    # Behind a proxy, requests to this machine must still stay on it.
    local = ",".join(filter(None, (inherited.get("NO_PROXY", inherited.get("no_proxy", "")), "127.0.0.1", "localhost")))
    return {**inherited, "NO_PROXY": local, "no_proxy": local, **settings}
