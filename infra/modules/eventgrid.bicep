// The system topic: the storage account's events. Its subscription is a deployment of its own (../subscription.bicep),
// because Event Grid calls the app when it is made, and by then the app must be running.

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

// A preview version, because the newest other one is of 2016 and has neither category groups nor tables as destinations.
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
