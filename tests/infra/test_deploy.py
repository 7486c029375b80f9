"""scripts/deploy.sh against a recording `az`: the order, the patience, and what it says when it gives up."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.infra.az_lines import complaints
from tests.infra.scripted import FUNCTIONS, HEALTHY, Answer, Azure, error, ok, tags
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
        "deployment group create",
        "keyvault secret list",
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
    "secret": ("keyvault secret list", "(Forbidden) Caller is not authorized", "role on the key vault spreads"),
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


# -- the tokens --


def test_without_accounts_the_app_gets_an_empty_list_of_them(azure: Azure) -> None:
    azure.answer("keyvault secret list", ok())
    run = azure.run("deploy.sh", *GROUP)
    [call] = run.did("keyvault secret set")
    assert run.code == 0
    assert Path(call[call.index("--file") + 1]).name == "no-accounts.json"
    assert "wait for sign-in" in run.said


def test_a_secret_that_is_there_is_kept(azure: Azure) -> None:
    assert azure.run("deploy.sh", *GROUP).did("keyvault secret set") == []


def test_tokens_go_in_by_file_and_come_out_nowhere(azure: Azure, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.json"
    tokens.write_text('{"sam@example.com": "t0ken"}', encoding="utf-8")
    run = azure.run("deploy.sh", *GROUP, "--tokens-file", str(tokens))
    [call] = run.did("keyvault secret set")
    assert call[-2:] == ["--output", "none"]
    assert "t0ken" not in run.said + str(run.calls)


@pytest.mark.parametrize("text", ["", "[]", '{"sam@example.com": 1}', "{"])
def test_tokens_that_the_app_could_not_read_stop_it_before_anything_is_deployed(
    azure: Azure, tmp_path: Path, text: str
) -> None:
    tokens = tmp_path / "tokens.json"
    tokens.write_text(text, encoding="utf-8")
    run = azure.run("deploy.sh", *GROUP, "--tokens-file", str(tokens))
    assert run.code == 1
    assert "JSON object of account and token" in run.said
    assert not run.did("deployment group create")


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
        (tags(todo_state="waiting", todo_reason="needs-sign-in"), "Give --tokens-file"),
        (tags(todo_state="failed", todo_reason="too-old"), "became failed: too-old"),
    ],
)
def test_another_outcome_is_a_failure_with_its_reason(azure: Azure, outcome: Answer, said: str) -> None:
    azure.answer("rest *comp=tags", outcome)
    run = azure.run("deploy.sh", *GROUP, "--smoke-metadata", "task=Test")
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

OWNED = {
    "account show *tenantId": [ok("tenant")],
    "cloud show": [ok("https://login.microsoftonline.com")],
    "deployment group show": [ok("principal")],
    "ad sp show": [ok("scope-id")],
    "ad app create": [ok("client-id")],
}


@pytest.fixture
def directory(azure: Azure) -> Azure:
    azure.answers.update(OWNED)
    return azure


def test_the_entra_application_is_made_with_its_credential(directory: Azure) -> None:
    run = directory.run("connect-entra.sh", *GROUP)
    assert run.code == 0, run.said
    assert run.did("ad app create")
    assert run.did("ad sp create")
    assert run.did("ad app federated-credential create")


def test_an_entra_application_that_is_right_is_left_alone(directory: Azure) -> None:
    directory.answer("ad app list", ok("client-id"))
    directory.answer("ad sp list", ok("object-id"))
    directory.answer("ad app federated-credential list", ok("principal"))
    run = directory.run("connect-entra.sh", *GROUP)
    assert run.code == 0, run.said
    assert not run.did("ad app create") + run.did("ad sp create") + run.did("ad app federated-credential create")
    assert not run.did("ad app federated-credential update")


def test_a_credential_of_a_former_identity_is_changed(directory: Azure) -> None:
    directory.answer("ad app list", ok("client-id"))
    directory.answer("ad app federated-credential list", ok("someone-else"))
    assert directory.run("connect-entra.sh", *GROUP).did("ad app federated-credential update")


def test_two_applications_of_one_name_are_not_guessed_between(directory: Azure) -> None:
    directory.answer("ad app list", ok("one\ntwo"))
    run = directory.run("connect-entra.sh", *GROUP)
    assert run.code == 1
    assert "several applications" in run.said


def test_a_directory_that_lags_is_waited_for(directory: Azure) -> None:
    directory.answer("ad sp create", error("Not a valid reference update"), ok())
    assert directory.run("connect-entra.sh", *GROUP).code == 0


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


def test_every_call_is_one_that_the_azure_cli_understands(directory: Azure, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.json"
    tokens.write_text("{}", encoding="utf-8")
    directory.answer("ad app list", ok())
    calls = directory.run("connect-entra.sh", *GROUP).calls
    directory.answer("ad app list", ok("client-id"))
    directory.answer("ad app federated-credential list", ok("someone-else"))
    calls += directory.run("connect-entra.sh", *GROUP).calls
    calls += directory.run("destroy.sh", *GROUP, typed="rg\n").calls
    calls += directory.run("deploy.sh", *GROUP, "--what-if").calls
    directory.answer("group exists", ok("false"))
    directory.answer("rest *comp=tags", tags())
    options = ("--location", "westeurope", "--tokens-file", str(tokens), "--smoke-metadata", "list=A task=B")
    calls += directory.run("deploy.sh", *GROUP, *options).calls
    distinct = [list(call) for call in dict.fromkeys(tuple(call) for call in calls)]
    found = {" ".join(call): said for call, said in zip(distinct, complaints(distinct), strict=True) if said}
    assert found == {}
