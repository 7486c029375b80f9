// The blob service's properties: deleted blobs can be restored, and browsers may send files from the app's own page.
//
// All of it is one write, after the app exists, whose host name only Azure knows: a write without the CORS rules would delete
// them, and until the next write no browser could send. On a first deployment, deleted blobs are kept from here on, which is
// before any code runs.

@description('Name of the storage account.')
param storageAccountName string

@description('Origin of the app as browsers name it, https://HOST.')
param appOrigin string

@description('Days in which deleted blobs and containers can be restored.')
param deletedBlobDays int

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: storageAccountName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-08-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: deletedBlobDays
      allowPermanentDelete: false
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: deletedBlobDays
    }
    // This gives no right by itself: a browser also needs a signed URL for what it sends.
    cors: {
      corsRules: [
        {
          allowedOrigins: [appOrigin]
          allowedMethods: ['PUT']
          allowedHeaders: ['content-type', 'x-ms-blob-type', 'x-ms-version']
          // The page reads only the status. The type requires a list, and it was not seen whether Azure takes an empty one.
          exposedHeaders: ['x-ms-error-code']
          // How long a browser may reuse the answer to its preflight request. Browsers have limits of their own.
          maxAgeInSeconds: 3600
        }
      ]
    }
  }
}
