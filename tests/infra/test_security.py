"""What a security reviewer would ask, one question a test."""

import re
from typing import Any

import pytest

from tests.infra.bicep import INFRA, ROOT, Expression, Value, every_file, load
from tests.infra.kql import analysed

MAIN = load(INFRA / "main.bicep")
STORAGE = load(INFRA / "modules/storage.bicep")
VAULT = load(INFRA / "modules/keyvault.bicep")
ROLES = load(INFRA / "modules/roles.bicep")
APP = load(INFRA / "modules/functionapp.bicep")
ALERTS = load(INFRA / "modules/alerts.bicep")
MONITORING = load(INFRA / "modules/monitoring.bicep")
SUBSCRIPTION = load(INFRA / "subscription.bicep")
TOPIC = load(INFRA / "modules/eventgrid.bicep")


def at(value: Any, path: str) -> Value:
    """What stands at the dotted *path* of an object."""
    for part in path.split("."):
        value = value[int(part)] if part.isdigit() else value[part]
    found: Value = value
    return found


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
def test_storage_takes_no_key_no_stranger_and_no_plain_text(path: str, wanted: Value) -> None:
    assert at(STORAGE.resources["account"].body, f"properties.{path}") == wanted


def test_only_people_s_files_are_ever_deleted_by_age_and_only_where_that_was_asked_for() -> None:
    lifecycle = STORAGE.resources["lifecycle"]
    assert lifecycle.is_conditional
    rules = at(lifecycle.body, "properties.policy.rules")
    assert isinstance(rules, list)
    assert len(rules) == 1
    prefixes = at(rules[0], "definition.filters.prefixMatch")
    assert isinstance(prefixes, list)
    assert [getattr(each, "text", "") for each in prefixes] == ["'${attachmentsContainer}/'"]
    assert MAIN.parameters["deleteFilesAfterDays"].default == 0
    given = at(MAIN.modules["storage"].body, "params.deleteFilesAfterDays")
    assert getattr(given, "text", "") == "effectiveDeleteFilesAfterDays"


def test_no_container_is_public() -> None:
    assert at(STORAGE.resources["containers"].body, "properties.publicAccess") == "None"


@pytest.mark.parametrize("policy", ["deleteRetentionPolicy", "containerDeleteRetentionPolicy"])
def test_what_was_deleted_can_be_brought_back(policy: str) -> None:
    assert at(STORAGE.resources["blobs"].body, f"properties.{policy}.enabled") is True


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
def test_the_vault_is_ruled_by_roles_and_cannot_be_purged(path: str, wanted: Value) -> None:
    assert at(VAULT.resources["vault"].body, f"properties.{path}") == wanted


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("httpsOnly", True),
        ("siteConfig.minTlsVersion", "1.2"),
        ("siteConfig.scmMinTlsVersion", "1.2"),
        ("siteConfig.ftpsState", "Disabled"),
        ("siteConfig.http20Enabled", True),
        ("siteConfig.remoteDebuggingEnabled", False),
        ("functionAppConfig.deployment.storage.authentication.type", "UserAssignedIdentity"),
    ],
)
def test_the_app_speaks_tls_and_fetches_its_code_by_identity(path: str, wanted: Value) -> None:
    assert at(APP.resources["app"].body, f"properties.{path}") == wanted


def test_the_plan_is_flex_consumption() -> None:
    assert at(APP.resources["plan"].body, "sku") == {"name": "FC1", "tier": "FlexConsumption"}


@pytest.mark.parametrize(("resource", "name"), [("noFtpPassword", "ftp"), ("noScmPassword", "scm")])
def test_nobody_publishes_with_a_password(resource: str, name: str) -> None:
    body = APP.resources[resource].body
    assert (body["name"], at(body, "properties.allow")) == (name, False)


def test_there_is_exactly_one_identity_and_everything_is_it() -> None:
    """Two identities on an app, or one that settings do not name, are the commonest reason of an unhealthy host."""
    made = [each.type for path in every_file() for each in load(path).resources.values() if not each.is_existing]
    assert made.count("Microsoft.ManagedIdentity/userAssignedIdentities") == 1
    for resource in (APP.resources["app"], TOPIC.resources["topic"]):
        assert at(resource.body, "identity.type") == "UserAssigned"
        assert at(resource.body, "identity.userAssignedIdentities") == {"'${identityId}'": {}}
    assert "SystemAssigned" not in "".join(path.read_text(encoding="utf-8") for path in every_file())


@pytest.mark.parametrize(
    "path",
    [
        "properties.keyVaultReferenceIdentity",
        "properties.functionAppConfig.deployment.storage.authentication.userAssignedIdentityResourceId",
    ],
)
def test_the_app_uses_the_identity_for(path: str) -> None:
    assert at(APP.resources["app"].body, path) == Expression("identityId", APP.resources["app"].node)


def test_telemetry_is_not_taken_from_strangers() -> None:
    assert at(MONITORING.resources["component"].body, "properties.DisableLocalAuth") is True
    assert at(MONITORING.resources["workspace"].body, "properties.features.disableLocalAuth") is True


def test_every_role_assignment_names_the_principal_s_type_and_has_a_name_of_its_own() -> None:
    """Without the type, a new principal that has not spread yet fails the deployment."""
    assignments = [each for each in ROLES.resources.values() if each.type.endswith("roleAssignments")]
    assert len(assignments) == 9
    for each in assignments:
        properties = each.body["properties"]
        assert isinstance(properties, dict)
        assert {"roleDefinitionId", "principalId", "principalType"} == properties.keys()
        name, scope = each.body["name"], each.body["scope"]
        assert isinstance(name, Expression)
        assert isinstance(scope, Expression)
        assert re.fullmatch(rf"guid\({scope.text}\.id, \w+, [\w.\[\]]+\)", name.text), name.text


def test_no_role_is_given_on_the_whole_resource_group() -> None:
    for each in ROLES.resources.values():
        if each.type.endswith("roleAssignments"):
            assert "scope" in each.body, each.symbol


def test_nobody_but_the_subscription_reads_a_key() -> None:
    readers = [path.name for path in every_file() if re.search(r"\blist\w*\(", path.read_text(encoding="utf-8"))]
    assert readers == ["subscription.bicep"]


def test_the_webhook_s_key_passes_through_no_parameter_and_no_output() -> None:
    text = (INFRA / "subscription.bicep").read_text(encoding="utf-8")
    assert text.count("listKeys(") == 1
    assert not [each for each in SUBSCRIPTION.outputs.values() if "key" in str(each.value).lower()]
    assert "blobs_extension" in str(
        at(SUBSCRIPTION.resources["subscription"].body, "properties.destination.properties.endpointUrl")
    )


def test_no_output_is_a_secret() -> None:
    for path in every_file():
        for name, output in load(path).outputs.items():
            said = f"{name} {output.value}".lower()
            assert not re.search(r"listkeys|connectionstring|instrumentationkey|password|accountkey", said), name
    assert MAIN.outputs["clientSecretName"].value == Expression("clientSecretName", APP.resources["app"].node)


def test_a_client_secret_is_a_reference_into_the_vault_and_a_token_is_never_a_setting() -> None:
    settings = at(MAIN.modules["functionApp"].body, "params.applicationSettings")
    assert isinstance(settings, dict)
    vault = "'@Microsoft.KeyVault(SecretUri=${keyVault.outputs.uri}secrets/${clientSecretName})'"
    told = {
        name: getattr(settings[name], "text", "") for name in ("TODO_ATTACH_TOKENS", "TODO_ATTACH_ENTRA_CLIENT_SECRET")
    }
    assert told == {
        "TODO_ATTACH_TOKENS": "empty(entraClientId) ? '{}' : ''",
        "TODO_ATTACH_ENTRA_CLIENT_SECRET": f"entraProof == 'client-secret' ? {vault} : ''",
    }


def test_only_people_of_this_tenant_may_connect_unless_told_otherwise_and_the_app_proves_itself_without_a_secret() -> (
    None
):
    assert getattr(MAIN.parameters["entraTenant"].default, "text", "") == "tenant().tenantId"
    assert MAIN.parameters["entraProof"].default == "managed-identity"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("kty", "RSA"), ("keySize", 3072), ("keyOps", ["wrapKey", "unwrapKey"]), ("attributes.exportable", False)],
)
def test_the_accounts_key_wraps_and_does_nothing_else(path: str, wanted: Value) -> None:
    assert at(VAULT.resources["accountsKey"].body, f"properties.{path}") == wanted


def test_no_file_holds_something_that_looks_like_a_secret() -> None:
    kept = [*every_file(), *(INFRA.glob("*.bicepparam")), *(ROOT / "scripts").glob("*.sh")]
    for path in kept:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"AccountKey=|SharedAccessSignature|eyJ[A-Za-z0-9_-]{20,}|sig=[A-Za-z0-9%]{20,}", text), (
            path
        )


def test_events_only_come_over_modern_tls_from_the_one_container_for_committed_blobs() -> None:
    subscription = SUBSCRIPTION.resources["subscription"].body
    assert at(subscription, "properties.destination.properties.minimumTlsVersionAllowed") == "1.2"
    begins = at(subscription, "properties.filter.subjectBeginsWith")
    assert isinstance(begins, Expression)
    assert begins.text == "'/blobServices/default/containers/${attachmentsContainer}/blobs/'"
    assert at(subscription, "properties.filter.includedEventTypes") == ["Microsoft.Storage.BlobCreated"]
    assert at(subscription, "properties.filter.advancedFilters.0.key") == "data.api"
    apis = at(subscription, "properties.filter.advancedFilters.0.values")
    assert apis == ["PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose"]


def test_an_event_that_cannot_be_delivered_is_kept_by_identity() -> None:
    subscription = SUBSCRIPTION.resources["subscription"].body
    assert at(subscription, "properties.deadLetterWithResourceIdentity.identity.type") == "UserAssigned"
    kind = at(subscription, "properties.deadLetterWithResourceIdentity.deadLetterDestination.endpointType")
    assert kind == "StorageBlob"
    retry = at(subscription, "properties.retryPolicy")
    assert isinstance(retry, dict)
    assert retry.keys() == {"maxDeliveryAttempts", "eventTimeToLiveInMinutes"}


def test_everything_that_serves_requests_sends_its_diagnostics_to_the_workspace() -> None:
    watched = {
        str(getattr(each.body["scope"], "text", ""))
        for path in every_file()
        for each in load(path).resources.values()
        if each.type.endswith("diagnosticSettings")
    }
    assert watched == {"blobs", "queueService", "tableService", "vault", "app", "topic"}


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
    text = (ROOT / "scripts/deploy.sh").read_text(encoding="utf-8")
    assert text.count("keys list") == text.count("systemKeys.blobs_extension != null") == 1


@pytest.mark.infra
def test_no_query_shows_a_text_that_may_name_people_or_hold_a_url() -> None:
    """Alerts and the workbook are seen by more people than the logs are."""
    free_texts = {"Message", "OuterMessage", "Data", "Url", "Source", "Properties"}
    shown = {name: free_texts & found.columns.keys() for name, found in analysed().items()}
    assert {name: columns for name, columns in shown.items() if columns} == {}


def test_alerts_tell_the_action_group_and_nobody_else() -> None:
    assert at(ALERTS.resources["alerts"].body, "properties.actions") == {
        "actionGroups": [Expression("actionGroupId", ALERTS.resources["alerts"].node)]
    }
    assert at(ALERTS.resources["alerts"].body, "properties.scopes") == [
        Expression("workspaceId", ALERTS.resources["alerts"].node)
    ]
