// The blob event subscription. It is a deployment of its own, after the code is live, because Event Grid calls the webhook
// when the subscription is made: the webhook must answer, and its key exists only once the host has started. Azure Resource
// Manager reads the key here, so it never gets into a shell, a parameter or an output.
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

// The host drops an event for a function that does not exist, and logs nothing: so this must be a name of function_app.py,
// and a test compares the two.
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
      // Without the slash at the end, a container whose name only begins with this one's would match.
      subjectBeginsWith: '/blobServices/default/containers/${attachmentsContainer}/blobs/'
      isSubjectCaseSensitive: true
      enableAdvancedFilteringOnArrays: false
      // The host filters nothing, so events that must not start an upload are filtered here. These are the APIs that
      // commit a blob. There is no filter on the length: an empty file is a file, and the application waits for it to grow.
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
