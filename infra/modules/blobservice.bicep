// The blob service's properties: what was deleted can be brought back, and browsers may send files from the app's own page.
//
// After the app, whose host name only Azure knows, and all in one write: one that leaves the CORS rules out deletes them, and
// until a second one no browser could send. So on a first deployment deleted blobs are kept from here on, before any code runs.

@description('Name of the storage account.')
param storageAccountName string

@description('Origin of the app as browsers name it, https://HOST.')
param appOrigin string

@description('Days that deleted blobs and containers can be brought back.')
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
    // No right by itself: whatever a browser sends needs a signed URL besides.
    cors: {
      corsRules: [
        {
          allowedOrigins: [appOrigin]
          allowedMethods: ['PUT']
          allowedHeaders: ['content-type', 'x-ms-blob-type', 'x-ms-version']
          // The page reads the status alone. The type wants a list, and an empty one was not seen to be taken.
          exposedHeaders: ['x-ms-error-code']
          // How long a browser may send without asking again. Browsers have limits of their own.
          maxAgeInSeconds: 3600
        }
      ]
    }
  }
}
