// The system topic: the account's events. Its subscription is a deployment of its own (../subscription.bicep), since
// making one calls the app, which by then must be running.

@description('Name of the system topic.')
param name string

@description('Azure region: that of the storage account.')
param location string

@description('Tags of every resource.')
param tags object

@description('Resource id of the storage account whose events these are.')
param storageAccountId string

@description('Resource id of the identity that writes dead letters.')
param identityId string

@description('Resource id of the workspace that diagnostics go to.')
param workspaceId string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    source: storageAccountId
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

// The newest version without a preview is of 2016 and knows no metrics by category group nor destinations by table.
#disable-next-line use-recent-api-versions
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: topic
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'DeliveryFailures'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

@description('Name of the system topic.')
output name string = topic.name
