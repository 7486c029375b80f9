"""scripts/deploy.sh against a recording `az`: the order, the patience, and what it says when it gives up."""

import json
import re
import zipfile
from pathlib import Path

import pytest

from scripts.package import HASH, LIBRARIES, describe, hashed, sources
from tests.infra.az_lines import understood
from tests.infra.deployed import sample
from tests.infra.fake_az import Answer
from tests.infra.scripted import (
    ASSIGNMENT,
    CLIENT,
    FUNCTIONS,
    GIVEN,
    HEALTHY,
    OUTPUTS,
    SCOPE,
    WITH_SIGN_IN,
    Azure,
    Run,
    error,
    heartbeat,
    ok,
    package_hash,
    parameters,
    tags,
)
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
        "bicep build-params",
        "ad signed-in-user show",
        "functionapp list",
        "functionapp config appsettings list",
        "deployment group list",
        "deployment group show",
        "rest --method get",
        "keyvault list-deleted",
        "deployment group create",
        "deployment group list",
        "deployment group show",
        "functionapp deployment source config-zip",
        "functionapp config appsettings list",
        "functionapp function list",
        "functionapp keys list",
        "deployment group create",
        "eventgrid system-topic event-subscription show",
        "rest --method post",
        "storage entity show",
        "deployment group show",
        "deployment group list",
        "role assignment list",
        "storage blob upload",
        "rest",
        "rest",
        "rest --method get",
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


def test_what_works_and_is_probably_not_meant_is_pointed_out(azure: Azure) -> None:
    said = azure.run("deploy.sh", *GROUP).said
    assert "defaultAccount in infra/main.bicepparam is still the example" in said
    assert "alertEmail is empty: nobody is told of an alert" in said
    assert "operationsUrl is not set: the links in alerts lead nowhere" in said
    azure.answer(
        "bicep build-params",
        parameters(
            defaultAccount="sam@example.com", alertEmail="ops@example.com", operationsUrl="https://wiki.example"
        ),
    )
    assert "NOTE" not in azure.run("deploy.sh", *GROUP).said


def test_a_parameter_file_with_a_mistake_deploys_nothing(azure: Azure) -> None:
    azure.answer("bicep build-params", error("infra/main.bicepparam(3,7) : Error BCP259: no such parameter"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert "BCP259" in run.said
    assert not run.did("deployment group create")


def test_running_it_again_makes_the_same_calls(azure: Azure) -> None:
    def calls() -> list[list[str]]:
        # The package and the test file lie in a directory of their own each time.
        return [[word for word in call if "/tmp." not in word] for call in azure.run("deploy.sh", *GROUP).calls]

    assert calls() == calls()


# step -> (call, an error that is known to pass, what a person is told meanwhile)
LAGS = {
    "infrastructure-role": (
        "deployment group create *infra/main.bicep",
        "RoleDefinitionDoesNotExist: The specified role definition with ID 'x' does not exist.",
        "a new identity or role spreads",
    ),
    "infrastructure-busy": (
        "deployment group create *infra/main.bicep",
        "Conflict: Cannot modify this site because another operation is in progress. Details: Id: x",
        "Azure is busy",
    ),
    "infrastructure": (
        "deployment group create *infra/main.bicep",
        "PrincipalNotFound: not in the directory",
        "a new identity or role spreads",
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
    "publish-500": (
        "functionapp deployment source config-zip",
        "An error occured during deployment. Status Code: 500, Details: ",
        "the deployment site wakes",
    ),
    "publish-dns": (
        "functionapp deployment source config-zip",
        "Max retries exceeded (Caused by NameResolutionError(\"Failed to resolve 'func.scm.azurewebsites.net'\"))",
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
    assert "scripts/doctor.sh --resource-group rg" in run.said
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


@pytest.mark.parametrize(
    "said",
    [
        "Deployment was successful but the app appears to be unhealthy. Please check the app logs.",
        "Failed to fetch host key to check for function app status",
        "Timeout reached by the command, however, the deployment operation\n is still on-going.",
        "Failed to retrieve deployment status. Please try again in a few minutes.",
    ],
)
def test_a_package_that_is_uploaded_is_looked_at_and_not_uploaded_again(azure: Azure, said: str) -> None:
    azure.answer("functionapp deployment source config-zip", error(said))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0, run.said
    assert len(run.did("functionapp deployment source config-zip")) == 1
    assert "a test file went through" in run.said


def test_the_deployment_site_has_ten_minutes(azure: Azure) -> None:
    azure.answer("functionapp deployment source config-zip", error("Service Unavailable (503)"))
    run = azure.run("deploy.sh", *GROUP)
    assert len(run.did("functionapp deployment source config-zip")) == 40, "15 s apart"


@pytest.mark.parametrize(
    "said",
    [
        "Zip deployment failed. oryx build /tmp/x --platform python --platform-version 3.11.8 -p packagedir=x",
        "Zip deployment failed. ERROR: No matching distribution found for azure-functions==2.3.0",
        "Zip deployment failed. Error: Platform 'python' version '3.13' is unsupported. Supported versions: 3.10.16",
        "Zip deployment failed. ERROR: Could not find cached tarball for python 3.13.5,,0 (404)",
        "ERROR: Ignored the following versions that require a different python version: 2.3.0 Requires-Python >=3.13",
    ],
)
def test_a_build_on_another_python_is_recognised_and_final(azure: Azure, said: str) -> None:
    azure.answer("functionapp deployment source config-zip", error(said))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert len(run.did("functionapp deployment source config-zip")) == 1
    assert "the same command with --prebuilt" in run.said


def test_no_call_depends_on_an_update_strategy(azure: Azure) -> None:
    assert not azure.run("deploy.sh", *GROUP).did("functionapp update-strategy")


# -- the deleted vault --

OURS = "kv-todoatt-abcdefghijklm"


def test_a_deleted_vault_of_the_name_that_is_needed_is_recovered_before_bicep(azure: Azure) -> None:
    azure.answer("keyvault list-deleted", ok(f"kv-other\teastus\n{OURS}\twesteurope"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0, run.said
    [recovered] = run.did("keyvault recover")
    assert recovered[2:6] == ["--name", OURS, "--location", "westeurope"]
    mains = [call for call in run.did("deployment group create") if "infra/main.bicep" in call]
    assert run.calls.index(recovered) < run.calls.index(mains[0])
    assert not [word for word in mains[0] if word.startswith("recoverVault")]


def test_a_deleted_vault_of_another_name_is_left_alone(azure: Azure) -> None:
    """Also where it was in this very group once: only the name decides."""
    azure.answer("keyvault list-deleted", ok(f"{OURS}x\twesteurope\nkv-todoatt-zzzzzzzzzzzzz\twesteurope"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0, run.said
    assert not run.did("keyvault recover")


def test_after_the_vault_is_back_a_further_try_does_not_recover_it_again(azure: Azure) -> None:
    """The template's own `createMode: recover` fails on a vault that is there."""
    azure.answer("keyvault list-deleted", ok(f"{OURS}\twesteurope"), ok())
    azure.answer("deployment group create *infra/main.bicep", error("PrincipalNotFound"), ok())
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0, run.said
    assert len(run.did("keyvault recover")) == 1


def test_the_name_is_asked_for_with_the_prefix_of_the_parameter_file(azure: Azure) -> None:
    azure.answer("keyvault list-deleted", ok("kv-abc-abcdefghijklm\twesteurope"))
    azure.answer("bicep build-params", parameters(prefix="abc"))
    [names] = [
        call for call in azure.run("deploy.sh", *GROUP).did("deployment group create") if "infra/names.json" in call
    ]
    assert "prefix=abc" in names


def test_who_may_not_list_deleted_vaults_can_deploy(azure: Azure) -> None:
    azure.answer("keyvault list-deleted", error("AuthorizationFailed"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0
    azure.answer(
        "deployment group create *infra/main.bicep", error("A vault with the same name already exists in deleted state")
    )
    blocked = azure.run("deploy.sh", *GROUP)
    assert blocked.code == 1
    assert "az keyvault recover --name VAULT" in blocked.said


def test_the_name_of_the_vault_is_the_one_that_the_template_gives() -> None:
    """infra/names.json tells it before main.bicep is deployed."""
    template = json.loads((ROOT / "infra/names.json").read_text(encoding="utf-8"))
    bicep = (ROOT / "infra/main.bicep").read_text(encoding="utf-8")
    [name] = re.findall(r"^var vaultName = '(.+)'$", bicep, re.MULTILINE)
    [unique] = re.findall(r"^var unique = (.+)$", bicep, re.MULTILINE)
    [prefix] = re.findall(r"^param prefix string = '(.+)'$", bicep, re.MULTILINE)
    assert name == "kv-${take(prefix, 7)}-${unique}"
    assert (
        template["outputs"]["vaultName"]["value"]
        == f"[format('kv-{{0}}-{{1}}', take(parameters('prefix'), 7), {unique})]"
    )
    assert template["parameters"]["prefix"]["defaultValue"] == prefix
    assert template["resources"] == []


# -- who operates, and who has access --


def test_a_parameter_file_that_names_an_operator_decides(azure: Azure) -> None:
    azure.answer("bicep build-params", parameters(operatorPrincipalId="group-of-operators"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0, run.said
    assert not run.did("ad signed-in-user show")
    assert not [word for word in run.did("deployment group create")[0] if word.startswith("operator")]
    contradicted = azure.run("deploy.sh", *GROUP, "--operator", "another")
    assert contradicted.code == 1
    assert "names the operator group-of-operators" in contradicted.said


def test_access_beyond_the_parameters_is_named_with_the_command_that_removes_it(azure: Azure) -> None:
    former = {
        **ASSIGNMENT,
        "id": GIVEN.replace("given", "former"),
        "principalName": "former@example.com",
        "roleDefinitionName": "Key Vault Secrets Officer",
    }
    elsewhere = {**ASSIGNMENT, "id": "/other", "scope": "/subscriptions/0/resourceGroups/other/x"}
    whole_group = {**ASSIGNMENT, "id": "/group", "scope": "/subscriptions/0/resourceGroups/rg"}
    azure.answer("role assignment list", ok(json.dumps([ASSIGNMENT, former, elsewhere, whole_group])))
    said = azure.run("deploy.sh", *GROUP).said
    assert "former@example.com: Key Vault Secrets Officer on staccount" in said
    assert f"az role assignment delete --ids {former['id']}" in said
    assert said.count("az role assignment delete") == 1


def test_ids_are_compared_whatever_their_capitals(azure: Azure) -> None:
    azure.answer("role assignment list", ok(json.dumps([{**ASSIGNMENT, "id": GIVEN.upper(), "scope": SCOPE.upper()}])))
    assert "only those that the parameters name" in azure.run("deploy.sh", *GROUP).said


def test_who_may_not_see_access_is_told_so(azure: Azure) -> None:
    azure.answer("role assignment list", error("AuthorizationFailed"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0
    assert "cannot tell: it needs the right to read role assignments" in run.said


def test_nothing_is_called_beyond_where_azure_does_not_say_what_was_given(azure: Azure) -> None:
    azure.answer("deployment group list *correlationId", ok())
    assert "cannot tell" in azure.run("deploy.sh", *GROUP).said


# -- the app proves itself --


def test_a_plain_connection_string_beside_the_identity_stops_the_deployment(azure: Azure) -> None:
    azure.answer("functionapp config appsettings list *AzureWebJobsStorage", ok("AzureWebJobsStorage"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert "--setting-names AzureWebJobsStorage" in run.said


def test_old_instances_may_sweep_for_a_while(azure: Azure) -> None:
    azure.answer("storage entity show", error("ResourceNotFound"), heartbeat("0" * 64, version="0.0.9"), heartbeat())
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0, run.said
    assert "version 0.1.0 swept at" in run.said


def test_code_that_never_sweeps_is_a_failure_although_its_functions_are_listed(azure: Azure) -> None:
    azure.answer("storage entity show", error("ResourceNotFound: The specified resource does not exist."))
    azure.answer("rest *hostruntime/admin/host/status", ok("Error\nModuleNotFoundError: No module named 'msal'"))
    azure.answer("rest *api.loganalytics.io", ok("03:00:00 sweep failed: the setting TODO_ATTACH_TABLE is missing"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert "no sweep has reported" in run.said
    assert "No module named 'msal'" in run.said
    assert "the setting TODO_ATTACH_TABLE is missing" in run.said
    assert not run.did("storage blob upload")


def test_another_package_that_runs_is_named(azure: Azure) -> None:
    azure.answer("storage entity show", heartbeat("0" * 64, version="0.0.9"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert package_hash() in run.said
    assert f"{'0' * 64} (version 0.0.9)" in run.said


def test_who_may_not_read_the_ledger_is_told_which_role_is_missing(azure: Azure) -> None:
    azure.answer("storage entity show", error("AuthorizationPermissionMismatch"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert "Storage Table Data" in run.said


def test_a_sweep_that_cannot_be_started_by_hand_is_waited_for(azure: Azure) -> None:
    azure.answer("rest --method post *hostruntime", error("NotFound"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0, run.said
    assert "waiting for its timer" in run.said


def test_a_subscription_whose_validation_was_not_answered_is_a_failure(azure: Azure) -> None:
    azure.answer("eventgrid system-topic event-subscription show", ok("AwaitingManualAction"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert "Event Grid says of the subscription: AwaitingManualAction" in run.said


# -- a package that was built before --


@pytest.fixture
def prebuilt(tmp_path: Path) -> Path:
    """A package with a library in it, as scripts/package.py --prebuilt makes one."""
    members = {**sources(ROOT), f"{LIBRARIES}/msal/__init__.py": b""}
    members[HASH] = f"{hashed(members)}\n".encode()
    package = tmp_path / "prebuilt.zip"
    with zipfile.ZipFile(package, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return package


def uploads(azure: Azure, package: Path, *statuses: str) -> None:
    azure.answer("curl *api/publish", ok("202"))
    azure.answer("curl *api/deployments/latest", *[ok(f'{{"status": {status}}}') for status in statuses])
    azure.answer("storage entity show", heartbeat(describe(package).split()[0]))


def test_a_prebuilt_package_is_not_built_again(azure: Azure, prebuilt: Path) -> None:
    uploads(azure, prebuilt, "1", "4")
    run = azure.run("deploy.sh", *GROUP, "--package", str(prebuilt))
    assert run.code == 0, run.said
    [upload] = [call for call in run.did("curl") if "--data-binary" in call]
    assert upload[-1] == "https://func-app.scm.azurewebsites.net/api/publish?RemoteBuild=false&Deployer=todo-attach"
    assert not run.did("functionapp deployment source config-zip")


def test_the_token_for_the_deployment_site_is_on_no_command_line(azure: Azure, prebuilt: Path) -> None:
    uploads(azure, prebuilt, "4")
    run = azure.run("deploy.sh", *GROUP, "--package", str(prebuilt))
    assert "t0ken-of-azure" not in run.said + str(run.calls)
    given = (azure.home / "given/curl").read_text(encoding="utf-8")
    assert given == 'header = "Authorization: Bearer t0ken-of-azure"'


def test_an_upload_that_the_site_refuses_for_a_while_is_tried_again(azure: Azure, prebuilt: Path) -> None:
    uploads(azure, prebuilt, "4")
    azure.answer("curl *api/publish", ok("503"), (6, "", "curl: (6) Could not resolve host: func-app.scm"), ok("202"))
    run = azure.run("deploy.sh", *GROUP, "--package", str(prebuilt))
    assert run.code == 0, run.said
    azure.answer("curl *api/publish", ok("400"))
    refused = azure.run("deploy.sh", *GROUP, "--package", str(prebuilt))
    assert refused.code == 1
    assert "The deployment site answered 400" in refused.said


def test_a_failed_deployment_of_a_prebuilt_package_says_what_the_site_says(azure: Azure, prebuilt: Path) -> None:
    uploads(azure, prebuilt, "3")
    run = azure.run("deploy.sh", *GROUP, "--package", str(prebuilt))
    assert run.code == 1
    assert "The deployment failed (status 3)" in run.said


def test_a_package_that_was_changed_is_not_published(azure: Azure, prebuilt: Path) -> None:
    with zipfile.ZipFile(prebuilt, "a") as archive:
        archive.writestr("shared/evil.py", "import os")
    run = azure.run("deploy.sh", *GROUP, "--package", str(prebuilt))
    assert run.code == 1
    assert "or was changed since" in run.said
    assert not run.did("curl")


# -- back to the last good package --


def test_a_package_is_kept_once_it_has_proven_itself(azure: Azure) -> None:
    assert azure.run("deploy.sh", *GROUP).code == 0
    [kept] = (azure.packages / "rg/good").glob("*.zip")
    assert describe(kept).split()[0] == package_hash()
    assert azure.run("deploy.sh", *GROUP).code == 0
    assert list((azure.packages / "rg/good").glob("*.zip")) == [kept], "not twice"


def test_a_package_that_does_not_run_is_not_kept(azure: Azure) -> None:
    azure.answer("storage entity show", heartbeat("0" * 64))
    azure.run("deploy.sh", *GROUP)
    assert list(azure.packages.rglob("*.zip")) == []
    assert (azure.packages / "rg/published").read_text(encoding="utf-8").strip() == package_hash()


def test_a_rollback_publishes_the_newest_good_package_that_is_not_the_last_one(azure: Azure, prebuilt: Path) -> None:
    uploads(azure, prebuilt, "4")
    assert azure.run("deploy.sh", *GROUP, "--package", str(prebuilt)).code == 0
    azure.answer("storage entity show", heartbeat())
    assert azure.run("deploy.sh", *GROUP).code == 0  # the bad one, which sweeps all the same
    uploads(azure, prebuilt, "4")
    run = azure.run("rollback.sh", *GROUP)
    assert run.code == 0, run.said
    assert describe(prebuilt).split()[0][:12] in run.said
    assert [call for call in run.did("curl") if "--data-binary" in call]
    assert not [call for call in run.did("deployment group create") if "infra/main.bicep" in call]


def test_a_rollback_from_a_package_that_never_ran_goes_to_the_last_that_did(azure: Azure, prebuilt: Path) -> None:
    assert azure.run("deploy.sh", *GROUP).code == 0
    uploads(azure, prebuilt, "4")
    azure.answer("storage entity show", heartbeat())  # the prebuilt one never sweeps
    assert azure.run("deploy.sh", *GROUP, "--package", str(prebuilt)).code == 1
    run = azure.run("rollback.sh", *GROUP)
    assert run.code == 0, run.said
    assert run.did("functionapp deployment source config-zip")


def test_without_an_earlier_package_a_rollback_says_where_one_may_be(azure: Azure) -> None:
    run = azure.run("rollback.sh", *GROUP)
    assert run.code == 1
    assert "--package FILE" in run.said
    assert run.calls == []


# -- azd --


def test_azd_s_hooks_do_what_azd_does_not(azure: Azure) -> None:
    azure.environment["AZURE_RESOURCE_GROUP"] = "rg"
    azure.answer("functionapp config appsettings list *CLIENT_ID", ok(CLIENT))
    azure.answer("keyvault list-deleted", ok(f"{OURS}\twesteurope"))
    before = azure.run("azd-hook.sh", "preprovision")
    assert before.code == 0, before.said
    assert ["azd", "env", "set", "TODO_ATTACH_ENTRA_CLIENT_ID", CLIENT] in before.calls
    assert before.did("keyvault recover")
    assert azure.run("azd-hook.sh", "prepackage").code == 0
    assert describe(ROOT / "dist/azd").split()[0] == package_hash()
    after = azure.run("azd-hook.sh", "postdeploy")
    assert after.code == 0, after.said
    assert [call for call in after.did("deployment group create") if "infra/subscription.bicep" in call]
    assert after.did("storage entity show")
    assert not after.did("functionapp deployment source config-zip")
    assert not [call for call in after.did("deployment group create") if "infra/main.bicep" in call]


def test_azd_s_hooks_on_a_group_that_does_not_exist_yet(azure: Azure) -> None:
    azure.environment["AZURE_RESOURCE_GROUP"] = "rg"
    azure.answer("group exists", ok("false"))
    run = azure.run("azd-hook.sh", "preprovision")
    assert (run.code, run.did("azd")) == (0, [])
    azure.environment.clear()
    assert "azd env set AZURE_RESOURCE_GROUP" in azure.run("azd-hook.sh", "preprovision").said


def test_azure_yaml_names_hooks_that_exist_and_the_package_that_they_make() -> None:
    text = (ROOT / "azure.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"scripts/azd-hook.sh (\w+)", text)) == {"preprovision", "prepackage", "postdeploy"}
    assert "dist: dist/azd" in text
    assert "${functionAppName}" in text
    assert (ROOT / "infra/azd.bicepparam").exists()
    outputs = re.findall(r"^output (\w+) ", (ROOT / "infra/main.bicep").read_text(encoding="utf-8"), re.MULTILINE)
    assert "functionAppName" in outputs


# -- the alert "silent" --

RULE = "rest *scheduledQueryRules/alert-silent-x"


def live(run: Run) -> str:
    """What the first deployment of the run says of the code."""
    [words] = [call for call in run.did("deployment group create") if "infra/main.bicep" in call]
    [told] = [word for word in words if word.startswith("codeIsLive=")]
    return told.partition("=")[2]


def switched_on(run: Run) -> list[int]:
    """After how many calls of `az` the rule was switched on."""
    body = '{"properties": {"enabled": true}}'
    return [n for n, call in enumerate(run.calls) if call[:3] == ["rest", "--method", "patch"] and body in call]


def test_on_a_first_deployment_the_alert_is_off_until_the_code_has_proven_itself(azure: Azure) -> None:
    azure.answer("deployment group list *timestamp", ok("None"), ok("todo-attach"))
    azure.answer(RULE, ok("false"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0, run.said
    assert live(run) == "false"
    assert switched_on(run) == [len(run.calls) - 1]
    assert run.calls[-1][run.calls[-1].index("--url") + 1] == f"{OUTPUTS[-1]}?api-version={alert_rules_version()}"


def alert_rules_version() -> str:
    [version] = {each.body["apiVersion"] for each in sample().of("Microsoft.Insights/scheduledQueryRules")}
    return str(version)


def test_a_first_deployment_that_stops_leaves_the_alert_off_and_the_next_one_switches_it_on(azure: Azure) -> None:
    azure.answer(RULE, ok("false"))
    azure.answer("functionapp deployment source config-zip", error("InvalidPackage"), ok())
    stopped = azure.run("deploy.sh", *GROUP)
    assert (stopped.code, live(stopped), switched_on(stopped)) == (1, "false", [])
    azure.answer("functionapp deployment source config-zip", ok())
    again = azure.run("deploy.sh", *GROUP)
    assert (again.code, live(again), len(switched_on(again))) == (0, "false", 1)


def test_an_alert_that_is_on_stays_on(azure: Azure) -> None:
    run = azure.run("deploy.sh", *GROUP)
    assert (run.code, live(run), switched_on(run)) == (0, "true", [])


@pytest.mark.parametrize("arguments", [(), ("--no-smoke",), ("--operator", "none"), ("--skip-infrastructure",)])
def test_the_alert_is_switched_on_however_the_deployment_is_made(azure: Azure, arguments: tuple[str, ...]) -> None:
    azure.answer(RULE, ok("false"))
    assert len(switched_on(azure.run("deploy.sh", *GROUP, *arguments))) == 1


def test_an_alert_that_the_parameters_switch_off_stays_off(azure: Azure) -> None:
    azure.answer("deployment group show *functionAppName", ok("\n".join([*OUTPUTS[:-1], ""])))
    azure.answer("deployment group show *[silentAlertId.value]", ok(""))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0, run.said
    assert not any("scheduledQueryRules" in word for call in run.calls for word in call)


def test_an_alert_that_cannot_be_switched_on_is_a_failure(azure: Azure) -> None:
    azure.answer(RULE, ok("false"), ok("false"), error("AuthorizationFailed"))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert "nobody would hear of an application that does not run" in run.said


# -- the key of the webhook --


def test_a_rotation_makes_the_key_anew_and_says_what_becomes_of_events(azure: Azure) -> None:
    azure.answer("functionapp keys list", ok("true"), ok("false"), ok("true"))
    run = azure.run("rotate-webhook-key.sh", *GROUP)
    assert run.code == 0, run.said
    done = [" ".join(call) for call in run.calls]
    order = ["functionapp keys delete", "functionapp restart", "functionapp keys list", "deployment group create"]
    positions = [max(n for n, call in enumerate(done) if call.startswith(each)) for each in order]
    assert positions == sorted(positions)
    assert "the app reads it" in run.said


def test_a_rotation_that_stopped_in_the_middle_goes_on(azure: Azure) -> None:
    azure.answer("functionapp keys list", ok("false"), ok("true"))
    run = azure.run("rotate-webhook-key.sh", *GROUP)
    assert run.code == 0, run.said
    assert not run.did("functionapp keys delete")


# Niceties, which are passed over and said; and what looks for something that may yet appear, which is asked again.
NOT_FINAL = (
    "keyvault list-deleted",
    "functionapp function list",
    "functionapp keys list",
    "rest --method get --resource https://storage.azure.com/",
    "rest --method post --url /subscriptions/0/resourceGroups/rg/providers/Microsoft.Web/sites/func-app/hostruntime",
    "storage entity show",
    "deployment group show --resource-group rg --name todo-attach --query properties.correlationId",
    f"rest --method get --url {OUTPUTS[-1]}",
    "deployment group list --resource-group rg --output tsv --query [?properties.correlationId",
    "role assignment list",
)


LOOKS = ("rest --method get", "monitor log-analytics workspace show", "rest --method post --resource https://api.logan")


@pytest.mark.parametrize("number", range(29))
def test_whichever_call_fails_for_good_the_script_says_where_and_goes_no_further(azure: Azure, number: int) -> None:
    azure.answer("deployment group show", ok("\n".join(WITH_SIGN_IN)))
    azure.answer("deployment group show *[silentAlertId.value]", ok(OUTPUTS[-1]))
    azure.answer("deployment group show *properties.correlationId", ok("correlation"))
    run = azure.run("deploy.sh", *GROUP, fails_at=number)
    if " ".join(run.calls[number]).startswith(NOT_FINAL):
        assert run.code == 0, run.said
    else:
        assert run.code != 0
        assert "Stopped in:" in run.said
        assert "run the same command again" in run.said
        # What follows only looks for the reason.
        after = [" ".join(call) for call in run.calls[number + 1 :]]
        assert [call for call in after if not call.startswith(LOOKS)] == []


# -- sign-in --


def test_the_first_deployment_has_no_registration_and_says_what_comes_next(azure: Azure) -> None:
    azure.answer("functionapp list", ok())
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0, run.said
    assert "entraClientId=" in run.did("deployment group create")[0]
    assert "Next: scripts/connect-entra.sh --resource-group rg" in run.said
    assert not [call for call in run.calls if call[-1].endswith("/connect")]


def test_deploying_again_keeps_the_registration_and_says_where_people_connect(azure: Azure) -> None:
    azure.answer("functionapp config appsettings list *CLIENT_ID", ok(CLIENT))
    azure.answer("deployment group show *functionAppName", ok("\n".join(WITH_SIGN_IN)))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 0, run.said
    assert f"entraClientId={CLIENT}" in run.did("deployment group create")[0]
    assert "People connect their To Do at https://func-app.azurewebsites.net/api/connect, and" in run.said
    assert "send files at https://func-app.azurewebsites.net/api/files" in run.said
    assert len(run.calls) == 29
    [page] = [call for call in run.calls if "https://func-app.azurewebsites.net/api/connect" in call]
    assert "--skip-authorization-header" in page, "no token of the deployer's goes to the app"


def test_what_would_change_is_shown_with_the_registration(azure: Azure) -> None:
    azure.answer("functionapp config appsettings list *CLIENT_ID", ok(CLIENT))
    run = azure.run("deploy.sh", *GROUP, "--what-if")
    assert f"entraClientId={CLIENT}" in run.calls[-1]


def test_a_registration_in_the_parameter_file_wins(azure: Azure) -> None:
    azure.answer("bicep build-params", parameters(entraClientId="another"))
    azure.answer("functionapp config appsettings list *CLIENT_ID", ok(CLIENT))
    run = azure.run("deploy.sh", *GROUP)
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
    azure.answer("deployment group show *functionAppName", ok("\n".join(WITH_SIGN_IN)))
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
    under_way = [tags(todo_state="delayed", todo_reason="waits"), tags(todo_state="uploading")]
    azure.answer("rest *comp=tags", tags(), *under_way, tags(todo_state="attached"))
    run = azure.run("deploy.sh", *GROUP, "--smoke-metadata", "list=Tasks task=Test")
    assert run.code == 0, run.said
    [call] = run.did("storage blob upload")
    assert call[call.index("--metadata") + 1 :][:2] == ["list=Tasks", "task=Test"]


def test_the_test_file_lies_below_the_prefix_that_its_name_says(azure: Azure) -> None:
    """Where a prefix has an account, files below none are rejected whatever task they name."""
    azure.answer("rest *comp=tags", tags(todo_state="attached"))
    run = azure.run("deploy.sh", *GROUP, "--smoke-metadata", "list=Tasks task=Test", "--smoke-name", "kim/test.txt")
    assert run.code == 0, run.said
    [put] = run.did("storage blob upload")
    assert put[put.index("--name") + 1] == "kim/test.txt"
    assert all("/kim/test.txt?comp=tags" in call[call.index("--url") + 1] for call in run.did("rest *comp=tags"))


def test_a_name_that_an_address_cannot_hold_is_refused_before_anything_is_done(azure: Azure) -> None:
    run = azure.run("deploy.sh", *GROUP, "--smoke-name", "kim/it's.txt")
    assert (run.code, run.calls) == (1, [])
    assert "--smoke-name kim/it's.txt: use A-Z" in run.said


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


@pytest.mark.parametrize(("state", "said"), [("attached", "became attached"), ("waiting", "should not wait")])
def test_a_file_that_names_no_task_can_only_be_rejected(azure: Azure, state: str, said: str) -> None:
    azure.answer("rest *comp=tags", tags(todo_state=state))
    run = azure.run("deploy.sh", *GROUP)
    assert run.code == 1
    assert said in run.said


@pytest.mark.parametrize(
    ("ledger", "said"),
    [
        (ok(), "It hangs before the first step"),
        (ok("2026-01-01\tsending\tNone\tNone"), "It hangs between the first step and the report"),
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
    asked = [
        call for call in run.calls if not any(word.startswith(OUTPUTS[-1]) for word in call)
    ]  # an alert is no data
    assert not [call for call in asked if call[0] in {"storage", "rest"} or call[:2] == ["keyvault", "secret"]]
    assert "it was not checked whether the code runs" in run.said


@pytest.mark.parametrize(
    "arguments", [(), ("--resource-group",), ("--colour", "red"), (*GROUP, "--parameters", "no.bicepparam")]
)
def test_a_command_line_that_cannot_be_meant_calls_nothing(azure: Azure, arguments: tuple[str, ...]) -> None:
    run = azure.run("deploy.sh", *arguments)
    assert run.code != 0
    assert run.calls == []


# -- the other scripts --


def destroyed(azure: Azure) -> Azure:
    azure.answer("deployment group show", ok("todo-attach-sender-staccount\ntodo-attach-operator-staccount"))
    azure.answer("role definition list", ok("/roles/sender"))
    azure.answer("role definition list *todo-attach-operator", ok("/roles/operator"))
    azure.answer("role assignment list", ok("/assignments/1\n/assignments/2"))
    return azure


def test_destroying_asks_and_takes_only_the_name_for_an_answer(azure: Azure) -> None:
    destroyed(azure)
    for typed in ("", "yes\n", "rg2\n"):
        run = azure.run("destroy.sh", *GROUP, typed=typed)
        assert run.code == 0
        assert not run.did("group delete")
        assert not run.did("role definition delete")
    for typed in ("rg\n", "RG\n"):  # to Azure it is the same name
        assert azure.run("destroy.sh", *GROUP, typed=typed).did("group delete")


def test_the_custom_roles_go_before_the_group_in_which_alone_they_are_found(azure: Azure) -> None:
    run = destroyed(azure).run("destroy.sh", *GROUP, typed="rg\n")
    assert run.code == 0, run.said
    done = [" ".join(call[:3]) for call in run.calls if "delete" in call]
    role = ["role assignment delete", "role definition delete"]
    assert done == [*role, *role, "group delete --name"]
    assert [call[-2:] for call in run.did("role assignment delete")] == [["/assignments/1", "/assignments/2"]] * 2
    deleted = run.did("role definition delete")
    assert [call[call.index("--name") + 1] for call in deleted] == [
        "todo-attach-sender-staccount",
        "todo-attach-operator-staccount",
    ]
    assert {call[call.index("--resource-group") + 1] for call in deleted} == {"rg"}


def test_a_role_that_may_not_be_deleted_is_named_and_the_group_goes_all_the_same(azure: Azure) -> None:
    destroyed(azure).answer("role definition delete", error("AuthorizationFailed"))
    run = azure.run("destroy.sh", *GROUP, typed="rg\n")
    assert run.code == 0
    assert "The role todo-attach-sender-staccount may remain" in run.said
    assert run.did("group delete")


LOCKS = [
    "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Authorization/locks/keep",
    f"{SCOPE}/providers/Microsoft.Authorization/locks/no-deletion",
]


def test_locks_are_found_and_named_with_the_remedy_before_anything_is_deleted(azure: Azure) -> None:
    destroyed(azure).answer("lock list", ok(f"ReadOnly\t{LOCKS[0]}\nCanNotDelete\t{LOCKS[1]}"))
    run = azure.run("destroy.sh", *GROUP, typed="rg\n")
    assert run.code == 1
    assert "keep (ReadOnly) on /subscriptions/0/resourceGroups/rg\n" in run.said
    assert f"no-deletion (CanNotDelete) on {SCOPE}\n" in run.said
    assert [line.strip() for line in run.said.splitlines() if "az lock delete" in line] == [
        f"az lock delete --ids {each}" for each in LOCKS
    ]
    assert "Nothing was deleted" in run.said
    assert not any("delete" in call for call in run.calls)
    assert "Type the name" not in run.said


def test_where_locks_cannot_be_seen_nothing_is_deleted(azure: Azure) -> None:
    destroyed(azure).answer("lock list", error("AuthorizationFailed"))
    run = azure.run("destroy.sh", *GROUP, typed="rg\n")
    assert run.code == 1
    assert "AuthorizationFailed" in run.said
    assert "Nothing was deleted" in run.said
    assert not any("delete" in call for call in run.calls)


def test_a_lock_that_comes_in_between_is_named(azure: Azure) -> None:
    destroyed(azure).answer("group delete", error("(ScopeLocked) The scope cannot perform delete operation"))
    run = azure.run("destroy.sh", *GROUP, typed="rg\n")
    assert run.code == 1
    assert "az lock list --resource-group rg" in run.said


def test_a_group_that_this_was_not_deployed_into_is_not_destroyed(azure: Azure) -> None:
    azure.answer("deployment group list", ok())
    run = azure.run("destroy.sh", *GROUP, typed="rg\n")
    assert run.code == 1
    assert not run.did("group delete")


def test_the_outcome_of_a_file_is_told(azure: Azure) -> None:
    run = azure.run("outcome.sh", "--account", "staccount", "--name", "a b.pdf")
    assert run.said.strip() == "rejected: metadata: names no task"
    assert "https://staccount.blob.core.windows.net/attachments/a%20b.pdf?comp=tags" in run.calls[0]


def test_every_call_is_one_that_the_azure_cli_understands(azure: Azure, prebuilt: Path) -> None:
    calls = destroyed(azure).run("destroy.sh", *GROUP, typed="rg\n").calls
    azure.answers = dict(HEALTHY)
    calls += azure.run("deploy.sh", *GROUP, "--what-if").calls
    azure.answer(RULE, ok("false"))
    calls += azure.run("deploy.sh", *GROUP, "--no-smoke").calls
    azure.answers = dict(HEALTHY)
    calls += azure.run("rotate-webhook-key.sh", *GROUP).calls
    calls += azure.run("doctor.sh", *GROUP, "--errors").calls
    uploads(azure, prebuilt, "4")
    calls += azure.run("deploy.sh", *GROUP, "--package", str(prebuilt)).calls
    azure.answers = dict(HEALTHY)
    azure.answer("group exists", ok("false"))
    azure.answer("keyvault list-deleted", ok(f"{OURS}\twesteurope"))
    azure.answer("deployment group show *functionAppName", ok("\n".join(WITH_SIGN_IN)))
    azure.answer("rest *comp=tags", tags())
    options = ("--location", "westeurope", "--smoke-metadata", "list=A task=B")
    calls += azure.run("deploy.sh", *GROUP, *options).calls
    assert understood([call for call in calls if call[0] not in {"curl", "azd"}]) == {}
