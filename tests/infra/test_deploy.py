"""scripts/deploy.sh against a recording `az`: the order, the patience, and what it says when it gives up."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.infra.az_lines import understood
from tests.infra.scripted import CLIENT, FUNCTIONS, HEALTHY, WITH_SIGN_IN, Answer, Azure, error, ok, tags
from tests.infra.tools import ROOT

pytestmark = pytest.mark.infra

GROUP = ("--resource-group", "rg")


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    return Azure(tmp_path / "home")


def test_everything_happens_once_and_in_order(azure: Azure) -> None:
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0, run.said
    steps = [
        "account show",
        "group exists",
        "ad signed-in-user show",
        "keyvault list-deleted",
        "functionapp list",
        "functionapp config appsettings list",
        "deployment group create",
        "functionapp deployment source config-zip",
        "functionapp update-strategy config set",
        "functionapp function list",
        "functionapp keys list",
        "deployment group create",
        "storage blob upload",
        "rest",
        "rest",
    ]
    assert [" ".join(call) for call in run.calls if not any(" ".join(call).startswith(step) for step in steps)] == []
    assert len(run.calls) == len(steps)
    assert all(" ".join(call).startswith(step) for call, step in zip(run.calls, steps, strict=True))
    assert "a test file went through" in run.said


def test_each_step_begins_on_a_line_of_its_own(azure: Azure) -> None:
    said = azure.run("deploy.sh", *GROUP).said.splitlines()
    steps = [number for number, line in enumerate(said) if "== " in line]
    assert len(steps) > 5
    assert [said[number - 1] for number in steps[1:]] == [""] * (len(steps) - 1)
    assert all(said[number].startswith("== ") for number in steps)


def test_whoever_deploys_the_example_s_account_is_told(azure: Azure, tmp_path: Path) -> None:
    own = tmp_path / "mine.bicepparam"
    own.write_text("using 'main.bicep'\nparam defaultAccount = 'sam@example.com'\n", encoding="utf-8")
    told = "defaultAccount in infra/main.bicepparam is still the example"
    assert told in azure.run("deploy.sh", *GROUP).said
    assert "is still the example" not in azure.run("deploy.sh", *GROUP, "--parameters", str(own)).said


def test_running_it_again_makes_the_same_calls(azure: Azure) -> None:
    def calls() -> list[list[str]]:
        # The package and the test file lie in a directory of their own each time.
        return [[word for word in call if "/tmp." not in word] for call in azure.run("deploy.sh", *GROUP).calls]

    assert calls() == calls()


# step -> (call, an error that is known to pass, what a person is told meanwhile)
LAGS = {
    "infrastructure": (
        "deployment group create *infra/main.bicep",
        "PrincipalNotFound: not in the directory",
        "a new identity spreads",
    ),
    "publish-403": ("functionapp deployment source config-zip", "Operation returned 403 Forbidden", "roles spread"),
    "publish-409": (
        "functionapp deployment source config-zip",
        "There may be an ongoing deployment",
        "another deployment",
    ),
    "publish-503": (
        "functionapp deployment source config-zip",
        "Service Unavailable (503)",
        "the deployment site wakes",
    ),
    "handshake": (
        "deployment group create *infra/subscription.bicep",
        "Webhook validation handshake failed",
        "handshake",
    ),
    "smoke": ("storage blob upload", "AuthorizationPermissionMismatch", "role on the container spreads"),
}


@pytest.mark.parametrize("step", LAGS)
def test_what_is_known_to_lag_is_tried_again(azure: Azure, step: str) -> None:
    call, lag, told = LAGS[step]
    azure.answer(call, error(lag), error(lag), *HEALTHY.get(call, [ok()]))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0, run.said
    assert told in run.said


@pytest.mark.parametrize("step", LAGS)
def test_patience_ends_and_says_where(azure: Azure, step: str) -> None:
    call, lag, _ = LAGS[step]
    azure.answer(call, error(lag))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert "Gave up after" in run.said
    assert lag in run.said
    assert "Stopped in:" in run.said
    assert "run the same command again" in run.said


@pytest.mark.parametrize("step", LAGS)
def test_any_other_error_is_final_at_once(azure: Azure, step: str) -> None:
    call, _, _ = LAGS[step]
    azure.answer(call, error("InvalidTemplate: something that waiting does not cure"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert "Gave up" not in run.said
    assert "InvalidTemplate" in run.said
    assert run.calls[-1][: len(call.split(" *")[0].split())] == call.split(" *")[0].split()


FINAL = {
    "not signed in": ("account show", "Please run 'az login'", "Run: az login"),
    "no directory": ("ad signed-in-user show", "/me request is only valid with delegated", "give --operator OBJECT_ID"),
    "no group": ("group create", "AuthorizationFailed", "AuthorizationFailed"),
}


@pytest.mark.parametrize("step", FINAL)
def test_what_must_be_put_right_first_is_said(azure: Azure, step: str) -> None:
    call, complaint, said = FINAL[step]
    azure.answer("group exists", ok("false"))
    azure.answer(call, error(complaint))
    run = azure.run("deploy.sh", *GROUP, "--location", "westeurope")
    assert run.code != 0
    assert said in run.said
    assert not run.did("deployment group create")


def test_a_group_that_does_not_exist_is_only_made_where_a_region_is_given(azure: Azure) -> None:
    azure.answer("group exists", ok("false"))
    without = azure.run("deploy.sh", *GROUP)
    assert (without.code, without.did("group create")) == (1, [])
    assert "give --location" in without.said
    assert azure.run("deploy.sh", *GROUP, "--location", "westeurope").did("group create")


def test_what_if_changes_nothing(azure: Azure) -> None:
    run = azure.run("deploy.sh", *GROUP, "--what-if")
    assert run.code == 0
    assert run.calls[-1][:3] == ["deployment", "group", "what-if"]
    assert not run.did("deployment group create")


def test_a_healthy_host_without_functions_is_a_failure(azure: Azure) -> None:
    azure.answer("functionapp function list", ok())
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert "no functions at all" in run.said
    assert "az webapp log tail" in run.said
    assert len(run.did("deployment group create")) == 1, "no subscription to a function that is not there"


def test_a_missing_function_is_named(azure: Azure) -> None:
    azure.answer(
        "functionapp function list", ok("\n".join(f"func-app/{each}" for each in FUNCTIONS if each != "sweep"))
    )
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert "these functions are missing: sweep" in run.said


def test_functions_that_appear_late_are_waited_for(azure: Azure) -> None:
    azure.answer("functionapp function list", error("503"), ok(), *HEALTHY["functionapp function list"])
    assert azure.run("deploy.sh", *GROUP).code == 0


def test_the_webhook_s_key_is_waited_for_and_never_fetched(azure: Azure) -> None:
    azure.answer("functionapp keys list", ok("false"), ok("false"), ok("true"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0
    assert all("systemKeys.blobs_extension != null" in call for call in run.did("functionapp keys list"))


def test_without_a_webhook_s_key_there_is_no_subscription(azure: Azure) -> None:
    azure.answer("functionapp keys list", ok("false"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert "the host made no key" in run.said
    assert len(run.did("deployment group create")) == 1


def test_a_key_in_an_error_is_not_shown(azure: Azure) -> None:
    url = "https://func/runtime/webhooks/blobs?functionName=Host.Functions.open_upload&code=s3cretKey=="
    azure.answer("deployment group create *infra/subscription.bicep", error(f"InvalidRequest {url}"))
    run = azure.run("deploy.sh", *GROUP)
    assert "InvalidRequest" in run.said
    assert "s3cretKey" not in run.said


def test_published_but_not_healthy_within_the_cli_s_patience_goes_on(azure: Azure) -> None:
    azure.answer(
        "functionapp deployment source config-zip",
        error("Deployment was successful but the app appears to be unhealthy. Please check the app logs."),
    )
    assert azure.run("deploy.sh", *GROUP).code == 0


def test_an_old_api_without_rolling_updates_is_no_failure(azure: Azure) -> None:
    azure.answer("functionapp update-strategy config set", error("BadRequest"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0
    assert "rolling update strategy was not set" in run.said


def test_a_deleted_vault_is_recovered(azure: Azure) -> None:
    azure.answer("keyvault list-deleted", ok("kv-vault"))
    run = azure.run("deploy.sh", *GROUP)
    assert "recoverVault=true" in run.did("deployment group create")[0]


def test_who_may_not_list_deleted_vaults_can_deploy(azure: Azure) -> None:
    azure.answer("keyvault list-deleted", error("AuthorizationFailed"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0
    assert "recoverVault=false" in run.did("deployment group create")[0]


# Niceties, which are passed over and said; and what looks for something that may yet appear, which is asked again.
NOT_FINAL = (
    "keyvault list-deleted",
    "functionapp update-strategy",
    "functionapp function list",
    "functionapp keys list",
    "rest --method get --resource https://storage.azure.com/",
)


@pytest.mark.parametrize("number", range(16))
def test_whichever_call_fails_for_good_the_script_says_where_and_goes_no_further(azure: Azure, number: int) -> None:
    azure.answer("deployment group create *infra/main.bicep", ok("\n".join(WITH_SIGN_IN)))
    run = azure.run("deploy.sh", *GROUP, fails_at=number)
    if " ".join(run.calls[number]).startswith(NOT_FINAL):
        assert run.code == 0, run.said
    else:
        assert run.code != 0
        assert "Stopped in:" in run.said
        assert "run the same command again" in run.said
        assert len(run.calls) == number + 1


# -- sign-in --


def test_the_first_deployment_has_no_registration_and_says_what_comes_next(azure: Azure) -> None:
    azure.answer("functionapp list", ok())
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0, run.said
    assert "entraClientId=" in run.did("deployment group create")[0]
    assert "Next: scripts/connect-entra.sh --resource-group rg" in run.said
    assert not [call for call in run.calls if call[-1].endswith("/connect")]


def test_deploying_again_keeps_the_registration_and_says_where_people_connect(azure: Azure) -> None:
    azure.answer("functionapp config appsettings list", ok(CLIENT))
    azure.answer("deployment group create *infra/main.bicep", ok("\n".join(WITH_SIGN_IN)))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0, run.said
    assert f"entraClientId={CLIENT}" in run.did("deployment group create")[0]
    assert "People connect their To Do at https://func-app.azurewebsites.net/api/connect" in run.said
    assert len(run.calls) == 16
    [page] = [call for call in run.calls if "https://func-app.azurewebsites.net/api/connect" in call]
    assert "--skip-authorization-header" in page, "no token of the deployer's goes to the app"


def test_what_would_change_is_shown_with_the_registration(azure: Azure) -> None:
    azure.answer("functionapp config appsettings list", ok(CLIENT))
    run = azure.run("deploy.sh", *GROUP, "--what-if")
    assert f"entraClientId={CLIENT}" in run.calls[-1]


def test_a_registration_in_the_parameter_file_wins(azure: Azure, tmp_path: Path) -> None:
    parameters = tmp_path / "mine.bicepparam"
    parameters.write_text("using 'main.bicep'\nparam entraClientId = 'another'\n", encoding="utf-8")
    azure.answer("functionapp config appsettings list", ok(CLIENT))
    run = azure.run("deploy.sh", *GROUP, "--parameters", str(parameters))
    assert run.code == 0, run.said
    assert not [word for word in run.did("deployment group create")[0] if word.startswith("entraClientId=")]


@pytest.mark.parametrize("call", ["functionapp list", "functionapp config appsettings list"])
def test_who_cannot_tell_the_registration_deploys_nothing(azure: Azure, call: str) -> None:
    """Taken for none, it would sign everybody out."""
    azure.answer(call, error("AuthorizationFailed"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert not run.did("deployment group create")


def test_between_two_apps_it_is_not_guessed(azure: Azure) -> None:
    azure.answer("functionapp list", ok("func-one\nfunc-two"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert "say in infra/main.bicepparam what entraClientId is" in run.said


def test_a_sign_in_page_is_waited_for_and_its_absence_is_a_failure(azure: Azure) -> None:
    azure.answer("deployment group create *infra/main.bicep", ok("\n".join(WITH_SIGN_IN)))
    azure.answer("rest *api/connect", error("Not Found"), error("Service Unavailable"), ok("<html>"))
    late = azure.run("deploy.sh", *GROUP)
    assert late.code == 0, late.said
    assert "<html>" not in late.said
    azure.answer("rest *api/connect", error("Internal Server Error"))
    broken = azure.run("deploy.sh", *GROUP)
    assert broken.code == 1
    assert "its log names each mistake" in broken.said


# -- the test file --


def test_with_a_task_the_test_file_must_become_attached(azure: Azure) -> None:
    azure.answer("rest *comp=tags", tags(), tags(todo_state="attached"))
    run = azure.run("deploy.sh", *GROUP, "--smoke-metadata", "list=Tasks task=Test")
    assert run.code == 0, run.said
    [call] = run.did("storage blob upload")
    assert call[call.index("--metadata") + 1 :][:2] == ["list=Tasks", "task=Test"]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (tags(todo_state="rejected", todo_reason="no-such-task: nope"), "became rejected: no-such-task: nope"),
        (tags(todo_state="failed", todo_reason="too-old"), "became failed: too-old"),
    ],
)
def test_another_outcome_is_a_failure_with_its_reason(azure: Azure, outcome: Answer, said: str) -> None:
    azure.answer("rest *comp=tags", outcome)
    run = azure.run("deploy.sh", *GROUP, "--smoke-metadata", "task=Test")
    assert run.code == 1
    assert said in run.said


def test_a_test_file_whose_account_has_not_connected_waits_and_that_is_no_failure(azure: Azure) -> None:
    azure.answer("rest *comp=tags", tags(todo_state="waiting", todo_reason="needs-sign-in: sam is not connected"))
    run = azure.run("deploy.sh", *GROUP, "--smoke-metadata", "task=Test")
    assert run.code == 0, run.said
    assert "waiting (needs-sign-in: sam is not connected): everything up to Graph works" in run.said
    assert "Next: scripts/connect-entra.sh" in run.said


@pytest.mark.parametrize(("state", "said"), [("attached", "became attached"), ("waiting", "waits all the same")])
def test_a_file_that_names_no_task_can_only_be_rejected(azure: Azure, state: str, said: str) -> None:
    azure.answer("rest *comp=tags", tags(todo_state=state))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert said in run.said


@pytest.mark.parametrize(
    ("ledger", "said"),
    [
        (ok(), "It hangs before the first step"),
        (ok("2026-01-01 sending  "), "It hangs between the first step and the report"),
    ],
)
def test_a_file_without_an_outcome_says_where_it_hangs(azure: Azure, ledger: Answer, said: str) -> None:
    azure.answer("rest *comp=tags", tags())
    azure.answer("storage entity query", ledger)
    azure.answer("eventgrid system-topic event-subscription show", ok("Succeeded"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert said in run.said
    assert "event subscription: Succeeded" in run.said


def test_without_an_operator_nothing_is_asked_of_the_data(azure: Azure) -> None:
    run = azure.run("deploy.sh", *GROUP, "--operator", "none")
    assert run.code == 0
    assert not [call for call in run.calls if call[0] in {"storage", "rest"} or call[:2] == ["keyvault", "secret"]]


@pytest.mark.parametrize(
    "arguments", [(), ("--resource-group",), ("--colour", "red"), (*GROUP, "--parameters", "no.bicepparam")]
)
def test_a_command_line_that_cannot_be_meant_calls_nothing(azure: Azure, arguments: tuple[str, ...]) -> None:
    run = azure.run("deploy.sh", *arguments)
    assert run.code != 0
    assert run.calls == []


# -- the package --


def test_the_package_holds_what_runs_and_nothing_else(tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        subprocess.run([sys.executable, ROOT / "scripts/package.py", tmp_path / name], check=True, capture_output=True)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        names = set(archive.namelist())
    assert {"host.json", "function_app.py", "requirements.txt", "shared/settings.py"} <= names
    assert all(name.startswith("shared/") and name.endswith(".py") for name in names if "/" in name)
    assert {name for name in names if "/" not in name} == {"host.json", "function_app.py", "requirements.txt"}


# -- the other scripts --


def test_destroying_asks_and_takes_only_the_name_for_an_answer(azure: Azure) -> None:
    for typed in ("", "yes\n", "rg2\n"):
        run = azure.run("destroy.sh", *GROUP, typed=typed)
        assert run.code == 0
        assert not run.did("group delete")
    assert azure.run("destroy.sh", *GROUP, typed="rg\n").did("group delete")


def test_a_group_that_this_was_not_deployed_into_is_not_destroyed(azure: Azure) -> None:
    azure.answer("deployment group show", error("DeploymentNotFound"))
    run = azure.run("destroy.sh", *GROUP, typed="rg\n")
    assert run.code == 1
    assert not run.did("group delete")


def test_the_outcome_of_a_file_is_told(azure: Azure) -> None:
    run = azure.run("outcome.sh", "--account", "staccount", "--name", "a b.pdf")
    assert run.said.strip() == "rejected: metadata: names no task"
    assert "https://staccount.blob.core.windows.net/attachments/a%20b.pdf?comp=tags" in run.calls[0]


def test_every_call_is_one_that_the_azure_cli_understands(azure: Azure) -> None:
    calls = azure.run("destroy.sh", *GROUP, typed="rg\n").calls
    calls += azure.run("deploy.sh", *GROUP, "--what-if").calls
    azure.answer("group exists", ok("false"))
    azure.answer("deployment group create *infra/main.bicep", ok("\n".join(WITH_SIGN_IN)))
    azure.answer("rest *comp=tags", tags())
    options = ("--location", "westeurope", "--smoke-metadata", "list=A task=B")
    calls += azure.run("deploy.sh", *GROUP, *options).calls
    assert understood(calls) == {}
