"""What a security reviewer would ask, one question a test."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.infra.deployed import (
    GROUP_ID,
    INFRA,
    TENANT_ID,
    Resource,
    Snapshot,
    app_settings,
    as_azure,
    each_template,
    event_subscription,
    every_option,
    filled,
    parameters,
    sample,
    sources,
)
from tests.infra.kql import analysed
from tests.infra.tools import ROOT

STORAGE = "Microsoft.Storage/storageAccounts"
# As snapshots/every-option.bicepparam names them, in another group of another subscription.
_GIVEN = "/subscriptions/00000000-0000-4000-8000-00000000000c/resourceGroups/shared/providers"
GIVEN_WORKSPACE = f"{_GIVEN}/Microsoft.OperationalInsights/workspaces/log-shared"
GIVEN_IDENTITY = f"{_GIVEN}/Microsoft.ManagedIdentity/userAssignedIdentities/id-shared"
BOTH = [sample(), every_option()]
of_both = pytest.mark.parametrize("snapshot", BOTH, ids=["sample", "every option"])


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("allowSharedKeyAccess", False),
        ("allowBlobPublicAccess", False),
        ("allowCrossTenantReplication", False),
        ("defaultToOAuthAuthentication", True),
        ("isLocalUserEnabled", False),
        ("isSftpEnabled", False),
        ("supportsHttpsTrafficOnly", True),
        ("minimumTlsVersion", "TLS1_2"),
        ("encryption.requireInfrastructureEncryption", True),
    ],
)
def test_storage_takes_no_key_no_stranger_and_no_plain_text(path: str, wanted: object) -> None:
    for snapshot in BOTH:
        assert [each.at(path) for each in snapshot.of(STORAGE)] == [wanted]


def test_dead_letters_age_out_and_files_only_where_that_was_asked_for() -> None:
    assert _deleted_by_age(sample()) == {"dead-letters/": 30}
    assert _deleted_by_age(every_option()) == {"dead-letters/": 30, "attachments/": 30}


def _deleted_by_age(snapshot: Snapshot) -> dict[str, int]:
    """Prefix -> days without a change after which a blob below it is deleted."""
    found = {}
    for rule in snapshot.one(f"{STORAGE}/managementPolicies").at("policy.rules"):
        [prefix] = rule["definition"]["filters"]["prefixMatch"]
        [(what, days)] = rule["definition"]["actions"]["baseBlob"].items()
        assert (what, days.keys()) == ("delete", {"daysAfterModificationGreaterThan"})
        found[prefix] = days["daysAfterModificationGreaterThan"]
    return found


def test_no_container_is_public() -> None:
    for snapshot in BOTH:
        assert {each.at("publicAccess") for each in snapshot.of(f"{STORAGE}/blobServices/containers")} == {"None"}


@pytest.mark.parametrize("policy", ["deleteRetentionPolicy", "containerDeleteRetentionPolicy"])
def test_what_was_deleted_can_be_brought_back(policy: str) -> None:
    assert sample().one(f"{STORAGE}/blobServices").at(f"{policy}.enabled") is True


@pytest.mark.parametrize(
    ("snapshot", "origin"),
    [
        (sample(), "https://func-todoattach-42u5fvejh3pts.azurewebsites.net"),
        (every_option(), "https://todo.example.com"),
    ],
    ids=["its own host name", "a domain of one's own"],
)
def test_browsers_may_put_blobs_from_the_app_s_own_page_and_nothing_else_from_anywhere(
    snapshot: Snapshot, origin: str
) -> None:
    [rule] = filled(snapshot.one(f"{STORAGE}/blobServices").at("cors.corsRules"), as_azure)
    assert rule == {
        "allowedOrigins": [origin],
        "allowedMethods": ["PUT"],
        "allowedHeaders": ["content-type", "x-ms-blob-type", "x-ms-version"],
        "exposedHeaders": ["x-ms-error-code"],
        "maxAgeInSeconds": 3600,
    }
    # The page is where the app says that it is, and a browser names a host in small letters.
    page = urlsplit(app_settings(snapshot)["TODO_ATTACH_CONNECT_URL"])
    assert origin == f"{page.scheme}://{page.netloc.lower()}"


@of_both
def test_no_other_service_answers_browsers(snapshot: Snapshot) -> None:
    with_rules = [each.type for each in snapshot.resources if "cors" in json.dumps(each.body).lower()]
    assert with_rules == [f"{STORAGE}/blobServices"]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("enableRbacAuthorization", True),
        ("enablePurgeProtection", True),
        ("enableSoftDelete", True),
        ("softDeleteRetentionInDays", 90),
        ("enabledForDeployment", False),
        ("enabledForDiskEncryption", False),
        ("enabledForTemplateDeployment", False),
    ],
)
def test_the_vault_is_ruled_by_roles_and_cannot_be_purged(path: str, wanted: object) -> None:
    for snapshot in BOTH:
        assert snapshot.one("Microsoft.KeyVault/vaults").at(path) == wanted


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("httpsOnly", True),
        ("siteConfig.minTlsVersion", "1.2"),
        ("siteConfig.scmMinTlsVersion", "1.2"),
        ("siteConfig.http20Enabled", True),
        ("siteConfig.remoteDebuggingEnabled", False),
        ("functionAppConfig.deployment.storage.authentication.type", "UserAssignedIdentity"),
    ],
)
def test_the_app_speaks_tls_and_fetches_its_code_by_identity(path: str, wanted: object) -> None:
    for snapshot in BOTH:
        assert snapshot.one("Microsoft.Web/sites").at(path) == wanted


def test_the_plan_is_flex_consumption() -> None:
    assert sample().one("Microsoft.Web/serverfarms").body["sku"] == {"name": "FC1", "tier": "FlexConsumption"}


@of_both
def test_nobody_publishes_with_a_password(snapshot: Snapshot) -> None:
    policies = snapshot.of("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert {each.name.rpartition("/")[2]: each.at("allow") for each in policies} == {"ftp": False, "scm": False}


@of_both
def test_there_is_exactly_one_identity_and_everything_is_it(snapshot: Snapshot) -> None:
    """Two identities on an app, or one that settings do not name, are the commonest reason of an unhealthy host."""
    made = snapshot.of("Microsoft.ManagedIdentity/userAssignedIdentities")
    identity = made[0].id if made else GIVEN_IDENTITY
    assert len(made) == (snapshot is sample())
    held = [each.body["identity"] for each in snapshot.resources if "identity" in each.body]
    assert held == [{"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}] * 2
    app = snapshot.one("Microsoft.Web/sites")
    package = app.at("functionAppConfig.deployment.storage.authentication.userAssignedIdentityResourceId")
    assert app.at("keyVaultReferenceIdentity") == package == identity


@of_both
def test_telemetry_is_not_taken_from_strangers(snapshot: Snapshot) -> None:
    assert snapshot.one("Microsoft.Insights/components").at("DisableLocalAuth") is True
    made = snapshot.of("Microsoft.OperationalInsights/workspaces")
    assert [each.at("features.disableLocalAuth") for each in made] == [True] * (snapshot is sample())


def test_nobody_but_the_subscription_reads_a_key() -> None:
    readers = [path.name for path in INFRA.rglob("*.bicep") if re.search(r"\blist\w*\(", path.read_text("utf-8"))]
    assert readers == ["subscription.bicep"]
    for snapshot in BOTH:
        assert "listKeys" not in json.dumps([each.body for each in snapshot.resources])


def test_the_webhook_s_key_passes_through_no_parameter_and_no_output() -> None:
    kept = json.dumps([each.body for each in event_subscription().resources])
    assert kept.count("listKeys(") == 1
    assert "systemKeys.blobs_extension" in _webhook()["endpointUrl"]
    assert "listKeys" not in json.dumps(event_subscription().outputs)


def _webhook() -> Mapping[str, Any]:
    found: Mapping[str, Any] = _events().at("destination.properties")
    return found


def _events() -> Resource:
    return event_subscription().one("Microsoft.EventGrid/systemTopics/eventSubscriptions")


@pytest.mark.infra
def test_no_output_is_a_secret() -> None:
    for template, each in each_template():
        for name, output in each.get("outputs", {}).items():
            said = f"{name} {output['value']}".lower()
            assert not re.search(r"listkeys|connectionstring|instrumentationkey|password|accountkey", said), template
    # The name of a secret is none.
    assert sample().outputs["clientSecretName"] == "entra-client-secret"


def test_a_client_secret_is_a_reference_into_the_vault_and_a_token_is_never_a_setting() -> None:
    settings = every_option().one("Microsoft.Web/sites/config").properties
    secret = filled(settings["TODO_ATTACH_ENTRA_CLIENT_SECRET"], as_azure)
    vault = "https://kv-todoatt-42u5fvejh3pts.vault.azure.net"
    assert secret == f"@Microsoft.KeyVault(SecretUri={vault}/secrets/entra-client-secret)"
    assert settings["TODO_ATTACH_TOKENS"] == ""
    without = app_settings(sample())
    assert (without["TODO_ATTACH_TOKENS"], without["TODO_ATTACH_ENTRA_CLIENT_SECRET"]) == ("{}", "")


@pytest.mark.infra
def test_only_people_of_this_tenant_may_connect_unless_told_otherwise_and_the_app_proves_itself_without_a_secret() -> (
    None
):
    assert app_settings(sample())["TODO_ATTACH_ENTRA_TENANT"] == TENANT_ID
    assert parameters()["entraClientCredential"]["defaultValue"] == "managed-identity"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("kty", "RSA"), ("keySize", 3072), ("keyOps", ["wrapKey", "unwrapKey"]), ("attributes.exportable", False)],
)
def test_the_accounts_key_wraps_and_does_nothing_else(path: str, wanted: object) -> None:
    assert sample().one("Microsoft.KeyVault/vaults/keys").at(path) == wanted


def test_no_file_holds_something_that_looks_like_a_secret() -> None:
    kept = [*sources(), *INFRA.rglob("*.snapshot.json"), *(ROOT / "scripts").glob("*.sh")]
    for path in kept:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"AccountKey=|SharedAccessSignature|eyJ[A-Za-z0-9_-]{20,}|sig=[A-Za-z0-9%]{20,}", text), (
            path
        )


def test_events_only_come_over_modern_tls_from_the_one_container_for_committed_blobs() -> None:
    assert _webhook()["minimumTlsVersionAllowed"] == "1.2"
    assert _events().at("filter.subjectBeginsWith") == "/blobServices/default/containers/attachments/blobs/"
    assert _events().at("filter.includedEventTypes") == ["Microsoft.Storage.BlobCreated"]
    [condition] = _events().at("filter.advancedFilters")
    assert condition["key"] == "data.api"
    assert condition["values"] == ["PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose"]


def test_an_event_that_cannot_be_delivered_is_kept_by_identity() -> None:
    kept = _events().at("deadLetterWithResourceIdentity")
    identity = sample().one("Microsoft.ManagedIdentity/userAssignedIdentities").id
    assert kept["identity"] == {"type": "UserAssigned", "userAssignedIdentity": identity}
    assert kept["deadLetterDestination"] == {
        "endpointType": "StorageBlob",
        "properties": {"resourceId": sample().one(STORAGE).id, "blobContainerName": "dead-letters"},
    }
    assert _events().at("retryPolicy").keys() == {"maxDeliveryAttempts", "eventTimeToLiveInMinutes"}


@of_both
def test_everything_that_serves_requests_sends_its_diagnostics_to_the_workspace(snapshot: Snapshot) -> None:
    settings = snapshot.of("Microsoft.Insights/diagnosticSettings")
    watched = [each.scope.removeprefix(f"{GROUP_ID}/providers/") for each in settings]
    account = "Microsoft.Storage/storageAccounts/todoattach42u5fvejh3pts"
    assert sorted(watched) == sorted(
        [
            *(f"{account}/{service}/default" for service in ("blobServices", "queueServices", "tableServices")),
            "Microsoft.KeyVault/vaults/kv-todoatt-42u5fvejh3pts",
            "Microsoft.Web/sites/func-todoattach-42u5fvejh3pts",
            "Microsoft.EventGrid/systemTopics/evgt-todoattach-42u5fvejh3pts",
        ]
    )
    assert {each.at("workspaceId") for each in settings} == {workspace_of(snapshot)}


@pytest.mark.parametrize("script", ["deploy.sh", "connect-entra.sh"])
def test_scripts_put_no_secret_on_a_command_line_and_print_none(script: str) -> None:
    text = (ROOT / "scripts" / script).read_text(encoding="utf-8")
    assert "--value" not in text
    assert "secret show" not in text
    for call in re.findall(r"az keyvault secret set (?:.*\\\n)*.*", text):
        assert "--file" in call
        assert "--output none" in call
    for call in re.findall(r"az functionapp config appsettings set (?:.*\\\n)*.*", text):
        assert "--output none" in call


def test_of_the_webhook_s_key_the_script_only_asks_whether_it_is_there() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "scripts").glob("*.sh")))
    assert text.count("keys list") == text.count("systemKeys.blobs_extension != null") == 1


@pytest.mark.infra
def test_no_query_shows_a_text_that_may_name_people_or_hold_a_url() -> None:
    """Alerts and the workbook are seen by more people than the logs are."""
    free_texts = {"Message", "OuterMessage", "Data", "Url", "Source", "Properties"}
    shown = {name: free_texts & found.columns.keys() for name, found in analysed().items()}
    assert {name: columns for name, columns in shown.items() if columns} == {}


@of_both
def test_alerts_tell_the_action_group_and_nobody_else(snapshot: Snapshot) -> None:
    group = snapshot.one("Microsoft.Insights/actionGroups").id
    for rule in snapshot.of("Microsoft.Insights/scheduledQueryRules"):
        assert rule.at("actions") == {"actionGroups": [group]}
        assert rule.at("scopes") == [workspace_of(snapshot)]


def test_metric_alerts_do_not_need_the_workspace() -> None:
    """Its daily cap, or telemetry that does not arrive, silences the rules that ask it."""
    group = sample().one("Microsoft.Insights/actionGroups").id
    scopes = {}
    for rule in sample().of("Microsoft.Insights/metricAlerts"):
        [condition] = rule.at("criteria.allOf")
        scopes[condition["metricName"]] = rule.at("scopes")
        assert rule.at("actions") == [{"actionGroupId": group}]
    assert scopes == {
        "DeadLetteredCount": [sample().one("Microsoft.EventGrid/systemTopics").id],
        "OnDemandFunctionExecutionCount": [sample().one("Microsoft.Web/sites").id],
    }


def test_locks_budget_and_logs_of_queue_and_table_are_there_only_where_they_were_asked_for() -> None:
    assert sample().of("Microsoft.Authorization/locks") == sample().of("Microsoft.Consumption/budgets") == []
    locked = {
        each.scope.split("/")[-2]: each.at("level") for each in every_option().of("Microsoft.Authorization/locks")
    }
    assert locked == {"storageAccounts": "CanNotDelete", "vaults": "CanNotDelete"}
    assert every_option().one("Microsoft.Consumption/budgets").at("amount") == 50
    for snapshot in BOTH:
        for setting in snapshot.of("Microsoft.Insights/diagnosticSettings"):
            if setting.scope.endswith(("queueServices/default", "tableServices/default")):
                assert {each["enabled"] for each in setting.at("logs")} == {snapshot is every_option()}


def test_zones_take_storage_in_zones_and_two_instances_of_a_group() -> None:
    plan, app = every_option().one("Microsoft.Web/serverfarms"), every_option().one("Microsoft.Web/sites")
    assert plan.at("zoneRedundant") is True
    assert every_option().one(STORAGE).body["sku"] == {"name": "Standard_ZRS"}
    warm = app.at("functionAppConfig.scaleAndConcurrency.alwaysReady")
    assert {each["instanceCount"] for each in warm} == {2}
    assert sample().one("Microsoft.Web/serverfarms").at("zoneRedundant") is False
    assert sample().one(STORAGE).body["sku"] == {"name": "Standard_LRS"}


def test_a_workspace_that_was_given_gets_the_functions_and_nothing_else() -> None:
    inside = [each for each in every_option().resources if each.id.startswith(GIVEN_WORKSPACE)]
    assert {each.type for each in inside} == {"Microsoft.OperationalInsights/workspaces/savedSearches"}


def workspace_of(snapshot: Snapshot) -> str:
    made = snapshot.of("Microsoft.OperationalInsights/workspaces")
    return made[0].id if made else GIVEN_WORKSPACE
