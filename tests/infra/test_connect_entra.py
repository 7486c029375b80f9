"""scripts/connect-entra.sh against a recording `az`: from nothing to sign-in, again, and after a failure anywhere."""

import json
from pathlib import Path

import pytest

from tests.infra.az_lines import understood
from tests.infra.scripted import CLIENT, Azure, Run, error, ok

pytestmark = pytest.mark.infra

GROUP = ("--resource-group", "rg")
TENANT = "9a000000-0000-4000-8000-000000000001"
IDENTITY = "1d000000-0000-4000-8000-000000000001"
REDIRECT = "https://func-app.azurewebsites.net/api/connected"
SECRET = "s3cret~of.the-registration"
# What changes anything, in the order in which it is done.
FIRST_RUN = [
    "ad app create",
    "ad sp create",
    "ad app federated-credential create",
    "functionapp config appsettings set",
]
FIRST_RUN_WITH_SECRET = [
    "ad app create",
    "ad sp create",
    "ad app credential reset",
    "keyvault secret set",
    "functionapp config appsettings set",
]


class Directory(Azure):
    """Remembers what a script has done in it, so that the next run finds it."""

    def deploy(self, *, tenant: str = TENANT, credential: str = "managed-identity") -> None:
        outputs = ["https://func-app.azurewebsites.net/api", tenant, credential, "kv-vault", "entra-client-secret"]
        self.answer("deployment group show", ok("\n".join([IDENTITY, "func-app", *outputs])))

    def remember(self, run: Run) -> None:
        # The call that stopped a run has done nothing.
        done = run.calls if run.code == 0 else run.calls[:-1]
        found = {
            "ad app create": ("ad app list", f"{CLIENT} {REDIRECT}"),
            "ad sp create": ("ad sp list", "object-id"),
            "ad app federated-credential create": ("ad app federated-credential list", IDENTITY),
            "keyvault secret set": ("keyvault secret list", "entra-client-secret"),
            "functionapp config appsettings set": ("functionapp config appsettings list", CLIENT),
        }
        for call, (question, answer) in found.items():
            if any(" ".join(each).startswith(call) for each in done):
                self.answer(question, ok(answer))


def changes(run: Run) -> list[str]:
    known = {*FIRST_RUN, *FIRST_RUN_WITH_SECRET, "ad app update", "ad app federated-credential update"}
    told = [" ".join(call) for call in run.calls]
    return [change for call in told for change in known if call.startswith(change)]


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    directory = Directory(tmp_path / "home")
    directory.answers |= {
        "account show *tenantId": [ok(TENANT)],
        "cloud show": [ok("https://login.microsoftonline.com")],
        "ad sp show": [ok("scope-id")],
        "ad app create": [ok(CLIENT)],
        "ad app credential reset": [ok(SECRET)],
    }
    directory.deploy()
    return directory


def written(directory: Directory, name: str) -> object:
    """A file that a call was given, kept by the recording `az`."""
    return json.loads((directory.home / "given" / name).read_text(encoding="utf-8"))


def test_from_nothing_to_sign_in(directory: Directory) -> None:
    run = directory.run("connect-entra.sh", *GROUP)
    assert run.code == 0, run.said
    assert (changes(run), len(run.calls)) == (FIRST_RUN, 16)
    [made] = run.did("ad app create")
    assert made[made.index("--web-redirect-uris") + 1] == REDIRECT
    assert made[made.index("--sign-in-audience") + 1] == "AzureADMyOrg"
    [settings] = run.did("functionapp config appsettings set")
    assert settings[-2:] == [f"TODO_ATTACH_ENTRA_CLIENT_ID={CLIENT}", "TODO_ATTACH_TOKENS="]
    assert "connects their To Do at https://func-app.azurewebsites.net/api/connect, and" in run.said
    assert "sends files at https://func-app.azurewebsites.net/api/files" in run.said
    assert f"az ad app permission admin-consent --id {CLIENT}" in run.said
    assert f"param entraClientId = '{CLIENT}'" in run.said


def test_what_it_asks_for_is_delegated_and_no_more_than_tasks_and_staying_signed_in(directory: Directory) -> None:
    directory.answer("ad sp show *Tasks.ReadWrite", ok("id-of-tasks"))
    directory.answer("ad sp show *offline_access", ok("id-of-offline"))
    assert directory.run("connect-entra.sh", *GROUP).code == 0
    assert written(directory, "permissions.json") == [
        {
            "resourceAppId": "00000003-0000-0000-c000-000000000000",
            "resourceAccess": [{"id": "id-of-tasks", "type": "Scope"}, {"id": "id-of-offline", "type": "Scope"}],
        }
    ]
    assert written(directory, "claims.json") == {"idToken": [{"name": "auth_time", "essential": False}]}


@pytest.mark.parametrize(
    ("authority", "audience"),
    [
        ("https://login.microsoftonline.com", "api://AzureADTokenExchange"),
        ("https://login.microsoftonline.us/", "api://AzureADTokenExchangeUSGov"),
    ],
)
def test_the_identity_is_trusted_by_its_object_id_in_the_cloud_s_own_terms(
    directory: Directory, authority: str, audience: str
) -> None:
    directory.answer("cloud show", ok(authority))
    assert directory.run("connect-entra.sh", *GROUP).code == 0
    credential = written(directory, "credential.json")
    assert isinstance(credential, dict)
    assert credential["issuer"] == f"{authority.rstrip('/')}/{TENANT}/v2.0"
    assert (credential["subject"], credential["audiences"]) == (IDENTITY, [audience])


@pytest.mark.parametrize(
    ("tenant", "audience"),
    [
        (TENANT, "AzureADMyOrg"),
        ("9b000000-0000-4000-8000-000000000002", "AzureADMultipleOrgs"),
        ("contoso.example", "AzureADMultipleOrgs"),
        ("organizations", "AzureADMultipleOrgs"),
        ("common", "AzureADandPersonalMicrosoftAccount"),
        ("consumers", "PersonalMicrosoftAccount"),
    ],
)
def test_the_registration_takes_the_accounts_that_the_app_takes(
    directory: Directory, tenant: str, audience: str
) -> None:
    directory.deploy(tenant=tenant, credential="client-secret")
    run = directory.run("connect-entra.sh", *GROUP)
    assert run.code == 0, run.said
    [made] = run.did("ad app create")
    assert made[made.index("--sign-in-audience") + 1] == audience
    assert bool(run.did("ad sp create")) == (tenant != "consumers")


def test_personal_accounts_with_a_managed_identity_are_warned_of(directory: Directory) -> None:
    directory.deploy(tenant="common")
    assert "set entraClientCredential = 'client-secret'" in directory.run("connect-entra.sh", *GROUP).said
    directory.deploy(tenant="common", credential="client-secret")
    assert "set entraClientCredential" not in directory.run("connect-entra.sh", *GROUP).said


@pytest.mark.parametrize("credential", ["managed-identity", "client-secret"])
def test_what_is_right_is_left_alone(directory: Directory, credential: str) -> None:
    directory.deploy(credential=credential)
    directory.remember(directory.run("connect-entra.sh", *GROUP))
    again = directory.run("connect-entra.sh", *GROUP)
    assert again.code == 0, again.said
    assert changes(again) == ["ad app update"]


# The calls of a first run, all of them; with a secret, from where they differ.
@pytest.mark.parametrize(
    ("credential", "number"),
    [("managed-identity", each) for each in range(16)] + [("client-secret", each) for each in range(12, 17)],
)
def test_after_a_failure_anywhere_the_same_command_ends_well_and_makes_nothing_twice(
    directory: Directory, credential: str, number: int
) -> None:
    directory.deploy(credential=credential)
    whole = FIRST_RUN if credential == "managed-identity" else FIRST_RUN_WITH_SECRET
    failed = directory.run("connect-entra.sh", *GROUP, fails_at=number)
    assert failed.code != 0, "the number of calls has changed"
    assert len(failed.calls) == number + 1
    assert "Stopped in:" in failed.said
    directory.remember(failed)
    again = directory.run("connect-entra.sh", *GROUP)
    assert again.code == 0, again.said
    done = Run(1, "", failed.calls[:-1])
    for change in whole:
        made = (*changes(done), *changes(again)).count(change)
        # A secret cannot be read again: one that did not reach the settings is made anew.
        is_secret = change in {"ad app credential reset", "keyvault secret set"}
        assert made == 1 or (is_secret and made == 2)


def test_a_directory_that_lags_is_waited_for(directory: Directory) -> None:
    directory.answer("ad sp create", error("Not a valid reference update"), ok())
    directory.answer("ad app federated-credential create", error("Request_ResourceNotFound"), ok())
    assert directory.run("connect-entra.sh", *GROUP).code == 0


def test_a_credential_of_a_former_identity_is_changed(directory: Directory) -> None:
    directory.answer("ad app federated-credential list", ok("someone-else"))
    assert directory.run("connect-entra.sh", *GROUP).did("ad app federated-credential update")


def test_another_deployment_s_registration_is_not_taken_over(directory: Directory) -> None:
    directory.answer("ad app list", ok(f"{CLIENT} https://func-other.azurewebsites.net/api/connected"))
    run = directory.run("connect-entra.sh", *GROUP)
    assert run.code == 1
    assert "belongs to another app: it leads to https://func-other.azurewebsites.net/api/connected" in run.said
    assert changes(run) == []


def test_one_s_own_registration_follows_the_app_to_another_address(directory: Directory) -> None:
    directory.answer("ad app list", ok(f"{CLIENT} https://old.example/api/connected"))
    directory.answer("functionapp config appsettings list", ok(CLIENT))
    run = directory.run("connect-entra.sh", *GROUP)
    [update] = run.did("ad app update")
    assert update[update.index("--web-redirect-uris") + 1] == REDIRECT


def test_two_registrations_of_one_name_are_not_guessed_between(directory: Directory) -> None:
    directory.answer("ad app list", ok("one\ntwo"))
    run = directory.run("connect-entra.sh", *GROUP)
    assert run.code == 1
    assert "several registrations" in run.said


@pytest.mark.parametrize("told", ["", f"{IDENTITY}\nfunc-app\nNone\nNone\nNone\nkv-vault\nNone"])
def test_where_nothing_was_deployed_or_not_well_nothing_is_registered(directory: Directory, told: str) -> None:
    directory.answer("deployment group show", ok(told))
    run = directory.run("connect-entra.sh", *GROUP)
    assert run.code == 1
    assert "run scripts/deploy.sh first" in run.said
    assert changes(run) == []


def test_who_may_not_change_the_app_is_told_what_the_deployer_has_to_do(directory: Directory) -> None:
    directory.answer("functionapp config appsettings set", error("AuthorizationFailed"))
    run = directory.run("connect-entra.sh", *GROUP)
    assert run.code == 1
    assert f"param entraClientId = '{CLIENT}'" in run.said


def test_a_secret_goes_from_file_to_file_and_comes_out_nowhere(directory: Directory) -> None:
    directory.deploy(credential="client-secret")
    run = directory.run("connect-entra.sh", *GROUP)
    assert run.code == 0, run.said
    [made] = run.did("ad app credential reset")
    assert "--append" in made, "former secrets stay valid until the app has read the new one"
    [put] = run.did("keyvault secret set")
    assert put[-2:] == ["--output", "none"]
    assert (directory.home / "given/secret").read_text(encoding="utf-8") == SECRET, "and no line's end after it"
    assert SECRET not in run.said + str(run.calls)
    assert not list(directory.home.glob("tmp.*")), "nothing is left behind"


def test_a_new_secret_is_made_when_asked_for_and_the_app_reads_it(directory: Directory) -> None:
    directory.deploy(credential="client-secret")
    directory.remember(directory.run("connect-entra.sh", *GROUP))
    run = directory.run("connect-entra.sh", *GROUP, "--new-secret")
    assert changes(run) == [
        "ad app update",
        "ad app credential reset",
        "keyvault secret set",
        "functionapp config appsettings set",
    ]


def test_a_secret_of_another_registration_is_not_kept(directory: Directory) -> None:
    directory.deploy(credential="client-secret")
    directory.answer("keyvault secret list", ok("entra-client-secret"))
    directory.answer("functionapp config appsettings list", ok("another-registration"))
    run = directory.run("connect-entra.sh", *GROUP)
    assert run.did("keyvault secret set")
    assert "those who have connected must do so again" in run.said


@pytest.mark.parametrize("arguments", [(), ("--resource-group",), ("--colour", "red"), (*GROUP, "--name", "it's")])
def test_a_command_line_that_cannot_be_meant_calls_nothing(directory: Directory, arguments: tuple[str, ...]) -> None:
    run = directory.run("connect-entra.sh", *arguments)
    assert run.code != 0
    assert run.calls == []


def test_every_call_is_one_that_the_azure_cli_understands(directory: Directory) -> None:
    calls: list[list[str]] = []
    for credential in ("managed-identity", "client-secret"):
        directory.deploy(credential=credential)
        calls += directory.run("connect-entra.sh", *GROUP).calls
    directory.answer("ad app list", ok(f"{CLIENT} {REDIRECT}"))
    directory.answer("ad app federated-credential list", ok("someone-else"))
    directory.deploy()
    calls += directory.run("connect-entra.sh", *GROUP).calls
    assert understood(calls) == {}
