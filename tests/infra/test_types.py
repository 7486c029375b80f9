"""Resources against Microsoft's own types, and proof that the comparison sees mistakes."""

import pytest

from tests.infra.bicep import INFRA, File, every_file, load, parse
from tests.infra.bicep_types import schema, type_problems

# Pinned: the newest stable version whose types can be had offline. See docs/operations.md for raising one.
PINNED = {
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Authorization/roleDefinitions": "2022-04-01",
    "Microsoft.EventGrid/systemTopics": "2025-02-15",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": "2025-02-15",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",
    "Microsoft.Insights/scheduledQueryRules": "2022-06-15",
    "Microsoft.Insights/workbooks": "2023-06-01",
    "Microsoft.KeyVault/vaults": "2024-11-01",
    "Microsoft.KeyVault/vaults/keys": "2024-11-01",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "2024-11-30",
    "Microsoft.OperationalInsights/workspaces": "2025-02-01",
    "Microsoft.OperationalInsights/workspaces/savedSearches": "2025-02-01",
    "Microsoft.Storage/storageAccounts": "2025-01-01",
    "Microsoft.Storage/storageAccounts/blobServices": "2025-01-01",
    "Microsoft.Storage/storageAccounts/blobServices/containers": "2025-01-01",
    "Microsoft.Storage/storageAccounts/managementPolicies": "2025-01-01",
    "Microsoft.Storage/storageAccounts/queueServices": "2025-01-01",
    "Microsoft.Storage/storageAccounts/queueServices/queues": "2025-01-01",
    "Microsoft.Storage/storageAccounts/tableServices": "2025-01-01",
    "Microsoft.Storage/storageAccounts/tableServices/tables": "2025-01-01",
    "Microsoft.Web/serverfarms": "2024-11-01",
    "Microsoft.Web/sites": "2024-11-01",
    "Microsoft.Web/sites/config": "2024-11-01",
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": "2024-11-01",
}


def _found(file: File) -> list[str]:
    return [str(each) for resource in file.resources.values() for each in type_problems(file.path.name, resource)]


def test_types_and_versions_are_the_pinned_ones() -> None:
    used = {(each.type, each.api_version) for path in every_file() for each in load(path).resources.values()}
    assert used == set(PINNED.items())


@pytest.mark.infra
def test_the_pinned_versions_are_those_whose_types_are_known() -> None:
    assert {each: schema(each).version for each in PINNED} == PINNED


@pytest.mark.infra
@pytest.mark.parametrize("path", every_file(), ids=lambda path: path.name)
def test_resources_keep_to_their_types(path: object) -> None:
    assert [each for file in every_file() if file == path for each in _found(load(file))] == []


SEEDED = [
    ("storage", "allowSharedKeyAccess: false", "allowSharedKeyAcces: false", "did you mean allowSharedKeyAccess"),
    ("storage", "minimumTlsVersion: 'TLS1_2'", "minimumTlsVersion: 'TLS12'", "did you mean TLS1_2"),
    ("storage", "allowBlobPublicAccess: false", "allowBlobPublicAccess: 'false'", "wants bool"),
    ("storage", "kind: 'StorageV2'\n", "", "lacks the property kind"),
    ("storage", "publicAccess: 'None'", "publicAccess: 'none'", "is not one of"),
    ("storage", "type: 'Lifecycle'", "type: 'LifeCycle'", "is not one of"),
    ("storage", "category: 'Transaction'", "categorie: 'Transaction'", "has no property categorie"),
    ("functionapp", "functionAppConfig:", "functionAppConfigg:", "did you mean functionAppConfig"),
    ("functionapp", "type: 'blobContainer'", "type: 'blobcontainer'", "did you mean blobContainer"),
    ("functionapp", "type: 'UserAssignedIdentity'", "type: 'UserAssigned'", "is not one of"),
    ("functionapp", "name: 'ftp'", "name: 'ftps'", "none of the kinds"),
    ("functionapp", "name: 'appsettings'", "name: 'appSetting'", "none of the kinds"),
    ("functionapp", "allow: false", "allow: 'no'", "wants bool"),
    ("functionapp", "ftpsState: 'Disabled'", "ftpsState: 'Disable'", "did you mean Disabled"),
    ("functionapp", "instanceCount: alwaysReadyInstances }", "count: 1 }", "has no property count"),
    ("keyvault", "createMode: recover ? 'recover'", "createMode: recover ? 'recovered'", "did you mean recover"),
    ("keyvault", "family: 'A'", "family: 'B'", "is not one of"),
    ("keyvault", "enablePurgeProtection: true", "purgeProtection: true", "has no property purgeProtection"),
    ("monitoring", "DisableLocalAuth: true", "disableLocalAuth: true", "did you mean DisableLocalAuth"),
    ("monitoring", "emailAddress: alertEmail", "address: alertEmail", "has no property address"),
    ("alerts", "autoMitigate: true", "autoMitigates: true", "did you mean autoMitigate"),
    ("alerts", "timeAggregation: 'Count'", "timeAggregation: 'count'", "did you mean Count"),
    ("alerts", "minFailingPeriodsToAlert: 1", "minFailingPeriodsToAlert: '1'", "wants int"),
    ("alerts", "    scopes: [workspaceId]\n", "", "lacks the property scopes"),
    ("queries", "functionAlias: each.name", "alias: each.name", "has no property alias"),
    ("queries", "version: 2", "version: '2'", "wants int"),
    ("workbook", "kind: 'shared'", "kind: 'private'", "is not one of"),
    ("workbook", "serializedData: string(content)", "serialisedData: string(content)", "did you mean serializedData"),
    ("workbook", "    category: 'workbook'\n", "", "lacks the property category"),
    ("identity", "  location: location\n", "", "lacks the property location"),
    ("roles", "principalType: 'ServicePrincipal'", "principalType: 'Principal'", "is not one of"),
    ("roles", "dataActions: [", "dataAction: [", "did you mean dataActions"),
    ("eventgrid", "type: 'UserAssigned'", "type: 'User'", "is not one of"),
    ("../subscription", "endpointType: 'WebHook'", "endpointType: 'Webhook'", "none of the kinds"),
    ("../subscription", "maxEventsPerBatch: 1", "maxEventsPerBach: 1", "did you mean maxEventsPerBatch"),
    ("../subscription", "operatorType: 'StringIn'", "operatorType: 'StringInn'", "none of the kinds"),
    ("../subscription", "'EventGridSchema'", "'EventGrid'", "did you mean EventGridSchema"),
    ("../subscription", "Subscriptions@2025-02-15", "Subscriptions@2024-01-01", "the types are those of 2025-02-15"),
    ("../subscription", "minimumTlsVersionAllowed: '1.2'", "minimumTlsVersionAllowed: 1", "is not one of"),
]


@pytest.mark.infra
@pytest.mark.parametrize(("module", "before", "after", "said"), SEEDED)
def test_a_seeded_mistake_is_seen(module: str, before: str, after: str, said: str) -> None:
    path = (INFRA / "modules" / f"{module}.bicep").resolve()
    text = path.read_text(encoding="utf-8")
    assert before in text
    broken = text.replace(before, after, 1)
    assert any(said in each for each in _found(parse(broken, path)))
