// One account for the files, the ledger, the queues and the host's own state. Its keys are disabled: every request needs a
// token of Entra ID. Containers, queues and tables are made here, through Azure Resource Manager, since tools that make
// them at their first use need a key.

@minLength(3)
@maxLength(24)
@description('Name of the storage account: small letters and digits.')
param name string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Redundancy of the account.')
param sku string

@description('Resource id of the workspace that diagnostics go to.')
param workspaceId string

@description('Container that people put files into.')
param attachmentsContainer string

@description('Container of the deployed package.')
param deploymentContainer string

@description('Container of events that could not be delivered.')
param deadLettersContainer string

@description('Container for the sign-ins of accounts.')
param accountsContainer string

@description('Queues.')
param queueNames string[]

@description('Tables.')
param tableNames string[]

@description('Days after which a file is deleted; 0 = never.')
param deleteFilesAfterDays int

@description('Days after which an event that could not be delivered is deleted.')
param deadLetterDays int

@description('Whether every request to blob storage is logged.')
param auditBlobRequests bool

@description('Whether every request to queues and tables is logged.')
param auditQueueAndTableRequests bool

@description('Whether the account is locked against deletion.')
param locked bool

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    isSftpEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    // The network admits everyone, and only roles give access: people put files from anywhere, and Event Grid delivers from
    // outside.
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Allow'
    }
    encryption: {
      keySource: 'Microsoft.Storage'
      requireInfrastructureEncryption: true
    }
  }
}

// It exists with the account. blobservice.bicep writes its properties.
resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-08-01' existing = {
  parent: account
  name: 'default'
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-08-01' = [
  for container in [attachmentsContainer, deploymentContainer, deadLettersContainer, accountsContainer]: {
    parent: blobs
    name: container
    properties: {
      publicAccess: 'None'
    }
  }
]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-08-01' = {
  parent: account
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-08-01' = [
  for queue in queueNames: {
    parent: queueService
    name: queue
  }
]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2025-08-01' = {
  parent: account
  name: 'default'
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-08-01' = [
  for table in tableNames: {
    parent: tableService
    name: table
  }
]

var queueAndTableLogs = [
  for category in ['StorageRead', 'StorageWrite', 'StorageDelete']: {
    category: category
    enabled: auditQueueAndTableRequests
  }
]

// Files and dead letters are deleted by age, each by a rule of its own; nothing else is.
var agingRules = concat(
  [{ name: 'delete-old-dead-letters', prefix: '${deadLettersContainer}/', days: deadLetterDays }],
  deleteFilesAfterDays > 0
    ? [{ name: 'delete-old-files', prefix: '${attachmentsContainer}/', days: deleteFilesAfterDays }]
    : []
)

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-08-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        for rule in agingRules: {
          name: rule.name
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: ['blockBlob', 'appendBlob']
              prefixMatch: [rule.prefix]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: rule.days
                }
              }
            }
          }
        }
      ]
    }
  }
}

// A preview version, because the newest other one is of 2016 and has neither category groups nor tables as destinations.
#disable-next-line use-recent-api-versions
resource blobDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: blobs
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageRead'
        enabled: auditBlobRequests
      }
      {
        category: 'StorageWrite'
        enabled: auditBlobRequests
      }
      {
        category: 'StorageDelete'
        enabled: auditBlobRequests
      }
    ]
    metrics: [
      {
        category: 'Transaction'
        enabled: true
      }
    ]
  }
}

// A preview version, because the newest other one is of 2016 and has neither category groups nor tables as destinations.
#disable-next-line use-recent-api-versions
resource queueDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: queueService
  properties: {
    workspaceId: workspaceId
    logs: queueAndTableLogs
    metrics: [
      {
        category: 'Transaction'
        enabled: true
      }
    ]
  }
}

// A preview version, because the newest other one is of 2016 and has neither category groups nor tables as destinations.
#disable-next-line use-recent-api-versions
resource tableDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: tableService
  properties: {
    workspaceId: workspaceId
    logs: queueAndTableLogs
    metrics: [
      {
        category: 'Transaction'
        enabled: true
      }
    ]
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (locked) {
  name: 'files-and-ledger'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'Files, ledger and connected accounts of todo-attach. scripts/destroy.sh wants this lock to be gone.'
  }
}

@description('Resource id of the account.')
output id string = account.id

@description('Name of the account.')
output name string = account.name

@description('URI of the blob service, with a slash at its end.')
output blobUri string = account.properties.primaryEndpoints.blob

@description('URI of the queue service, with a slash at its end.')
output queueUri string = account.properties.primaryEndpoints.queue

@description('URI of the table service, with a slash at its end.')
output tableUri string = account.properties.primaryEndpoints.table
