// The blob event subscription: a deployment of its own, made after the code is live. Making it calls the webhook,
// which must answer, and the webhook's key exists only once the host has started. The key is read here, by Azure
// Resource Manager: it passes through no shell, no parameter and no output.
targetScope = 'resourceGroup'

@description('Name of the function app (output functionAppName of main.bicep).')
param functionAppName string

@description('Name of the Event Grid system topic (output systemTopicName).')
param systemTopicName string

@description('Name of the storage account (output storageAccountName).')
param storageAccountName string

@description('Resource id of the identity that writes dead letters (output identityResourceId).')
param identityResourceId string

@minLength(3)
@maxLength(63)
@description('Container that people put files into (output attachmentsContainer).')
param attachmentsContainer string

@minLength(3)
@maxLength(63)
@description('Container of events that could not be delivered (output deadLettersContainer).')
param deadLettersContainer string

@minValue(1)
@maxValue(30)
@description('Times that an event is delivered before it becomes a dead letter.')
param maxDeliveryAttempts int = 30

@minValue(60)
@maxValue(1440)
@description('Minutes that an event is tried before it becomes a dead letter.')
param eventTimeToLiveInMinutes int = 1440

// An event for a function that does not exist is dropped without a word: the name is part of the contract with
// function_app.py, and a test holds the two together.
var functionName = 'Host.Functions.open_upload'

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: functionAppName
}

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: storageAccountName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: systemTopicName
}

resource subscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'blob-created'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'WebHook'
      properties: {
        endpointUrl: 'https://${app.properties.defaultHostName}/runtime/webhooks/blobs?functionName=${functionName}&code=${listKeys('${app.id}/host/default', '2025-03-01').systemKeys.blobs_extension}'
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
        minimumTlsVersionAllowed: '1.2'
      }
    }
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      // The slash at the end keeps a container whose name only begins like this one out.
      subjectBeginsWith: '/blobServices/default/containers/${attachmentsContainer}/blobs/'
      isSubjectCaseSensitive: true
      enableAdvancedFilteringOnArrays: false
      // The host filters nothing: what must not start an upload is kept out here. These are the APIs that commit a
      // blob. No filter on the length: an empty file is a file, and the application waits whether it grows.
      advancedFilters: [
        {
          operatorType: 'StringIn'
          key: 'data.api'
          values: ['PutBlob', 'PutBlockList', 'CopyBlob', 'FlushWithClose']
        }
      ]
    }
    retryPolicy: {
      maxDeliveryAttempts: maxDeliveryAttempts
      eventTimeToLiveInMinutes: eventTimeToLiveInMinutes
    }
    deadLetterWithResourceIdentity: {
      identity: {
        type: 'UserAssigned'
        userAssignedIdentity: identityResourceId
      }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: {
          resourceId: account.id
          blobContainerName: deadLettersContainer
        }
      }
    }
  }
}

@description('Name of the subscription.')
output subscriptionName string = subscription.name
