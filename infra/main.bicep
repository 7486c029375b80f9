// todo-attach: a file put into a container becomes an attachment of a Microsoft To Do task.
//
//   identity -> storage, key vault, monitoring -> roles -> function app
//                                              -> Event Grid topic
//                                              -> workspace functions, workbook, alert rules
//
// Then the code is published, then subscription.bicep is deployed: scripts/deploy.sh does all of it in this order.
// The registration that people sign in with needs another right, and is a script of its own: scripts/connect-entra.sh.
targetScope = 'resourceGroup'

// -- where and what --

@minLength(2)
@maxLength(10)
@description('Begins the names of all resources: small letters and digits, a letter first.')
param prefix string = 'todoattach'

@description('Azure region of all resources; one that has Flex Consumption (az functionapp list-flexconsumption-locations).')
param location string = resourceGroup().location

@description('Tags of every resource.')
param tags object = {
  application: 'todo-attach'
}

// -- who --

@maxLength(36)
@description('Object id of who operates this: sets secrets, sees queues, ledger and dead letters, puts a test file. Empty = nobody.')
param operatorPrincipalId string = ''

@allowed(['User', 'Group', 'ServicePrincipal'])
@description('What the operator is.')
param operatorPrincipalType string = 'User'

@maxLength(100)
@description('Object ids of those who may put files.')
param senderPrincipalIds string[] = []

@allowed(['User', 'Group', 'ServicePrincipal'])
@description('What those who may put files are: all of one kind; a group is best.')
param senderPrincipalType string = 'Group'

@maxLength(254)
@description('Who is told of alerts, by mail; empty = nobody.')
param alertEmail string = ''

@description('Whether the alert rules run. Each is priced by how often it runs (docs/operations.md, "Watch").')
param alertsEnabled bool = true

@minLength(1)
@maxLength(300)
@description('Where people of this deployment read docs/operations.md; alerts link to it.')
param operationsUrl string = 'docs/operations.md'

@description('The operator may also run scripts/reconcile.py: read files, write the ledger, send range messages.')
param operatorMayReconcile bool = false

// -- the application's settings; docs/configuration.md says more about each --

@minLength(1)
@maxLength(254)
@description('TODO_ATTACH_DEFAULT_ACCOUNT: whose To Do a file without the metadata "user" goes to (sign-in name or object id).')
param defaultAccount string

@minLength(3)
@maxLength(63)
@description('TODO_ATTACH_CONTAINER: the container that people put files into.')
param attachmentsContainer string = 'attachments'

@minLength(3)
@maxLength(56)
@description('TODO_ATTACH_QUEUE: the queue of range messages; -poison is added for its poison queue.')
param queueName string = 'upload-ranges'

@minLength(3)
@maxLength(63)
@description('TODO_ATTACH_TABLE: the table of the ledger.')
param tableName string = 'uploads'

@minLength(9)
@maxLength(64)
@description('TODO_ATTACH_SWEEP_SCHEDULE: when stalled uploads are looked for (NCRONTAB, six fields, UTC); alerts count on one at least every 10 minutes.')
param sweepSchedule string = '0 */5 * * * *'

@allowed(['https://graph.microsoft.com/v1.0', 'https://graph.microsoft.us/v1.0', 'https://dod-graph.microsoft.us/v1.0'])
@description('TODO_ATTACH_GRAPH_ROOT: the Graph of the accounts.')
param graphRoot string = 'https://graph.microsoft.com/v1.0'

@allowed(['me', 'users'])
@description('TODO_ATTACH_MAILBOX_PATH: how requests name the mailbox, /me or /users/{id}.')
param mailboxPath string = 'me'

@description('TODO_ATTACH_DELETE_ATTACHED: delete a file once it is attached.')
param deleteAttached bool = false

@minValue(1)
@maxValue(180)
@description('TODO_ATTACH_REQUEST_DEADLINE_SECONDS: the most that one request to Graph may take.')
param requestDeadlineSeconds int = 90

@minValue(10)
@maxValue(120)
@description('TODO_ATTACH_CLAIM_MARGIN_SECONDS: how much longer than a request a worker\'s claim lasts; reading the slice must fit in.')
param claimMarginSeconds int = 30

@minValue(660)
@maxValue(86400)
@description('TODO_ATTACH_STALLED_AFTER_SECONDS: when the sweep starts an upload again; longer than the queue\'s lease of 600.')
param stalledAfterSeconds int = 900

@minValue(327680)
@maxValue(3932160)
@description('TODO_ATTACH_SLICE_BYTES: bytes that are sent in one request.')
param sliceBytes int = 3932160

@minValue(1)
@maxValue(26214400)
@description('TODO_ATTACH_MAX_FILE_BYTES: the largest file that is attached.')
param maxFileBytes int = 26214400

@minValue(0)
@maxValue(86400)
@description('TODO_ATTACH_EMPTY_FILE_WAIT_SECONDS: how long an empty file may still grow before it is attached as empty.')
param emptyFileWaitSeconds int = 600

@minValue(1)
@maxValue(720)
@description('TODO_ATTACH_MAX_AGE_HOURS: how long an upload is tried.')
param maxAgeHours int = 24

@maxLength(36)
@description('TODO_ATTACH_ENTRA_CLIENT_ID: the registration that people sign in with; scripts/connect-entra.sh makes it. Empty = nobody can connect yet, and files wait.')
param entraClientId string = ''

@minLength(1)
@maxLength(253)
@description('TODO_ATTACH_ENTRA_TENANT: whose accounts may connect: a tenant (default: this one), or organizations, consumers, common.')
param entraTenant string = tenant().tenantId

@allowed(['managed-identity', 'client-secret'])
@description('TODO_ATTACH_ENTRA_PROOF: how the app proves itself. Personal accounts (consumers, common) take a secret, which scripts/connect-entra.sh puts into the vault.')
param entraProof string = 'managed-identity'

@maxLength(200)
@description('TODO_ATTACH_CONNECT_URL: root of the app as browsers reach it, https://HOST/api, where that is not its own host name.')
param connectUrl string = ''

@minValue(0)
@maxValue(90)
@description('TODO_ATTACH_SIGN_IN_WAIT_DAYS: how long an upload waits for a person to sign in.')
param signInWaitDays int = 14

// -- size and cost --

@allowed([512, 2048, 4096])
@description('Memory of an instance, in MB.')
param instanceMemoryMB int = 2048

@minValue(40)
@maxValue(1000)
@description('Most instances at a time.')
param maximumInstanceCount int = 40

@minValue(0)
@maxValue(5)
@description('Instances that always run for the chain of slices: 0 costs nothing while idle, 1 spares the first file a cold start.')
param alwaysReadyInstances int = 0

@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
@description('Redundancy of the storage account.')
param storageSku string = 'Standard_LRS'

@minValue(1)
@maxValue(365)
@description('Days that deleted blobs and containers can be brought back.')
param deletedBlobDays int = 7

@minValue(0)
@maxValue(3650)
@description('Days after which a file in the container is deleted; 0 = never. Raised to the longest that an upload may wait, plus a day.')
param deleteFilesAfterDays int = 0

@minValue(30)
@maxValue(730)
@description('Days that logs are kept.')
param logRetentionDays int = 30

@minValue(-1)
@maxValue(1000)
@description('Most that the workspace takes in a day, in GB; -1 = no limit. Beyond it, logs of that day are lost.')
param dailyQuotaGb int = 5

@description('Log every request to blob storage: for an audit; costs a log record per request.')
param auditBlobRequests bool = false

@description('Take back the deleted key vault of a former deployment in this resource group; deploy.sh finds out.')
param recoverVault bool = false

// -- names --

var unique = uniqueString(resourceGroup().id)
var base = '${prefix}-${unique}'
var storageAccountName = take('${prefix}${unique}', 24)
// 'kv-' + 7 + '-' + 13 = 24, the most that a vault's name may have.
var vaultName = 'kv-${take(prefix, 7)}-${unique}'
var deploymentContainer = 'deployment'
var deadLettersContainer = 'dead-letters'
var accountsContainer = 'accounts'
// The host's own name for the queue of blob events that failed too often.
var blobPoisonQueue = 'webjobs-blobtrigger-poison'
var clientSecretName = 'entra-client-secret'
var pythonVersion = '3.13'

// A file may not vanish while an upload of it may still be going on or waiting for a person.
var longestWaitDays = signInWaitDays + (maxAgeHours + 23) / 24
var effectiveDeleteFilesAfterDays = deleteFilesAfterDays == 0 ? 0 : max(deleteFilesAfterDays, longestWaitDays + 1)

module identity 'modules/identity.bicep' = {
  name: 'identity'
  params: {
    name: 'id-${base}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    workspaceName: 'log-${base}'
    componentName: 'appi-${base}'
    actionGroupName: 'ag-${base}'
    location: location
    tags: tags
    retentionDays: logRetentionDays
    dailyQuotaGb: dailyQuotaGb
    alertEmail: alertEmail
  }
}

module queries 'modules/queries.bicep' = {
  name: 'queries'
  params: {
    workspaceName: monitoring.outputs.workspaceName
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  params: {
    location: location
    tags: tags
    componentId: monitoring.outputs.componentId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    suffix: base
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    actionGroupId: monitoring.outputs.actionGroupId
    enabled: alertsEnabled
    operationsUrl: operationsUrl
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    name: storageAccountName
    location: location
    tags: tags
    sku: storageSku
    workspaceId: monitoring.outputs.workspaceId
    attachmentsContainer: attachmentsContainer
    deploymentContainer: deploymentContainer
    deadLettersContainer: deadLettersContainer
    accountsContainer: accountsContainer
    queueNames: [queueName, '${queueName}-poison', blobPoisonQueue]
    tableNames: [tableName]
    deletedBlobDays: deletedBlobDays
    deleteFilesAfterDays: effectiveDeleteFilesAfterDays
    auditBlobRequests: auditBlobRequests
  }
}

module keyVault 'modules/keyvault.bicep' = {
  name: 'key-vault'
  params: {
    name: vaultName
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    recover: recoverVault
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  params: {
    storageAccountName: storage.outputs.name
    attachmentsContainer: attachmentsContainer
    deadLettersContainer: deadLettersContainer
    vaultName: keyVault.outputs.name
    accountsKeyName: keyVault.outputs.accountsKeyName
    componentName: monitoring.outputs.componentName
    identityPrincipalId: identity.outputs.principalId
    operatorPrincipalId: operatorPrincipalId
    operatorPrincipalType: operatorPrincipalType
    operatorMayReconcile: operatorMayReconcile
    senderPrincipalIds: senderPrincipalIds
    senderPrincipalType: senderPrincipalType
  }
}

module functionApp 'modules/functionapp.bicep' = {
  name: 'function-app'
  // Not visible in the parameters: the app reads its storage and its secrets from the first second on.
  dependsOn: [roles]
  params: {
    planName: 'plan-${base}'
    name: 'func-${base}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    packageContainerUri: '${storage.outputs.blobUri}${deploymentContainer}'
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyInstances: alwaysReadyInstances
    blobUri: storage.outputs.blobUri
    queueUri: storage.outputs.queueUri
    tableUri: storage.outputs.tableUri
    componentName: monitoring.outputs.componentName
    workspaceId: monitoring.outputs.workspaceId
    connectUrl: connectUrl
    applicationSettings: {
      TODO_ATTACH_CONTAINER: attachmentsContainer
      TODO_ATTACH_QUEUE: queueName
      TODO_ATTACH_TABLE: tableName
      TODO_ATTACH_SWEEP_SCHEDULE: sweepSchedule
      TODO_ATTACH_GRAPH_ROOT: graphRoot
      TODO_ATTACH_MAILBOX_PATH: mailboxPath
      TODO_ATTACH_DEFAULT_ACCOUNT: defaultAccount
      // Without a registration there are no accounts: every file waits. An empty setting is one that is not set.
      TODO_ATTACH_TOKENS: empty(entraClientId) ? '{}' : ''
      TODO_ATTACH_ENTRA_CLIENT_ID: entraClientId
      TODO_ATTACH_ENTRA_TENANT: entraTenant
      TODO_ATTACH_ENTRA_PROOF: entraProof
      // The value never stands here: the platform reads it from the vault, as the app's identity.
      TODO_ATTACH_ENTRA_CLIENT_SECRET: entraProof == 'client-secret'
        ? '@Microsoft.KeyVault(SecretUri=${keyVault.outputs.uri}secrets/${clientSecretName})'
        : ''
      TODO_ATTACH_ACCOUNTS_CONTAINER: accountsContainer
      TODO_ATTACH_ACCOUNTS_KEY: '${keyVault.outputs.uri}keys/${keyVault.outputs.accountsKeyName}'
      TODO_ATTACH_DELETE_ATTACHED: deleteAttached ? 'true' : 'false'
      TODO_ATTACH_REQUEST_DEADLINE_SECONDS: string(requestDeadlineSeconds)
      TODO_ATTACH_CLAIM_MARGIN_SECONDS: string(claimMarginSeconds)
      TODO_ATTACH_STALLED_AFTER_SECONDS: string(stalledAfterSeconds)
      TODO_ATTACH_SLICE_BYTES: string(sliceBytes)
      TODO_ATTACH_MAX_FILE_BYTES: string(maxFileBytes)
      TODO_ATTACH_EMPTY_FILE_WAIT_SECONDS: string(emptyFileWaitSeconds)
      TODO_ATTACH_MAX_AGE_HOURS: string(maxAgeHours)
      TODO_ATTACH_SIGN_IN_WAIT_DAYS: string(signInWaitDays)
    }
  }
}

module eventGrid 'modules/eventgrid.bicep' = {
  name: 'event-grid'
  params: {
    name: 'evgt-${base}'
    location: location
    tags: tags
    storageAccountId: storage.outputs.id
    identityId: identity.outputs.id
    workspaceId: monitoring.outputs.workspaceId
  }
}

// -- what the scripts need; never a secret --

@description('Name of the function app.')
output functionAppName string = functionApp.outputs.name

@description('Host name of the function app.')
output functionAppHostName string = functionApp.outputs.hostName

@description('Name of the storage account.')
output storageAccountName string = storage.outputs.name

@description('URI of the blob service.')
output blobServiceUri string = storage.outputs.blobUri

@description('Container that people put files into.')
output attachmentsContainer string = attachmentsContainer

@description('Container of events that could not be delivered.')
output deadLettersContainer string = deadLettersContainer

@description('Queue of range messages.')
output queueName string = queueName

@description('Queue of blob events that failed too often.')
output blobPoisonQueueName string = blobPoisonQueue

@description('Table of the ledger.')
output tableName string = tableName

@description('Name of the Event Grid system topic.')
output systemTopicName string = eventGrid.outputs.name

@description('Name of the key vault.')
output keyVaultName string = keyVault.outputs.name

@description('Name of the secret in it by which the app proves itself, where entraProof says so.')
output clientSecretName string = clientSecretName

@description('Root of the app as browsers reach it: people connect at /connect under it.')
output connectUrl string = functionApp.outputs.connectUrl

@description('The registration that people sign in with; empty = none yet.')
output entraClientId string = entraClientId

@description('Whose accounts may connect.')
output entraTenant string = entraTenant

@description('How the app proves itself.')
output entraProof string = entraProof

@description('Resource id of the identity.')
output identityResourceId string = identity.outputs.id

@description('Object id of the identity: the subject of the Entra application\'s federated credential.')
output identityPrincipalId string = identity.outputs.principalId

@description('Name of the Log Analytics workspace.')
output workspaceName string = monitoring.outputs.workspaceName

@description('Name of the Application Insights component.')
output componentName string = monitoring.outputs.componentName

@description('Resource id of the action group, for alerts.')
output actionGroupId string = monitoring.outputs.actionGroupId

@description('Name of the role for people who put files.')
output senderRoleName string = roles.outputs.senderRoleName
