"""scripts/doctor.sh against a recording `az`: each thing that it asks, healthy, ill, and not to be asked."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.infra.deployed import sample
from tests.infra.fake_az import Answer
from tests.infra.scripted import (
    ASSIGNMENT,
    FUNCTIONS,
    GIVEN,
    WITH_SIGN_IN,
    Azure,
    Run,
    error,
    heartbeat,
    ok,
)

pytestmark = pytest.mark.infra

GROUP = ("--resource-group", "rg")
NAMES = [
    *(
        f"{each}__{part}"
        for each in ("AzureWebJobsStorage", "AttachmentStorage")
        for part in ("credential", "clientId")
    ),
    *(
        f"TODO_ATTACH_{each}"
        for each in ("CONTAINER", "QUEUE", "TABLE", "DEFAULT_ACCOUNT", "SWEEP_SCHEDULE", "CATCH_UP_SCHEDULE")
    ),
]
CHANGES = ("create", "delete", "set", "update", "start", "restart", "config-zip", "upload", "recover")


def moments_ago(minutes: int) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    azure = Azure(tmp_path / "home")
    azure.answer("deployment group show *functionAppName", ok("\n".join(WITH_SIGN_IN)))
    azure.answer("functionapp show", ok("Running"))
    azure.answer("functionapp config appsettings list", ok("\n".join(NAMES)))
    azure.answer("rest *hostruntime/admin/host/status", ok("Running\nNone"))
    azure.answer("storage blob list", ok("0"))
    azure.answer("storage message peek", ok("0"))
    azure.answer("storage entity query", ok("0"))
    azure.answer("storage entity show", heartbeat(at=moments_ago(3)))
    return azure


def told(run: Run) -> dict[str, list[str]]:
    """What was said, by how it is."""
    lines = run.said.splitlines()
    return {how: [line for line in lines if line.startswith(how)] for how in ("ok ", "not ok", "unknown")}


def test_a_healthy_deployment_is_ok_line_by_line(azure: Azure) -> None:
    run = azure.run("doctor.sh", *GROUP)
    assert run.code == 0, run.said
    said = told(run)
    assert (said["not ok"], said["unknown"]) == ([], [])
    assert len(said["ok "]) == 18
    assert "version 0.1.0, package" in run.said


def test_it_changes_nothing(azure: Azure) -> None:
    for call in azure.run("doctor.sh", *GROUP, "--errors").calls:
        assert not set(call) & set(CHANGES)
        assert call[:3] != ["rest", "--method", "post"] or "https://api.loganalytics.io" in call


# what is ill -> (call, its answer, what is said, the remedy)
ILL: dict[str, tuple[str, Answer | Callable[[], Answer], str, str]] = {
    "a role is gone": (
        "role assignment list",
        ok(json.dumps([])),
        "roles: 1 of those that the deployment gave are gone",
        "scripts/deploy.sh",
    ),
    "access beyond": (
        "role assignment list",
        ok(json.dumps([ASSIGNMENT, {**ASSIGNMENT, "id": f"{GIVEN}2", "principalName": "former"}])),
        "former has Storage Blob Data Owner on staccount",
        f"az role assignment delete --ids {GIVEN}2",
    ),
    "stopped": ("functionapp show", ok("Stopped"), "the app is Stopped", "az functionapp start"),
    "a setting is missing": (
        "functionapp config appsettings list",
        ok("\n".join(NAMES[1:])),
        "settings: missing AzureWebJobsStorage__credential",
        "scripts/deploy.sh",
    ),
    "a plain connection": (
        "functionapp config appsettings list",
        ok("\n".join([*NAMES, "AzureWebJobsStorage"])),
        "a plain AzureWebJobsStorage wins",
        "--setting-names AzureWebJobsStorage",
    ),
    "no functions": ("functionapp function list", ok(), "functions: none", "--prebuilt"),
    "a function is missing": (
        "functionapp function list",
        ok("\n".join(f"func-app/{each}" for each in FUNCTIONS if each != "sweep")),
        "functions: missing sweep",
        "scripts/deploy.sh",
    ),
    "the host has an error": (
        "rest *hostruntime/admin/host/status",
        ok("Error\nModuleNotFoundError: msal"),
        "the host says: Error ModuleNotFoundError: msal",
        "az functionapp restart",
    ),
    "no key": ("functionapp keys list", ok("false"), "the webhook has no key", "az functionapp restart"),
    "no subscription": (
        "eventgrid system-topic event-subscription show",
        error("(ResourceNotFound) not found"),
        "event subscription: ERROR: (ResourceNotFound)",
        "scripts/deploy.sh",
    ),
    "subscription failed": (
        "eventgrid system-topic event-subscription show",
        ok("Failed"),
        "event subscription: Failed",
        "scripts/deploy.sh",
    ),
    "dead letters": ("storage blob list", ok("3"), "dead letters: 3", "the app reads them every five minutes"),
    "poison": ("storage message peek *upload-ranges-poison", ok("2"), "upload-ranges-poison: 2", "look at the errors"),
    "an old sweep": (
        "storage entity show",
        lambda: heartbeat(at=moments_ago(90)),  # of when the test runs, not of when this table was made
        "last sweep: 90 minutes ago",
        "az functionapp restart",
    ),
    "no sweep": ("storage entity show", error("ResourceNotFound"), "none has ever reported", "look at the errors"),
    "no page": (
        "rest *api/connect",
        error("Internal Server Error"),
        "/connect does not answer",
        "the log names each setting",
    ),
    "no sending": (
        "rest --method options",
        error("Forbidden(CorsPreflightFailure)"),
        "storage takes no file from https://func-app.azurewebsites.net: ERROR: Forbidden(CorsPreflightFailure)",
        "scripts/deploy.sh",
    ),
    "silent is off": (
        "rest *scheduledQueryRules",
        ok("false"),
        "the alert silent is off",
        "scripts/deploy.sh",
    ),
    "waiting": ("storage entity query *waiting", ok("4"), "4 files wait for a person", "A file is waiting"),
    "no sign-in": (
        "deployment group show *functionAppName",
        ok("\n".join("None" if "0f000000" in each else each for each in WITH_SIGN_IN)),
        "sign-in: not switched on",
        "scripts/connect-entra.sh",
    ),
}


@pytest.mark.parametrize("what", ILL)
def test_what_is_ill_is_said_with_its_remedy(azure: Azure, what: str) -> None:
    call, answer, said, remedy = ILL[what]
    azure.answer(call, answer() if callable(answer) else answer)
    run = azure.run("doctor.sh", *GROUP)
    assert run.code == 1, run.said
    lines = run.said.splitlines()
    [number] = [number for number, line in enumerate(lines) if line.startswith("not ok")]
    assert said in lines[number]
    assert remedy in lines[number + 1]


def test_it_asks_storage_what_a_browser_asks_before_it_sends_a_file(azure: Azure) -> None:
    """With the headers that the CORS rule of infra/modules/blobservice.bicep lets through."""
    [asked] = azure.run("doctor.sh", *GROUP).did("rest --method options")
    url = asked[asked.index("--url") + 1]
    assert url.startswith("https://staccount.blob.core.windows.net/attachments/")
    assert "Origin=https://func-app.azurewebsites.net" in asked
    assert "Access-Control-Request-Method=PUT" in asked
    [rule] = sample().one("Microsoft.Storage/storageAccounts/blobServices").at("cors.corsRules")
    assert f"Access-Control-Request-Headers={','.join(rule['allowedHeaders'])}" in asked


UNASKABLE = (
    "role assignment list",
    "functionapp config appsettings list",
    "functionapp function list",
    "functionapp show",
    "functionapp keys list",
    "rest *hostruntime/admin/host/status",
    "storage blob list",
    "storage message peek *upload-ranges-poison",
    "storage entity show",
    "rest *scheduledQueryRules",
    "storage entity query *waiting",
)


@pytest.mark.parametrize("call", UNASKABLE)
def test_what_may_not_be_asked_is_not_called_ill(azure: Azure, call: str) -> None:
    azure.answer(call, error("(AuthorizationFailed) you may not"))
    run = azure.run("doctor.sh", *GROUP)
    assert run.code == 2, run.said
    said = told(run)
    assert said["not ok"] == []
    assert len(said["unknown"]) == 1
    assert "you may not" in said["unknown"][0]


def test_the_errors_of_the_host_are_shown_where_something_is_wrong_or_when_asked(azure: Azure) -> None:
    azure.answer("rest *api.loganalytics.io", ok("03:00:00 sweep failed: no such table"))
    assert "no such table" not in azure.run("doctor.sh", *GROUP).said
    assert "no such table" in azure.run("doctor.sh", *GROUP, "--errors").said
    azure.answer("functionapp show", ok("Stopped"))
    assert "no such table" in azure.run("doctor.sh", *GROUP).said


def test_without_a_deployment_there_is_one_line(azure: Azure) -> None:
    azure.answer("deployment group list", ok())
    run = azure.run("doctor.sh", *GROUP)
    assert run.code == 1
    assert told(run)["not ok"] == ["not ok   the deployment: none that succeeded"]
